# ruff: noqa: E501 - exports are wider than code
from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from abm_scoring.config_file import load_config
from abm_scoring.data.loading import load_tables
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
