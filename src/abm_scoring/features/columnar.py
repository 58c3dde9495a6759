"""Parquet files as Arrow columns: only what is needed, and no value decoded twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.parquet_files import dictionary_columns
from abm_scoring.errors import BadDataError, MissingInputError

#: What an event costs while its account is worked on, beside its text: codes, order, sorted columns, in bytes.
_EVENT_BYTES = 160


def partitions_for(rows: int, text_bytes: int, other_bytes: float, memory_mb: int) -> int:
    """How many partitions keep one of them within a budget, with a quarter in reserve for uneven ones.

    Args:
        rows, text_bytes: Events, and the bytes of their columns.
        other_bytes: What else is divided with them.
        memory_mb: What a partition may take.
    """
    needed = rows * _EVENT_BYTES + 2 * text_bytes + other_bytes
    return max(1, int(np.ceil(needed / (0.75 * memory_mb * 2**20))))


def read_columns(path: Path, table: str) -> pa.Table:
    """A Parquet file in Arrow; text that the file keeps as dictionaries stays so, which is faster and smaller."""
    return pq.read_table(path, read_dictionary=dictionary_columns(open_parquet(path, table)), memory_map=True)


def open_parquet(path: Path, table: str) -> pq.ParquetFile:
    """A Parquet file, its content unread.

    Raises:
        MissingInputError: There is none (66).
        BadDataError: It is damaged (65).
    """
    try:
        # What is buffered ahead is let go of at the end of the file only.
        return pq.ParquetFile(path, pre_buffer=False)
    except FileNotFoundError:
        raise MissingInputError("there is no such file", where=str(path), fix=f"correct the path of {table}") from None
    except pa.ArrowInvalid as error:
        raise BadDataError("is no intact Parquet file", where=str(path), fix="export it again") from error


class ParquetColumns:
    """The columns of a Parquet file, each read when it is asked for and held by nobody but the asker.

    So that what stays in memory of a table of events are numbers, and no more than one column of its text at a time.
    """

    def __init__(self, path: Path, table: str) -> None:
        file = open_parquet(path, table)
        self._path, self._dictionaries = path, set(dictionary_columns(file))
        self.column_names: list[str] = list(file.schema_arrow.names)
        self.num_rows: int = file.metadata.num_rows
        self.schema: pa.Schema = file.schema_arrow
        #: Bytes of all columns, unpacked.
        self.nbytes = sum(file.metadata.row_group(g).total_byte_size for g in range(file.metadata.num_row_groups))

    def __iter__(self) -> Iterator[str]:
        return iter(self.column_names)

    def __contains__(self, name: object) -> bool:
        return name in self.column_names

    def to_batches(self, max_chunksize: int) -> Iterator[pa.RecordBatch]:
        """All columns, so many rows at a time."""
        return open_parquet(self._path, "events").iter_batches(max_chunksize)

    def is_dictionary(self, name: str) -> bool:
        """Whether the file keeps a column as a dictionary."""
        return name in self._dictionaries

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """One column; text that the file keeps as a dictionary stays one."""
        kept = [name] if name in self._dictionaries else []
        return pq.read_table(self._path, columns=[name], read_dictionary=kept, memory_map=True)[name]


def as_table(frame: pd.DataFrame) -> pa.Table:
    """A frame in Arrow: timestamps with a zone in UTC microseconds, everything else in its own type."""
    columns: dict[str, pa.Array] = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
            columns[name] = pa.array(moments).cast(pa.timestamp("us", tz="UTC"))
        else:
            columns[name] = pa.array(column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array)
    return pa.table(columns)


#: A table in Arrow, or in a file of which columns are read when asked for.
Held: TypeAlias = pa.Table | ParquetColumns
