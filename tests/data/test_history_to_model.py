"""Field histories of Salesforce and HubSpot, through to the features: a model sees of a day what was true then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import TypeAdapter

from abm_scoring.data.loading import load_tables
from abm_scoring.data.sources import Source
from abm_scoring.features.build import features_at
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.history import History
from abm_scoring.features.pipeline import PipelineSpec

#: Today both accounts are large pharma companies, and A's deal is won for 900. Neither was always so.
SALESFORCE = {
    "accounts.csv": """Id,Name,Industry,NumberOfEmployees,CreatedDate
A,Acme,Pharma,2000,2025-01-10T08:00:00Z
B,Brix,Pharma,2000,2025-01-10T08:00:00Z
""",
    "account_changes.csv": """AccountId,CreatedDate,Field,OldValue,NewValue
A,2025-06-01T12:00:00Z,Industry,Food,Chemicals
A,2025-09-01T12:00:00Z,Industry,Chemicals,Pharma
A,2025-09-01T12:00:00Z,NumberOfEmployees,150,2000
""",
    "deals.csv": """Id,AccountId,CreatedDate,StageName,CloseDate,Amount
D,A,2025-03-01T08:00:00Z,Closed Won,2025-08-01T00:00:00Z,900
""",
    "deal_changes.csv": """OpportunityId,CreatedDate,Field,OldValue,NewValue
D,2025-05-01T12:00:00Z,Amount,100,900
D,2025-08-01T12:00:00Z,StageName,Negotiation,Closed Won
D,2025-08-01T12:00:00Z,CloseDate,2025-12-31T00:00:00Z,2025-08-01T00:00:00Z
""",
}
#: The same as a warehouse copies HubSpot: `property_` in the table, the bare name in the history, no old values.
HUBSPOT = {
    "accounts.csv": """id,property_name,property_industry,property_numberofemployees,property_createdate
A,Acme,Pharma,2000,2025-01-10 08:00:00
B,Brix,Pharma,2000,2025-01-10 08:00:00
""",
    "account_changes.csv": """company_id,timestamp,source,name,value
A,2025-01-10 08:00:00,CRM_UI,industry,Food
A,2025-01-10 08:00:00,CRM_UI,numberofemployees,150
A,2025-06-01 12:00:00,CRM_UI,industry,Chemicals
A,2025-09-01 12:00:00,IMPORT,industry,Pharma
A,2025-09-01 12:00:00,IMPORT,numberofemployees,2000
""",
    "deals.csv": """deal_id,company_id,property_createdate,property_dealstage,property_closedate,property_amount
D,A,2025-03-01 08:00:00,closedwon,2025-08-01 00:00:00,900
""",
    "deal_changes.csv": """deal_id,timestamp,name,value
D,2025-03-01 08:00:00,dealstage,qualified
D,2025-03-01 08:00:00,closedate,2025-12-31 00:00:00
D,2025-03-01 08:00:00,amount,100
D,2025-05-01 12:00:00,amount,900
D,2025-08-01 12:00:00,dealstage,closedwon
D,2025-08-01 12:00:00,closedate,2025-08-01 00:00:00
""",
}
SYSTEMS = {
    "salesforce": (SALESFORCE, "salesforce.accounts", "salesforce.opportunities"),
    "hubspot": (HUBSPOT, "hubspot.companies", "hubspot.deals"),
}
#: Day → A's sector, employees, deals, wins and revenue as a model must see them. A change at `as_of` is the future.
SEEN = {
    "2025-02-01T00:00:00Z": ("Food", 150, 0, 0, 0),
    "2025-04-01T00:00:00Z": ("Food", 150, 1, 0, 0),
    "2025-06-01T12:00:00Z": ("Food", 150, 1, 0, 0),
    "2025-06-01T12:00:01Z": ("Chemicals", 150, 1, 0, 0),
    "2025-08-01T12:00:00Z": ("Chemicals", 150, 1, 0, 0),
    "2025-08-01T12:00:01Z": ("Chemicals", 150, 1, 1, 900),
    "2025-09-01T12:00:01Z": ("Pharma", 2000, 1, 1, 900),
}


def features(system: str, folder: Path, history: bool = True) -> pd.DataFrame:
    """What a model sees of account A on each day of `SEEN`."""
    files, *presets = SYSTEMS[system]
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = {}
    source: TypeAdapter[Source] = TypeAdapter(Source)
    for table, file, preset in zip(("accounts", "opportunities"), ("account", "deal"), presets, strict=True):
        spec: dict[str, Any] = {"kind": "csv", "preset": preset, "path": f"{file}s.csv"}
        spec |= {"history": {"path": f"{file}_changes.csv"}} if history else {}
        if system == "hubspot":
            spec["dialect"] = {"date_format": "%Y-%m-%d %H:%M:%S"}
        sources[table] = source.validate_python(spec)
    tables = load_tables(sources, folder).tables
    days = pd.to_datetime(list(SEEN)).as_unit("us")
    rows = pd.DataFrame({"account_id": pd.Series(["A"] * len(days), dtype="str"), "as_of": days})
    known = History.of(tables, until=pd.Timestamp("2026-01-01", tz="UTC"), timezone="UTC")
    specs = (FirmographicsSpec(columns=("sector", "employee_count")), PipelineSpec(kind="pipeline"))
    return features_at(known, rows, specs)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_model_sees_yesterdays_values(system: str, tmp_path: Path) -> None:
    built = features(system, tmp_path)
    columns = ["sector", "employee_count", "prior_opportunities", "prior_wins", "earlier_revenue"]
    found = [tuple(row) for row in built[columns].itertuples(index=False)]
    assert dict(zip(SEEN, found, strict=True)) == SEEN


@pytest.mark.parametrize("system", SYSTEMS)
def test_without_a_history_todays_facts_are_all_there_is(system: str, tmp_path: Path) -> None:
    """The test above can fail: the same files without their histories show today's sector on every day."""
    built = features(system, tmp_path, history=False)
    assert built["sector"].tolist() == ["Pharma"] * len(SEEN)
