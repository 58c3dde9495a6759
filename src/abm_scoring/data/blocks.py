"""Rows of many pieces in another order, a block at a time: an exact sort by place whose memory does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

#: Rows of a block where nobody says how many: what is made of them in turn fits in memory many times.
BLOCK_ROWS = 32 * 1024
#: Files that are open together; blocks grow where more were needed.
_MOST_FILES = 500
_PLACE = "place\0"


def in_order(
    pieces: Iterable[tuple[pa.Table, np.ndarray]], schema: pa.Schema, n: int, folder: Path, size: int = BLOCK_ROWS
) -> Iterator[pa.Table]:
    """The rows of all pieces in the order of their places.

    Each row is written once, to the file of its block, and each block is read and sorted by itself.

    Args:
        pieces: Tables, and int64 places of their rows: 0 to n − 1, each once; rows at -1 are left out.
        schema: Of every piece.
        n: Rows in all.
        folder: For temporary files, one a block; none is made where all rows fit in one.
        size: Rows of a block.

    Returns:
        Tables of `size` rows, the last of what is left; one without rows where n is 0.
    """
    if n <= size:
        yield _sorted([_placed(table, place) for table, place in pieces], schema)
        return
    size = max(size, -(-n // _MOST_FILES))
    files = [folder / f"block{b}.arrow" for b in range(-(-n // size))]
    _scatter(pieces, schema, size, files)
    for file in files:
        with pa.OSFile(str(file)) as source:
            block = pa.ipc.open_stream(source).read_all()
        file.unlink()
        yield _sorted([block], schema)


def _scatter(pieces: Iterable[tuple[pa.Table, np.ndarray]], schema: pa.Schema, size: int, files: list[Path]) -> None:
    """Writes every row to the file of its block."""
    marked = schema.append(pa.field(_PLACE, pa.int64()))
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with ExitStack() as stack:
        sinks = [stack.enter_context(pa.OSFile(str(file), "wb")) for file in files]
        writers = [stack.enter_context(pa.ipc.new_stream(sink, marked, options=options)) for sink in sinks]
        for table, place in pieces:
            rows = _placed(table, place)
            at = rows[_PLACE].to_numpy()
            order = np.argsort(at, kind="stable")
            rows, bounds = rows.take(pa.array(order)), np.searchsorted(at[order], np.arange(len(files) + 1) * size)
            for b in np.flatnonzero(np.diff(bounds)):
                writers[b].write_table(rows.slice(bounds[b], bounds[b + 1] - bounds[b]))


def _placed(table: pa.Table, place: np.ndarray) -> pa.Table:
    """The rows that have a place, with it."""
    marked = table.append_column(_PLACE, pa.array(place, pa.int64()))
    return marked if (place >= 0).all() else marked.filter(pa.array(place >= 0))


def _sorted(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    if not tables:
        return schema.empty_table()
    whole = pa.concat_tables(tables)
    order = np.argsort(whole[_PLACE].to_numpy(), kind="stable")
    return whole.drop_columns([_PLACE]).take(pa.array(order)).combine_chunks()
