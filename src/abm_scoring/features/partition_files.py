"""Rows of accounts in Parquet files, one a partition, written piece by piece and read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.families import families, partition_of
from abm_scoring.data.text_columns import is_text
from abm_scoring.features.columnar import ParquetColumns
from abm_scoring.features.text import TextIndex, distinct

#: Rows that tell whether texts repeat themselves, and the share of distinct ones from which they do not.
_TELLING_ROWS, _MOSTLY = 1_000, 0.9

#: Memory that rows may take until they are written, and what of it is wanted for one row group.
_HELD_BYTES, _GROUP_BYTES = 96 * 2**20, 2 * 2**20


class Division:
    """Partitions of account families, and which of them an account belongs to.

    Args:
        accounts: Canonical accounts.
        n: Partitions.
    """

    def __init__(self, accounts: pd.DataFrame, n: int) -> None:
        ids = distinct(accounts["account_id"])
        self.n = n
        self._index, self._part = TextIndex.of(ids), partition_of(families(accounts).reindex(ids), n)

    def owners(self, ids: pa.ChunkedArray) -> np.ndarray:
        """int64 [n]: the partition of each account id, -1 for what is no account."""
        code = self._index.codes(ids)
        return np.where(code >= 0, self._part[code], -1) if len(self._part) else code.astype("int64")

    def cut(self, ids: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """Rows in the order of their partitions, int64 [n], and where in that order each of these begins and ends.

        Args:
            ids: Account of each row; rows of none are in front of the first partition.
        """
        owner = self.owners(ids)
        narrow = owner.astype(np.min_scalar_type(-self.n - 1))  # small keys sort fast
        return np.argsort(narrow, kind="stable"), np.cumsum(np.bincount(owner + 1, minlength=self.n + 1))


class PartitionFiles:
    """Files of a folder, one a partition of account families; rows of other accounts are left out.

    Args:
        folder: Exists, and belongs to whoever made it.
        division: The partitions.
    """

    def __init__(self, folder: Path, division: Division) -> None:
        self.paths: Sequence[Path] = tuple(folder / f"{p}.parquet" for p in range(division.n))
        self.division = division
        self._writers: list[pq.ParquetWriter] = []
        self._held: list[tuple[pa.Table, np.ndarray]] = []

    def append(self, rows: pa.Table, bounds: np.ndarray) -> None:
        """Append rows in the order that `cut` gave; the first ones set the columns and their types.

        They are held until there are enough of them for row groups that are worth reading: with pieces of one size, the
        number of row groups would grow with the square of the rows.
        """
        if not self._writers:
            texts = _repeating(rows)
            self._writers = [_writer(path, rows.schema, texts) for path in self.paths]
        self._held.append((rows.cast(self._writers[0].schema), bounds))
        if sum(table.nbytes for table, _ in self._held) >= min(_HELD_BYTES, len(self.paths) * _GROUP_BYTES):
            self._flush()

    def _flush(self) -> None:
        """Writes what is held, one row group a file."""
        for p, writer in enumerate(self._writers):
            own = [table.slice(b[p], b[p + 1] - b[p]) for table, b in self._held if b[p + 1] > b[p]]
            if own:
                writer.write_table(pa.concat_tables(own).unify_dictionaries())
        self._held = []

    def write(self, table: pa.Table) -> None:
        """Append rows with an `account_id`."""
        order, bounds = self.division.cut(table["account_id"])
        self.append(table.take(pa.array(order)), bounds)

    def close(self) -> None:
        """Finish the files; nothing can be written any more."""
        self._flush()
        for writer in self._writers:
            writer.close()

    def columns(self, p: int, table: str) -> ParquetColumns:
        """The rows of a partition."""
        return ParquetColumns(self.paths[p], table)


def _repeating(table: pa.Table) -> list[str]:
    """Text columns of which a dictionary may be worth its while: all but those in which nearly every text is new."""
    texts = [name for name in table.column_names if is_text(table[name].type)]
    few = len(table) < _TELLING_ROWS
    return [name for name in texts if few or pc.count_distinct(table[name]).as_py() < _MOSTLY * len(table)]


def _writer(path: Path, schema: pa.Schema, texts: list[str]) -> pq.ParquetWriter:
    # Numbers hardly ever repeat themselves enough, and nobody asks for a column's least and greatest value.
    return pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=texts or False, write_statistics=False)
