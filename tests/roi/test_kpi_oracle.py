from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.currency import in_project_currency
from abm_scoring.data.market.market import make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.tables import Tables
from abm_scoring.features.moments import NEVER, micros, moments
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.roi.metrics.compute import figures
from abm_scoring.roi.metrics.names import FIGURES
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.past import as_known
from abm_scoring.roi.periods import Period, current
from tests.roi.kpi_sql import DAY, SQL, VIEWS

#: Figures that are no query: stated elsewhere, or an estimate with its own oracle in test_closing.
APART = {"won_within_90_days", "won_within_180_days", "won_within_365_days", "incremental_roi", "associational_roi"}
#: A day within a year, and not at midnight: bounds must be half-open and late facts out of sight.
AS_OF = pd.Timestamp("2024-11-20 13:30", tz="UTC").as_unit("us")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_market(MarketSpec(accounts=600, seed=3, conversion=0.1, events_per_account=40)).tables


@pytest.fixture(scope="module")
def known(tables: Tables) -> Tables:
    return as_known(in_project_currency(tables, "EUR"), AS_OF)


@pytest.fixture(scope="module")
def period() -> Period:
    return current("year", AS_OF, "UTC")


def mqa_of(known: Tables) -> pd.DataFrame:
    """Spells of every fourth account, around the end of the period."""
    ids = known["accounts"]["account_id"].drop_duplicates().iloc[::4].reset_index(drop=True)
    start = AS_OF - pd.to_timedelta(np.arange(len(ids)) % 97, unit="D")
    left = pd.Series(start + pd.to_timedelta(20, unit="D")).where(np.arange(len(ids)) % 3 == 0)
    left = left.where(left < AS_OF)
    return pd.DataFrame({"account_id": ids, "entered_at": start, "left_at": left.astype("datetime64[us, UTC]")})


@pytest.fixture(scope="module")
def measured(known: Tables, period: Period) -> dict[str, dict[str, Any]]:
    scored = known["accounts"][["account_id"]].drop_duplicates().iloc[::2]
    runs = pd.concat([scored.iloc[:9].assign(as_of=period.start), scored.assign(as_of=AS_OF - pd.Timedelta(days=1))])
    profile = ProfileSpec(sectors=("pharma", "biotechnology"))
    data = Prepared.of(known, KpiSpec(draws=200), profile, mqa=mqa_of(known), scored=runs)
    rows = figures(data, period)
    return {row["figure"]: row for row in rows.to_dict("records")}  # type: ignore[misc]


@pytest.fixture(scope="module")
def asked(known: Tables, period: Period) -> dict[str, float | None]:
    import duckdb

    scored = known["accounts"][["account_id"]].drop_duplicates().iloc[::2]
    runs = pd.concat([scored.iloc[:9].assign(as_of=period.start), scored.assign(as_of=AS_OF - pd.Timedelta(days=1))])
    database = duckdb.connect()
    for name, frame in ({n: known[n] for n in known} | {"mqa": mqa_of(known), "scored": runs}).items():
        plain = frame.assign(
            **{
                c: pd.array(np.where(frame[c].isna(), 0, moments(frame[c], 0)), dtype="Int64")
                for c in frame
                if isinstance(frame[c].dtype, pd.DatetimeTZDtype)
            }
        )
        for c in frame:
            if isinstance(frame[c].dtype, pd.DatetimeTZDtype):
                plain.loc[frame[c].isna().to_numpy(), c] = pd.NA
        database.register(f"_{name}", plain)
        database.execute(f"create table {name} as select * from _{name}")
    bounds = {"$S": period.begin, "$E": period.stop, "$N": NEVER, "$Y": micros(period.until) - 365 * DAY}

    def filled(query: str) -> str:
        for name, value in bounds.items():
            query = query.replace(name, str(value))
        return query

    database.execute(filled(VIEWS))
    found: dict[str, float | None] = {}
    for name, query in SQL.items():
        row = database.execute(filled(query)).fetchone()
        assert row is not None
        found[name] = None if row[0] is None else float(row[0])
    return found


def test_every_figure_has_a_query() -> None:
    assert set(SQL) | APART == {name for names in FIGURES.values() for name in names}


@pytest.mark.parametrize("figure", list(SQL))
def test_equals_the_query(figure: str, measured: dict[str, dict[str, Any]], asked: dict[str, float | None]) -> None:
    row, expected = measured[figure], asked[figure]
    if expected is None or math.isnan(expected):
        assert math.isnan(row["value"]) and row["reason"]
    else:
        assert row["value"] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_nearly_every_figure_has_a_value_here(measured: dict[str, dict[str, Any]]) -> None:
    missing = {name for name, row in measured.items() if math.isnan(row["value"])}
    assert missing <= {"won_within_365_days", "incremental_roi", "associational_roi", "referrals_converted"}


def test_intervals_hold_their_values(measured: dict[str, dict[str, Any]]) -> None:
    with_interval = [row for row in measured.values() if not math.isnan(row["low"])]
    assert len(with_interval) > 50
    for row in with_interval:
        assert row["low"] <= row["value"] * (1 + 1e-9) + 1e-9 and row["high"] >= row["value"] * (1 - 1e-9) - 1e-9, row[
            "figure"
        ]
