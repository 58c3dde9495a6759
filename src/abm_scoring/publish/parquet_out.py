"""Parquet for what is frozen for good: the same bytes for the same values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

_ROW_GROUP = 32 * 1024


def write_parquet(frames: pd.DataFrame | Iterable[pd.DataFrame], path: Path) -> None:
    """Write rows as Parquet, so that equal values give equal bytes under one version of pyarrow.

    The bytes depend on names, values and kinds of columns only: not on the index, on how pandas stores text or
    categories, or on pandas' own metadata, which names library versions. Timestamps are microseconds in UTC.

    Args:
        frames: Rows of text, category of text, integer, float, boolean and timestamp columns; names are unique. Pieces
            of one frame, of as many rows each as a row group (32 768) but for the last, give the bytes of the whole.
        path: File to create; it must not exist.

    Raises:
        ValueError: A column has a type that is not one of these, or timestamps without a time zone.
    """
    from pyarrow import parquet

    pieces = iter((frames,) if isinstance(frames, pd.DataFrame) else frames)
    first = pa.Table.from_pandas(next(pieces), preserve_index=False)
    schema = pa.schema([pa.field(f.name, _plain(f)) for f in first.schema])
    with (
        path.open("xb") as file,
        parquet.ParquetWriter(file, schema, version="2.6", compression="zstd", compression_level=3) as writer,
    ):
        writer.write_table(first.cast(schema), _ROW_GROUP)
        del first
        for piece in pieces:
            writer.write_table(pa.Table.from_pandas(piece, preserve_index=False).cast(schema), _ROW_GROUP)


def _plain(column: pa.Field) -> pa.DataType:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return kind
    raise ValueError(f"column {column.name} has type {kind}, which frozen files do not hold")
