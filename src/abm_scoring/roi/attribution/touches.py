"""Rules that divide each path's credit among its touches, and what that gives each unit."""

from __future__ import annotations

import numpy as np

from abm_scoring.errors import BadDataError
from abm_scoring.roi.attribution.paths import Paths


def by_place(paths: Paths, first: float, milestone: float, last: float) -> np.ndarray:
    """Fixed shares for the first, the milestone and the last touch; the others share the rest equally.

    One touch can stand in several of these places and then gets their sum. Where no other touch is left to take the
    rest, the places grow in proportion. A milestone that is unknown is the middle touch of three or more.

    Returns:
        float64 [touches], summing to 1 within each path.
    """
    start, n = _spans(paths)
    if not (first or milestone or last):
        return np.repeat(1.0 / n, n)
    out = np.zeros(len(paths.codes))
    if first == 1 or last == 1:
        out[start if first == 1 else start + n - 1] = 1.0
        return out
    named = np.zeros(len(paths.codes), bool)
    for at, share in ((start, first), (_milestones(paths, start, n), milestone), (start + n - 1, last)):
        if share > 0:
            out[at] += share
            named[at] = True
    if not len(start):
        return out
    given, others = np.add.reduceat(out, start), n - np.add.reduceat(named, start, dtype="int64")
    rest = np.maximum(0.0, 1.0 - given) / np.maximum(others, 1)
    grown = np.where(others > 0, 1.0, 1.0 / np.where(given > 0, given, 1.0))
    return np.where(named, out * np.repeat(grown, n), np.repeat(rest, n))


def _spans(paths: Paths) -> tuple[np.ndarray, np.ndarray]:
    """Where each path with touches begins, and how many it has, int64; one after the other they are all touches."""
    lengths = paths.lengths
    some = lengths > 0
    return paths.offsets[:-1][some], lengths[some]


def _milestones(paths: Paths, start: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Positions of the milestones of the paths that have one."""
    middle = np.where(n > 2, (n - 1) // 2, -1)
    known = np.full(len(n), -1) if paths.milestone is None else paths.milestone[paths.lengths > 0]
    place = np.where(known < 0, middle, known)
    found: np.ndarray = (start + place)[(place >= 0) & (place < n)]
    return found


def by_age(paths: Paths, half_life: float) -> np.ndarray:
    """Shares in proportion to 2^(−days ÷ half-life).

    Returns:
        float64 [touches], summing to 1 within each path.

    Raises:
        BadDataError: The paths do not know their touches' times.
    """
    if paths.days is None:
        raise BadDataError("time decay needs the touches' times", where="paths", fix="leave out the rule time_decay")
    start, n = _spans(paths)
    if not len(start):
        return np.zeros(0)
    days = paths.days.astype("float64")
    # Ages count from the youngest touch: only ratios matter, and old paths would underflow to 0 ÷ 0.
    out = np.exp2((np.repeat(np.minimum.reduceat(days, start), n) - days) / half_life)
    out /= np.repeat(np.add.reduceat(out, start), n)
    return out


def by_unit(paths: Paths) -> np.ndarray:
    """The same share for every distinct unit of a path, on its first touch.

    Returns:
        float64 [touches], summing to 1 within each path.
    """
    start, n = _spans(paths)
    if not len(start):
        return np.zeros(0)
    pair = np.repeat(np.arange(len(n)) * len(paths.units), n) + paths.codes
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    new = np.zeros(len(pair))
    new[order[np.concatenate([[True], pair[1:] != pair[:-1]])]] = 1.0
    new /= np.repeat(np.add.reduceat(new, start), n)
    return new


def credit(paths: Paths, weights: np.ndarray) -> np.ndarray:
    """What the touches' shares give each unit.

    Returns:
        float64 [units, 2]: wins and money.
    """
    amounts = (np.repeat(values, paths.lengths) for values in (paths.wins, paths.money))
    return np.column_stack([np.bincount(paths.codes, weights * each, len(paths.units)) for each in amounts])
