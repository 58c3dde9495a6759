"""An exact sort by place through files: whatever the pieces and blocks, the rows come out in the order asked for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.blocks import in_order

SCHEMA = pa.schema([("id", pa.string()), ("x", pa.float64())])


def pieces(cuts: list[int], place: np.ndarray) -> list[tuple[pa.Table, np.ndarray]]:
    bounds = [0, *sorted(c for c in cuts if c < len(place)), len(place)]
    ids = [f"row {i}" if i % 5 else None for i in range(len(place))]
    whole = pa.table({"id": ids, "x": np.arange(len(place)) / 7}, schema=SCHEMA)
    return [(whole.slice(a, b - a), place[a:b]) for a, b in pairwise(bounds)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.booleans(), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
    st.integers(1, 70),
    st.randoms(use_true_random=False),
)
def test_rows_come_by_their_places_in_blocks_of_the_size(kept: list[bool], cuts: list[int], size: int, rng) -> None:  # type: ignore[no-untyped-def]
    rows = [i for i, keep in enumerate(kept) if keep]
    rng.shuffle(rows)
    place = np.full(len(kept), -1)
    place[rows] = np.arange(len(rows))
    with TemporaryDirectory() as folder:
        found = list(in_order(pieces(cuts, place), SCHEMA, len(rows), Path(folder), size))
        assert not list(Path(folder).iterdir())
    assert [len(block) for block in found[:-1]] == [size] * (len(found) - 1) and len(found[-1]) <= size
    assert all(block.schema == SCHEMA for block in found)
    whole = pa.concat_tables(found)
    assert whole["x"].to_pylist() == [i / 7 for i in rows]
    assert whole["id"].to_pylist() == [f"row {i}" if i % 5 else None for i in rows]


def test_no_rows_are_one_block_without_rows(tmp_path: Path) -> None:
    found = list(in_order([], SCHEMA, 0, tmp_path))
    assert [block.num_rows for block in found] == [0] and found[0].schema == SCHEMA


def test_blocks_grow_where_there_were_too_many_files(tmp_path: Path) -> None:
    place = np.arange(2_000)[::-1].copy()
    found = list(in_order(pieces([700], place), SCHEMA, 2_000, tmp_path, size=1))
    assert len(found) == 500 and pa.concat_tables(found)["x"].to_numpy()[0] == 1_999 / 7
