"""Events as a Spark session holds them: checked, linked and routed by the executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.checks import Conformed, counted, nothing_read
from abm_scoring.data.file_sources import ParquetSource
from abm_scoring.data.piece_links import Linker, LinkTally
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.schema import EVENTS
from abm_scoring.data.sources import SparkSource, StackSource
from abm_scoring.data.streaming import Streamed, first_known, with_preset
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.tables import Tables
from abm_scoring.features.columnar import partitions_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from abm_scoring.engines.executor import Router, Staging
    from abm_scoring.engines.spill import Spill

from abm_scoring.engines.spark_session import open_session, told

#: Bytes that an event of a session's table takes, about: only the number of partitions depends on it.
_EVENT_TEXT = 80


@dataclass
class SparkEvents:
    """Events as the session holds them (`data.streaming.EventSink`): checked, linked and routed by the executors.

    Attributes:
        url, settings: See `open_session`.
        memory_mb: Memory that the events of a task may take.
        accounts_per_partition: Accounts that a task works on, about.
        folder: For temporary files of the driver.
        n: Partitions; 0 while no events were streamed.
    """

    url: str | None
    settings: Mapping[str, str]
    memory_mb: int
    accounts_per_partition: int
    folder: Path
    n: int = 0
    _session: SparkSession | None = None
    _staged: DataFrame | None = None
    _router: Router | None = None
    _own: tuple[tuple[int, str, bytes], ...] = ()
    _asked: tuple[TableSource, Path] | None = None
    _shelf: Spill | None = None

    @property
    def session(self) -> SparkSession:
        """The session, started when it is first needed."""
        if self._session is None:
            with told("starting a session"):
                self._session = open_session(self.url, self.settings, self.folder)
        return self._session

    def landed(self, name: str, source: TableSource | StackSource) -> TableSource | StackSource:
        """A table of the session as a file of the driver; any other source as it is."""
        return source.landed(self._land(name, source)) if isinstance(source, SparkSource) else source

    def _land(self, name: str, source: SparkSource) -> Path:
        import pyarrow.parquet as pq

        with told(f"reading {name}"):
            table = self._frame(source, Path()).toArrow()
        file = self.folder / f"{name}.parquet"
        # In an order of its own, so that the same rows have the same fingerprint.
        keys = [(column.name, "ascending") for column in table.schema if not pa.types.is_nested(column.type)]
        pq.write_table(table.sort_by(keys), file)
        return file

    def wants(self, source: TableSource | StackSource, root: Path) -> bool:
        """Whether executors can read the events of a source, row by row."""
        if not isinstance(source, ParquetSource | SparkSource):
            return False
        settled, _ = source.settled("events", root)
        if settled.drop_repeats or getattr(settled, "history", None) is not None:
            return False
        offered = self._frame(settled, root).columns
        self._asked = (settled, root)
        return not {c.name for c in EVENTS.match_keys} & set(settled.select(offered, EVENTS).taken)

    def shelf(self) -> Spill:
        """The other rows of accounts go through files of the driver, which sends each partition its own."""
        from abm_scoring.engines.spill import Spill

        assert self._asked is not None
        with told("counting events"):
            rows = self._frame(*self._asked).count()
        folder = self.folder / "tables"
        folder.mkdir()
        self._shelf = Spill(folder, self.memory_mb, self.accounts_per_partition, (rows, rows * _EVENT_TEXT))
        return self._shelf

    def _frame(self, source: TableSource, root: Path) -> DataFrame:
        if isinstance(source, SparkSource):
            return self.session.table(source.table) if source.table else self.session.sql(str(source.query))
        return self.session.read.parquet(*(file.resolve().as_uri() for file in source.files_in(root)))

    def stream(
        self,
        source: TableSource | StackSource,
        root: Path,
        frames: Mapping[str, pd.DataFrame],
        privacy: PrivacySpec,
        as_of: datetime | None,
    ) -> Streamed:
        """Check, link and route the events in the executors; what must be seen together comes to the driver."""
        from abm_scoring.data.files import fingerprint
        from abm_scoring.engines import executor

        assert isinstance(source, TableSource) and self._shelf is not None
        settled, preset = source.settled("events", root)
        with told("reading events"):
            rows = self._frame(settled, root)
            offered = tuple(rows.columns)
            rows = rows.select(*settled.wanted(EVENTS, offered))
            self.n = self._shelf.n
            self._router = executor.Router.of(frames["accounts"], self.n)
            doubled = self._doubled(rows, settled, settled.select(offered, EVENTS).taken.get("event_id"))
            linker, files = Linker.of(frames, privacy, as_of), settled.files_in(root)
            staging = _staging(linker, settled, offered, self._router, doubled, not files)
            self._staged = _kept(rows.mapInArrow(partial(executor.stage, staging=staging), executor.STAGED))
            answers = self._staged.filter(f"part = {executor.DRIVER}").toArrow()
        found = _Told.of(answers)
        kept, dropped = first_known(found.waiting or [pd.DataFrame()])
        links, columns = found.links, found.columns
        if len(kept):
            good, more = linker.link(kept)
            links, self._own, columns = links.plus(more), tuple(executor.routed(good, self._router)), good.iloc[:0]
        sha256 = fingerprint(files) if files else f"{found.content:064x}"
        done = replace(counted(found.reports, settled), frame=columns, duplicates=dropped)
        return Streamed(done, links, with_preset(sha256, preset), bool(offered))

    def staged(self, tables: Tables) -> DataFrame:
        """All rows of all partitions: the events, and the tables that the driver holds."""
        from abm_scoring.engines.executor import staged_rows

        n = self.n or self._partitions(len(tables["events"]), len(tables["accounts"]))
        self.session.conf.set("spark.sql.shuffle.partitions", str(n))
        # Every partition is a task: as many as there are cores work at the same time, however small their rows are.
        self.session.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
        own = staged_rows([*self._own, *_table_rows(tables, n, self._shelf)])
        driven = self.session.createDataFrame(own)
        return driven if self._staged is None else self._staged.filter("part >= 0").unionByName(driven)

    def close(self) -> None:
        """Let the executors forget the events; the session stays."""
        if self._staged is not None:
            self._staged.unpersist()
            self._staged = None

    def count_from(self, moment: pd.Timestamp) -> int:
        """Events at or after a moment."""
        from abm_scoring.engines import executor

        assert self._staged is not None
        count = partial(executor.count_from, moment=moment)
        with told("counting events"):
            events = self._staged.filter(f"kind = '{executor.EVENTS_KIND}'")
            theirs = events.mapInArrow(count, "events long").toArrow()["events"].to_pylist()
        own = count(iter(executor.staged_rows([*self._own]).to_batches()))
        return sum(theirs) + sum(batch.column(0)[0].as_py() for batch in own)

    def _partitions(self, events: int, accounts: int) -> int:
        by_events = partitions_for(events, events * _EVENT_TEXT, 0, self.memory_mb)
        return max(by_events, -(-accounts // self.accounts_per_partition))

    def _doubled(self, rows: DataFrame, source: TableSource, ids: str | None) -> np.ndarray:
        """Hashes of the event ids that come more than once, uint64, ascending."""
        from abm_scoring.engines.executor import hashes_of

        if ids is None:
            return np.empty(0, np.uint64)
        hashed = rows.select(ids).mapInArrow(partial(hashes_of, source=source), "hash long")
        found = hashed.groupBy("hash").count().filter("count > 1").select("hash").toArrow()["hash"]
        return np.sort(found.to_numpy().astype("int64").view(np.uint64))


@dataclass(frozen=True)
class _Told:
    """What the executors told the driver about events.

    Attributes:
        reports: Counts of checking, by piece.
        links: Counts of linking.
        content: Hash over the content, where it was asked for.
        columns: Canonical events without a row.
        waiting: Events that must be seen together.
    """

    reports: list[Conformed]
    links: LinkTally
    content: int
    columns: pd.DataFrame
    waiting: list[pd.DataFrame]

    @classmethod
    def of(cls, rows: pa.Table) -> _Told:
        from abm_scoring.engines import executor, shipping

        blobs: dict[str, list[bytes]] = {}
        for kind, blob in zip(rows["kind"].to_pylist(), rows["blob"].to_pylist(), strict=True):
            blobs.setdefault(kind, []).append(blob)
        reports = [shipping.report_from(blob.decode()) for blob in blobs.get(executor.REPORT, [])]
        shapes = [shipping.frame_from(blob) for blob in blobs.get(executor.COLUMNS, [])[:1]]
        return cls(
            [done for done, _, _ in reports] or [nothing_read(EVENTS)],
            reduce(LinkTally.plus, (links for _, links, _ in reports), LinkTally()),
            sum(content for *_, content in reports) % 2**64,
            shapes[0] if shapes else Tables({})["events"],
            [shipping.frame_from(blob) for blob in blobs.get(executor.WAITING, [])],
        )


def _staging(
    linker: Linker, source: TableSource, offered: tuple[str, ...], router: Router, doubled: np.ndarray, hashed: bool
) -> Staging:
    from abm_scoring.engines import shipping
    from abm_scoring.engines.executor import Staging

    return Staging(
        source,
        offered,
        router,
        doubled,
        shipping.frame_bytes(linker.contacts.iloc[:0]),
        shipping.frame_bytes(linker.objecting),
        "account_id" in linker.contacts,
        linker.privacy,
        linker.as_of,
        hashed,
    )


def _table_rows(tables: Tables, n: int, shelf: Spill | None) -> Iterator[tuple[int, str, bytes]]:
    """The tables that the driver holds as staged rows, by partition."""
    from abm_scoring.engines import shipping
    from abm_scoring.engines.executor import TABLE
    from abm_scoring.engines.partitions import Partitions

    parts = Partitions(tables, len(tables["accounts"]), shelf, n)
    for p in range(n):
        for name, frame in parts[p].tables.frames.items():
            yield p, f"{TABLE}{name}", shipping.frame_bytes(frame)


def _kept(frame: DataFrame) -> DataFrame:
    """Kept on the executors' disks, so that asking twice computes once."""
    from pyspark import StorageLevel

    return frame.persist(StorageLevel.DISK_ONLY)
