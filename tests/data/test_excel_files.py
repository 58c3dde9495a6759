from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest

from abm_scoring.data.cells import column_of
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.excel_files import read_excel
from abm_scoring.errors import BadDataError, ConfigError

HEADER = ["id", "n"]


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)
    return path


def read(path: Path, sheet: str | None = None, header_row: int = 1, limit: int = 10**7) -> dict[str, list[object]]:
    header, table = read_excel(path, sheet, header_row, Dialect(), limit, lambda names: names)
    assert list(header) == table.column_names
    return table.to_pydict()


def test_cells_keep_their_type(tmp_path: Path) -> None:
    day, time = dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4)
    rows = [
        ["t", "i", "f", "b", "d", "dt"],
        ["00123", 7, 1.5, True, day, time],
        [None, None, None, None, None, None],
        ["x", 8],
    ]
    columns = read(workbook(tmp_path / "a.xlsx", one=rows))
    assert columns["t"] == ["00123", None, "x"]
    assert columns["i"] == [7, None, 8]
    assert (columns["f"], columns["b"]) == ([1.5, None, None], [True, None, None])
    assert (columns["d"], columns["dt"]) == ([day, None, None], [time, None, None])


def test_sheets_are_chosen_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", one=[HEADER, ["a", 1]], two=[["note"], HEADER, ["b", 2]])
    assert read(path, "two", header_row=2) == {"id": ["b"], "n": [2]}
    with pytest.raises(ConfigError, match=r"several sheets.*one, two"):
        read(path)
    with pytest.raises(ConfigError, match="no sheet 'three'"):
        read(path, "three")


def test_rows_below_the_table_are_ignored_when_empty(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "a.xlsx", one=[HEADER, ["a", 1], [None, None], []]))["id"] == ["a"]
    assert read(workbook(tmp_path / "b.xlsx", one=[HEADER])) == {"id": [], "n": []}
    assert read(workbook(tmp_path / "c.xlsx", one=[])) == {}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["id", "n", "id"], ["a", 1, "b"]], "'id' more than once"),
        ([["id", None], ["a", 5]], "column 2 has values but no header"),
    ],
)
def test_headers_must_name_every_column_once(tmp_path: Path, rows: list[list[object]], says: str) -> None:
    with pytest.raises(BadDataError, match=says):
        read(workbook(tmp_path / "a.xlsx", one=rows))


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"\xd0\xcf\x11\xe0 an old or encrypted workbook")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("a.xlsx", "b.xlsx"):
        with pytest.raises(BadDataError, match=r"no .*(workbook|Excel)"):
            read(tmp_path / name)


def test_the_size_cap_counts_unpacked_bytes(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", one=[HEADER, *([["same", 1]] * 5000)])
    assert path.stat().st_size < 100_000
    with pytest.raises(BadDataError, match="max_bytes"):
        read(path, limit=100_000)


@pytest.mark.parametrize(
    ("cells", "dialect", "texts"),
    [
        ([1, "x", 2.5, 3.0, None], Dialect(), ["1", "x", "2.5", "3", None]),
        ([2.5, "1,5"], Dialect(decimal=","), ["2,5", "1,5"]),
        ([dt.datetime(2026, 1, 2), "03.01.2026"], Dialect(date_format="%d.%m.%Y"), ["02.01.2026", "03.01.2026"]),
        ([dt.datetime(2026, 1, 2, 3), dt.date(2026, 1, 2), "x"], Dialect(), ["2026-01-02T03:00:00", "2026-01-02", "x"]),
        ([True, "ja"], Dialect(true_words=["ja"], false_words=["nein"]), ["ja", "ja"]),
        ([2**70, 1], Dialect(), [str(2**70), "1"]),
        ([], Dialect(), []),
    ],
)
def test_mixed_cells_become_text_of_the_dialect(cells: list[object], dialect: Dialect, texts: list[str]) -> None:
    assert [None if v is None else str(v) for v in column_of(cells, dialect).to_pylist()] == texts


def test_binary_cells_are_refused() -> None:
    with pytest.raises(BadDataError, match="binary"):
        column_of([b"x", "y"], Dialect())
