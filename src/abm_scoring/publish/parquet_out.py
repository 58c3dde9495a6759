"""Parquet for what is frozen for good: the same bytes for the same values."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

_ROW_GROUP = 128 * 1024


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, so that equal values give equal bytes under one version of pyarrow.

    The bytes depend on names, values and kinds of columns only: not on the index, on how pandas stores text or
    categories, or on pandas' own metadata, which names library versions. Timestamps are microseconds in UTC.

    Args:
        frame: n rows of text, category of text, integer, float, boolean and timestamp columns; names are unique.
        path: File to create; it must not exist.

    Raises:
        ValueError: A column has a type that is not one of these, or timestamps without a time zone.
    """
    from pyarrow import parquet

    raw = pa.Table.from_pandas(frame, preserve_index=False)
    schema = pa.schema([pa.field(f.name, _plain(f)) for f in raw.schema])
    table = raw.cast(schema)
    with path.open("xb") as file:
        parquet.write_table(
            table, file, version="2.6", compression="zstd", compression_level=3, row_group_size=_ROW_GROUP
        )


def _plain(column: pa.Field) -> pa.DataType:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return kind
    raise ValueError(f"column {column.name} has type {kind}, which frozen files do not hold")
