"""Real exports read by configuration alone; their counts and sums are those that their publishers give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.data.file_sources import CsvSource, ParquetSource
from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.sources import SqlSource
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.violations import RulesBroken

ROOT = Path(os.environ.get("ABM_SCORING_DATA_ROOT", Path(__file__).resolve().parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not (ROOT / "olist_funnel").is_dir(), reason="the real data sets are not there")


def load(**sources: TableSource) -> Loaded:
    return load_tables(sources, ROOT)


def test_leads_with_dates_in_a_zone_whose_clocks_change_at_midnight() -> None:
    leads: dict[str, Any] = {"path": "olist_funnel/leads.csv.gz", "timezone": "America/Sao_Paulo"}
    loaded = load(
        accounts=CsvSource(
            **leads,
            columns={"account_id": "mql_id", "known_at": "first_contact_date"},
            extra_columns={"landing_page_id": "id", "origin": "text"},
        ),
        opportunities=CsvSource(
            path="olist_funnel/closed_deals.csv.gz",
            timezone="America/Sao_Paulo",
            columns={"opportunity_id": "mql_id", "account_id": "mql_id", "created_at": "won_date"},
        ),
    )
    accounts = loaded.tables["accounts"]
    assert (len(accounts), accounts["landing_page_id"].nunique(), accounts["origin"].nunique()) == (8000, 495, 10)
    local = accounts["known_at"].dt.tz_convert("America/Sao_Paulo")
    assert (str(local.min())[:10], str(local.max())[:10]) == ("2017-06-14", "2018-05-31")
    assert (len(loaded.tables["opportunities"]), loaded.reports["opportunities"].orphans) == (842, 0)


INVOICES = """
SELECT InvoiceNo, InvoiceDate, Quantity * UnitPrice AS amount, CAST(CAST(CustomerID AS BIGINT) AS VARCHAR) AS account_id
FROM lines
"""


def test_half_a_million_invoice_lines_from_parquet() -> None:
    lines = {"lines": "online_retail/invoices.parquet"}
    accounts = f"SELECT DISTINCT account_id FROM ({INVOICES}) WHERE account_id IS NOT NULL"
    invoices = SqlSource(
        query=INVOICES,
        files=lines,
        timezone="Europe/London",
        columns={"invoice_id": "InvoiceNo", "invoiced_on": "InvoiceDate"},
        on_violation="reject",
        max_reject_share=0.25,
    )
    loaded = load(accounts=SqlSource(query=accounts, files=lines), invoices=invoices)
    report = loaded.reports["invoices"]
    assert (len(loaded.tables["accounts"]), report.rows_in) == (4372, 541_909)
    assert round(report.rejected / report.rows_in, 3) == 0.249
    assert set(loaded.rejects["rule"]) == {"missing_value"}
    assert loaded.tables["invoices"]["account_id"].nunique() == 4372


def test_typed_columns_straight_from_parquet() -> None:
    columns = {"account_id": "InvoiceNo", "invoiced_on": "InvoiceDate", "amount": "UnitPrice"}
    source = ParquetSource(path="online_retail/invoices.parquet", columns=columns)
    with pytest.raises(RulesBroken, match=r"invoices\.invoiced_on: no_time_zone in 541909 rows"):
        load(
            accounts=ParquetSource(path=source.path, columns={"account_id": "InvoiceNo"}, drop_repeats=True),
            invoices=source,
        )


def test_resellers_with_revenue_and_parents() -> None:
    columns = {
        "account_id": "ResellerKey",
        "account_name": "ResellerName",
        "sector": "BusinessType",
        "employee_count": "NumberEmployees",
        "annual_revenue": "AnnualSales",
        "founded_year": "YearOpened",
    }
    orders = {
        "account_id": "ResellerKey",
        "invoiced_on": "OrderDate",
        "invoice_id": "SalesOrderNumber",
        "amount": "SalesAmount",
    }
    loaded = load(
        accounts=CsvSource(path="adventureworks_resellers/accounts.csv.gz", columns=columns),
        invoices=CsvSource(path="adventureworks_resellers/order_lines.csv.gz", columns=orders, timezone="UTC"),
    )
    assert (len(loaded.tables["accounts"]), len(loaded.tables["invoices"])) == (701, 60_855)
    assert loaded.tables["invoices"]["amount"].sum() == pytest.approx(80_450_596.98, abs=0.01)
    assert loaded.tables["invoices"]["account_id"].nunique() == 635


def test_a_pipeline_whose_open_deals_have_no_account() -> None:
    columns = {"account_id": "account", "created_at": "engage_date", "closed_at": "close_date", "is_won": "deal_stage"}
    dialect: dict[str, Any] = {
        "date_format": "%d-%m-%y",
        "true_words": ["Won"],
        "false_words": ["Lost"],
        "null_values": ["Engaging", "Prospecting"],
    }
    pipeline: dict[str, Any] = {"path": "maven_crm/sales_pipeline.csv.gz", "columns": columns, "timezone": "UTC"}
    accounts = CsvSource(path="maven_crm/accounts.csv.gz", columns={"account_id": "account"})
    policy: dict[str, Any] = {"on_violation": "reject", "max_reject_share": 0.2}
    loaded = load(accounts=accounts, opportunities=CsvSource(**pipeline, **policy, dialect=dialect))
    assert loaded.tables["opportunities"]["is_won"].value_counts().to_dict() == {True: 4238, False: 2473}
    assert loaded.tables["opportunities"]["created_at"].max() == pd.Timestamp("2017-12-27", tz="UTC")
    assert loaded.rejects.loc[loaded.rejects["column"] == "account_id", "rule"].tolist() == ["missing_value"] * 1425
