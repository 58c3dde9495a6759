"""Scores of all partitions: laid aside as they come, and put together when nothing else is held any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.engines.scoring import ScoredAccounts
from abm_scoring.engines.tally import EventTally, summed

#: Columns that are put together at a time.
_COLUMNS = 16


@dataclass(frozen=True)
class Gathered:
    """Scores of all partitions; their rows lie in files until they are asked for.

    Attributes:
        parts: Rows of each partition, as `score_accounts` gives them: frames, or Parquet files that hold one.
        counts, unseen, events: As in `ScoredAccounts`, of all partitions together.
    """

    parts: Sequence[pd.DataFrame | Path]
    counts: Mapping[str, np.ndarray]
    unseen: Mapping[str, int]
    events: EventTally

    def column(self, name: str) -> pd.Series:
        """A column of all rows, by account_id."""
        return _taken(_read(self.parts, [name]), self._order())[name]

    def rows(self, chosen: np.ndarray) -> pd.DataFrame:
        """Some of the rows by account_id, put together a few columns at a time.

        Args:
            chosen: Booleans, one a row.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], pd.DataFrame):
            return self.parts[0] if chosen.all() else self.parts[0][chosen].reset_index(drop=True)
        names = list(dict.fromkeys(name for part in self.parts for name in _names(part)))
        order = self._order()[chosen]
        groups = [names[i : i + _COLUMNS] for i in range(0, len(names), _COLUMNS)]
        return pd.concat([_taken(_read(self.parts, group), order) for group in groups], axis=1)

    def _order(self) -> np.ndarray:
        return _read(self.parts, ["account_id"])["account_id"].argsort().to_numpy()


def held(scored: ScoredAccounts) -> Gathered:
    """The scores of a single partition, in memory as they are."""
    return Gathered((scored.rows,), scored.counts, scored.unseen, scored.events)


def gathered(parts: Iterable[ScoredAccounts], folder: Path) -> Gathered:
    """Scores of all partitions, whose rows go into files as they come; how accounts were divided makes no difference.

    Args:
        parts: Of each partition.
        folder: Where the files stay; whoever made it removes it.
    """
    counts: dict[str, np.ndarray] = {}
    unseen: dict[str, int] = {}
    events: list[EventTally] = []
    files: list[Path] = []
    for part in parts:
        files.append(folder / f"scored{len(files)}.parquet")
        pq.write_table(pa.Table.from_pandas(part.rows, preserve_index=False), files[-1], compression="lz4")
        counts = {n: c + counts[n] if n in counts else c for n, c in part.counts.items()}
        unseen |= {name: unseen.get(name, 0) + n for name, n in part.unseen.items()}
        events.append(part.events)
    return Gathered(files, counts, dict(sorted(unseen.items())), summed(events))


def _names(part: pd.DataFrame | Path) -> list[str]:
    return list(part.columns) if isinstance(part, pd.DataFrame) else list(pq.read_schema(part).names)


def _read(parts: Sequence[pd.DataFrame | Path], names: Sequence[str]) -> pd.DataFrame:
    """Some columns of all rows, partition after partition."""
    found = []
    for part in parts:
        offered = set(_names(part))
        own = [name for name in names if name in offered]
        if isinstance(part, pd.DataFrame):
            found.append(part[own])
        else:
            found.append(pq.ParquetFile(part, pre_buffer=False).read(columns=own).to_pandas())
    return pd.concat(found, ignore_index=True)[list(names)]


def _taken(frame: pd.DataFrame, order: np.ndarray) -> pd.DataFrame:
    return frame.take(order).reset_index(drop=True)
