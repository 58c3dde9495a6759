"""Events on disk, by partition of account families: where they go when they are too many to hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.piece_links import Linked
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.sources import StackSource
from abm_scoring.data.streaming import Streamed, Take, held_size, needs_whole, stream_events
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.text_columns import text_of
from abm_scoring.features.columnar import Held, as_table, partitions_for
from abm_scoring.features.partition_files import Division, PartitionFiles
from abm_scoring.features.text import fingerprints

#: Rows that are put away at a time.
_PIECE = 200_000
#: Files into which the hashes of ids go, so that one of them fits into memory.
_BUCKETS = 16


@dataclass
class Spill:
    """Takes events piece by piece (`data.streaming.EventSink`) and keeps them in files, one a partition.

    Attributes:
        folder: Only this user can read it; whoever made it removes it.
        memory_mb: Memory that events may take; fewer of them are not spilled.
        accounts_per_partition: Most accounts of a partition.
        size: Events, and the bytes of their texts, by which they are divided; known once they are wanted.
    """

    folder: Path
    memory_mb: int
    accounts_per_partition: int
    size: tuple[int, int] = (0, 0)
    _division: Division | None = None
    _files: PartitionFiles | None = None
    _shelved: dict[str, PartitionFiles] = field(default_factory=dict)

    @property
    def paths(self) -> Sequence[Path]:
        """The files, one a partition; none where nothing was spilled."""
        return self._files.paths if self._files is not None else ()

    @property
    def n(self) -> int:
        """Partitions; 0 where nothing was spilled."""
        return self._division.n if self._division is not None else 0

    def landed(self, name: str, source: TableSource | StackSource) -> TableSource | StackSource:
        """The source as it is."""
        return source

    def wants(self, source: TableSource | StackSource, root: Path) -> bool:
        """Whether the events of a source are too many to hold, and can be streamed."""
        size = held_size(source, root)
        if size is None or partitions_for(*size, 0, self.memory_mb) == 1 or needs_whole(source, root):
            return False
        self.size = size
        return True

    def shelf(self) -> Spill:
        """The other rows of accounts go through files as well."""
        return self

    def lay(self, name: str, frame: pd.DataFrame) -> None:
        """Take the rows of a table as they were read."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, self._laid(name), compression="lz4", write_statistics=False)

    def fetch(self, name: str) -> pd.DataFrame:
        """Give them back, for good."""
        frame = _frame(self._laid(name))
        self._laid(name).unlink()
        return frame

    def put(self, name: str, frame: pd.DataFrame, accounts: pd.DataFrame) -> None:
        """Take the rows of a table for its partitions, which are those of all these accounts."""
        folder = self.folder / name
        folder.mkdir()
        files = self._shelved[name] = PartitionFiles(folder, self._divided(accounts))
        for begin in range(0, max(len(frame), 1), _PIECE):
            files.write(pa.Table.from_pandas(frame.iloc[begin : begin + _PIECE], preserve_index=False))
        files.close()

    @property
    def shelved(self) -> Collection[str]:
        """Tables whose rows were put away."""
        return self._shelved.keys()

    def tables(self, p: int) -> dict[str, pd.DataFrame]:
        """The rows of a partition of all tables that were put away."""
        return {name: _frame(files.paths[p]) for name, files in self._shelved.items()}

    def _laid(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

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
                bucket = (known % np.uint64(_BUCKETS)).astype(np.uint8)
                known = known[np.argsort(bucket, kind="stable")]
                ends = np.cumsum(np.bincount(bucket, minlength=_BUCKETS))
                for file, own in zip(files, np.split(known, ends[:-1]), strict=True):
                    file.write(own.tobytes())
        found = [_repeated(np.fromfile(path, np.uint64)) for path in paths]
        for path in paths:
            path.unlink()
        return np.sort(np.concatenate(found))

    def begin(self, accounts: pd.DataFrame) -> Take:
        """Where to hand accepted events to, all of these accounts."""
        self._files = files = PartitionFiles(self.folder, self._divided(accounts))

        def take(found: Linked) -> None:
            order, bounds = files.division.cut(text_of(found.told["account_id"]))
            files.append(as_table(found.frame(order)), bounds)

        return take

    def owners(self, ids: pa.ChunkedArray) -> np.ndarray:
        """int64 [n]: the partition of each account id, -1 for what is no account."""
        assert self._division is not None
        return self._division.owners(ids)

    def _divided(self, accounts: pd.DataFrame) -> Division:
        """The partitions of all rows, made once."""
        if self._division is None:
            by_events = partitions_for(*self.size, 0, self.memory_mb)
            by_accounts = -(-accounts["account_id"].nunique() // self.accounts_per_partition)
            self._division = Division(accounts, max(by_events, by_accounts))
        return self._division

    def end(self) -> None:
        """Close the files."""
        if self._files is not None:
            self._files.close()

    def close(self) -> None:
        """Nothing: whoever made the folder removes it."""

    def count_from(self, moment: pd.Timestamp) -> int:
        """Events at or after a moment."""
        return sum(_from(pq.read_table(path, columns=["occurred_at"])["occurred_at"], moment) for path in self.paths)

    def events(self, p: int) -> Held | None:
        """The events of a partition, read when asked for; None where they lie elsewhere."""
        return self._files.columns(p, "events") if self._files is not None else None


def _frame(file: Path) -> pd.DataFrame:
    """A table with its dtypes."""
    frame: pd.DataFrame = pq.ParquetFile(file, pre_buffer=False).read().to_pandas()
    return frame


def _repeated(hashes: np.ndarray) -> np.ndarray:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _from(occurred: pa.ChunkedArray, moment: pd.Timestamp) -> int:
    """How many of these moments lie at or after one."""
    return pc.sum(pc.greater_equal(occurred, pa.scalar(moment, occurred.type))).as_py() or 0
