from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.file_sources import CsvSource, ExcelSource, ParquetSource
from abm_scoring.data.schema import ACCOUNTS, EVENTS
from abm_scoring.data.sources import Source, SqlSource
from abm_scoring.data.table_source import TableSource
from abm_scoring.errors import BadDataError, BusyError, ConfigError

source: TypeAdapter[TableSource] = TypeAdapter(Source)
MAPPED: dict[str, Any] = {"columns": {"account_id": "Id", "employee_count": "MA"}, "extra_columns": ["Lead Score"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [["Id", "MA", "Lead Score", "secret"], ["00123", "12", "5", "x"], ["B", "900", "7", "y"]]
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    pq.write_table(pa.table({c: [r[i] for r in rows[1:]] for i, c in enumerate(rows[0])}), tmp_path / "a.parquet")
    book = openpyxl.Workbook()
    book.active.append(["exported today"])  # type: ignore[union-attr]
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "a.xlsx")
    return tmp_path


EVERY_KIND = [
    CsvSource(path="a.csv", **MAPPED),
    ParquetSource(path="a.parquet", **MAPPED),
    ExcelSource(path="a.xlsx", header_row=2, **MAPPED),
    SqlSource(query="SELECT * FROM a", files={"a": "a.csv"}, **MAPPED),
]


@pytest.mark.parametrize("spec", EVERY_KIND, ids=lambda s: s.kind)
def test_every_kind_hands_over_the_same_table(root: Path, spec: TableSource) -> None:
    raw = spec.read(ACCOUNTS, root)
    assert raw.data.to_pydict() == {
        "account_id": ["00123", "B"],
        "employee_count": ["12", "900"],
        "lead_score": ["5", "7"],
    }
    assert raw.offered == ("Id", "MA", "Lead Score", "secret")
    assert len(raw.sha256) == 64
    first = {"csv": 2, "excel": 3}.get(spec.kind, 1)  # type: ignore[attr-defined]
    assert raw.locate(pa.array([0, 1]).to_numpy())[1] == [first, first + 1]


@pytest.mark.parametrize("spec", EVERY_KIND, ids=lambda s: s.kind)
def test_specs_survive_json(spec: TableSource) -> None:
    assert source.validate_json(spec.model_dump_json()) == spec


def test_the_kind_chooses_and_unknown_keys_are_refused() -> None:
    assert isinstance(source.validate_python({"kind": "csv", "path": "a.csv"}), CsvSource)
    for wrong in (
        {"kind": "cvs", "path": "a"},
        {"path": "a"},
        {"kind": "csv", "path": "a", "sheet": "x"},
        {"kind": "csv"},
    ):
        with pytest.raises(ValidationError):
            source.validate_python(wrong)


def test_time_zones_must_exist() -> None:
    with pytest.raises(ValidationError, match='did you mean "Europe/Berlin"'):
        CsvSource(path="a", timezone="Europe/Berlín")


def test_many_files_are_one_table_and_rows_keep_their_place(root: Path) -> None:
    (root / "p").mkdir()
    for name, body in (("1", "account_id\nA\nB\n"), ("2", "account_id\n"), ("3", "account_id\nC\n")):
        (root / f"p/{name}.csv").write_text(body)
    raw = CsvSource(path="p/*.csv").read(ACCOUNTS, root)
    assert raw.data["account_id"].to_pylist() == ["A", "B", "C"]
    assert raw.locate(pa.array([1, 2]).to_numpy()) == (["1.csv", "3.csv"], [3, 2])
    (root / "p/3.csv").write_text("account_id,sector\nC,x\n")
    with pytest.raises(BadDataError, match=r"3\.csv: has other columns than 1\.csv: 'sector'"):
        CsvSource(path="p/*.csv").read(ACCOUNTS, root)


def test_parquet_files_of_different_types_are_refused(root: Path) -> None:
    pq.write_table(pa.table({"account_id": ["A"]}), root / "x1.parquet")
    pq.write_table(pa.table({"account_id": [1]}), root / "x2.parquet")
    with pytest.raises(BadDataError, match="different types"):
        ParquetSource(path="x?.parquet").read(ACCOUNTS, root)


def test_the_fingerprint_changes_with_any_input(root: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), root / "b.parquet")
    spec = SqlSource(query="SELECT * FROM a, b", files={"a": "a.csv", "b": "b.parquet"}, **MAPPED)
    before = spec.read(ACCOUNTS, root).sha256
    assert spec.read(ACCOUNTS, root).sha256 == before
    pq.write_table(pa.table({"x": [2]}), root / "b.parquet")
    assert spec.read(ACCOUNTS, root).sha256 != before


def test_a_file_that_is_being_written_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_read(file: Path, *rest: Any) -> Any:
        done = read_csv(file, *rest)
        with file.open("a") as other:
            other.write("C,1,1,z\n")
        return done

    monkeypatch.setattr("abm_scoring.data.file_sources.read_csv", slow_read)
    with pytest.raises(BusyError, match=r"a\.csv: was written to"):
        EVERY_KIND[0].read(ACCOUNTS, root)


def test_value_maps_must_name_a_column(root: Path) -> None:
    with pytest.raises(ConfigError, match='did you mean "event_type"'):
        CsvSource(path="a.csv", values={"event_typ": {"a": "b"}}).read(EVENTS, root)
