"""Rows cut into files by the partition of their account."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data.families import families, partition_of
from abm_scoring.features.partition_files import Division, PartitionFiles


@pytest.mark.parametrize("n", [1, 3, 200])
def test_every_row_lies_in_the_file_of_its_account_in_its_order(n: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(n)
    accounts = pd.DataFrame({"account_id": [f"a{i}" for i in range(50)]}).astype("str")
    files = PartitionFiles(tmp_path, Division(accounts, n))
    pieces = [
        pd.DataFrame({"account_id": draw.choice([*accounts["account_id"], "unknown"], 400), "row": np.arange(400) + at})
        for at in (0, 400)
    ]
    for piece in pieces:
        files.write(pa.Table.from_pandas(piece.astype({"account_id": "str"}), preserve_index=False))
    files.close()
    rows = pd.concat(pieces, ignore_index=True)
    ids = families(accounts)
    place = dict(zip(ids.index, partition_of(ids, n), strict=True))
    for p in range(n):
        own = rows[[place.get(i, -1) == p for i in rows["account_id"]]]
        found = pq.read_table(files.paths[p])
        assert found["row"].to_pylist() == own["row"].tolist()
        assert found["account_id"].to_pylist() == own["account_id"].tolist()
        assert pq.ParquetFile(files.paths[p]).num_row_groups <= 1  # small pieces are written together


def test_rows_are_written_when_they_are_many(tmp_path: Path) -> None:
    files = PartitionFiles(tmp_path, Division(pd.DataFrame({"account_id": ["a"]}).astype("str"), 1))
    for at in range(3):
        files.write(pa.table({"account_id": ["a"] * 200_000, "row": np.arange(200_000) + at * 200_000}))
    files.close()
    assert pq.ParquetFile(files.paths[0]).num_row_groups == 3
    assert (pq.read_table(files.paths[0])["row"].to_numpy() == np.arange(600_000)).all()


def test_texts_that_are_dictionaries_of_their_own_lie_together(tmp_path: Path) -> None:
    files = PartitionFiles(tmp_path, Division(pd.DataFrame({"account_id": ["a", "b"]}).astype("str"), 2))
    for word in ("x", "y"):
        kinds = pa.array([word, None]).dictionary_encode()
        files.write(pa.table({"account_id": ["a", "b"], "kind": kinds}))
    files.close()
    found = sorted(v for path in files.paths for v in pq.read_table(path)["kind"].to_pylist() if v is not None)
    assert found == ["x", "y"]


def test_a_dictionary_is_kept_where_texts_repeat_themselves(tmp_path: Path) -> None:
    files = PartitionFiles(tmp_path, Division(pd.DataFrame({"account_id": ["a", "b"]}).astype("str"), 1))
    ids = [f"event {i}" for i in range(2000)]
    files.write(pa.table({"account_id": ["a", "b"] * 1000, "event_id": ids, "minutes": [1.0] * 2000}))
    files.close()
    group = pq.ParquetFile(files.paths[0]).metadata.row_group(0)
    dictionaries = {group.column(i).path_in_schema: group.column(i).has_dictionary_page for i in range(3)}
    assert dictionaries == {"account_id": True, "event_id": False, "minutes": False}
