"""Scores of all partitions as one, without holding them twice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.engines.scoring import ScoredAccounts
from abm_scoring.engines.tally import EventTally, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Columns that are put together at a time.
_COLUMNS = 16


def together(parts: Iterable[ScoredAccounts], folder: Path) -> ScoredAccounts:
    """All partitions as one; the result does not depend on how accounts were divided.

    Rows are laid into files as they come, and read again a few columns at a time.

    Args:
        parts: Of each partition, at least one.
        folder: For temporary files.
    """
    counts: dict[str, np.ndarray] = {}
    unseen: dict[str, int] = {}
    events: list[EventTally] = []
    with TemporaryDirectory(dir=folder) as own:
        files: list[Path] = []
        for part in parts:
            files.append(Path(own) / f"{len(files)}.parquet")
            pq.write_table(pa.Table.from_pandas(part.rows, preserve_index=False), files[-1], compression="lz4")
            counts = {n: c + counts[n] if n in counts else c for n, c in part.counts.items()}
            unseen |= {name: unseen.get(name, 0) + n for name, n in part.unseen.items()}
            events.append(part.events)
        rows = _rows([pq.ParquetFile(file, pre_buffer=False) for file in files])
    return ScoredAccounts(rows, counts, dict(sorted(unseen.items())), summed(events))


def _rows(files: Sequence[pq.ParquetFile]) -> pd.DataFrame:
    """The rows of all files by account_id."""
    names = list(dict.fromkeys(name for file in files for name in file.schema_arrow.names))
    order = _column(files, ["account_id"])["account_id"].argsort().to_numpy()
    read = [_column(files, names[i : i + _COLUMNS]).take(order) for i in range(0, len(names), _COLUMNS)]
    return pd.concat([part.reset_index(drop=True) for part in read], axis=1)


def _column(files: Sequence[pq.ParquetFile], names: Sequence[str]) -> pd.DataFrame:
    offered = [[name for name in names if name in file.schema_arrow.names] for file in files]
    parts = [file.read(columns=own).to_pandas() for file, own in zip(files, offered, strict=True)]
    return pd.concat(parts, ignore_index=True)[list(names)]
