"""The event log: all events, sorted once by account and time, as columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from abm_scoring.features.columnar import ParquetColumns
from abm_scoring.features.moments import ALWAYS, NEVER, is_before

if TYPE_CHECKING:
    import pyarrow as pa

    from abm_scoring.features.noise_spec import NoiseReport
    from abm_scoring.features.text import TextIndex

#: Name → column, pandas or Arrow; of a file, read when asked for.
Columns: TypeAlias = Mapping[str, Any] | ParquetColumns

#: Types that the brand begins where the events do not say: contacts with the brand, but not engagement.
OUTBOUND_TYPES = frozenset({"email_sent", "ad_impression"})

#: So many values of a column that came as a dictionary are few.
_FEW = 1_000

#: Columns with many values, of which measures ask for fingerprints.
_MANY = ("contact_id", "content_id")

#: Columns of events that say what was done, not when it could be known.
_TIMES = ("occurred_at", "known_at")


@dataclass(frozen=True)
class EventLog:
    """Events in compressed sparse rows, in a total order (account, occurred_at, known_at, content of the row).

    Columns stay as they were given until a measure asks for one; then it is turned into numbers in this order.

    Attributes:
        source: The events as given: name → column, pandas or Arrow.
        order: int32 [events], row of the source.
        offsets: int64 [accounts + 1].
        occurred, visible: int64 [events], microseconds; visible is never before occurred.
        is_late: Whether any event became known after it occurred.
        type_code: int16 [events], index into `types`.
        types: Event types, sorted.
        inbound: bool [events], False for what the brand began.
        noise: What the bot and noise gate found; None where it was not asked.
    """

    source: Columns
    order: np.ndarray
    offsets: np.ndarray
    occurred: np.ndarray
    visible: np.ndarray
    is_late: bool
    type_code: np.ndarray
    types: tuple[str, ...]
    inbound: np.ndarray
    noise: NoiseReport | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __contains__(self, column: str) -> bool:
        return column in self.source

    def among(self, types: tuple[str, ...]) -> EventLog:
        """The same with codes among more types, those seen of other accounts included."""
        if types == self.types:
            return self
        place = {name: i for i, name in enumerate(types)}
        codes = np.array([*(place[name] for name in self.types), -1], self.type_code.dtype)[self.type_code]
        made = {**self._made, "categories event_type": (codes, types)}
        return replace(self, types=types, type_code=codes, _made=made)

    def numbers(self, column: str) -> np.ndarray:
        """A column as float64 [events]; NaN = missing, everywhere where the events have no such column."""
        return self._remember(f"numbers {column}", lambda: self._numbers(column))

    def local_codes(self, column: str) -> np.ndarray:
        """A text column as small codes [events]: 0, 1, 2 … within each account, or among few values; -1 = missing.

        Small codes keep the kernel's memory small and accounts independent of one another.
        """
        return self._remember(f"codes {column}", lambda: self._local_codes(column))

    def fingerprints(self, column: str) -> np.ndarray:
        """A text column as 64-bit hashes, uint64 [events]; 0 = missing."""
        return self._remember(f"fingerprints {column}", lambda: self._fingerprints(column))

    def categories(self, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """A text column with few values: int16 or int32 codes [events], -1 = missing, and the values, sorted."""
        return self._remember(f"categories {column}", lambda: self._categories(column))

    def _remember(self, key: str, make: Any) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _numbers(self, column: str) -> np.ndarray:
        from abm_scoring.features.sorting import gather

        if column not in self.source:
            return np.full(len(self.order), np.nan)
        return gather(_floats(self.source[column]), self.order)

    def _local_codes(self, column: str) -> np.ndarray:
        from abm_scoring.features.relations import localise

        if column not in self.source:
            return np.full(len(self.order), -1, np.int32)
        if f"categories {column}" in self._made or _is_small_dictionary(self.source, column):
            codes, values = self.categories(column)
            if len(values) <= _FEW:
                return codes
        return localise(self.offsets, self.fingerprints(column))

    def _fingerprints(self, column: str) -> np.ndarray:
        from abm_scoring.data.text_columns import text_of
        from abm_scoring.features.sorting import gather
        from abm_scoring.features.text import fingerprints

        if column not in self.source:
            return np.zeros(len(self.order), np.uint64)
        unsorted = self._made.pop(f"unsorted {column}", None)
        return gather(fingerprints(text_of(self.source[column])) if unsorted is None else unsorted, self.order)

    def _categories(self, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
        from abm_scoring.features.sorting import gather

        if column not in self.source:
            return np.full(len(self.order), -1, np.int32), ()
        unsorted = self._made.pop(f"unsorted few {column}", None)
        codes, values = few_values(self.source[column]) if unsorted is None else unsorted
        codes = gather(codes, self.order)
        seen = np.bincount(codes[codes >= 0], minlength=len(values)) > 0
        kept = sorted(v for v, s in zip(values, seen, strict=True) if s)
        place = {v: i for i, v in enumerate(kept)}
        remap = np.array([*(place.get(v, -1) for v in values), -1], codes.dtype)
        return (codes if (remap[:-1] == np.arange(len(values))).all() else remap[codes]), tuple(kept)

    @property
    def owner(self) -> np.ndarray:
        """int32 [events]: account of each event."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))


def few_values(column: pd.Series | pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Text with few distinct values as int16 or int32 codes, -1 = missing, and the values in alphabetical order."""
    from abm_scoring.data.text_columns import text_of

    coded = [c if hasattr(c, "dictionary") else c.dictionary_encode() for c in text_of(column).chunks]
    values = sorted({v for c in coded for v in c.dictionary.to_pylist() if v is not None})
    place = {v: i for i, v in enumerate(values)}
    dtype = np.int16 if len(values) < 1 << 15 else np.int32
    out = np.empty(len(column), dtype)
    done = 0
    for chunk in coded:
        own = np.array([*(place.get(v, -1) for v in chunk.dictionary.to_pylist()), -1], dtype)
        indices = chunk.indices.fill_null(len(own) - 1) if chunk.null_count else chunk.indices
        np.take(own, indices.to_numpy(), out=out[done : done + len(chunk)])
        done += len(chunk)
    return out, values


def _is_small_dictionary(source: Columns, name: str) -> bool:
    """Whether a column came as a dictionary of so few values that their codes serve every account."""
    import pyarrow as pa

    if isinstance(source, ParquetColumns) and not source.is_dictionary(name):
        return False
    column = source[name]
    kind = column.dtype if isinstance(column, pd.Series) else column.type
    if isinstance(kind, pd.CategoricalDtype):
        return len(kind.categories) <= _FEW
    return isinstance(kind, pa.DictionaryType) and max((len(c.dictionary) for c in column.chunks), default=0) <= _FEW


def micros_of(column: pd.Series | pa.ChunkedArray, missing: int) -> np.ndarray:
    """Timestamps as int64 microseconds, `missing` where empty."""
    import pyarrow as pa

    from abm_scoring.features.moments import moments

    if isinstance(column, pd.Series):
        return moments(column, missing)
    whole = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return (whole.fill_null(missing) if whole.null_count else whole).to_numpy()


def event_log(events: pd.DataFrame | pa.Table | ParquetColumns, index: TextIndex, limit: int) -> EventLog:
    """Sort what was known before `limit` into compressed sparse rows; events of other accounts are left out.

    Args:
        events: Canonical events.
        index: The accounts' ids.
        limit: Microseconds.
    """
    from abm_scoring.data.text_columns import text_of
    from abm_scoring.features.sorting import by_account, gather

    source: Columns
    if isinstance(events, ParquetColumns):
        source = events
    else:
        names = events.columns if isinstance(events, pd.DataFrame) else events.column_names
        source = {str(name): events[name] for name in names}
    n_accounts, n = len(index), len(events) if isinstance(events, pd.DataFrame) else events.num_rows
    code = index.codes(text_of(source["account_id"])) if "account_id" in source and n else np.full(n, -1, np.int32)
    occurred = micros_of(source["occurred_at"], NEVER)
    visible = np.maximum(occurred, micros_of(source["known_at"], ALWAYS)) if "known_at" in source else occurred
    sealed = is_before(visible, limit)
    code = code if sealed.all() else np.where(sealed, code, np.int32(-1))
    offsets, order, when = by_account(code, occurred, n_accounts)
    known = when if visible is occurred else gather(visible, order)
    made: dict[str, Any] = {}
    if _settle_ties(source, offsets, order, when, known, made):
        known = when if visible is occurred else gather(visible, order)
    is_late = visible is not occurred and bool((known > when).any())
    log = EventLog(source, order, offsets, when, known if is_late else when, is_late, order, (), order, None, made)
    types, names_of = log.categories("event_type")
    return EventLog(source, order, offsets, when, log.visible, is_late, types, names_of, _inbound(log), None, log._made)


def _inbound(log: EventLog) -> np.ndarray:
    """bool [events]: what the account began, by `direction` or, where that is missing, by type."""
    types, names = log.categories("event_type")
    direction, stated = log.categories("direction")
    by_type = np.array([t not in OUTBOUND_TYPES for t in names], bool)
    table = np.array([[*(d != "outbound" for d in stated), own] for own in by_type], bool)
    table = table.reshape(len(names), len(stated) + 1)
    inbound: np.ndarray = table[types, direction] if stated else by_type[types]
    return inbound


def _settle_ties(
    source: Columns,
    offsets: np.ndarray,
    order: np.ndarray,
    when: np.ndarray,
    known: np.ndarray,
    made: dict[str, Any],
) -> bool:
    """Puts rows of one account and moment in the order of what they say, in place; whether there were any.

    Without that, the first touch of an account would depend on the order of the input. What was worked out for all rows
    on the way is kept in `made`.
    """
    from abm_scoring.features.relations import tied_rows

    tied = tied_rows(offsets, when)
    if not len(tied):
        return False
    rows = order[tied]
    digest = _digest(source, rows, made)
    owner = np.searchsorted(offsets, tied, side="right")
    order[tied] = rows[np.lexsort((digest, known[tied], when[tied], owner))]
    return True


def _digest(source: Columns, rows: np.ndarray, made: dict[str, Any]) -> np.ndarray:
    """A hash of what some rows say beside their times, uint64."""
    import pyarrow as pa

    from abm_scoring.data.text_columns import text_of
    from abm_scoring.features.text import NOTHING, fingerprints

    digest = np.zeros(len(rows), np.uint64)
    for name in sorted(set(source) - {*_TIMES, "account_id"}):
        column = source[name]
        if _is_number(column):
            bits = _floats(column)[rows].view("uint64")
        elif name not in _MANY and _is_dictionary(column):
            codes, values = made[f"unsorted few {name}"] = few_values(column)
            bits = np.append(fingerprints(pa.chunked_array([pa.array(values, pa.string())])), NOTHING)[codes[rows]]
        else:
            unsorted = fingerprints(text_of(column))
            bits = unsorted[rows]
            if name in _MANY:
                made[f"unsorted {name}"] = unsorted
        digest = digest * np.uint64(0x9E3779B97F4A7C15) ^ bits
    return digest


def _is_dictionary(column: Any) -> bool:
    """Whether a column of Arrow came as a dictionary."""
    import pyarrow as pa

    return isinstance(column, pa.ChunkedArray) and pa.types.is_dictionary(column.type)


def _is_number(column: Any) -> bool:
    import pyarrow as pa

    if isinstance(column, pd.Series):
        return pd.api.types.is_numeric_dtype(column.dtype)
    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _floats(column: Any) -> np.ndarray:
    """A column of numbers as contiguous float64, NaN = missing."""
    import pyarrow as pa

    if isinstance(column, pd.Series):
        values = column.to_numpy("float64", na_value=np.nan)
    else:
        values = column.cast(pa.float64()).to_numpy()
    return np.ascontiguousarray(values, "float64")
