"""Faults of input files, injected into a small market and loaded as a nightly run would."""

from __future__ import annotations

import datetime as dt
import gzip
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data.checks import ChecksSpec
from abm_scoring.data.file_sources import CsvSource, ExcelSource, ParquetSource
from abm_scoring.data.loading import Loaded, load_tables
from abm_scoring.data.sources import SqlSource
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.violations import RulesBroken
from abm_scoring.errors import AbmError

ACCOUNTS = "account_id,account_name,country,employee_count\n00123,Acme,NA,1200\n00124,Bolt,DE,85\n"
EVENTS = (
    "event_id,occurred_at,event_type,account_id,minutes,known_at\n"
    "e1,2026-01-05T09:00:00Z,web_visit,00123,1.5,\n"
    "e2,2026-01-06T09:00:00Z,meeting,00124,60,2026-01-07T00:00:00Z\n"
    "e3,2026-01-07T09:00:00Z,web_visit,00123,,\n"
)


class Market:
    """Two tables in a folder, as CSV unless a test writes something else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("accounts.csv", ACCOUNTS)
        self.write("events.csv", EVENTS)
        self.sources: dict[str, TableSource] = {
            "accounts": CsvSource(path="accounts.csv"),
            "events": CsvSource(path="events.csv"),
        }

    def write(self, name: str, content: str | bytes) -> None:
        (self.root / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, checks: ChecksSpec | None = None, as_of: dt.datetime | None = None) -> Loaded:
        return load_tables(self.sources, self.root, checks, as_of)

    def accounts(self, content: str | bytes | None = None, **options: Any) -> None:
        if content is not None:
            self.write("accounts.csv", content)
        self.sources["accounts"] = CsvSource(path="accounts.csv", **options)

    def events(self, content: str | bytes | None = None, **options: Any) -> None:
        if content is not None:
            self.write("events.csv", content)
        self.sources["events"] = CsvSource(path="events.csv", **options)

    def refused(self, *says: str, exit_code: int = 65) -> AbmError:
        with pytest.raises(AbmError) as caught:
            self.load()
        assert caught.value.exit_code == exit_code
        for text in says:
            assert text in str(caught.value)
        return caught.value


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path)


def test_the_market_itself_is_sound(market: Market) -> None:
    loaded = market.load()
    assert {n: len(loaded.tables[n]) for n in loaded.tables} == {"accounts": 2, "events": 3}


def at(time: str) -> str:
    return f"occurred_at,event_type,account_id\n{time},web_visit,00123\n"


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("time", "zone", "rule"),
    [
        ("2026-03-29T02:30:00", "Europe/Berlin", "dst_gap"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "dst_overlap"),
        ("2026-01-05T09:00:00", None, "no_time_zone"),
        ("2026-01-05", None, "no_time_zone"),
    ],
)
def test_times_that_cannot_be_placed_are_refused(market: Market, time: str, zone: str | None, rule: str) -> None:
    market.events(at(time), timezone=zone)
    market.refused(f"events.occurred_at: {rule} in 1 row at events.csv:2")


@pytest.mark.fault(14)
def test_declared_zones_become_utc(market: Market) -> None:
    market.events(at("2026-03-29T03:00:00"), timezone="Europe/Berlin")
    assert str(market.load().tables["events"]["occurred_at"][0]) == "2026-03-29 01:00:00+00:00"


@pytest.mark.fault(15)
def test_days_and_months_are_never_guessed(market: Market) -> None:
    market.events(at("01/02/2026"), timezone="UTC")
    market.refused("not_a_timestamp", "date_format")
    market.events(timezone="UTC", dialect={"date_format": "%d/%m/%Y"})
    assert market.load().tables["events"]["occurred_at"][0] == pd.Timestamp("2026-02-01", tz="UTC")


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("1767603600000", "looks like epoch milliseconds"),
        ("1767603600", "looks like epoch seconds"),
        ("46027.375", "looks like spreadsheet serial days"),
        ("1970-01-21T10:00:03Z", "implausible_date"),
        ("1899-12-31T00:00:00Z", "implausible_date"),
        ("9999-12-31T00:00:00Z", "implausible_date"),
    ],
)
def test_numbers_and_placeholders_are_no_dates(market: Market, time: str, says: str) -> None:
    market.events(at(time), timezone="UTC")
    market.refused(says)


@pytest.mark.fault(16)
@pytest.mark.parametrize("values", [[1767603600000], [46027.375]])
def test_typed_numbers_are_no_dates(market: Market, values: list[float]) -> None:
    table = pa.table({"occurred_at": values, "event_type": ["web_visit"], "account_id": ["00123"]})
    pq.write_table(table, market.root / "events.parquet")
    market.sources["events"] = ParquetSource(path="events.parquet")
    market.refused("wrong_type", "looks like")


@pytest.mark.fault(18)
def test_doubling_events_with_ids_changes_nothing(market: Market) -> None:
    before = market.load().tables["events"]
    head, *rows = EVENTS.splitlines()
    later = [row.rpartition(",")[0] + ",2026-02-01T00:00:00Z" for row in rows]
    market.events("\n".join([head, *random.Random(3).sample([*rows, *later], 6)]) + "\n")
    loaded = market.load()
    assert loaded.reports["events"].duplicates == 3
    # An empty known_at is the earliest there is, so the originals stay.
    after = loaded.tables["events"].sort_values("event_id", ignore_index=True)
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.fault(20)
def test_future_events_are_counted(market: Market) -> None:
    loaded = market.load(as_of=dt.datetime(2026, 1, 6, 9, tzinfo=dt.UTC))
    assert (loaded.reports["events"].future, loaded.reports["events"].accepted) == (2, 3)


@pytest.mark.fault(22)
@pytest.mark.parametrize("name", ["accounts", "events"])
@pytest.mark.parametrize("rows", ["nothing", "header"])
def test_empty_input_is_refused(market: Market, name: str, rows: str) -> None:
    text = {"accounts": ACCOUNTS, "events": EVENTS}[name].splitlines()[0] + "\n"
    market.write(f"{name}.csv", text if rows == "header" else "")
    market.refused(f"{name}: empty")
    market.write("events.csv", EVENTS.splitlines()[0])
    assert len(market.load(ChecksSpec(allow_empty=True, max_orphan_share=1)).tables[name]) == 0


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda t: t.replace("e2,", "e2,,", 1), "events.csv line 3: row of 7 where the header has 6"),
        (lambda t: t.replace(",meeting", "", 1), "events.csv line 3: row of 5"),
        (lambda t: re.sub(r"(?m)^(e\d.*)$", r"\1,x", t), "events.csv line 2: row of 7"),
        (lambda t: t[: t.rindex("web")], "events.csv line 4: row of 3"),
        (lambda t: t.replace("e3,", 'e3,"', 1), "inside a quoted field"),
    ],
    ids=["long", "short", "all long", "cut", "open quote"],
)
def test_ragged_and_truncated_files_are_refused(market: Market, damage: Callable[[str], str], says: str) -> None:
    market.events(damage(EVENTS))
    market.refused(says)
    market.write("events.csv.gz", gzip.compress(EVENTS.encode())[:-8])
    market.sources["events"] = CsvSource(path="events.csv.gz")
    market.refused("truncated")


@pytest.mark.fault(25)
def test_marks_line_ends_and_embedded_newlines_are_accepted(market: Market) -> None:
    market.accounts(b"\xef\xbb\xbf" + ACCOUNTS.replace("Acme", '"Ac\nme, ""A"""').replace("\n", "\r\n").encode())
    frame = market.load().tables["accounts"]
    assert frame["account_id"].tolist() == ["00123", "00124"]
    assert frame["account_name"].tolist() == ['Ac\r\nme, "A"', "Bolt"]


@pytest.mark.fault(25)
def test_nul_and_huge_fields_are_refused(market: Market) -> None:
    market.accounts(ACCOUNTS.replace("Bolt", "Bo\0lt"))
    market.refused("accounts.csv line 3: holds a NUL")
    market.accounts(ACCOUNTS.replace("Bolt", "x" * 3_000_000))
    market.refused("accounts.csv", "field of more than 1,048,576 bytes")


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Ромашка", "cp1251"), ("Müller & Söhne", "cp1252"), ("Știință Țiței", "utf-16"), ("Łódź", "cp1250")],
)
def test_encodings_are_declared_or_refused(market: Market, name: str, encoding: str) -> None:
    market.accounts(ACCOUNTS.replace("Acme", name).encode(encoding))
    market.refused("declare dialect.encoding")
    market.accounts(dialect={"encoding": encoding})
    assert market.load().tables["accounts"]["account_name"][0] == name


GERMAN = (
    "Konto;Firma;Mitarbeiter;Umsatz;Kunde seit;Werte\n00123;Müller;1.200;12.500.000,50;29.03.2021;Mut; \n".replace(
        "Mut; ", '"Mut; Fleiß"'
    )
    + "00124;Bolt;85;1.234,00;;\n"
)
RUSSIAN = (
    "Счёт\tНазвание\tСотрудники\tВыручка\tКлиент с\tЦенности\n"
    "00123\tРомашка\t1\u00a0200\t12\u00a0500\u00a0000,50\t29.03.2021\tСмелость\n"
    "00124\tБолт\t85\t1\u202f234,00\t\t\n"
)
ROMANIAN = (
    "Cont,Nume,Angajați,Cifră,Client din,Valori\n"
    '00123,Știință,1.200,"12.500.000,50",29.03.2021,Curaj\n'
    '00124,Bolt,85,"1.234,00",,\n'
)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("text", "encoding", "delimiter", "thousands", "zone"),
    [
        (GERMAN, "cp1252", ";", ".", "Europe/Berlin"),
        (RUSSIAN, "utf-16", "\t", " ", "Europe/Moscow"),
        (ROMANIAN, "utf-8", ",", ".", "Europe/Bucharest"),
    ],
    ids=["German", "Russian", "Romanian"],
)
def test_local_exports_are_read_as_declared(
    market: Market, text: str, encoding: str, delimiter: str, thousands: str, zone: str
) -> None:
    ours = ["account_id", "account_name", "employee_count", "annual_revenue", "customer_since", "values"]
    columns = dict(zip(ours, text.splitlines()[0].split(delimiter), strict=True))
    dialect: dict[str, Any] = {"encoding": encoding, "delimiter": delimiter, "date_format": "%d.%m.%Y"}
    market.accounts(text.encode(encoding), columns=columns, timezone=zone, dialect=dialect)
    market.refused("employee_count", "annual_revenue")
    market.accounts(columns=columns, timezone=zone, dialect={**dialect, "decimal": ",", "thousands": thousands})
    frame = market.load().tables["accounts"]
    assert frame["account_id"].tolist() == ["00123", "00124"]
    assert frame["employee_count"].tolist() == [1200, 85]
    assert frame["annual_revenue"].tolist() == [12_500_000.5, 1234]
    assert frame["customer_since"][0] == pd.Timestamp("2021-03-29", tz=zone)
    assert frame["values"].notna().tolist() == [True, False]


@pytest.mark.fault(27)
def test_a_column_that_may_be_thousands_is_refused_unless_declared(market: Market) -> None:
    market.accounts(ACCOUNTS.replace("1200", "1.200"))
    market.refused("accounts.employee_count: ambiguous_number", "1.234 may be one or a thousand")
    market.accounts(dialect={"decimal": ",", "thousands": "."})
    assert market.load().tables["accounts"]["employee_count"].tolist() == [1200, 85]
    market.accounts(dialect={"decimal": "."})
    assert market.load().tables["accounts"]["employee_count"].tolist() == [1.2, 85]


@pytest.mark.fault(28)
def test_ids_are_text_and_mangled_ones_are_refused(market: Market) -> None:
    market.accounts(ACCOUNTS.replace("00124", "1E5"))
    market.events(EVENTS.replace("00124", "1E5"))
    assert market.load().tables["events"]["account_id"].tolist() == ["00123", "1E5", "00123"]
    market.accounts(ACCOUNTS.replace("00124", "1E+05"))
    market.refused("mangled_id", "'1E+05'")


@pytest.mark.fault(28)
def test_a_spreadsheet_that_dropped_zeros_fails_the_join(market: Market) -> None:
    book = openpyxl.Workbook()
    for row in (["account_id", "employee_count"], [123, 1200], [124, 85]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(market.root / "accounts.xlsx")
    market.sources["accounts"] = ExcelSource(path="accounts.xlsx")
    market.refused("events.account_id: orphans", "'00123' here is '123' in accounts (leading zeros")
    book.active["A3"] = 1.5  # type: ignore[index]
    book.save(market.root / "accounts.xlsx")
    market.refused("mangled_id", "accounts.xlsx:3")


@pytest.mark.fault(29)
@pytest.mark.parametrize("kind", ["csv", "parquet", "sql"])
def test_na_none_and_null_stay_text(market: Market, kind: str) -> None:
    words = ["NA", "None", "NULL", "nan", "N/A"]
    table = pa.table({"account_id": words, "country": words})
    pq.write_table(table, market.root / "a.parquet")
    market.write("a.csv", "account_id,country\n" + "".join(f"{w},{w}\n" for w in words))
    market.sources = {
        "accounts": {
            "csv": CsvSource(path="a.csv"),
            "parquet": ParquetSource(path="a.parquet"),
            "sql": SqlSource(query="SELECT * FROM a", files={"a": "a.csv"}),
        }[kind]
    }
    frame = market.load().tables["accounts"]
    assert frame["account_id"].tolist() == words
    assert frame["country"].tolist() == words


@pytest.mark.fault(30)
def test_duplicate_headers_are_refused(market: Market) -> None:
    market.accounts(ACCOUNTS.replace("account_name", "country"))
    market.refused("accounts.csv: header holds 'country' more than once")


@pytest.mark.fault(31)
def test_a_decompression_bomb_stops_at_the_cap(market: Market) -> None:
    bomb = gzip.compress(b"account_id,sector\n" + b"a,b\n" * 20_000_000)
    assert len(bomb) < 100_000
    market.write("bomb.csv.gz", bomb)
    market.sources["accounts"] = CsvSource(path="bomb.csv.gz", max_bytes=5_000_000)
    market.refused("bomb.csv.gz: unpacks to more than 5,000,000 bytes")


@pytest.mark.fault(32)
@pytest.mark.parametrize("column", ["account_id", "occurred_at", "event_type"])
def test_each_missing_or_renamed_column_is_named(market: Market, column: str) -> None:
    market.events(EVENTS.replace(column, f"{column}_v2"))
    if column == "account_id":
        market.refused("no_account")
    market.events(columns={column: column})
    market.refused(f"events.{column}: missing_column", f'did you mean "{column}_v2"')


@pytest.mark.fault(32)
@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_table_in_which_no_column_is_known_is_not_called_empty(market: Market, kind: str) -> None:
    market.accounts(ACCOUNTS.replace(",", ";"))
    if kind == "excel":
        book = openpyxl.Workbook()
        for line in ACCOUNTS.splitlines():
            book.active.append([line])  # type: ignore[union-attr]
        book.save(market.root / "accounts.xlsx")
        market.sources["accounts"] = ExcelSource(path="accounts.xlsx")
    market.refused("accounts.account_id: missing_column in 2 rows", "is dialect.delimiter right?")


@pytest.mark.fault(32)
@pytest.mark.parametrize("column", ["occurred_at", "minutes", "event_type", "known_at"])
def test_each_retyped_column_is_refused(market: Market, column: str) -> None:
    frame = market.load().tables["events"]
    frame[column] = pd.Series([{"a": 1}] * len(frame)) if column == "event_type" else True
    pq.write_table(pa.Table.from_pandas(frame), market.root / "events.parquet")
    market.sources["events"] = ParquetSource(path="events.parquet")
    market.refused(f"events.{column}: wrong_type")


@pytest.mark.fault(32)
def test_everything_that_is_wrong_is_listed_at_once(market: Market) -> None:
    market.accounts(ACCOUNTS.replace("account_id", "id").replace("85", "many"))
    market.events(EVENTS.replace("event_type", "type").replace("60", "-60"))
    error = market.refused("accounts, events: input data break 4 rules")
    assert isinstance(error, RulesBroken)
    assert {(v.table, v.column, v.rule, v.count) for v in error.violations} == {
        ("accounts", "account_id", "missing_column", 2),
        ("accounts", "employee_count", "not_a_number", 1),
        ("events", "event_type", "missing_column", 3),
        ("events", "minutes", "out_of_range", 1),
    }


@pytest.mark.fault(35)
@pytest.mark.parametrize("word", ["inf", "-Infinity", "nan", "1e999"])
def test_infinite_numbers_are_refused(market: Market, word: str) -> None:
    market.accounts(ACCOUNTS.replace("1200", word))
    market.refused("accounts.employee_count: not_finite in 1 row at accounts.csv:2")


@pytest.mark.fault(35)
def test_infinite_floats_are_refused_and_nan_is_nothing(market: Market) -> None:
    for value, sound in ((float("inf"), False), (float("nan"), True)):
        table = pa.table({"account_id": ["00123", "00124"], "employee_count": [value, 85.0]})
        pq.write_table(table, market.root / "accounts.parquet")
        market.sources["accounts"] = ParquetSource(path="accounts.parquet")
        if sound:
            assert market.load().tables["accounts"]["employee_count"].isna().tolist() == [True, False]
        else:
            market.refused("not_finite")


@pytest.mark.fault(36)
def test_duplicate_accounts_are_refused_and_named(market: Market) -> None:
    market.accounts(ACCOUNTS + "00124,Bolt again,AT,90\n", on_violation="reject", max_reject_share=0.9)
    error = market.refused("duplicate_key", "'00124'")
    assert "00123" not in str(error)


@pytest.mark.fault(37)
def test_orphans_are_reported_and_refused_above_the_limit(market: Market) -> None:
    market.accounts(ACCOUNTS.splitlines()[0] + "\n00123,Acme,NA,1200\n")
    loaded = market.load(ChecksSpec(max_orphan_share=0.34))
    assert (loaded.reports["events"].orphans, round(loaded.reports["events"].orphan_share, 2)) == (1, 0.33)
    assert loaded.tables["events"]["account_id"].tolist() == ["00123", "00123"]
    market.refused("events.account_id: orphans in 1 row, e.g. '00124' - 33% of its rows have no account")


@pytest.mark.fault(37)
def test_integer_keys_against_text_keys_are_named(market: Market) -> None:
    table = pa.table({"account_id": pa.array([123, 124]), "employee_count": [1, 2]})
    pq.write_table(table, market.root / "accounts.parquet")
    market.sources["accounts"] = ParquetSource(path="accounts.parquet")
    market.refused("'00123' here is '123' in accounts (leading zeros, .0, case or spaces)")


@pytest.mark.fault(52)
def test_paths_do_not_leave_the_data_root(market: Market) -> None:
    (market.root / "inner").mkdir()
    market.root = market.root / "inner"
    market.sources["accounts"] = CsvSource(path="../accounts.csv")
    market.refused("leaves the project folder", exit_code=78)
    (market.root / "link.csv").symlink_to(market.root.parent / "accounts.csv")
    market.sources["accounts"] = SqlSource(query="SELECT * FROM a", files={"a": "link.csv"})
    market.refused("leaves the project folder", exit_code=78)
