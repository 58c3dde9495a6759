"""The demo market keeps its word: canonical tables, the same for the same spec, and a truth that outcomes bear out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.machine_builder import make_machine_builder
from abm_scoring.data.market.market import Market, make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.schema import DTYPES, TABLES

SPEC = MarketSpec(accounts=1500, events_per_account=30)
MONTHS = pd.date_range("2024-03-01", "2025-09-01", freq="3MS", tz="UTC")


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(SPEC)


def test_every_canonical_table_is_there_with_its_types(market: Market) -> None:
    assert list(market.tables) == list(TABLES)
    for name, schema in TABLES.items():
        frame = market.tables[name]
        assert len(frame) and set(schema.required) <= set(frame.columns)
        for column in frame:
            assert str(frame[column].dtype) == DTYPES[schema.by_name[str(column)].type], (name, column)


def test_the_same_spec_gives_the_same_tables_and_another_seed_others(market: Market) -> None:
    again = make_market(SPEC)
    for name in TABLES:
        pd.testing.assert_frame_equal(market.tables[name], again.tables[name])
    other = make_market(SPEC.model_copy(update={"seed": SPEC.seed + 1}))
    assert not market.tables["events"].equals(other.tables["events"])


def test_events_hold_the_dirt_that_real_ones_have(market: Market) -> None:
    events = market.tables["events"]
    assert events["event_id"].duplicated().mean() == pytest.approx(SPEC.duplicates, rel=0.5)
    assert (events["account_id"].isna() & events["contact_id"].isna()).any()
    late = (events["known_at"] - events["occurred_at"]) > pd.Timedelta(days=1)
    assert late.mean() == pytest.approx(SPEC.late, rel=0.5)
    busiest = events["account_id"].value_counts()
    assert busiest.iloc[0] > 20 * busiest.median()


def outcomes(market: Market) -> pd.DataFrame:
    """True probability and what came of it, for eligible accounts a quarter apart."""
    deals = market.tables["opportunities"]
    won = deals[deals["is_won"].fillna(False).astype(bool) & (deals["kind"].fillna("new") == "new")]
    parts = []
    for as_of in MONTHS:
        end = as_of + pd.Timedelta(days=90)
        winners = won.loc[(won["closed_at"] >= as_of) & (won["closed_at"] < end), "account_id"]
        truth = market.truth.probability(as_of).dropna()
        parts.append(truth.assign(won=truth["account_id"].isin(set(winners))))
    return pd.concat(parts, ignore_index=True)


def test_the_true_probability_is_borne_out(market: Market) -> None:
    found = outcomes(market)
    p = found["probability"].to_numpy()
    error = np.sqrt((p * (1 - p)).sum())
    assert abs(found["won"].sum() - p.sum()) < 3 * error
    top = found[p >= np.quantile(p, 0.9)]
    q = top["probability"].to_numpy()
    assert abs(top["won"].sum() - q.sum()) < 3 * np.sqrt((q * (1 - q)).sum())
    assert 0.006 < p.mean() < 0.016


def test_the_machine_builder_is_as_told() -> None:
    scenario = make_machine_builder()
    accounts = scenario.tables["accounts"].drop_duplicates("account_id", keep="last")
    customers = accounts[accounts["customer_since"].notna()]
    assert customers["country"].value_counts().to_dict() == {"DE": 4, "AT": 3, "US": 2}
    assert set(customers["sector"]) == {"pharma", "medical_technology"}
    assert customers["employee_count"].between(800, 3500).all()
    assert scenario.profile["sectors"] == ("pharma", "biotechnology")
