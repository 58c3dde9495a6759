"""Clock readings → instants in UTC: ISO 8601 or declared formats, declared zones, no guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from abm_scoring.data.dialect import is_aware, is_date_only
from abm_scoring.data.violations import Failure

_UTC = pa.timestamp("us", "UTC")
_DAY = r"\d{4}-\d{2}-\d{2}"
_NAIVE = rf"{_DAY}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?)?"
_AWARE = rf"{_DAY}[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?\s?(?:Z|[+-]\d{{2}}(?::?\d{{2}})?)"
_NUMBERS = {
    "epoch milliseconds": r"\d{12,13}",
    "epoch seconds": r"\d{9,10}",
    "spreadsheet serial days": r"\d{5}(?:[.,]\d+)?",
}


@dataclass(frozen=True)
class _Readings:
    """n readings: `clock` is UTC where `aware`, else the wall clock; NaT where there is none or it was not read.

    `day_only` marks dates without a time of day, which mean the first moment of that day.
    """

    clock: np.ndarray
    aware: np.ndarray
    day_only: np.ndarray
    ambiguous: np.ndarray


def text_instants(
    text: pa.ChunkedArray, formats: Sequence[str], timezone: str | None
) -> tuple[pa.ChunkedArray, list[Failure]]:
    """Read instants from trimmed text.

    Args:
        text: n texts, null where there is nothing.
        formats: strptime formats; none means ISO 8601 with a full date, optionally a time and an offset.
        timezone: Zone of readings without an offset.

    Returns:
        n `timestamp[us, UTC]`, null where nothing was read, and what failed.
    """
    readings = _read_formats(text, formats) if formats else _read_iso(text)
    unread = pc.is_valid(text).to_numpy() & np.isnat(readings.clock) & ~readings.ambiguous
    failures = [Failure("ambiguous_date", np.flatnonzero(readings.ambiguous))] if readings.ambiguous.any() else []
    if unread.any():
        rows = np.flatnonzero(unread)
        failures.append(Failure("not_a_timestamp", rows, _looks_like(text.take(rows[:1000]))))
    values, zoned = _to_utc(readings, timezone)
    return values, failures + zoned


def instants(column: pa.ChunkedArray, timezone: str | None) -> tuple[pa.ChunkedArray, list[Failure]]:
    """Instants from a typed column: timestamps with a zone, without one, or dates (midnight in the declared zone)."""
    aware = pa.types.is_timestamp(column.type) and column.type.tz is not None
    if aware:
        return column.cast(_UTC, safe=False), []
    clock = column.cast(pa.timestamp("us"), safe=False).to_pandas().to_numpy("datetime64[us]")
    flags = np.zeros(len(clock), dtype=bool)
    return _to_utc(_Readings(clock, flags, flags | pa.types.is_date(column.type), flags), timezone)


def _read_iso(text: pa.ChunkedArray) -> _Readings:
    nothing, every = np.zeros(len(text), dtype=bool), np.ones(len(text), dtype=bool)
    try:
        return _Readings(_clock(text.cast(_UTC)), every, nothing, nothing)
    except pa.ArrowInvalid:
        pass
    try:
        clock = _clock(text.cast(pa.timestamp("us")))
        return _Readings(clock, nothing, pc.fill_null(pc.equal(pc.utf8_length(text), 10), False).to_numpy(), nothing)
    except pa.ArrowInvalid:
        return _read_mixed_iso(text)


def _read_mixed_iso(text: pa.ChunkedArray) -> _Readings:
    words = text.to_pandas().str.replace(r"(\.\d{6})\d+", r"\1", regex=True)
    clock = np.full(len(words), np.datetime64("NaT", "us"))
    aware = words.str.fullmatch(_AWARE).fillna(False).to_numpy(dtype=bool)
    naive = words.str.fullmatch(_NAIVE).fillna(False).to_numpy(dtype=bool)
    for rows in (aware, naive):
        parsed = pd.to_datetime(words[rows], format="ISO8601", errors="coerce", utc=True)
        clock[rows] = _naive(parsed)
    day_only = naive & (words.str.len() == 10).to_numpy(dtype=bool)
    return _Readings(clock, aware, day_only, np.zeros(len(words), dtype=bool))


def _read_formats(text: pa.ChunkedArray, formats: Sequence[str]) -> _Readings:
    words = text.to_pandas()
    clock = np.full(len(words), np.datetime64("NaT", "us"))
    aware, day_only, ambiguous = (np.zeros(len(words), dtype=bool) for _ in range(3))
    for form in formats:
        parsed = _naive(pd.to_datetime(words, format=form, errors="coerce", utc=True))
        known, new = ~np.isnat(clock), ~np.isnat(parsed)
        ambiguous |= known & new & (clock != parsed)
        first = new & ~known
        clock[first] = parsed[first]
        aware[first], day_only[first] = is_aware(form), is_date_only(form)
    clock[ambiguous] = np.datetime64("NaT")
    return _Readings(clock, aware, day_only, ambiguous)


def _clock(values: pa.ChunkedArray) -> np.ndarray:
    return values.cast(pa.timestamp("us")).to_pandas().to_numpy("datetime64[us]")


def _naive(parsed: pd.Series) -> np.ndarray:
    return parsed.dt.tz_localize(None).to_numpy("datetime64[us]")


def _to_utc(readings: _Readings, timezone: str | None) -> tuple[pa.ChunkedArray, list[Failure]]:
    clock, wall = readings.clock.copy(), ~readings.aware & ~np.isnat(readings.clock)
    if not wall.any():
        return _array(clock), []
    if timezone is None:
        clock[wall] = np.datetime64("NaT")
        return _array(clock), [Failure("no_time_zone", np.flatnonzero(wall))]
    rows = np.flatnonzero(wall)
    clock[rows], gap, overlap = _localised(clock[rows], readings.day_only[rows], timezone)
    pairs = (("dst_gap", rows[gap]), ("dst_overlap", rows[overlap]))
    return _array(clock), [Failure(rule, where) for rule, where in pairs if len(where)]


def _localised(wall: np.ndarray, day_only: np.ndarray, timezone: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """UTC of wall clock readings, and which of them do not exist or exist twice.

    A date stands for the first moment of its day, so it is never refused where clocks change at midnight.
    """
    index = pd.DatetimeIndex(wall)
    utc = _utc_of(index.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT"))
    lost = np.flatnonzero(np.isnat(utc))
    gap, overlap = np.zeros(len(wall), dtype=bool), np.zeros(len(wall), dtype=bool)
    if len(lost):
        summer = np.ones(len(lost), dtype=bool)
        missing = np.isnat(_utc_of(index[lost].tz_localize(timezone, ambiguous=summer, nonexistent="NaT")))
        first = _utc_of(index[lost].tz_localize(timezone, ambiguous=summer, nonexistent="shift_forward"))
        utc[lost] = np.where(day_only[lost], first, np.datetime64("NaT", "us"))
        gap[lost], overlap[lost] = missing & ~day_only[lost], ~missing & ~day_only[lost]
    return utc, gap, overlap


def _utc_of(index: pd.DatetimeIndex) -> np.ndarray:
    return index.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]").copy()


def _array(clock: np.ndarray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(clock, pa.timestamp("us"), from_pandas=True)]).cast(_UTC)


def _looks_like(text: pa.ChunkedArray) -> str:
    for unit, pattern in _NUMBERS.items():
        if pc.all(pc.match_substring_regex(text, rf"^{pattern}$")).as_py():
            return f"looks like {unit}: convert it with kind: sql"
    return ""
