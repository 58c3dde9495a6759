"""The compiled look back from each snapshot: what cannot be kept by adding and taking out (extremes, gaps, streaks).

Cost: the events inside the longest window of each snapshot, so these are measured only where a spec asks for them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from abm_scoring.features import moments
from abm_scoring.features.compiled import compiled, is_before
from abm_scoring.features.kernel import Events, Lists
from abm_scoring.features.moments import DAY
from abm_scoring.features.sorting import in_pieces

WEEK = 7 * DAY


class Shapes(NamedTuple):
    """What to look for, per class of events (as in `kernel.Program`), and the columns to write, `[measure, window]`.

    Extremes have a sign: +1 looks for the largest value of a column, -1 for the smallest. Streaks have no windows.
    """

    windows: np.ndarray
    extremes: Lists
    extreme_column: np.ndarray
    extreme_sign: np.ndarray
    extreme_out: np.ndarray
    gaps: Lists
    mean_out: np.ndarray  # -1 where not asked for
    regularity_out: np.ndarray
    streaks: Lists
    streak_out: np.ndarray


def run(
    events: Events,
    row_offsets: np.ndarray,
    as_of: np.ndarray,
    place: np.ndarray,
    shapes: Shapes,
    out: np.ndarray,
) -> None:
    """Writes the shapes of every snapshot row into `out`; arguments as in `kernel.run`."""
    in_pieces(
        lambda a, b: _look_back(events, row_offsets, as_of, place, shapes, a, b, out), events.offsets, row_offsets
    )


@compiled
def _look_back(events, row_offsets, as_of, place, shapes, from_account, to_account, out):  # type: ignore[no-untyped-def]
    offsets, occurred, visible, classes, _, numbers = events
    windows = shapes.windows
    n_windows, n_streaks = len(windows), len(shapes.streak_out)
    n_extremes, n_gaps = len(shapes.extreme_column), len(shapes.mean_out)
    longest = windows[n_windows - 1] if n_windows else np.int64(0)
    best = np.empty((n_extremes, n_windows))
    gap_n = np.empty((n_gaps, n_windows))
    gap_sum = np.empty((n_gaps, n_windows))
    gap_squares = np.empty((n_gaps, n_windows))
    later = np.empty(n_gaps, np.int64)
    streak = np.empty(n_streaks, np.int64)
    broken = np.empty(n_streaks, np.bool_)
    for a in range(from_account, to_account):
        head = offsets[a]
        for r in range(row_offsets[a], row_offsets[a + 1]):
            now = as_of[r]
            while head < offsets[a + 1] and is_before(occurred[head], now):
                head += 1
            best[:] = -np.inf
            gap_n[:] = 0.0
            gap_sum[:] = 0.0
            gap_squares[:] = 0.0
            later[:] = moments.NEVER
            streak[:] = 0
            broken[:] = False
            open_streaks = n_streaks
            bucket = 0
            for i in range(head - 1, offsets[a] - 1, -1):
                when = occurred[i]
                inside = n_windows > 0 and when >= now - longest
                if not inside and open_streaks == 0:
                    break
                if not is_before(visible[i], now):
                    continue
                c = classes[i]
                for k in range(shapes.streaks.start[c], shapes.streaks.start[c + 1]):
                    item = shapes.streaks.item[k]
                    week = (now - 1 - when) // WEEK
                    if not broken[item] and week >= streak[item]:
                        if week == streak[item]:
                            streak[item] += 1
                        else:
                            broken[item] = True
                            open_streaks -= 1
                if not inside:
                    continue
                # The walk meets recent events first: an event belongs to the smallest window that holds it.
                while when < now - windows[bucket]:
                    bucket += 1
                for k in range(shapes.extremes.start[c], shapes.extremes.start[c + 1]):
                    item = shapes.extremes.item[k]
                    x = numbers[shapes.extreme_column[item], i]
                    if not math.isnan(x):
                        best[item, bucket] = max(best[item, bucket], x * shapes.extreme_sign[item])
                for k in range(shapes.gaps.start[c], shapes.gaps.start[c + 1]):
                    item = shapes.gaps.item[k]
                    if later[item] != moments.NEVER:
                        days = (later[item] - when) / DAY
                        gap_n[item, bucket] += 1.0
                        gap_sum[item, bucket] += days
                        gap_squares[item, bucket] += days * days
                    later[item] = when
            line = out[place[r]]
            for item in range(n_extremes):
                so_far = -np.inf
                for w in range(n_windows):
                    so_far = max(so_far, best[item, w])
                    line[shapes.extreme_out[item, w]] = (
                        np.nan if so_far == -np.inf else so_far * shapes.extreme_sign[item]
                    )
            for item in range(n_gaps):
                n, total, squares = 0.0, 0.0, 0.0
                for w in range(n_windows):
                    n += gap_n[item, w]
                    total += gap_sum[item, w]
                    squares += gap_squares[item, w]
                    mean = total / n if n > 0 else np.nan
                    if shapes.mean_out[item, w] >= 0:
                        line[shapes.mean_out[item, w]] = mean
                    if shapes.regularity_out[item, w] >= 0:
                        spread = math.sqrt(max(0.0, squares / n - mean * mean)) if n > 1 else np.nan
                        line[shapes.regularity_out[item, w]] = spread / mean if n > 1 and mean > 0 else np.nan
            for item in range(n_streaks):
                line[shapes.streak_out[item]] = streak[item]
