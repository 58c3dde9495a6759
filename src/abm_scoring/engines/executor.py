"""What runs in the executors of a distributed engine: the functions of the local engine over Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from abm_scoring.data.checks import conform, without_limit
from abm_scoring.data.conversion import convert
from abm_scoring.data.families import families, partition_of
from abm_scoring.data.linking import Orphans
from abm_scoring.data.piece_links import Linker
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.raw import Part
from abm_scoring.data.schema import EVENTS
from abm_scoring.data.streaming import PIECE_ROWS, apart
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.tables import Tables
from abm_scoring.data.text_columns import text_of
from abm_scoring.engines import shipping
from abm_scoring.engines.scoring import ScoringTask, context_history, context_of, score_accounts, sealed, task_moments
from abm_scoring.engines.training_part import TrainingPart, sealed_for
from abm_scoring.engines.training_task import Question, TrainingTask
from abm_scoring.features.columnar import as_table
from abm_scoring.features.context import Context
from abm_scoring.features.text import distinct, fingerprints

#: What a row of `STAGED` holds: events of a partition, events that wait for others with their id or for a contact,
#: what was counted, the columns of events without a row, or a table that the driver holds.
EVENTS_KIND, WAITING, REPORT, COLUMNS, TABLE = "events", "waiting", "report", "columns", "table:"
#: Schema of staged rows, and of results.
STAGED, RESULT = "part int, kind string, blob binary", "part int, blob binary, about string"
_STAGED = pa.schema([("part", pa.int32()), ("kind", pa.string()), ("blob", pa.binary())])
_RESULT = pa.schema([("part", pa.int32()), ("blob", pa.binary()), ("about", pa.string())])
#: Partition of rows that go to the driver.
DRIVER = -1


@dataclass(frozen=True)
class Router:
    """Which partition an account belongs to, by the hash of its id.

    Attributes:
        hashes: uint64 [accounts], ascending.
        part: int32 [accounts].
    """

    hashes: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, accounts: pd.DataFrame, n: int) -> Router:
        """Families stay together: see `data.families.partition_of`."""
        ids = distinct(accounts["account_id"])
        hashes = fingerprints(pa.chunked_array([pa.array(ids.to_series())]))
        order = np.argsort(hashes)
        part = partition_of(families(accounts).reindex(ids), n)
        return cls(hashes[order], part[order].astype(np.int32))

    def parts(self, ids: pa.ChunkedArray) -> np.ndarray:
        """int32 [n]; -1 for what is no account."""
        if not len(self.hashes) or not len(ids):
            return np.full(len(ids), -1, np.int32)
        wanted = fingerprints(ids)
        at = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return np.where(self.hashes[at] == wanted, self.part[at], np.int32(-1))

    def orphans(self, events: pd.DataFrame) -> Orphans:
        """Events that name an unknown account."""
        named = events["account_id"].notna().to_numpy(dtype=bool)
        rows = named & (self.parts(text_of(events["account_id"])) < 0)
        unknown = events.loc[rows, "account_id"].drop_duplicates()
        return Orphans(rows, tuple(unknown.sort_values().head(5)), "")


@dataclass(frozen=True)
class Staging:
    """What it takes to check and link events.

    Attributes:
        source: Their source, with its preset filled in.
        offered: All its columns.
        router: Where events go.
        doubled: Hashes of the event ids that come more than once.
        contacts, objecting: No contact, in the shape of contacts; and those that objected. As `shipping.frame_bytes`.
        through_contacts: Whether events without account may find theirs through their contact, on the driver.
        privacy, as_of: See `load_tables`.
        hashed: Whether a hash over the content is wanted.
    """

    source: TableSource
    offered: tuple[str, ...]
    router: Router
    doubled: np.ndarray
    contacts: bytes
    objecting: bytes
    through_contacts: bool
    privacy: PrivacySpec
    as_of: datetime | None
    hashed: bool

    def linker(self) -> Linker:
        """Links events that name their account."""
        contacts, objecting = shipping.frame_from(self.contacts), shipping.frame_from(self.objecting)
        return Linker(self.router.orphans, contacts, objecting, self.privacy, self.as_of)


def stage(batches: Iterator[pa.RecordBatch], staging: Staging) -> Iterator[pa.RecordBatch]:
    """Events as their source has them → canonical events by partition, with what was counted on the way."""
    linker = staging.linker()
    for piece in _pieces(batches):
        raw = staging.source.shaped(staging.offered, piece, [Part(EVENTS.name, len(piece), 1)], EVENTS, "")
        conformed = conform(raw, EVENTS, without_limit(staging.source), unique=False)
        ready, waits = apart(conformed.frame, fingerprints, staging.doubled)
        if staging.through_contacts and "contact_id" in ready:
            alone = ready["contact_id"].notna() & (ready["account_id"].isna() if "account_id" in ready else True)
            waits, ready = pd.concat([waits, ready[alone]]), ready[~alone].reset_index(drop=True)
        good, links = linker.link(ready)
        content = content_hash(piece) if staging.hashed else 0
        report = shipping.report_text(conformed, links, content)
        rows = [(DRIVER, REPORT, report.encode()), (DRIVER, COLUMNS, shipping.frame_bytes(good.iloc[:0]))]
        if len(waits):
            rows.append((DRIVER, WAITING, shipping.frame_bytes(waits.reset_index(drop=True))))
        rows += routed(good, staging.router)
        yield from _batch(rows)


def routed(events: pd.DataFrame, router: Router) -> list[tuple[int, str, bytes]]:
    """Canonical events as staged rows, one a partition."""
    table = as_table(events)
    target = router.parts(text_of(events["account_id"]))
    order = np.argsort(target, kind="stable")
    table, target = table.take(pa.array(order)), target[order]
    ends = np.flatnonzero(np.diff(target, append=-2)) + 1
    begins = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return [
        (int(target[a]), EVENTS_KIND, shipping.table_bytes(table.slice(a, b - a)))
        for a, b in zip(begins, ends, strict=True)
        if b > a
    ]


def hashes_of(batches: Iterator[pa.RecordBatch], source: TableSource) -> Iterator[pa.RecordBatch]:
    """Event ids, in the first column as their source has them, as 64-bit numbers."""
    for batch in batches:
        column = pa.chunked_array([batch.column(0)])
        ids = convert(column, "id", source.dialect, None, source.values.get("event_id")).values
        found = fingerprints(ids).view("int64")
        yield pa.RecordBatch.from_pydict({"hash": pa.array(found[found != 0])})


def count_from(batches: Iterator[pa.RecordBatch], moment: pd.Timestamp) -> Iterator[pa.RecordBatch]:
    """How many staged events occurred at or after a moment, by batch."""
    for batch in batches:
        tables = (shipping.table_from(blob.as_buffer()) for blob in batch.column("blob"))
        found = sum(pc.sum(pc.greater_equal(t["occurred_at"], pa.scalar(moment))).as_py() or 0 for t in tables)
        yield pa.RecordBatch.from_pydict({"events": pa.array([found], pa.int64())})


def staged_rows(rows: list[tuple[int, str, bytes]]) -> pa.Table:
    """Staged rows as the driver makes them."""
    parts, kinds, blobs = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table([parts, kinds, blobs], schema=_STAGED)


@dataclass(frozen=True)
class Scoring:
    """What a partition needs beside its rows.

    Attributes:
        task: As JSON.
        bundle: Files of the model.
        context: `shipping.context_text`; empty where it is not known yet.
        moments: `task_moments`, as `shipping.frame_bytes`; empty where they are not known yet.
        want: moments, context or scores.
    """

    task: str
    bundle: tuple[tuple[str, bytes], ...] = field(repr=False)
    want: str = "scores"
    context: str = ""
    moments: bytes = b""

    def asking(self, want: str, **known: str | bytes) -> Scoring:
        """The same with another question."""
        return replace(self, want=want, **known)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Training:
    """A question for a training set (see `training_part.TrainingPart.answer`).

    Attributes:
        question: Which.
        task: As JSON, with what is known by then.
        context: `shipping.context_text`; of nobody where it is not known yet.
    """

    question: Question
    task: str
    context: str


def work(rows: pa.Table, asked: Scoring | Training) -> pa.Table:
    """All staged rows of one partition → its answer; none where it has no accounts."""
    part = rows["part"][0].as_py()
    tables, events = _unpacked(rows)
    if not len(tables["accounts"]):
        return _RESULT.empty_table()
    answer = _trained(tables, events, asked) if isinstance(asked, Training) else _scored(tables, events, asked)
    return pa.table([[part], [answer[0]], [answer[1]]], schema=_RESULT)


def _trained(tables: Tables, events: pa.Table | None, asked: Training) -> tuple[bytes, str]:
    task = TrainingTask.model_validate_json(asked.task)
    part = TrainingPart(lambda with_events: sealed_for(tables, task, events))
    return shipping.answer_bytes(part.answer(asked.question, task, shipping.context_from(asked.context)))


def _scored(tables: Tables, events: pa.Table | None, scoring: Scoring) -> tuple[bytes, str]:
    task = ScoringTask.model_validate_json(scoring.task)
    if scoring.want == "moments":
        return shipping.frame_bytes(task_moments([sealed(tables, task, events)], task)), ""
    if scoring.want == "context":
        moments = shipping.frame_from(scoring.moments)
        return b"", shipping.context_text(context_of(context_history(tables, task, events), task, moments))
    context: Context = shipping.context_from(scoring.context)
    found = score_accounts(tables, context, shipping.bundle_of(scoring.bundle), task, events)
    return shipping.scored_bytes(found)


def _unpacked(rows: pa.Table) -> tuple[Tables, pa.Table | None]:
    frames, events = {}, []
    for kind, blob in zip(rows["kind"].to_pylist(), rows["blob"], strict=True):
        data = blob.as_buffer()
        if kind == EVENTS_KIND:
            events.append(shipping.table_from(data))
        else:
            frames[kind.removeprefix(TABLE)] = shipping.frame_from(data)
    return Tables(frames), pa.concat_tables(events, promote_options="default") if events else None


def _pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= PIECE_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held and sum(map(len, held)):
        yield pa.Table.from_batches(held)


def _batch(rows: list[tuple[int, str, bytes]]) -> Iterator[pa.RecordBatch]:
    for row in rows:  # one by one: a batch of Arrow holds two gigabytes at most
        yield from staged_rows([row]).to_batches()


def content_hash(table: pa.Table) -> int:
    """A sum over the rows of a table that does not depend on their order."""
    total = np.zeros(len(table), np.uint64)
    for name in sorted(table.column_names):
        column = table[name]
        text = column if pa.types.is_string(column.type) else column.cast(pa.string())
        total = total * np.uint64(0x9E3779B97F4A7C15) ^ fingerprints(text)
    return int(total.sum(dtype=np.uint64))
