"""The compiled pass over event history: every measure of every snapshot from one walk along each account's events.

Events lie in compressed sparse rows: those of account `a` are `offsets[a]:offsets[a + 1]`, in time order. For each
snapshot the walk goes back from `as_of` through the longest window once. An event is put into the *smallest* window
that holds it; cumulative sums over the windows then give all of them, for counts and sums and, because the walk meets
the most recent occurrence first, for distinct values and active days as well. What looks at the whole past (recency,
first touch, decay) is carried forward along the same events. Cost: events inside the longest window of each snapshot.
"""

from __future__ import annotations

import hashlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np

from abm_scoring.features import moments
from abm_scoring.features.moments import DAY

_settings: Any = numba.config


def _private_cache() -> None:
    # The compile cache is pickle, so it lives where only this user can write. Its folder is named after the sources,
    # because numba itself would not notice a change of the time rule, which stands in another file.
    sources = b"".join(Path(str(f)).read_bytes() for f in (__file__, moments.__file__))
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "abm-scoring"
    folder = base / f"kernel-{hashlib.sha256(sources).hexdigest()[:12]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o022
    except (OSError, RuntimeError):
        return
    if mine and os.access(folder, os.W_OK):
        _settings.CACHE_DIR = str(folder)


_private_cache()
_CACHED = bool(_settings.CACHE_DIR)
_is_before: Any = numba.njit(inline="always")(moments.is_before)


@dataclass(frozen=True)
class Program:
    """What to measure, as arrays that the kernel can follow.

    Every event belongs to one *class* (its type and direction). `counts[start[c]:start[c + 1]]` lists the count
    measures that class `c` adds to, and so on for each kind of measure; `*_column` says which event column a sum or a
    distinct count looks at.
    """

    windows: np.ndarray
    counts: tuple[np.ndarray, np.ndarray]
    sums: tuple[np.ndarray, np.ndarray]
    sum_column: np.ndarray
    distincts: tuple[np.ndarray, np.ndarray]
    distinct_column: np.ndarray
    days: tuple[np.ndarray, np.ndarray]
    lasts: tuple[np.ndarray, np.ndarray]
    firsts: tuple[np.ndarray, np.ndarray]
    n_counts: int
    n_days: int
    n_lasts: int
    n_firsts: int
    half_lives: np.ndarray
    weights: np.ndarray

    @property
    def width(self) -> int:
        """Columns of the result."""
        windowed = self.n_counts + len(self.sum_column) + len(self.distinct_column) + self.n_days
        return windowed * len(self.windows) + self.n_lasts + self.n_firsts + len(self.half_lives)


def run(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    classes: np.ndarray,
    codes: np.ndarray,
    numbers: np.ndarray,
    row_offsets: np.ndarray,
    as_of: np.ndarray,
    program: Program,
    threads: int,
) -> np.ndarray:
    """Measures of every snapshot row.

    Args:
        offsets: int64 [accounts + 1], events of each account.
        occurred: int64 [events], microseconds, ascending within an account.
        visible: int64 [events], the moment from which the event could be known; never before `occurred`.
        classes: int16 [events], class of each event.
        codes: int32 [columns, events], values as codes that are dense within the account; -1 = missing.
        numbers: float64 [columns, events], NaN = missing.
        row_offsets: int64 [accounts + 1], snapshot rows of each account.
        as_of: int64 [rows], ascending within an account.
        program: What to measure.
        threads: Accounts are shared out over this many threads; results do not depend on it.

    Returns:
        float64 [rows, program.width]: counts, sums, distincts, active days (each measure over all windows), then
        days since the last event, days since the first (NaN when there is none), decayed weights.
    """
    out = np.zeros((len(as_of), program.width))
    most = int(codes.max(initial=-1)) + 1
    events = (offsets, occurred, visible, classes, codes, numbers)

    def work(bounds: tuple[int, int]) -> None:
        p = program
        _walk(
            *events,
            row_offsets,
            as_of,
            p.windows,
            *p.counts,
            *p.sums,
            p.sum_column,
            *p.distincts,
            p.distinct_column,
            *p.days,
            *p.lasts,
            *p.firsts,
            p.n_counts,
            p.n_days,
            p.n_lasts,
            p.n_firsts,
            p.half_lives,
            p.weights,
            most,
            bounds[0],
            bounds[1],
            out,
        )

    shares = _shares(offsets, row_offsets, threads * 4)
    if threads == 1 or len(shares) == 1:
        for bounds in shares:
            work(bounds)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, shares))
    return out


def localise(offsets: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Codes 0, 1, 2 … within each account, in order of first appearance; -1 stays.

    Small codes keep the kernel's scratch memory small and accounts independent of one another.
    """
    result: np.ndarray = _localise(offsets, codes, int(codes.max(initial=-1)) + 1)
    return result


def engaged(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    contact: np.ndarray,
    counts_as_engagement: np.ndarray,
    account: np.ndarray,
    as_of: np.ndarray,
    window: int,
    pair_offsets: np.ndarray,
    pair_contact: np.ndarray,
) -> np.ndarray:
    """For pairs of a snapshot row and a contact: whether the contact engaged within the window before `as_of`.

    Args:
        offsets, occurred, visible: The events, as in `run`.
        contact: int32 [events], global contact code; -1 = none.
        counts_as_engagement: bool [events].
        account: int64 [rows]; as_of: int64 [rows]; window: microseconds.
        pair_offsets: int64 [rows + 1]; pair_contact: int32 [pairs], contacts asked for, by row.

    Returns:
        bool [pairs].
    """
    most = max(int(contact.max(initial=-1)), int(pair_contact.max(initial=-1))) + 1
    events = (offsets, occurred, visible, contact, counts_as_engagement)
    result: np.ndarray = _engaged(*events, account, as_of, window, pair_offsets, pair_contact, most)
    return result


def first_index(
    offsets: np.ndarray, visible: np.ndarray, counts: np.ndarray, account: np.ndarray, as_of: np.ndarray
) -> np.ndarray:
    """int64 [rows]: index of the account's earliest counted event that was known before `as_of`; -1 = none."""
    result: np.ndarray = _first_index(offsets, visible, counts, account, as_of)
    return result


def last_moment(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
    account: np.ndarray,
    as_of: np.ndarray,
) -> np.ndarray:
    """int64 [rows]: when the account's latest counted event known before `as_of` occurred; `ALWAYS` = none."""
    result: np.ndarray = _last_moment(offsets, occurred, visible, counts, account, as_of)
    return result


def _shares(offsets: np.ndarray, row_offsets: np.ndarray, pieces: int) -> list[tuple[int, int]]:
    """Ranges of accounts with about equal work each."""
    load = offsets + row_offsets
    cuts = np.searchsorted(load, np.linspace(0, load[-1], pieces + 1)[1:-1])
    bounds = np.unique(np.concatenate([[0], cuts, [len(offsets) - 1]]))
    return [(int(a), int(b)) for a, b in pairwise(bounds)]


@numba.njit(cache=_CACHED)
def _localise(offsets: np.ndarray, codes: np.ndarray, most: int) -> np.ndarray:
    local = np.empty(len(codes), np.int32)
    seen_in = np.full(most, -1, np.int64)
    code_of = np.empty(most, np.int32)
    for a in range(len(offsets) - 1):
        fresh = 0
        for i in range(offsets[a], offsets[a + 1]):
            c = codes[i]
            if c < 0:
                local[i] = -1
                continue
            if seen_in[c] != a:
                seen_in[c] = a
                code_of[c] = fresh
                fresh += 1
            local[i] = code_of[c]
    return local


@numba.njit(cache=_CACHED)
def _engaged(  # type: ignore[no-untyped-def]
    offsets, occurred, visible, contact, counts, account, as_of, window, pair_offsets, pair_contact, most
):
    out = np.zeros(len(pair_contact), np.bool_)
    stamp = np.full(most, -1, np.int64)
    for r in range(len(as_of)):
        if pair_offsets[r] == pair_offsets[r + 1]:
            continue
        a = account[r]
        for i in range(offsets[a + 1] - 1, offsets[a] - 1, -1):
            if occurred[i] < as_of[r] - window:
                break
            if contact[i] >= 0 and counts[i] and _is_before(visible[i], as_of[r]):
                stamp[contact[i]] = r
        for j in range(pair_offsets[r], pair_offsets[r + 1]):
            out[j] = pair_contact[j] >= 0 and stamp[pair_contact[j]] == r
    return out


@numba.njit(cache=_CACHED)
def _first_index(offsets, visible, counts, account, as_of):  # type: ignore[no-untyped-def]
    out = np.full(len(as_of), -1, np.int64)
    for r in range(len(as_of)):
        for i in range(offsets[account[r]], offsets[account[r] + 1]):
            if counts[i] and _is_before(visible[i], as_of[r]):
                out[r] = i
                break
    return out


@numba.njit(cache=_CACHED)
def _last_moment(offsets, occurred, visible, counts, account, as_of):  # type: ignore[no-untyped-def]
    out = np.full(len(as_of), moments.ALWAYS, np.int64)
    for r in range(len(as_of)):
        for i in range(offsets[account[r] + 1] - 1, offsets[account[r]] - 1, -1):
            if counts[i] and _is_before(visible[i], as_of[r]):
                out[r] = occurred[i]
                break
    return out


@numba.njit(cache=_CACHED, nogil=True)
def _walk(  # type: ignore[no-untyped-def]
    offsets,
    occurred,
    visible,
    classes,
    codes,
    numbers,
    row_offsets,
    as_of,
    windows,
    count_start,
    count_item,
    sum_start,
    sum_item,
    sum_column,
    distinct_start,
    distinct_item,
    distinct_column,
    day_start,
    day_item,
    last_start,
    last_item,
    first_start,
    first_item,
    n_counts,
    n_days,
    n_lasts,
    n_firsts,
    half_lives,
    weights,
    most,
    from_account,
    to_account,
    out,
):
    n_windows = len(windows)
    n_sums, n_distincts, n_decays = len(sum_column), len(distinct_column), len(half_lives)
    sum_base = n_counts * n_windows
    distinct_base = sum_base + n_sums * n_windows
    day_base = distinct_base + n_distincts * n_windows
    last_base = day_base + n_days * n_windows
    first_base = last_base + n_lasts
    decay_base = first_base + n_firsts
    longest = windows[n_windows - 1] if n_windows else 0
    stamp = np.full((n_distincts, most), -1, np.int64)
    day_seen = np.empty(n_days, np.int64)
    last_seen = np.empty(n_lasts, np.int64)
    first_seen = np.empty(n_firsts, np.int64)
    decay = np.empty(n_decays)

    for a in range(from_account, to_account):
        if row_offsets[a] == row_offsets[a + 1]:
            continue
        begin, end = offsets[a], offsets[a + 1]
        last_seen[:] = moments.ALWAYS
        first_seen[:] = moments.NEVER
        decay[:] = 0.0
        decay_at = occurred[begin] if begin < end else np.int64(0)
        head = begin
        late = np.empty(0, np.int64)
        n_late = 0
        for r in range(row_offsets[a], row_offsets[a + 1]):
            now = as_of[r]
            # Forward: what the whole past says. Late events are kept aside, because when they count depends on `now`.
            while head < end and _is_before(occurred[head], now):
                if visible[head] > occurred[head]:
                    if n_late == len(late):
                        grown = np.empty(max(8, 2 * n_late), np.int64)
                        grown[:n_late] = late[:n_late]
                        late = grown
                    late[n_late] = head
                    n_late += 1
                else:
                    c, when = classes[head], occurred[head]
                    for k in range(last_start[c], last_start[c + 1]):
                        last_seen[last_item[k]] = when
                    for k in range(first_start[c], first_start[c + 1]):
                        first_seen[first_item[k]] = min(first_seen[first_item[k]], when)
                    for k in range(n_decays):
                        decay[k] = decay[k] * 2.0 ** ((decay_at - when) / half_lives[k]) + weights[k, c]
                    decay_at = when
                head += 1
            for k in range(n_lasts):
                out[r, last_base + k] = last_seen[k]
            for k in range(n_firsts):
                out[r, first_base + k] = first_seen[k]
            for k in range(n_decays):
                out[r, decay_base + k] = decay[k] * 2.0 ** ((decay_at - now) / half_lives[k])
            latest = np.full(n_lasts, moments.ALWAYS)
            earliest = np.full(n_firsts, moments.NEVER)
            for j in range(n_late):
                i = late[j]
                if not _is_before(visible[i], now):
                    continue
                c, when = classes[i], occurred[i]
                for k in range(last_start[c], last_start[c + 1]):
                    latest[last_item[k]] = max(latest[last_item[k]], when)
                for k in range(first_start[c], first_start[c + 1]):
                    earliest[first_item[k]] = min(earliest[first_item[k]], when)
                for k in range(n_decays):
                    out[r, decay_base + k] += weights[k, c] * 2.0 ** ((when - now) / half_lives[k])
            for k in range(n_lasts):
                when = max(last_seen[k], latest[k])
                out[r, last_base + k] = np.nan if when == moments.ALWAYS else (now - when) / DAY
            for k in range(n_firsts):
                when = min(first_seen[k], earliest[k])
                out[r, first_base + k] = np.nan if when == moments.NEVER else (now - when) / DAY

            # Backward: windows. The walk meets recent events first, so the bucket index only grows.
            day_seen[:] = moments.ALWAYS
            bucket = 0
            for i in range(head - 1, begin - 1, -1):
                when = occurred[i]
                if when < now - longest:
                    break
                if not _is_before(visible[i], now):
                    continue
                while when < now - windows[bucket]:
                    bucket += 1
                c = classes[i]
                for k in range(count_start[c], count_start[c + 1]):
                    out[r, count_item[k] * n_windows + bucket] += 1.0
                for k in range(sum_start[c], sum_start[c + 1]):
                    x = numbers[sum_column[sum_item[k]], i]
                    if not math.isnan(x):
                        out[r, sum_base + sum_item[k] * n_windows + bucket] += x
                for k in range(distinct_start[c], distinct_start[c + 1]):
                    d = distinct_item[k]
                    value = codes[distinct_column[d], i]
                    if value >= 0 and stamp[d, value] != r:
                        stamp[d, value] = r
                        out[r, distinct_base + d * n_windows + bucket] += 1.0
                for k in range(day_start[c], day_start[c + 1]):
                    day = when // DAY
                    if day_seen[day_item[k]] != day:
                        day_seen[day_item[k]] = day
                        out[r, day_base + day_item[k] * n_windows + bucket] += 1.0
            for m in range(n_counts + n_sums + n_distincts + n_days):
                for w in range(1, n_windows):
                    out[r, m * n_windows + w] += out[r, m * n_windows + w - 1]
