"""Events on disk, by partition of account families: where they go when they are too many to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.sources import StackSource
from abm_scoring.data.streaming import Streamed, Take, held_size, needs_whole, stream_events
from abm_scoring.data.table_source import TableSource
from abm_scoring.features.columnar import Held, as_table, partitions_for
from abm_scoring.features.partition_files import PartitionFiles
from abm_scoring.features.text import fingerprints

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
    _size: tuple[int, int] = (0, 0)
    _files: PartitionFiles | None = None

    @property
    def paths(self) -> Sequence[Path]:
        """The files, one a partition; none where nothing was spilled."""
        return self._files.paths if self._files is not None else ()

    @property
    def n(self) -> int:
        """Partitions; 0 where nothing was spilled."""
        return len(self.paths)

    def landed(self, name: str, source: TableSource | StackSource) -> TableSource | StackSource:
        """The source as it is."""
        return source

    def wants(self, source: TableSource | StackSource, root: Path) -> bool:
        """Whether the events of a source are too many to hold, and can be streamed."""
        size = held_size(source, root)
        if size is None or partitions_for(*size, 0, self.memory_mb) == 1 or needs_whole(source, root):
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
        by_events = partitions_for(*self._size, 0, self.memory_mb)
        by_accounts = -(-accounts["account_id"].nunique() // self.accounts_per_partition)
        self._files = files = PartitionFiles(self.folder, accounts, max(by_events, by_accounts))
        return lambda events: files.write(as_table(events))

    def end(self) -> None:
        """Close the files."""
        if self._files is not None:
            self._files.close()

    def close(self) -> None:
        """Nothing: whoever made the folder removes it."""

    def count_from(self, moment: pd.Timestamp) -> int:
        """Events at or after a moment."""
        return sum(_from(pq.read_table(path, columns=["occurred_at"])["occurred_at"], moment) for path in self.paths)

    def events(self, p: int) -> Held:
        """The events of a partition, read when asked for."""
        assert self._files is not None
        return self._files.columns(p, "events")


def _repeated(hashes: np.ndarray) -> np.ndarray:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _from(occurred: pa.ChunkedArray, moment: pd.Timestamp) -> int:
    """How many of these moments lie at or after one."""
    return pc.sum(pc.greater_equal(occurred, pa.scalar(moment, occurred.type))).as_py() or 0
