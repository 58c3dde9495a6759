"""Parquet read by column, in its own types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.files import file_errors
from abm_scoring.errors import BadDataError


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
    try:
        with file_errors(file):
            parquet = pq.ParquetFile(file)
            names = list(parquet.schema_arrow.names)
            _check(names, parquet.metadata, file.name, max_bytes)
            return names, parquet.read(columns=list(choose(names)))
    except pa.ArrowInvalid as error:
        raise BadDataError("is no intact Parquet file", where=file.name, fix="export it again") from error


def _check(names: list[str], metadata: pq.FileMetaData, file: str, max_bytes: int) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        listed = ", ".join(map(repr, twice))
        raise BadDataError(f"schema holds {listed} more than once", where=file, fix="rename one of the columns")
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if size > max_bytes:
        what = f"unpacks to more than {max_bytes:,} bytes"
        raise BadDataError(what, where=file, fix="raise max_bytes if the file is meant to be so large")
