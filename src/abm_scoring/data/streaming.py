"""Events that are too many to hold: read, checked and linked piece by piece, and handed on as they come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.checks import Conformed, conform, conform_stack, counted, repeats, without_limit
from abm_scoring.data.conversion import convert
from abm_scoring.data.piece_links import Linked, Linker, LinkTally
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.schema import EVENTS
from abm_scoring.data.sources import StackSource
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.text_columns import text_of

#: Rows of a piece.
PIECE_ROWS = 200_000
#: The events as a table of nothing but ids.
_ONLY_IDS = replace(EVENTS, columns=tuple(c for c in EVENTS.columns if c.name == "event_id"), match_keys=())
#: Most bits of a hash by which a table looks it up.
_MOST_BITS = 24


#: Told of accepted events each time some have been read.
Take = Callable[[Linked], None]


@dataclass(frozen=True)
class Streamed:
    """What a table of events came to.

    Attributes:
        conformed: Counts of reading and checking; its frame has the columns and no rows.
        links: Counts of linking.
        sha256: Of the input.
        has_header: Whether the source has columns at all.
    """

    conformed: Conformed
    links: LinkTally
    sha256: str
    has_header: bool


class Shelf(Protocol):
    """Where rows of accounts lie that are too many to hold."""

    def lay(self, name: str, frame: pd.DataFrame) -> None:
        """Take the rows of a table as they were read."""

    def fetch(self, name: str) -> pd.DataFrame:
        """Give them back, for good."""

    def put(self, name: str, frame: pd.DataFrame, accounts: pd.DataFrame) -> None:
        """Take the rows of a table for its partitions, which are those of all these accounts."""


class EventSink(Protocol):
    """Reads what only an engine can, and takes events that are too many to hold."""

    def landed(self, name: str, source: TableSource | StackSource) -> TableSource | StackSource:
        """The source of a table as this process can read it."""

    def wants(self, source: TableSource | StackSource, root: Path) -> bool:
        """Whether the events of a source are too many to hold, and can be streamed."""

    def shelf(self) -> Shelf:
        """Where the other rows of accounts go then."""

    def stream(
        self,
        source: TableSource | StackSource,
        root: Path,
        frames: Mapping[str, pd.DataFrame],
        privacy: PrivacySpec,
        as_of: datetime | None,
    ) -> Streamed:
        """Takes the accepted events of a source; see `stream_events`."""


class Store(Protocol):
    """Where the events of one process go, piece by piece."""

    def hashes(self, texts: pa.ChunkedArray) -> np.ndarray:
        """uint64 [n] of texts, 0 where there is none."""

    def repeated(self, hashes: Iterable[np.ndarray]) -> np.ndarray:
        """Which of these hashes come more than once, uint64, ascending."""

    def begin(self, accounts: pd.DataFrame) -> Take:
        """Where to hand accepted events to, all of these accounts."""

    def owners(self, ids: pa.ChunkedArray) -> np.ndarray:
        """int64 [n]: the place of each account id among those of `begin`, -1 for what is none of them."""

    def end(self) -> None:
        """Called after the last piece."""


def stream_events(
    source: TableSource | StackSource,
    root: Path,
    frames: Mapping[str, pd.DataFrame],
    privacy: PrivacySpec,
    as_of: datetime | None,
    store: Store,
) -> Streamed:
    """Read events without ever holding them, but for those whose id comes more than once: these wait for each other.

    Args:
        source: Of the events, such that `held_size` is known and nothing `needs_whole`.
        root: Folder that relative paths start from.
        frames: `accounts` and, where there are any, `contacts`, not yet made private.
        privacy: What happens to contact ids and objections.
        as_of: See `load_tables`.
        store: Is given all accepted events, in pieces.

    Returns:
        What was counted on the way.
    """
    doubled = store.repeated(store.hashes(ids) for ids in _ids(source, root))
    take, tally = store.begin(frames["accounts"]), LinkTally()
    linker = Linker.through(store.owners, store.hashes, frames, privacy, as_of)
    columns: pd.DataFrame | None = None

    def accept(events: pd.DataFrame, but: np.ndarray | None = None) -> None:
        nonlocal tally, columns
        good, counts = linker.linked(events, but)
        tally, columns = tally.plus(counts), good.frame(np.empty(0, np.int64)) if columns is None else columns
        take(good)

    summaries, waiting, hashes, has_header = [], [], [], False
    for part in _parts(source):
        settled, preset = part.settled("events", root)
        pieces, sha256 = [], ""
        for raw in settled.pieces(EVENTS, root, PIECE_ROWS):
            conformed = conform(raw, EVENTS, without_limit(settled), unique=False)
            waits = _waits(conformed.frame, store.hashes, doubled)
            waiting.append(conformed.frame[waits])
            accept(conformed.frame, waits)
            pieces.append(replace(conformed, frame=without_rows(conformed.frame)))
            sha256, has_header = raw.sha256, has_header or bool(raw.offered)
        summaries.append(counted(pieces, settled))
        hashes.append(with_preset(sha256, preset))
    kept, dropped = first_known(waiting)
    accept(kept)
    store.end()
    stacked = isinstance(source, StackSource)
    done = conform_stack(summaries, EVENTS) if stacked else summaries[0]
    done = replace(done, frame=done.frame if columns is None else columns, duplicates=dropped)
    return Streamed(done, tally, of_stack(hashes) if stacked else hashes[0], has_header)


def without_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of a frame and nothing else: a slice without rows would keep all of its memory."""
    return frame.iloc[[]]


def apart(
    events: pd.DataFrame, hashes: Callable[[pa.ChunkedArray], np.ndarray], doubled: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events whose id comes once, and those that must wait for the others with theirs.

    Args:
        events: Canonical events.
        hashes: uint64 of texts.
        doubled: Hashes of the ids that come more than once, ascending.
    """
    waits = _waits(events, hashes, doubled)
    return (events[~waits].reset_index(drop=True), events[waits]) if waits.any() else (events, without_rows(events))


def _waits(events: pd.DataFrame, hashes: Callable[[pa.ChunkedArray], np.ndarray], doubled: np.ndarray) -> np.ndarray:
    """bool [n]: events whose id comes more than once."""
    if not len(doubled) or "event_id" not in events:
        return np.zeros(len(events), dtype=bool)
    own = hashes(text_of(events["event_id"]))
    # A small table by the hashes' last bits, which the cache holds, tells at once of nearly all that they come once.
    last = np.uint64((1 << min((16 * len(doubled)).bit_length(), _MOST_BITS)) - 1)
    some = np.zeros(int(last) + 1, dtype=bool)
    some[doubled & last] = True
    asked = np.flatnonzero(some[own & last])
    waits = np.zeros(len(events), dtype=bool)
    waits[asked] = doubled[np.minimum(np.searchsorted(doubled, own[asked]), len(doubled) - 1)] == own[asked]
    return waits


def first_known(waiting: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    """Of all events whose id comes more than once, those known first; and how many are dropped."""
    every = pd.concat(waiting, ignore_index=True)
    kept = every[~repeats(every, EVENTS)].reset_index(drop=True)
    return kept, len(every) - len(kept)


def _ids(source: TableSource | StackSource, root: Path) -> Iterator[pa.ChunkedArray]:
    """The ids of all events, and nothing else of them."""
    for part in _parts(source):
        settled, _ = part.settled("events", root)
        values = {name: own for name, own in settled.values.items() if name == "event_id"}
        bare = settled.model_copy(update={"extra_columns": (), "values": values})
        for raw in bare.pieces(_ONLY_IDS, root, PIECE_ROWS, hashed=False):
            if "event_id" in raw.data.column_names:
                yield convert(raw.data["event_id"], "id", bare.dialect, None, values.get("event_id")).values


def held_size(source: TableSource | StackSource, root: Path) -> tuple[int, int] | None:
    """Rows and bytes, about, that holding the events of a source takes; None where nobody can say before reading."""
    sizes = [part.settled("events", root)[0].held_bytes(EVENTS, root) for part in _parts(source)]
    known = [size for size in sizes if size is not None]
    return (sum(n for n, _ in known), sum(b for _, b in known)) if len(known) == len(sizes) else None


def needs_whole(source: TableSource | StackSource, root: Path) -> bool:
    """Whether some events can only be settled beside all others.

    So it is with rows that only a match key ties to an account, and with rows of which repeats are dropped.
    """
    keys = {column.name for column in EVENTS.match_keys}
    for part in _parts(source):
        settled, _ = part.settled("events", root)
        first = next(settled.pieces(EVENTS, root, 1, hashed=False))
        if settled.drop_repeats or keys & set(first.data.column_names):
            return True
    return False


def with_preset(sha256: str, preset: str) -> str:
    """The hash of an input with that of the preset that reads it."""
    return hashlib.sha256(f"{sha256} {preset}".encode()).hexdigest() if preset else sha256


def of_stack(hashes: Sequence[str]) -> str:
    """One hash of the inputs that make up a table."""
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _parts(source: TableSource | StackSource) -> tuple[TableSource, ...]:
    return source.parts if isinstance(source, StackSource) else (source,)
