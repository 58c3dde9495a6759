"""A wholesaler's orders as won deals: margin beside revenue, to the cent; skipped where the data are absent."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.roi.cents import to_cents
from abm_scoring.roi.costs import ledger
from abm_scoring.roi.journeys import journeys
from abm_scoring.roi.metrics.compute import figures
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.returns import ROI
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.past import as_known
from abm_scoring.roi.periods import current
from tests.real.test_real_configs import DATA
from tests.roi.frames import day, rows

FOLDER = DATA / "adventureworks_resellers"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real data at {DATA}")
AS_OF = day("2013-11-30")


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "order_lines.csv.gz", dtype=str)


@pytest.fixture(scope="module")
def tables(lines: pd.DataFrame) -> Tables:
    number = {c: lines[c].astype("float64") for c in ("SalesAmount", "TotalProductCost")}
    margin = number["SalesAmount"] - number["TotalProductCost"]
    orders = lines.assign(amount=number["SalesAmount"], gross_margin=margin).groupby("SalesOrderNumber", as_index=False)
    deals = orders.agg(account_id=("ResellerKey", "first"), created_at=("OrderDate", "min"), amount=("amount", "sum"),
                       gross_margin=("gross_margin", "sum"))  # fmt: skip
    when = pd.to_datetime(deals["created_at"], utc=True).dt.as_unit("us")
    deals = deals.rename(columns={"SalesOrderNumber": "opportunity_id"}).assign(created_at=when)
    deals = deals.assign(closed_at=when, is_won=pd.array([True] * len(deals), dtype="boolean"))
    accounts = pd.DataFrame({"account_id": deals["account_id"].unique()}, dtype="str")
    events = rows("events", "occurred_at event_type account_id channel")
    return Tables({"opportunities": deals, "accounts": accounts, "events": events})


def brought(tables: Tables, value: str) -> int:
    found = journeys(tables["events"], tables["opportunities"], families(tables["accounts"]), AS_OF, value=value)
    assert found.paths.wins.sum() == 3796 and found.without_value == 0
    return int(to_cents(found.paths.money).sum())


def test_margin_stands_beside_revenue_to_the_cent(lines: pd.DataFrame, tables: Tables) -> None:
    exact = {c: sum(map(Decimal, lines[c])) for c in ("SalesAmount", "TotalProductCost")}
    revenue, margin = brought(tables, "amount"), brought(tables, "gross_margin")
    assert revenue == round(exact["SalesAmount"] * 100) == 8_045_059_698
    assert margin == round((exact["SalesAmount"] - exact["TotalProductCost"]) * 100)
    assert round(margin / 100) == 470_483


def test_nothing_was_spent_that_anybody_knows_of(tables: Tables) -> None:
    found = ledger(tables, AS_OF, currency="USD")
    assert found.total_cents == 0 and found.lines.empty and found.budgets.empty


def test_return_on_unknown_costs_is_not_a_number_and_says_why(tables: Tables) -> None:
    roi = figures(Prepared.of(tables, KpiSpec()), current("all", AS_OF, "UTC"), metrics=(ROI,))
    assert roi["value"].isna().all() and roi["reason"].tolist() == ["the table costs is not given"]
    spent = tables.replace(costs=rows("costs", "incurred_on kind amount", ("2013-11-30", "media", 100.0)))
    roi = figures(Prepared.of(as_known(spent, AS_OF), KpiSpec()), current("all", AS_OF, "UTC"), metrics=(ROI,))
    assert roi["value"].isna().all() and roi["reason"].tolist() == ["no campaign cost is known in the period"]
