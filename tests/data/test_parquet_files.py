from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data.parquet_files import parquet_pieces, read_parquet
from abm_scoring.errors import BadDataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    table = pa.table({"id": ["00123", "b"] * 5000, "n": list(range(10_000)), "a.b": [1.5] * 10_000})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd")
    return tmp_path / "t.parquet"


def test_chosen_columns_keep_their_types(file: Path) -> None:
    names, table = read_parquet(file, 10**7, lambda names: ["a.b", "id"])
    assert names == ["id", "n", "a.b"]
    assert table.schema.types == [pa.float64(), pa.string()]
    assert table["id"][0].as_py() == "00123"


def test_damage_is_seen(file: Path) -> None:
    whole = file.read_bytes()
    for damaged in (
        whole[:-20],
        whole[: len(whole) // 2],
        b"",
        b"id,n\n1,2\n",
        whole[:100] + b"\0" * 200 + whole[300:],
    ):
        file.write_bytes(damaged)
        with pytest.raises(BadDataError, match=r"intact|damaged"):
            read_parquet(file, 10**7, lambda names: names)


def test_duplicate_names_and_size_are_refused(tmp_path: Path, file: Path) -> None:
    double = tmp_path / "d.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), double)
    with pytest.raises(BadDataError, match="'a' more than once"):
        read_parquet(double, 10**7, lambda names: names)
    with pytest.raises(BadDataError, match="max_bytes"):
        read_parquet(file, 1000, lambda names: names)


@pytest.mark.parametrize("rows", [1, 7, 100, 5000])
def test_pieces_are_the_file_with_its_dictionaries(rows: int, tmp_path: Path) -> None:
    n = 500
    whole = pa.table(
        {
            "nested": [{"a": i, "b": "x"} for i in range(n)],
            "kind": [("web", "mail", None)[i % 3] for i in range(n)],
            "id": [f"a long and unique text {i}" for i in range(n)],
            "day": pa.array(range(n), pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(whole, tmp_path / "t.parquet", row_group_size=130)
    pieces = [piece for _, piece in parquet_pieces(tmp_path / "t.parquet", 10**7, lambda names: names, rows)]
    assert [len(piece) for piece in pieces] == [min(rows, n - at) for at in range(0, n, rows)], "row groups do not show"
    assert all(pa.types.is_dictionary(p["kind"].type) and not pa.types.is_dictionary(p["id"].type) for p in pieces)
    for name in whole.column_names:
        assert [value for piece in pieces for value in piece[name].to_pylist()] == whole[name].to_pylist()
