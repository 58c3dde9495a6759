"""The lists of a run, made from its frozen rows: whatever is published can be made again from what is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.blocks import BLOCK_ROWS, in_order
from abm_scoring.data.matching.tables import Matches
from abm_scoring.features.catalogue import Feature
from abm_scoring.jobs.decisions import NOT_SCORED, RANKED
from abm_scoring.publish import lists
from abm_scoring.publish.words import Words
from abm_scoring.ranking import columns
from abm_scoring.ranking.history import TOPIC

#: Columns of the frozen rows that no list has: pages draw them, and the next night compares with them.
_FROZEN_ONLY = (TOPIC, "activity_week_")


@dataclass(frozen=True)
class Lists:
    """What people are told of a run's accounts.

    Attributes:
        frozen: The frozen rows, by account_id: their file, or the rows of a run that writes none.
        catalogue: The model's features.
        words: The language.
        constants: Columns that have one value for the whole run.
        matches: How surely rows were matched to their accounts.
    """

    frozen: Path | pa.Table
    catalogue: Sequence[Feature]
    words: Words
    constants: Mapping[str, str | int]
    matches: Matches

    def ranked(self) -> pd.DataFrame:
        """The ranked list."""
        n = self._listed()
        return self._worded(next(in_order(self._places(), self._schema(), n, Path(), max(n, 1))))

    def blocks(self, folder: Path, size: int = BLOCK_ROWS) -> Iterator[pd.DataFrame]:
        """The ranked list in its order, a block of rows at a time.

        Args:
            folder: For temporary files.
            size: Rows of a block.
        """
        return map(self._worded, in_order(self._places(), self._schema(), self._listed(), folder, size))

    def top(self, n: int) -> pd.DataFrame:
        """The first n rows of the ranked list."""
        first = (pc.field("list") == RANKED) & (pc.field("rank") <= n)
        return self._worded(self._read(self._names(), first).sort_by("rank"))

    def not_scored(self) -> pd.DataFrame:
        """The second list."""
        named = [c.name for c in columns.NOT_SCORED]
        wanted = [name for name in named if name in self._schema().names]
        rows = self._read(wanted, pc.field("list") == NOT_SCORED).to_pandas()
        return lists.not_scored_list(rows, named, self.words)

    def beside(self, names: Sequence[str], listed: Collection[str]) -> pd.DataFrame:
        """Other columns of the frozen rows, as far as there are any, of some accounts and by account_id."""
        schema = self.frozen.schema if isinstance(self.frozen, pa.Table) else pq.read_schema(self.frozen)
        wanted = ["account_id", *(name for name in names if name in schema.names)]
        return self._read(wanted, pc.field("account_id").isin(pa.array(sorted(listed), pa.string()))).to_pandas()

    def held(self) -> Lists:
        """The same with the rows in memory, for when their file goes."""
        return Lists(self._read(self._names(), None), self.catalogue, self.words, self.constants, self.matches)

    def _worded(self, rows: pa.Table) -> pd.DataFrame:
        listed = _with_matches(rows.to_pandas(), self.matches)
        named = [c.name for c in columns.RANKED]
        return lists.ranked_list(listed, self.catalogue, named, self.words, self.constants)

    def _places(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """The frozen rows piece by piece, and their places on the list."""
        for rows in self._pieces():
            rank = pc.if_else(pc.equal(rows["list"], RANKED), rows["rank"], pa.scalar(0, pa.int64()))
            yield rows, rank.to_numpy() - 1

    def _pieces(self) -> Iterator[pa.Table]:
        if isinstance(self.frozen, pa.Table):
            yield self.frozen
            return
        file = pq.ParquetFile(self.frozen, pre_buffer=False)
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=self._names())

    def _listed(self) -> int:
        return int(pc.sum(pc.equal(self._read(["list"], None)["list"], RANKED)).as_py() or 0)

    def _read(self, names: Sequence[str], rows: pc.Expression | None) -> pa.Table:
        if isinstance(self.frozen, pa.Table):
            chosen = self.frozen if rows is None else self.frozen.filter(rows)
            return chosen.select(list(names))
        return pq.read_table(self.frozen, columns=list(names), filters=rows, partitioning=None, pre_buffer=False)

    def _names(self) -> list[str]:
        return list(self._schema().names)

    def _schema(self) -> pa.Schema:
        """What lists are made of."""
        whole = self.frozen.schema if isinstance(self.frozen, pa.Table) else pq.read_schema(self.frozen)
        return pa.schema([field for field in whole if not field.name.startswith(_FROZEN_ONLY)])


def _with_matches(ranked: pd.DataFrame, matches: Matches) -> pd.DataFrame:
    """Accounts with how surely their rows are theirs; as they are where every row named its account itself."""
    if not matches.counts:
        return ranked
    sure = ranked["account_id"].map(matches.confidence).astype("float64")
    known = {} if matches.anonymous_share is None else {"anonymous_share": matches.anonymous_share}
    return ranked.assign(match_confidence=sure, **known)
