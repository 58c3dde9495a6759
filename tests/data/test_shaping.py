"""What a source can be told beyond column names: alternatives, constants, rows to skip, histories, stacks, privacy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import TypeAdapter

from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.presets import preset_text
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.proposal import propose
from abm_scoring.data.sources import Source
from abm_scoring.errors import BadDataError, ConfigError, MissingInputError


def load(folder: Path, privacy: PrivacySpec | None = None, **specs: dict[str, Any]) -> Loaded:
    source: TypeAdapter[Source] = TypeAdapter(Source)
    return load_tables({n: source.validate_python(s) for n, s in specs.items()}, folder, privacy=privacy)


def csv(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_rows_are_skipped_and_constants_filled_in(tmp_path: Path) -> None:
    csv(tmp_path, "a.csv", "Id,Name,Deleted\n1,One,false\n2,Two,TRUE\n")
    spec = {
        "kind": "csv", "path": "a.csv", "skip": {"Deleted": ["true"]}, "constants": {"sector": "pharma"},
        "columns": {"account_id": ["Nr", "Id"], "account_name": ["Name"], "country": ["Land", None]},
    }  # fmt: skip
    frame = load(tmp_path, accounts=spec).tables["accounts"]
    assert frame.to_dict("records") == [{"account_id": "1", "account_name": "One", "sector": "pharma"}]


def test_a_planned_date_is_no_closing_date(tmp_path: Path) -> None:
    csv(tmp_path, "a.csv", "account_id\nA\n")
    csv(
        tmp_path,
        "d.csv",
        "Record ID,Primary Associated Company ID,Create Date,Deal Stage,Close Date\n"
        "1,A,2026-01-01 10:00,closedwon,2026-02-01 10:00\n2,A,2026-01-01 10:00,qualified,2027-01-01 10:00\n",
    )
    deals = {"kind": "csv", "path": "d.csv", "preset": "hubspot.deals"}
    frame = load(tmp_path, accounts={"kind": "csv", "path": "a.csv"}, opportunities=deals).tables["opportunities"]
    assert frame["closed_at"].notna().tolist() == [True, False]
    assert frame["is_won"].fillna(False).tolist() == [True, False]


def test_a_history_gives_yesterdays_value(tmp_path: Path) -> None:
    csv(
        tmp_path,
        "a.csv",
        "Id,Industry,NumberOfEmployees,CreatedDate\n1,pharma,10,2026-01-01T00:00:00Z\n2,food,5,2026-01-05T00:00:00Z\n",
    )
    csv(
        tmp_path,
        "h.csv",
        "AccountId,CreatedDate,Field,OldValue,NewValue\n1,2026-03-01T00:00:00Z,Industry,retail,\n1,2026-04-01T00:00:00Z,Industry,,pharma\n",
    )
    spec = {"kind": "csv", "path": "a.csv", "preset": "salesforce.accounts", "history": {"path": "h.csv"}}
    frame = load(tmp_path, accounts=spec).tables["accounts"].sort_values(["account_id", "known_at"])
    told = [
        (r.account_id, str(r.known_at)[:10], r.sector if r.sector == r.sector else None, r.employee_count)
        for r in frame.itertuples()
    ]
    assert told == [
        ("1", "2026-01-01", "retail", 10),
        ("1", "2026-03-01", None, 10),
        ("1", "2026-04-01", "pharma", 10),
        ("2", "2026-01-05", "food", 5),
    ]


def test_a_copied_preset_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(preset_text("hubspot").replace("[Industry, industry", "[Our Branch, industry"))
    csv(tmp_path, "a.csv", "Record ID,Our Branch\n1,pharma\n")
    one = load(tmp_path, accounts={"kind": "csv", "path": "a.csv", "preset": "mine.yaml:companies"})
    assert one.tables["accounts"]["sector"].tolist() == ["pharma"]
    two = load(tmp_path, accounts={"kind": "csv", "path": "a.csv", "preset": "hubspot.companies"})
    assert "sector" not in two.tables["accounts"]
    assert one.fingerprints != two.fingerprints
    for wrong in ("hubspot.deals", "hubspott.companies", "hubspot.companys"):
        with pytest.raises(ConfigError):
            load(tmp_path, accounts={"kind": "csv", "path": "a.csv", "preset": wrong})


def test_a_stack_counts_an_id_once(tmp_path: Path) -> None:
    csv(tmp_path, "a.csv", "account_id\nA\n")
    for name, ids in (("x.csv", "12"), ("y.csv", "23")):
        rows = "".join(f"{i},2026-01-0{i}T00:00:00Z,web_visit,A\n" for i in ids)
        csv(tmp_path, name, "event_id,occurred_at,event_type,account_id\n" + rows)
    parts = [{"kind": "csv", "path": "x.csv"}, {"kind": "csv", "path": "y.csv"}]
    loaded = load(tmp_path, accounts={"kind": "csv", "path": "a.csv"}, events={"kind": "stack", "parts": parts})
    assert loaded.tables["events"]["event_id"].tolist() == ["1", "2", "3"]
    assert loaded.reports["events"].duplicates == 1


def test_contact_ids_become_hashes_and_objections_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv(tmp_path, "a.csv", "account_id\nA\n")
    csv(tmp_path, "c.csv", "contact_id,account_id,objected_at\nx@a.com,A,\ny@a.com,A,2026-01-01T00:00:00Z\n")
    csv(
        tmp_path,
        "e.csv",
        "occurred_at,event_type,contact_id\n2026-01-01T00:00:00Z,web_visit,x@a.com\n2026-01-01T00:00:00Z,web_visit,y@a.com\n",
    )
    specs: dict[str, dict[str, Any]] = {
        n: {"kind": "csv", "path": f"{n[0]}.csv"} for n in ("accounts", "contacts", "events")
    }
    with pytest.raises(BadDataError, match="e-mail addresses"):
        load(tmp_path, **specs)
    with pytest.raises(MissingInputError, match="not set"):
        load(tmp_path, PrivacySpec(salt_env="ABM_TEST_SALT"), **specs)
    monkeypatch.setenv("ABM_TEST_SALT", "0123456789abcdef")
    tables = load(tmp_path, PrivacySpec(salt_env="ABM_TEST_SALT", objections="forget"), **specs).tables
    assert len(tables["contacts"]) == 1
    assert tables["events"]["contact_id"].tolist()[0] == tables["contacts"]["contact_id"][0]
    assert tables["events"]["contact_id"].isna().tolist() == [False, True]
    assert tables["events"]["account_id"].tolist() == ["A", "A"]
    assert not tables["contacts"]["contact_id"].str.contains("@").any()


@pytest.mark.fault(28)
def test_merged_headers_and_totals_of_a_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in (
        ["Kundenliste"],
        ["Kundennummer", "Größe", None, "Land"],
        [None, "Mitarbeiter", "Umsatz", None],
        ["00123", 10, 5.5, "AT"],
        ["00124", 20, 1.5, "DE"],
        ["Summe", 30, 7, None],
    ):
        page.append(row)
    page.merge_cells("A2:A3")
    page.merge_cells("B2:C2")
    page.merge_cells("D2:D3")
    book.save(tmp_path / "kunden.xlsx")
    proposal = propose(tmp_path / "kunden.xlsx", tmp_path)
    assert {k: proposal.spec[k] for k in ("header_row", "header_height", "skip")} == {
        "header_row": 2,
        "header_height": 2,
        "skip": {"Kundennummer": ["Summe"]},
    }
    columns = {**proposal.spec["columns"], "employee_count": "Größe Mitarbeiter"}
    frame = load(tmp_path, accounts={**proposal.spec, "columns": columns}).tables["accounts"]
    assert frame[["account_id", "employee_count", "country"]].to_numpy().tolist() == [
        ["00123", 10, "AT"],
        ["00124", 20, "DE"],
    ]


@pytest.mark.fault(15)
def test_a_proposal_says_what_it_cannot_know(tmp_path: Path) -> None:
    csv(tmp_path, "orders.csv", "Customer ID,InvoiceDate,Amount,Note\nA,01/02/2026,1.234,1E+05\nB,03/04/2026,5.678,x\n")
    said = "\n".join(propose(tmp_path / "orders.csv", tmp_path).remarks)
    for doubt in (
        "day and month cannot be told apart",
        "may be one and a bit or a thousand",
        "mangled by a spreadsheet",
        "add timezone",
    ):
        assert doubt in said
