"""Presets against real column sets: every table that one is for is read without code, in bounds that are stated."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from abm_scoring.data.loading import read_table
from abm_scoring.data.presets import coverage, packaged_preset
from abm_scoring.data.sources import Source

DATA = Path(os.environ.get("ABM_SCORING_DATA_ROOT") or Path(__file__).parents[3] / "shared" / "data")
ROOT = DATA / "crm_schemas"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=f"no real data at {DATA}")

#: Times as the warehouse copies write them; some went through a spreadsheet.
TIMES = {"date_format": ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S UTC"]}
#: Preset → its file, or its files by view; and rows that must come out at least.
FILES: dict[str, tuple[str | dict[str, str], int]] = {
    "hubspot.companies": ("dbt_hubspot/company_data.csv", 20),
    "hubspot.contacts": ("dbt_hubspot/contact_data.csv", 15),
    "hubspot.email_events": ("dbt_hubspot/email_event_data.csv", 5),
    "hubspot.form_submissions": ("dbt_hubspot/contact_form_submission_data.csv", 3),
    "hubspot.email_campaigns": ("dbt_hubspot/email_campaign_data.csv", 90),
    "hubspot.warehouse_deals": (
        {"deal": "dbt_hubspot/deal_data.csv", "deal_company": "dbt_hubspot/deal_company_data.csv"},
        0,
    ),
    "hubspot.calls": (
        {
            "engagement_call": "dbt_hubspot/engagement_call_data.csv",
            "engagement_contact": "dbt_hubspot/engagement_contact_data.csv",
        },
        1,
    ),
    "salesforce.accounts": ("dbt_salesforce/sf_account_data.csv", 1),
    "salesforce.account_versions": ("dbt_salesforce/sf_account_history_data.csv", 1),
    "salesforce.contacts": ("dbt_salesforce/sf_contact_data.csv", 1),
    "salesforce.opportunity_versions": ("dbt_salesforce/sf_opportunity_history_data.csv", 0),
    "salesforce.opportunities": ("dbt_salesforce/sf_opportunity_data.csv", 0),
    "salesforce.leads": ("dbt_salesforce/sf_lead_data.csv", 0),
    "salesforce.tasks": ("dbt_salesforce/sf_task_data.csv", 0),
    "salesforce.events": ("dbt_salesforce/sf_event_data.csv", 0),
    "salesforce.orders": ("dbt_salesforce/sf_order_data.csv", 0),
    "marketo.leads": ("dbt_marketo/marketo_lead_data.csv", 90),
    "marketo.send_email": ("dbt_marketo/marketo_activity_send_email_data.csv", 90),
    "marketo.open_email": ("dbt_marketo/marketo_activity_open_email_data.csv", 90),
    "marketo.click_email": ("dbt_marketo/marketo_activity_click_email_data.csv", 90),
    "marketo.programs": ("dbt_marketo/marketo_program_data.csv", 90),
    "pardot.prospects": ("dbt_pardot/pardot_prospect_data.csv", 1),
    "pardot.prospect_companies": ({"prospect": "dbt_pardot/pardot_prospect_data.csv"}, 1),
    "pardot.visitor_activities": ("dbt_pardot/pardot_visitor_activity_data.csv", 0),
    "pardot.opportunities": (
        {
            "opportunity": "dbt_pardot/pardot_opportunity_data.csv",
            "opportunity_prospect": "dbt_pardot/pardot_opportunity_prospect_data.csv",
            "prospect": "dbt_pardot/pardot_prospect_data.csv",
        },
        0,
    ),
    "pardot.campaigns": ("dbt_pardot/pardot_campaign_data.csv", 90),
}


@pytest.mark.parametrize("preset", FILES)
def test_a_preset_reads_its_table_without_code(preset: str) -> None:
    files, at_least = FILES[preset]
    spec: dict[str, Any] = {"preset": preset, "dialect": TIMES, "on_violation": "reject", "max_reject_share": 0.99}
    spec |= {"kind": "csv", "path": files} if isinstance(files, str) else {"kind": "sql", "files": files}
    system, _, name = preset.partition(".")
    table = packaged_preset(system).tables[name].table
    done, _, _ = read_table(table, TypeAdapter(Source).validate_python(spec), ROOT)
    whole = [v for v in done.violations if v.whole and v.rule not in ("duplicate_key",)]
    assert whole == []
    assert len(done.frame) >= at_least
    assert {"not_a_timestamp", "no_time_zone", "not_a_boolean"}.isdisjoint(v.rule for v in done.violations)


@pytest.mark.parametrize("preset", [p for p, (files, _) in FILES.items() if isinstance(files, str)])
def test_what_a_preset_takes_of_a_table_is_listed(preset: str) -> None:
    system, _, name = preset.partition(".")
    table = packaged_preset(system).tables[name]
    with (ROOT / str(FILES[preset][0])).open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    taken = coverage(table, header)
    required = {
        c for c in ("account_id", "contact_id", "event_id", "occurred_at", "opportunity_id") if c in table.columns
    }
    lacking = required - set(taken) - {"account_id"}
    assert not lacking
    assert sorted({n for names in taken.values() for n in names} | (set(table.skip) & set(header))) == sorted(
        set(header)
    )
