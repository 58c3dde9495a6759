"""What resampled account families say: the counts of each rule by family, and the credit of each draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm_scoring.features.compiled import compiled
from abm_scoring.roi.attribution import markov
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.attribution.spec import AttributionSpec, Markov, TouchRule
from abm_scoring.roi.bootstrap import sparse_sums


def touch_draws(won: Paths, rule: TouchRule, families: np.ndarray, spec: AttributionSpec) -> np.ndarray:
    """Credit of a rule that divides each path by itself, float64 [draws, units + 1, 2]; the last line: no touch.

    Args:
        won: Paths with a win.
        rule: The rule.
        families: Codes of all families, those without a win included, in ascending order.
        spec: Draws and seed.
    """
    order, starts = _by_family(won, families)
    offsets, columns, values = family_credit(won, rule.weights(won), order)
    return sparse_sums(offsets[starts], columns, values, len(won.units) + 1, spec.draws, spec.seed)


def markov_draws(
    paths: Paths, rule: Markov, made: markov.Chain, families: np.ndarray, spec: AttributionSpec
) -> np.ndarray:
    """The same of a chain: each draw's is counted from the moves of the drawn families, and solved."""
    order, starts = _by_family(paths, families)
    offsets, columns, values = family_moves(paths, rule.order, made, order)
    m, s = len(made.moves), made.n_states
    sums = sparse_sums(offsets[starts], columns, values, m + 3 * s + 2, spec.draws, spec.seed)[:, :, 0]
    out = np.empty((spec.draws, len(paths.units) + 1, 2))
    for k, row in enumerate(sums):
        won, nulls, money = row[m : m + 3 * s].reshape(3, s)
        own = replace(made, moves=row[:m], wins=won, nulls=nulls, money=money)
        out[k, :-1] = markov.credited(own, len(paths.units), float(won.sum()), float(money.sum()))
        out[k, -1] = row[m + 3 * s :]
    return out


def _by_family(paths: Paths, families: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the paths by family, and where each of the (sorted) families begins in it, int64 [families + 1].

    Every rule draws among the same families, those without a win included, so that its draws pair with the others'.
    """
    own = np.zeros(len(paths), "int64") if paths.family is None else paths.family
    order = np.argsort(own, kind="stable")
    return order, np.append(np.searchsorted(own[order], families), len(own))


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


def family_moves(
    paths: Paths, order: int, made: markov.Chain, sequence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each path adds to the counts of the chain, as compressed sparse rows over paths in the given sequence.

    Columns are the chain's moves, then its states' wins, nulls and money, then wins and money of paths without touches.

    Returns:
        offsets int64 [paths + 1], columns int64, values float64 [entries, 1].
    """
    keys, ends = markov.walked(paths, len(paths.units) + 1, order)
    # Moves of paths that count nothing are not in the chain; what they add is 0, wherever it is added.
    move = np.minimum(np.searchsorted(made.keys, keys), max(len(made.keys) - 1, 0))
    end = np.minimum(np.searchsorted(made.states, ends), made.n_states - 1)
    room = int(paths.lengths.sum()) + 3 * len(paths)
    offsets = np.zeros(len(paths) + 1, "int64")
    columns, values = np.empty(room, "int64"), np.empty((room, 1))
    used = _family_moves(
        paths.offsets, move, end, paths.wins, paths.nulls, paths.money, sequence, len(made.keys), made.n_states,
        offsets, columns, values,
    )  # fmt: skip
    return offsets, columns[:used], values[:used]


@compiled
def _family_moves(at, move, end, wins, nulls, money, order, n_moves, n_states, offsets, columns, values):  # type: ignore[no-untyped-def]
    e = 0
    for k in range(len(order)):
        p = order[k]
        for i in range(at[p], at[p + 1]):
            columns[e], values[e, 0] = move[i], wins[p] + nulls[p]
            e += 1
        empty = at[p] == at[p + 1]
        after = n_moves + 3 * n_states
        for what in range(3):
            amount = wins[p] if what == 0 else (nulls[p] if what == 1 else money[p])
            if amount != 0.0 and not (empty and what == 1):
                columns[e] = after + what // 2 if empty else n_moves + what * n_states + end[p]
                values[e, 0] = amount
                e += 1
        offsets[k + 1] = e
    return e
