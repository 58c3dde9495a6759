"""What was predicted and what came in, on two real sets: gross and net, one largest deal, an unseen season."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.features.history import History
from abm_scoring.jobs.champion import champion
from abm_scoring.jobs.ledger import chain
from abm_scoring.jobs.realised import Outcomes, gather
from abm_scoring.jobs.workspace import load, open_workspace
from abm_scoring.learning.value_sources import Invoiced, resolve_value
from abm_scoring.roi.forecast import forecast
from abm_scoring.roi.predicted import gross_and_net, hold_against
from abm_scoring.roi.predicted_spec import PredictedSpec
from tests.jobs.projects import run_json
from tests.real.test_real_configs import CONFIGS, DATA, needs_data

#: An order of GBP 168 469.60 that was cancelled twelve minutes later, and who gave it.
HUGE, BACK, CUSTOMER = "581483", "C581484", "16446"
CANCELLED = PredictedSpec(cancellation_events=("cancellation",), draws=500)


@pytest.fixture(scope="module")
def invoices() -> pd.DataFrame:
    lines = pd.read_parquet(DATA / "online_retail" / "invoices.parquet", columns=["InvoiceNo", "Quantity", "UnitPrice"])
    return (lines["Quantity"] * lines["UnitPrice"]).groupby(lines["InvoiceNo"].astype(str)).sum()


@needs_data
def test_the_whole_file_has_its_known_net_and_the_cancelled_order_is_not_in_it(invoices: pd.Series) -> None:
    total = gross_and_net(invoices)
    assert total["net"] == pytest.approx(9_747_747.93, abs=0.011)
    without = gross_and_net(invoices.drop([HUGE, BACK]))
    assert total["gross"] - without["gross"] == pytest.approx(168_469.60)
    assert total["cancelled"] - without["cancelled"] == pytest.approx(168_469.60)
    assert total["net"] == pytest.approx(without["net"])


@needs_data
def test_the_cancelled_order_stands_in_gross_and_cancelled_of_its_customer(tmp_path: Path) -> None:
    workspace = open_workspace(CONFIGS / "online_retail.yaml", (), DATA, tmp_path)
    as_of = workspace.moment("2011-12-10")
    _, tables, _ = load(workspace, as_of, False)
    history, label = History.of(tables, until=as_of), workspace.config.label
    ids = tables["accounts"]["account_id"].drop_duplicates()
    rows = pd.DataFrame({"account_id": ids, "as_of": pd.Timestamp("2011-09-11", tz="UTC").as_unit("us")})
    orders = Outcomes(history, label, resolve_value(workspace.config.value, label, history), ("cancellation",))
    for outcomes in (orders, Outcomes(history, label, Invoiced(kind="invoiced"))):
        own = outcomes.of(rows, 90)[(ids == CUSTOMER).to_numpy()].iloc[0]
        assert own["gross"] >= 168_469.60 and own["cancelled"] >= 168_469.60
        assert own["net"] == pytest.approx(0.0, abs=0.01)


@needs_data
def test_one_seller_of_olist_is_named() -> None:
    folder = DATA / "olist_funnel"
    leads = pd.read_csv(folder / "leads.csv.gz", parse_dates=["first_contact_date"])
    worth = pd.read_csv(folder / "realised_gmv_90d.csv.gz").set_index("mql_id")
    amount = next(c for c in worth if "gmv" in c)
    recorded = leads["mql_id"].isin(worth.index)
    rows = leads.assign(
        gross=leads["mql_id"].map(worth[amount]).fillna(0.0).to_numpy(),
        converted=recorded,
        as_of=pd.Timestamp("2018-06-01", tz="UTC").as_unit("us"),
    )
    contact = rows["first_contact_date"]
    train = (contact >= "2017-12-05") & (contact < "2018-04-01")
    test = contact >= "2018-04-01"
    rate = rows[train].groupby(rows["origin"].fillna("none"))["converted"].mean()
    everybody = hold_against(as_frozen(rows[train | test], rate, "all"), 90, PredictedSpec(by=(), draws=200))
    assert everybody.largest is not None and everybody.largest["named"]
    assert everybody.largest["gross"] == pytest.approx(74_712, abs=1)
    assert everybody.largest["share"] == pytest.approx(0.23, abs=0.01)
    held = hold_against(as_frozen(rows[test], rate, "test"), 90, PredictedSpec(by=(), draws=500))
    total = held.total()
    assert total["gross"] == pytest.approx(98_457, abs=1)
    assert total["gross_low"] < total["gross_ratio"] < 1 and total["gross_high"] is not None
    # What was expected rests on one seller; the interval of the ratio is wide, and says so.
    assert total["gross_high"] - total["gross_low"] > 0.3


def as_frozen(rows: pd.DataFrame, rate: pd.Series, run: str) -> pd.DataFrame:
    """Rows as a list would have frozen them that knew the training leads' rate by origin and their mean value."""
    p = rows["origin"].fillna("none").map(rate).fillna(rate.mean())
    return pd.DataFrame(
        {
            "run_id": run,
            "as_of": rows["as_of"],
            "account_id": rows["mql_id"],
            "family_id": rows["mql_id"],
            "handling": "unworked",
            "raw_score": p,
            "probability": p,
            "converted": rows["converted"],
            "worth": 569.0,
            "gross": rows["gross"],
            "cancelled": 0.0,
        }
    ).reset_index(drop=True)


@needs_data
@pytest.mark.evidence
def test_a_forecast_of_an_autumn_that_was_never_seen_says_so_and_its_interval_holds(tmp_path: Path) -> None:
    """Trained and frozen on 2011-09-10 with what was known then, held against what came in by 2011-12-09."""
    config, day = CONFIGS / "online_retail.yaml", "2011-09-10"
    common = ("--data-root", DATA, "--out", tmp_path, "--as-of", day, "--set", "tracking.kind=none")
    run_json("train", config, *common, "--set", "split.test_from=null", "--set", "split.choose_from=null")
    run_json("score", config, *common)
    workspace = open_workspace(config, (), DATA, tmp_path)
    as_of = workspace.moment("2011-12-10")
    _, tables, _ = load(workspace, as_of, False)
    history, label = History.of(tables, until=as_of, noise=workspace.config.noise), workspace.config.label
    outcomes = Outcomes(
        history, label, resolve_value(workspace.config.value, label, history), CANCELLED.cancellation_events
    )
    found = gather(chain(workspace.runs), outcomes, tables["events"], (), CANCELLED)
    assert found is not None
    rows, horizon = found
    held = hold_against(rows, horizon, CANCELLED)
    total = held.total()
    assert total["accounts"] == 3370 and total["gross"] == pytest.approx(2_668_961, abs=1)
    assert total["net"] == pytest.approx(total["gross"] - total["cancelled"])
    top = held.gain.loc[np.isclose(held.gain["share"], 0.1), "gross_by_expected_value"].item()
    assert top >= 0.55
    training = champion(workspace).about.training
    first, last = (pd.Timestamp(training[name]) for name in ("first_as_of", "last_as_of"))
    ahead = forecast(rows, workspace.moment(day), horizon, [(first, last + pd.Timedelta(days=horizon))], CANCELLED)
    assert {10, 11, 12} <= set(ahead.unseen_months) and ahead.notes[0].startswith("season:")
    assert ahead.low is not None and ahead.high is not None and ahead.low < total["gross"] < ahead.high
    assert ahead.high / ahead.low > 1.5
