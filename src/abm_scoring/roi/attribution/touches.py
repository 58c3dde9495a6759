"""Rules that divide each path's credit among its touches, and what that gives each unit."""

from __future__ import annotations

import numpy as np

from abm_scoring.errors import BadDataError
from abm_scoring.features.compiled import compiled
from abm_scoring.roi.attribution.paths import Paths


def by_place(paths: Paths, first: float, milestone: float, last: float) -> np.ndarray:
    """Fixed shares for the first, the milestone and the last touch; the others share the rest equally.

    One touch can stand in several of these places and then gets their sum. Where no other touch is left to take the
    rest, the places grow in proportion. A milestone that is unknown is the middle touch of three or more.

    Returns:
        float64 [touches], summing to 1 within each path.
    """
    where = np.full(len(paths), -1, "int64") if paths.milestone is None else paths.milestone
    out = np.empty(len(paths.codes))
    _by_place(paths.offsets, where, float(first), float(milestone), float(last), out)
    return out


@compiled
def _by_place(offsets, milestone, first, middle, last, out):  # type: ignore[no-untyped-def]
    for p in range(len(offsets) - 1):
        a, b = offsets[p], offsets[p + 1]
        n = b - a
        if n == 0:
            continue
        m = milestone[p]
        if m < 0:
            m = (n - 1) // 2 if n > 2 else -1
        taken = 0
        given = 0.0
        for i in range(n):
            key, share = False, 0.0
            if i == 0 and first > 0.0:
                key, share = True, share + first
            if i == m and middle > 0.0:
                key, share = True, share + middle
            if i == n - 1 and last > 0.0:
                key, share = True, share + last
            out[a + i] = share if key else -1.0
            taken += key
            given += share
        rest = max(0.0, 1.0 - given) / (n - taken) if n > taken else 0.0
        grown = 1.0 if n > taken else 1.0 / given
        for i in range(a, b):
            out[i] = rest if out[i] < 0.0 else out[i] * grown


def by_age(paths: Paths, half_life: float) -> np.ndarray:
    """Shares in proportion to 2^(−days ÷ half-life).

    Returns:
        float64 [touches], summing to 1 within each path.

    Raises:
        BadDataError: The paths do not know their touches' times.
    """
    if paths.days is None:
        raise BadDataError("time decay needs the touches' times", where="paths", fix="leave out the rule time_decay")
    out = np.empty(len(paths.codes))
    _by_age(paths.offsets, paths.days, float(half_life), out)
    return out


@compiled
def _by_age(offsets, days, half_life, out):  # type: ignore[no-untyped-def]
    for p in range(len(offsets) - 1):
        a, b = offsets[p], offsets[p + 1]
        if a == b:
            continue
        # Ages count from the youngest touch: only ratios matter, and old paths would underflow to 0 ÷ 0.
        youngest = days[a]
        for i in range(a, b):
            youngest = min(youngest, days[i])
        total = 0.0
        for i in range(a, b):
            out[i] = 2.0 ** ((youngest - days[i]) / half_life)
            total += out[i]
        for i in range(a, b):
            out[i] /= total


def by_unit(paths: Paths) -> np.ndarray:
    """The same share for every distinct unit of a path, on its first touch.

    Returns:
        float64 [touches], summing to 1 within each path.
    """
    out = np.empty(len(paths.codes))
    _by_unit(paths.codes, paths.offsets, len(paths.units), out)
    return out


@compiled
def _by_unit(codes, offsets, n_units, out):  # type: ignore[no-untyped-def]
    seen = np.full(n_units, -1, np.int64)
    for p in range(len(offsets) - 1):
        distinct = 0
        for i in range(offsets[p], offsets[p + 1]):
            new = seen[codes[i]] != p
            seen[codes[i]] = p
            distinct += new
            out[i] = 1.0 if new else 0.0
        for i in range(offsets[p], offsets[p + 1]):
            out[i] /= distinct


def credit(paths: Paths, weights: np.ndarray) -> np.ndarray:
    """What the touches' shares give each unit.

    Returns:
        float64 [units, 2]: wins and money.
    """
    out = np.zeros((len(paths.units), 2))
    _credit(paths.codes, paths.offsets, weights, paths.wins, paths.money, out)
    return out


@compiled
def _credit(codes, offsets, weights, wins, money, out):  # type: ignore[no-untyped-def]
    for p in range(len(offsets) - 1):
        w, m = wins[p], money[p]
        if w != 0.0:
            for i in range(offsets[p], offsets[p + 1]):
                out[codes[i], 0] += weights[i] * w
                out[codes[i], 1] += weights[i] * m


def family_credit(paths: Paths, weights: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each path gives each of its units, as compressed sparse rows over paths in the given order.

    Args:
        weights: float64 [touches].
        order: int64 [paths].

    Returns:
        offsets int64 [paths + 1], columns int64 (a unit; the number of units = no touch), values float64 [entries, 2].
    """
    room = np.where(paths.wins != 0, np.maximum(paths.lengths, 1), 0)[order].sum()
    offsets = np.zeros(len(paths) + 1, "int64")
    columns, values = np.empty(room, "int64"), np.empty((room, 2))
    used = _family_credit(
        paths.codes, paths.offsets, weights, paths.wins, paths.money, order, len(paths.units), offsets, columns, values
    )
    return offsets, columns[:used], values[:used]


@compiled
def _family_credit(codes, at, weights, wins, money, order, n_units, offsets, columns, values):  # type: ignore[no-untyped-def]
    place = np.full(n_units, -1, np.int64)
    e = 0
    for k in range(len(order)):
        p, begin = order[k], e
        if wins[p] != 0.0:
            if at[p] == at[p + 1]:
                columns[e], values[e, 0], values[e, 1] = n_units, wins[p], money[p]
                e += 1
            for i in range(at[p], at[p + 1]):
                if weights[i] == 0.0:
                    continue
                c = codes[i]
                if place[c] < begin:
                    place[c] = e
                    columns[e], values[e, 0], values[e, 1] = c, 0.0, 0.0
                    e += 1
                values[place[c], 0] += weights[i] * wins[p]
                values[place[c], 1] += weights[i] * money[p]
        offsets[k + 1] = e
    return e
