"""The compiled pass over event history: every measure of every snapshot from one walk along each account's events.

Events lie in compressed sparse rows: those of account `a` are `offsets[a]:offsets[a + 1]`, in time order. The walk goes
through an account's snapshots in time order. For each one it first moves the lower edge of every window up, taking out
the events that fall behind it, and then lets in the events that have become known, each into the windows that hold it.
So an event is touched once when it enters and once for each window that it leaves, however many snapshots there are:
the cost is events × windows + snapshots × features.

What adds up is kept as a total and, for each window, as what has left it, so that entering costs one addition however
many windows there are. Of a distinct value only the latest event is *live*: it carries the one that the value counts
for, and the value leaves a window with it. Sums are kept as unevaluated pairs of doubles (Dekker 1971), so that what
entered can be taken out again without a trace; they do not depend on which other snapshots there are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from abm_scoring.features import moments
from abm_scoring.features.compiled import compiled, is_before
from abm_scoring.features.moments import DAY
from abm_scoring.features.sorting import THREADS, in_pieces

_LN2 = math.log(2.0)
_STEPS = 512
_FRACTIONS = 2.0 ** (-np.arange(_STEPS) / _STEPS)
_WHOLE = 2.0 ** -np.arange(1100.0)


class Lists(NamedTuple):
    """For each class of events the measures it adds to: those of class `c` are `item[start[c]:start[c + 1]]`."""

    start: np.ndarray
    item: np.ndarray


class Program(NamedTuple):
    """What to measure and where to write it, as arrays that the kernel can follow.

    Every event belongs to one *class* (its type and direction, and whatever else the measures group by). Counts and
    distinct values have a *slot* each, counts first. The state that is written from is one row of numbers: for each
    window the `width` slots, then for each sum its value and the number of values in it, by window.
    """

    windows: np.ndarray
    counts: np.ndarray  # int32 [classes, width]: 1 in the slots of the counts that a class adds to
    sums: Lists
    sum_column: np.ndarray
    distincts: Lists
    distinct_column: np.ndarray
    lasts: Lists
    firsts: Lists
    half_lives: np.ndarray
    weights: np.ndarray
    n_counts: int
    width: int
    n_lasts: int
    n_firsts: int
    plain: np.ndarray  # [columns, 2]: column written, place in the state
    summed: np.ndarray  # the same, of sums
    ratios: np.ndarray  # [columns, 4]: column, numerator, denominator, what the denominator leaves out (-1 = nothing)
    ratio_scale: np.ndarray
    last_columns: np.ndarray
    first_columns: np.ndarray
    decay_columns: np.ndarray


class Events(NamedTuple):
    """The event log as the kernel reads it.

    Attributes:
        offsets: int64 [accounts + 1].
        occurred, visible: int64 [events], microseconds; visible is never before occurred.
        classes: int32 [events].
        codes: int32 [columns, events], dense within the account; -1 = missing.
        numbers: float64 [columns, events], NaN = missing.
    """

    offsets: np.ndarray
    occurred: np.ndarray
    visible: np.ndarray
    classes: np.ndarray
    codes: np.ndarray
    numbers: np.ndarray


def run(
    events: Events,
    is_late: bool,
    row_offsets: np.ndarray,
    as_of: np.ndarray,
    place: np.ndarray,
    program: Program,
    out: np.ndarray,
    threads: int = THREADS,
) -> None:
    """Measures of every snapshot row, written into `out`.

    Args:
        events: The log.
        is_late: Whether any event became known after it occurred.
        row_offsets: int64 [accounts + 1], snapshot rows of each account.
        as_of: int64 [rows], ascending within an account.
        place: int64 [rows], row of `out` that each is written to.
        program: What to measure.
        out: float32 or float64 [rows, columns]; only the program's columns are written.
        threads: Accounts are shared out over this many; results do not depend on it.
    """
    most = int(events.codes.max(initial=-1)) + 1 if len(program.distinct_column) else 0

    def work(begin: int, end: int) -> None:
        _walk(events, is_late, row_offsets, as_of, place, program, most, begin, end, out)

    in_pieces(work, events.offsets, row_offsets, threads=threads)


@compiled
def _halved(times):  # type: ignore[no-untyped-def]
    """2 to the power of -times, times ≥ 0: from two tables and a short series, to about one unit in the last place."""
    whole = int(times)
    if whole >= 1100:
        return 0.0
    part = (times - whole) * _STEPS
    step = int(part)
    x = (part - step) * (-_LN2 / _STEPS)
    return _WHOLE[whole] * _FRACTIONS[step] * (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0)))))


@compiled
def _walk(  # type: ignore[no-untyped-def]
    events, is_late, row_offsets, as_of, place, program, most_codes, from_account, to_account, out
):
    offsets, occurred, visible, classes, codes, numbers = events
    windows = program.windows
    n_windows, n_sums = len(windows), len(program.sum_column)
    n_distincts, n_decays = len(program.distinct_column), len(program.half_lives)
    width, n_counts = program.width, program.n_counts
    sum_base = n_windows * width
    state = np.zeros(sum_base + 2 * n_sums * n_windows)
    low = np.zeros(len(state))  # second doubles of sums
    total = np.zeros(width, np.int32)
    left = np.zeros((n_windows, width), np.int32)
    edge = np.empty(n_windows, np.int64)
    # Place of the latest event with each value. What another account left behind lies below every edge.
    latest = np.full((n_distincts, most_codes), -1, np.int64)
    longest = 0
    for a in range(from_account, to_account):
        longest = max(longest, offsets[a + 1] - offsets[a])
    # What each event takes with it when it leaves a window.
    carried = np.empty((longest, width), np.int8)
    last_seen = np.empty(program.n_lasts, np.int64)
    first_seen = np.empty(program.n_firsts, np.int64)
    decay = np.empty(n_decays)
    rate = 1.0 / program.half_lives
    arrivals = np.empty(0, np.int64)
    entered = np.empty(0, np.bool_)

    for a in range(from_account, to_account):
        if row_offsets[a] == row_offsets[a + 1]:
            continue
        begin, end = offsets[a], offsets[a + 1]
        state[:] = 0.0
        low[:] = 0.0
        total[:] = 0
        left[:] = 0
        edge[:] = begin
        last_seen[:] = moments.ALWAYS
        first_seen[:] = moments.NEVER
        decay[:] = 0.0
        decay_at = occurred[begin] if begin < end else np.int64(0)
        late = False
        if is_late:
            for i in range(begin, end):
                if visible[i] > occurred[i]:
                    late = True
                    break
            if late:
                arrivals = np.argsort(visible[begin:end], kind="mergesort")
                entered = np.zeros(end - begin, np.bool_)
        head = begin

        for r in range(row_offsets[a], row_offsets[a + 1]):
            now = as_of[r]

            # Out: what falls behind the lower edge of each window.
            for w in range(n_windows):
                low_edge = now - windows[w]
                i = edge[w]
                while i < end and occurred[i] < low_edge:
                    if entered[i - begin] if late else i < head:
                        own = carried[i - begin]
                        for k in range(width):
                            left[w, k] += own[k]
                        c = classes[i]
                        for k in range(program.sums.start[c], program.sums.start[c + 1]):
                            item = program.sums.item[k]
                            x = numbers[program.sum_column[item], i]
                            if not math.isnan(x):
                                held = sum_base + 2 * item * n_windows + w
                                state[held + n_windows] -= 1.0
                                if state[held + n_windows] == 0.0:
                                    state[held] = 0.0
                                    low[held] = 0.0
                                else:
                                    less = state[held] - x
                                    part = less - state[held]
                                    low[held] += (state[held] - (less - part)) + (-x - part)
                                    state[held] = less
                    i += 1
                edge[w] = i

            # In: what has become known, in the order in which it did.
            while head < end:
                i = begin + arrivals[head - begin] if late else head
                if not is_before(visible[i], now):
                    break
                head += 1
                if late:
                    entered[i - begin] = True
                c, when = classes[i], occurred[i]
                for k in range(program.lasts.start[c], program.lasts.start[c + 1]):
                    last_seen[program.lasts.item[k]] = max(last_seen[program.lasts.item[k]], when)
                for k in range(program.firsts.start[c], program.firsts.start[c + 1]):
                    first_seen[program.firsts.item[k]] = min(first_seen[program.firsts.item[k]], when)
                if n_decays:
                    if when > decay_at:
                        for k in range(n_decays):
                            decay[k] = decay[k] * _halved((when - decay_at) * rate[k]) + program.weights[k, c]
                        decay_at = when
                    else:
                        for k in range(n_decays):
                            decay[k] += program.weights[k, c] * _halved((decay_at - when) * rate[k])
                narrowest = n_windows
                while narrowest > 0 and i >= edge[narrowest - 1]:
                    narrowest -= 1
                if narrowest == n_windows:
                    continue
                own = carried[i - begin]
                for k in range(width):
                    own[k] = program.counts[c, k]
                    total[k] += program.counts[c, k]
                for w in range(narrowest):
                    for k in range(width):
                        left[w, k] += program.counts[c, k]
                for k in range(program.distincts.start[c], program.distincts.start[c + 1]):
                    item = program.distincts.item[k]
                    slot = n_counts + item
                    code = codes[program.distinct_column[item], i]
                    if code < 0:
                        continue
                    before = latest[item, code]
                    if before < edge[n_windows - 1]:
                        # New to every window, also where it was there once: nothing of it is left to leave.
                        latest[item, code] = i
                        own[slot] = 1
                        total[slot] += 1
                        for w in range(narrowest):
                            left[w, slot] += 1
                    else:
                        # Back in the windows that its latest event has left or was too old to enter.
                        for w in range(narrowest, n_windows):
                            if before >= edge[w]:
                                break
                            left[w, slot] -= 1
                        if before < i:
                            carried[before - begin, slot] = 0
                            own[slot] = 1
                            latest[item, code] = i
                for k in range(program.sums.start[c], program.sums.start[c + 1]):
                    item = program.sums.item[k]
                    x = numbers[program.sum_column[item], i]
                    if math.isnan(x):
                        continue
                    held = sum_base + 2 * item * n_windows
                    for w in range(narrowest, n_windows):
                        state[held + n_windows + w] += 1.0
                        more = state[held + w] + x
                        part = more - state[held + w]
                        low[held + w] += (state[held + w] - (more - part)) + (x - part)
                        state[held + w] = more

            # Write: what is in each window, and ratios of it.
            for w in range(n_windows):
                for k in range(width):
                    state[w * width + k] = total[k] - left[w, k]
            line = out[place[r]]
            for k in range(len(program.plain)):
                line[program.plain[k, 0]] = state[program.plain[k, 1]]
            for k in range(len(program.summed)):
                line[program.summed[k, 0]] = state[program.summed[k, 1]] + low[program.summed[k, 1]]
            for k in range(len(program.ratios)):
                below = state[program.ratios[k, 2]]
                if program.ratios[k, 3] >= 0:
                    below -= state[program.ratios[k, 3]]
                above = state[program.ratios[k, 1]] + low[program.ratios[k, 1]]
                line[program.ratios[k, 0]] = above / below * program.ratio_scale[k] if below > 0 else np.nan
            for k in range(program.n_lasts):
                seen = last_seen[k]
                line[program.last_columns[k]] = np.nan if seen == moments.ALWAYS else (now - seen) / DAY
            for k in range(program.n_firsts):
                seen = first_seen[k]
                line[program.first_columns[k]] = np.nan if seen == moments.NEVER else (now - seen) / DAY
            for k in range(n_decays):
                line[program.decay_columns[k]] = decay[k] * _halved((now - decay_at) * rate[k])
