# ruff: noqa: E501 - exports are wider than code
from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.config_file import load_config
from abm_scoring.data.loading import load_tables
from abm_scoring.data.proposal import propose
from abm_scoring.data.seen import look_at
from abm_scoring.jobs.init import init
from tests.jobs.projects import run, run_json


def test_a_project_begins_from_the_files_at_hand(tmp_path: Path) -> None:
    (tmp_path / "kunden.csv").write_bytes(
        "Kundennummer;Firma;Mitarbeiter;Umsatz;Land\n00123;Müller;1.200;12.500.000,50;DE\n00124;Groß;85;1.234,00;AT\n".encode(
            "cp1252"
        )
    )
    (tmp_path / "activities.csv").write_text(
        "Activity ID,Date,Type,Kundennummer\n1,2026-01-01T10:00:00Z,web_visit,00123\n"
    )
    found = run_json("init", tmp_path, "--from", tmp_path / "kunden.csv", "--from", tmp_path / "activities.csv")
    config = load_config(found["config"])
    assert set(config.sources) == {"accounts", "events"}
    assert config.sources["accounts"].dialect.encoding == "cp1252"  # type: ignore[union-attr]
    code, _, err = run("check", found["config"], "--set", "features=[{kind: firmographics}]", "--set", "profile=null")
    assert code == 0, err
    assert "Müller" in Path(found["config"]).read_text()


LINES = """Rechnungsnummer;Rechnungsdatum;Kundennummer;Menge;Einzelpreis;Land
R1;31.12.2025;00123;2;1.200,50;AT
R1;31.12.2025;00123;1;99,00;AT
R2;13.01.2026;00123;-1;99,00;DE
R3;14.01.2026;;1;5,00;DE
R4;15.01.2026;00124;1;5,00;CH
"""


def test_a_file_of_order_lines_makes_a_whole_project(tmp_path: Path) -> None:
    (tmp_path / "rechnungen.csv").write_text(LINES)
    found = run_json("init", tmp_path, "--from", tmp_path / "rechnungen.csv", "--timezone", "Europe/Vienna")
    assert "1 lines (20.0%) name no customer and are left out" in found["proposals"][0]["remarks"]
    config = load_config(found["config"])
    loaded = load_tables(config.sources, tmp_path)
    events = loaded.tables["events"].sort_values("event_id")
    assert events[["event_id", "account_id", "event_type", "value"]].to_numpy().tolist() == [
        ["R1", "00123", "order", 2500.0],
        ["R2", "00123", "return", -99.0],
        ["R4", "00124", "order", 5.0],
    ]
    accounts = loaded.tables["accounts"].sort_values("account_id")
    assert accounts[["account_id", "country"]].to_numpy().tolist() == [["00123", "AT"], ["00124", "CH"]]
    assert accounts["known_at"].tolist()[0] == pd.Timestamp("2025-12-30 23:00", tz="UTC")
    assert loaded.tables["invoices"]["amount"].sum() == 2406.0
    assert config.label.kind == "event"


def test_a_project_of_old_orders_stands_on_their_last_day(tmp_path: Path) -> None:
    (tmp_path / "rechnungen.csv").write_text(LINES)
    for today, stands in ((date(2026, 2, 1), None), (date(2026, 6, 1), date(2026, 1, 16))):
        path, _ = init(tmp_path / str(today), "shop", [tmp_path / "rechnungen.csv"], "Europe/Vienna", today, "CHF")
        config = load_config(path)
        assert (config.project.as_of, config.project.currency) == (stands, "CHF")


def test_letters_and_dates_far_down_a_file_count(tmp_path: Path) -> None:
    rows = [
        f"R{i};{i % 12 + 1:02d}/05/2025;C1;1;Gruß\n" if i > 60_000 else f"R{i};05/06/2025;C1;1;x\n"
        for i in range(70_000)
    ]
    rows[65_000] = "R;05/31/2025;C1;1;Gruß\n"
    text = "Invoice;Invoice Date;Customer ID;Amount;Note\n" + "".join(rows[:65_000] + [rows[65_000]] * 40_000)
    (tmp_path / "lines.csv").write_bytes(text.encode("cp1252"))
    seen = look_at(tmp_path / "lines.csv")
    assert (seen.dialect["encoding"], seen.dialect["date_format"]) == ("cp1252", "%m/%d/%Y")


def test_orders_without_amounts_or_with_unreadable_dates_are_said(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("Invoice No,Invoice Date,Customer ID\nI1,2026-01-01T10:00:00Z,C1\n")
    _, proposals = init(tmp_path / "a", "a", [tmp_path / "orders.csv"])
    assert "no column looks like an amount: orders have no value" in proposals[0].remarks
    (tmp_path / "orders.csv").write_text("Invoice No,Invoice Date,Customer ID\nI1,yesterday,C1\n")
    _, proposals = init(tmp_path / "b", "b", [tmp_path / "orders.csv"])
    assert proposals[0].remarks[-1].startswith("no orders and customers can be made of it")


def test_accounts_are_made_from_invoices_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "invoices.csv").write_text(
        "Invoice No,Invoice Date,Customer ID,Amount\nI1,2026-01-01T10:00:00Z,C1,10.5\nI2,2026-01-02T10:00:00Z,C1,11.25\n"
    )
    found = run_json("init", tmp_path, "--from", tmp_path / "invoices.csv")
    config = load_config(found["config"])
    assert set(config.sources) == {"accounts", "events", "invoices"}
    done = run_json("check", found["config"], "--set", "features=[{kind: firmographics}]")
    assert done["tables"]["accounts"]["accepted"] == 1


GERMAN = """Kundennummer;Firma;Land;Rechnungsdatum;Rechnungsnummer;Menge;Einzelpreis;Währung
004711;Müller & Söhne;Deutschland;28.12.2025;R1;2;1.234,56 €;EUR
004711;Müller & Söhne;Deutschland;28.12.2025;R1;1;10,00 €;EUR
004712;Größ AG;Österreich;31.12.2025;R2;3;99,90 €;EUR
;Laufkundschaft;Deutschland;31.12.2025;R3;1;5,00 €;EUR
;;;;;;;
Summe:;;;;;7;2.783,82 €;EUR
"""


def test_a_german_export_with_totals_and_euro_signs_makes_a_whole_project(tmp_path: Path) -> None:
    file = tmp_path / "Umsatz 2025.csv"
    file.write_bytes(GERMAN.replace("\n", "\r\n").encode("cp1252"))
    where = ("--timezone", "Europe/Berlin", "--currency", "EUR")
    code, out, err = run("init", tmp_path / "p", "--name", "fabrik", "--from", file, *where)
    assert code == 0, err
    for told in ("it says Währung, Müller, Söhne", "€ is left out", "rows of totals are left out: 'Summe:'"):
        assert told in out
    assert "5 lines of 2 customers" in out
    assert "countries are written out" in out
    tables = load_tables(load_config(tmp_path / "p" / "abm.yaml").sources, tmp_path / "p").tables
    accounts = tables["accounts"].sort_values("account_id")
    assert accounts["account_id"].tolist() == ["004711", "004712"]
    assert accounts["account_name"].tolist() == ["Müller & Söhne", "Größ AG"]
    assert accounts["country"].tolist() == ["DE", "AT"]
    invoices = tables["invoices"].sort_values("invoice_id")
    assert invoices["amount"].tolist() == pytest.approx([2479.12, 299.7])
    assert invoices["currency"].tolist() == ["EUR", "EUR"]
    assert str(tables["events"]["occurred_at"].max()) == "2025-12-30 23:00:00+00:00"


def test_a_company_called_total_is_no_row_of_totals(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("account_id,company,country\n1,Total,FR\n2,Summe,DE\nSum,,\n")
    proposal = propose(file, tmp_path)
    assert proposal.spec["skip"] == {"account_id": ["Sum"]}


@pytest.mark.parametrize(
    "above", ["Rechnungsbuch;;;;;;;\nStand 31.12.2025;;;;;;;\n", "Rechnungsbuch\nStand 31.12.2025\n"]
)
def test_titles_above_the_header_are_named(tmp_path: Path, above: str) -> None:
    (tmp_path / "buch.csv").write_text(above + GERMAN)
    code, _, err = run("init", tmp_path / "p", "--name", "p", "--from", tmp_path / "buch.csv")
    assert code == 64
    assert "remove the 2 lines above row 3" in err
    assert not (tmp_path / "p" / "abm.yaml").exists()
