"""Parquet read by column, in its own types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.files import file_errors
from abm_scoring.errors import BadDataError

#: A file keeps a text column as a dictionary where its values take fewer bytes than this each.
_DICTIONARY_BYTES = 8


def read_parquet(
    file: Path, max_bytes: int, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[list[str], pa.Table]:
    """Read chosen columns of a Parquet file.

    Args:
        file: A Parquet file.
        max_bytes: Most bytes its row groups may unpack to, by its own account.
        choose: Given the column names, those to read.

    Returns:
        All column names, and a table of the chosen ones.

    Raises:
        BadDataError: Not a Parquet file, truncated, too large, or with duplicate column names.
    """
    with _intact(file):
        parquet = pq.ParquetFile(file)
        names = list(parquet.schema_arrow.names)
        _check(names, parquet.metadata, file.name, max_bytes)
        return names, parquet.read(columns=list(choose(names)))


def parquet_pieces(
    file: Path, max_bytes: int, choose: Callable[[Sequence[str]], Sequence[str]], rows: int
) -> Iterator[tuple[list[str], pa.Table]]:
    """The same, so many rows at a time; text that the file keeps as dictionaries stays so.

    A file without rows gives one empty piece. `max_bytes` bounds a row group here, because no more than one is
    unpacked at a time.
    """
    with _intact(file):
        # What is buffered ahead is let go of at the end of the file only.
        parquet = pq.ParquetFile(file, pre_buffer=False)
        names = list(parquet.schema_arrow.names)
        groups = range(parquet.metadata.num_row_groups)
        _check(names, parquet.metadata, file.name, max_bytes, max if groups else sum)
        wanted = list(choose(names))
        if not parquet.metadata.num_rows:
            yield names, parquet.read(columns=wanted)
        kept = [name for name in dictionary_columns(parquet) if name in wanted]
        parquet = pq.ParquetFile(file, metadata=parquet.metadata, read_dictionary=kept, pre_buffer=False)
        for piece in _pieces(parquet.iter_batches(rows, columns=wanted), rows):
            yield names, piece


def _pieces(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches as tables of so many rows: where text stays in dictionaries, a batch ends with its row group."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= rows:
            yield pa.Table.from_batches(held).combine_chunks()
            held = []
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def dictionary_columns(file: pq.ParquetFile) -> list[str]:
    """Text columns that a file keeps as dictionaries."""
    groups = [file.metadata.row_group(g) for g in range(file.metadata.num_row_groups)]
    most = _DICTIONARY_BYTES * max(file.metadata.num_rows, 1)
    kept = []
    for place in range(file.metadata.num_columns):  # of a nested column, every field is one
        name = file.metadata.schema.column(place).path
        field = file.schema_arrow.field(name) if name in file.schema_arrow.names else None
        if field is None or not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            continue
        if sum(g.column(place).total_uncompressed_size for g in groups) < most:
            kept.append(name)
    return kept


def parquet_size(file: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> tuple[int, int]:
    """Rows of a file, and bytes that chosen columns unpack to by its own account."""
    with _intact(file):
        metadata = pq.read_metadata(file)
        names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
        wanted = {i for i, name in enumerate(names) if name.split(".")[0] in set(choose(names))}
        groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        return metadata.num_rows, sum(g.column(i).total_uncompressed_size for g in groups for i in wanted)


@contextmanager
def _intact(file: Path) -> Iterator[None]:
    try:
        with file_errors(file):
            yield
    except pa.ArrowInvalid as error:
        raise BadDataError("is no intact Parquet file", where=file.name, fix="export it again") from error


def _check(
    names: list[str],
    metadata: pq.FileMetaData,
    file: str,
    max_bytes: int,
    held: Callable[[Iterable[int]], int] = sum,
) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        listed = ", ".join(map(repr, twice))
        raise BadDataError(f"schema holds {listed} more than once", where=file, fix="rename one of the columns")
    size = held(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if size > max_bytes:
        what = f"unpacks to more than {max_bytes:,} bytes"
        raise BadDataError(what, where=file, fix="raise max_bytes if the file is meant to be so large")
