"""Events on disk, by partition of account families: where they go when they are too many to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.families import families, partition_of
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.sources import Source, StackSource, TableSource
from abm_scoring.data.streaming import Streamed, Take, held_size, stream_events
from abm_scoring.features.columnar import Held, ParquetColumns, as_table, partitions_for
from abm_scoring.features.text import TextIndex, distinct, fingerprints

#: Files into which the hashes of ids go, so that one of them fits into memory.
_BUCKETS = 16


@dataclass
class Spill:
    """Takes events piece by piece (`data.streaming.EventSink`) and keeps them in files, one a partition.

    Attributes:
        folder: Only this user can read it; whoever made it removes it.
        memory_mb: Memory that events may take; fewer of them are not spilled.
        accounts_per_partition: Most accounts of a partition.
    """

    folder: Path
    memory_mb: int
    accounts_per_partition: int
    paths: tuple[Path, ...] = ()
    _size: tuple[int, int] = (0, 0)
    _writers: dict[Path, pq.ParquetWriter] = field(default_factory=dict, repr=False)
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def n(self) -> int:
        """Partitions; 0 where nothing was spilled."""
        return len(self.paths)

    def landed(self, sources: Mapping[str, Source]) -> Mapping[str, Source]:
        """The sources as they are."""
        return sources

    def wants(self, source: TableSource | StackSource, root: Path) -> bool:
        """Whether the events of a source are too many to hold, and can be streamed."""
        size = held_size(source, root)
        if size is None or partitions_for(*size, 0, self.memory_mb) == 1:
            return False
        self._size = size
        return True

    def stream(
        self,
        source: TableSource | StackSource,
        root: Path,
        frames: Mapping[str, pd.DataFrame],
        privacy: PrivacySpec,
        as_of: datetime | None,
    ) -> Streamed:
        """Takes the accepted events of a source."""
        return stream_events(source, root, frames, privacy, as_of, self)

    def hashes(self, texts: pa.ChunkedArray) -> np.ndarray:
        """uint64 [n] of texts, 0 where there is none."""
        return fingerprints(texts)

    def repeated(self, hashes: Iterable[np.ndarray]) -> np.ndarray:
        """Which of these hashes come more than once; they lie in files meanwhile, so that memory holds a part."""
        paths = [self.folder / f"ids{bucket}" for bucket in range(_BUCKETS)]
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("wb")) for path in paths]
            for piece in hashes:
                known = piece[piece != 0]
                bucket = known % np.uint64(_BUCKETS)
                for b, file in enumerate(files):
                    file.write(known[bucket == b].tobytes())
        found = [_repeated(np.fromfile(path, np.uint64)) for path in paths]
        for path in paths:
            path.unlink()
        return np.sort(np.concatenate(found))

    def begin(self, accounts: pd.DataFrame) -> Take:
        """Where to hand accepted events to, all of these accounts."""
        ids = distinct(accounts["account_id"])
        by_events = partitions_for(*self._size, 0, self.memory_mb)
        n = max(by_events, -(-len(ids) // self.accounts_per_partition))
        self.paths = tuple(self.folder / f"{p}.parquet" for p in range(n))
        index, part = TextIndex.of(ids), partition_of(families(accounts).reindex(ids), n)
        return lambda events: self._take(events, index, part)

    def _take(self, events: pd.DataFrame, index: TextIndex, part: np.ndarray) -> None:
        table = as_table(events)
        target = part[index.codes(table["account_id"])] if len(events) else np.empty(0, "int64")
        order = np.argsort(target, kind="stable")
        bounds = np.searchsorted(target[order], np.arange(self.n + 1))
        table = table.take(pa.array(order))
        for p, path in enumerate(self.paths):
            if path not in self._writers:
                writer = pq.ParquetWriter(path, table.schema, compression="lz4")
                self._writers[path] = self._stack.enter_context(writer)
            if bounds[p + 1] > bounds[p]:
                rows = table.slice(bounds[p], bounds[p + 1] - bounds[p])
                self._writers[path].write_table(rows.cast(self._writers[path].schema))

    def end(self) -> None:
        """Close the files."""
        self._writers.clear()
        self._stack.close()

    def close(self) -> None:
        """Nothing: whoever made the folder removes it."""

    def count_from(self, moment: pd.Timestamp) -> int:
        """Events at or after a moment."""
        return sum(_from(pq.read_table(path, columns=["occurred_at"])["occurred_at"], moment) for path in self.paths)

    def events(self, p: int) -> Held:
        """The events of a partition, read when asked for."""
        return ParquetColumns(self.paths[p], "events")


def _repeated(hashes: np.ndarray) -> np.ndarray:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _from(occurred: pa.ChunkedArray, moment: pd.Timestamp) -> int:
    """How many of these moments lie at or after one."""
    return pc.sum(pc.greater_equal(occurred, pa.scalar(moment, occurred.type))).as_py() or 0
