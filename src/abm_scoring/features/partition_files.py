"""Rows of accounts in Parquet files, one a partition, written piece by piece and read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.families import families, partition_of
from abm_scoring.features.columnar import ParquetColumns
from abm_scoring.features.text import TextIndex, distinct


class PartitionFiles:
    """Files of a folder, one a partition of account families; rows of other accounts are left out.

    Args:
        folder: Exists, and belongs to whoever made it.
        accounts: Canonical accounts.
        n: Partitions.
    """

    def __init__(self, folder: Path, accounts: pd.DataFrame, n: int) -> None:
        ids = distinct(accounts["account_id"])
        self.paths: Sequence[Path] = tuple(folder / f"{p}.parquet" for p in range(n))
        self._index, self._part = TextIndex.of(ids), partition_of(families(accounts).reindex(ids), n)
        self._writers: list[pq.ParquetWriter] = []

    def owners(self, ids: pa.ChunkedArray) -> np.ndarray:
        """int64 [n]: the partition of each account id, -1 for what is no account."""
        code = self._index.codes(ids)
        return np.where(code >= 0, self._part[code], -1) if len(self._part) else code.astype("int64")

    def write(self, table: pa.Table) -> None:
        """Append rows with an `account_id`; the first piece sets the columns and their types."""
        if not self._writers:
            self._writers = [pq.ParquetWriter(path, table.schema, compression="lz4") for path in self.paths]
        owner = self.owners(table["account_id"])
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(len(self.paths) + 1))
        rows = table.take(pa.array(order)).cast(self._writers[0].schema)
        for p, writer in enumerate(self._writers):
            if bounds[p + 1] > bounds[p]:
                writer.write_table(rows.slice(bounds[p], bounds[p + 1] - bounds[p]))

    def close(self) -> None:
        """Finish the files; nothing can be written any more."""
        for writer in self._writers:
            writer.close()

    def columns(self, p: int, table: str) -> ParquetColumns:
        """The rows of a partition."""
        return ParquetColumns(self.paths[p], table)
