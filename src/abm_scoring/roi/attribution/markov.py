"""Removal effects in an absorbing Markov chain of touches, solved exactly.

States are the last k touches (fewer at the beginning of a path), after a common start; a path ends in a win or in
nothing. With Q the moves between states, r what is won on leaving a state and N = (I − Q)⁻¹, a path is expected to win
P = N[start] · r. Taking out a unit means that every move into the states C that remember it ends in nothing. What is
lost is what flows through C, by block elimination N[start, C] · N[C, C]⁻¹ · (N r)[C]; the removal effect is that ÷ P. A
state that leads to itself changes nothing, so it does not matter whether repeats are counted (for order 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abm_scoring.errors import BadDataError
from abm_scoring.features.compiled import compiled
from abm_scoring.roi.attribution.paths import Paths

#: Up to this many states the inverse is made whole; beyond it only the columns that are needed, from a sparse factor.
_DENSE = 600

#: Up to this many possible (state, next touch) pairs they are counted in a table; beyond it they are sorted.
_TABLE = 1 << 22


@dataclass(frozen=True)
class Chain:
    """Where paths can move, and how often they did.

    Attributes:
        rows: int64 [moves], state that is left; 0 is the start.
        columns: int64 [moves], state that is entered.
        moves: float64 [moves], paths that made the move.
        wins: float64 [states], paths that won from there.
        nulls: float64 [states], paths that ended in nothing there.
        money: float64 [states], what was won from there.
        members: One array a unit: the states that remember it.
        keys: int64 [moves], ascending: code of the state that is left × (units + 1) + the next touch + 1.
        states: int64 [states], ascending: codes of the states.
    """

    rows: np.ndarray
    columns: np.ndarray
    moves: np.ndarray
    wins: np.ndarray
    nulls: np.ndarray
    money: np.ndarray
    members: tuple[np.ndarray, ...]
    keys: np.ndarray
    states: np.ndarray

    @property
    def n_states(self) -> int:
        """States, the start included."""
        return len(self.wins)


def chain(paths: Paths, order: int) -> Chain:
    """Counts the moves of all paths that have touches.

    Raises:
        BadDataError: There are too many units for this order.
    """
    base = len(paths.units) + 1
    if base ** (order + 1) >= 2**62:
        raise BadDataError(f"{base - 1} units are too many for a chain of order {order}", fix="use a lower order")
    key, count, ends = _counted(paths, base, base**order)
    left, entered = key // base, _after(key // base, key % base, base, base**order)
    states = np.unique(np.concatenate([[0], left, entered]))
    at_end = np.zeros((len(states), 3))
    lived = (paths.lengths > 0) & (paths.wins + paths.nulls > 0)
    place = np.searchsorted(states, ends[lived])
    for k, values in enumerate((paths.wins, paths.nulls, paths.money)):
        at_end[:, k] = np.bincount(place, values[lived], len(states))
    rows, columns = np.searchsorted(states, left), np.searchsorted(states, entered)
    wins, nulls, money = at_end.T
    return Chain(rows, columns, count, wins, nulls, money, members(states, base), key, states)


def _after(state: np.ndarray, touch: np.ndarray, base: int, size: int) -> np.ndarray:
    """State after a touch: the base's digits are the remembered touches + 1, the newest last."""
    return (state * base + touch) % size


def members(states: np.ndarray, base: int) -> tuple[np.ndarray, ...]:
    """Per unit, the positions in `states` that remember it."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    rest, place = states.copy(), np.arange(len(states))
    while rest.any():
        found.append((rest % base, place))
        rest = rest // base
    if not found:
        return ()
    unit, at = (np.concatenate(part) for part in zip(*found, strict=True))
    pairs = np.unique(np.column_stack([unit, at])[unit > 0], axis=0)
    return tuple(np.split(pairs[:, 1], np.searchsorted(pairs[:, 0], np.arange(2, base))))


def _counted(paths: Paths, base: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moves as state × base + next touch in ascending order, how many paths made each, and where each path ended."""
    weights, ends = paths.wins + paths.nulls, np.zeros(len(paths), "int64")
    if size * base <= _TABLE:
        table = np.zeros(size * base)
        _tally(paths.codes, paths.offsets, weights, base, size, table, ends)
        key = np.flatnonzero(table)
        return key, table[key], ends
    every = np.empty(len(paths.codes), "int64")
    walk(paths.codes, paths.offsets, base, size, every, ends)
    key, code = np.unique(every, return_inverse=True)
    count = np.bincount(code, np.repeat(weights, paths.lengths), len(key))
    return key[count > 0], count[count > 0], ends


@compiled
def _tally(codes, offsets, weights, base, size, table, ends):  # type: ignore[no-untyped-def]
    for p in range(len(offsets) - 1):
        state = 0
        for i in range(offsets[p], offsets[p + 1]):
            key = state * base + codes[i] + 1
            table[key] += weights[p]
            state = key % size
        ends[p] = state


@compiled
def walk(codes, offsets, base, size, keys, ends):  # type: ignore[no-untyped-def]
    """Writes each touch's move (state × base + touch + 1) and each path's last state."""
    for p in range(len(offsets) - 1):
        state = 0
        for i in range(offsets[p], offsets[p + 1]):
            keys[i] = state * base + codes[i] + 1
            state = keys[i] % size
        ends[p] = state


def removal_effects(made: Chain) -> np.ndarray:
    """Share of the expected wins and of the expected money that is lost without each unit.

    Returns:
        float64 [units, 2]; wins' in [0, 1]; 0 where nothing is won at all.
    """
    left = np.bincount(made.rows, made.moves, made.n_states) + made.wins + made.nulls
    visited = np.where(left > 0, left, 1.0)
    won = np.column_stack([made.wins, made.money]) / visited[:, None]
    solved = (_dense if made.n_states <= _DENSE else _sparse)(made, made.moves / visited[made.rows], won)
    reached, worth, inverse = solved
    lost = np.zeros((len(made.members), 2))
    for unit, own in enumerate(made.members):
        if len(own):
            lost[unit] = reached[own] @ np.linalg.solve(inverse(own), worth[own])
    total = worth[0]
    effects: np.ndarray = np.divide(lost, total, out=np.zeros_like(lost), where=(total != 0)[None, :])
    return effects


def _dense(made: Chain, chance: np.ndarray, won: np.ndarray):  # type: ignore[no-untyped-def]
    system = np.eye(made.n_states)
    np.subtract.at(system, (made.rows, made.columns), chance)
    inverse = np.linalg.inv(system)
    return inverse[0], inverse @ won, lambda own: inverse[np.ix_(own, own)]


def _sparse(made: Chain, chance: np.ndarray, won: np.ndarray):  # type: ignore[no-untyped-def]
    from scipy import sparse
    from scipy.sparse.linalg import splu

    n = made.n_states
    moves = sparse.csc_matrix((chance, (made.rows, made.columns)), shape=(n, n))
    factor = splu(sparse.identity(n, format="csc") - moves)

    def block(own: np.ndarray) -> np.ndarray:
        unit = np.zeros((n, len(own)))
        unit[own, np.arange(len(own))] = 1.0
        solved: np.ndarray = factor.solve(unit)[own]
        return solved

    return factor.solve(np.eye(1, n)[0], trans="T"), factor.solve(won), block


def shared_out(effects: np.ndarray, wins: float, money: float) -> np.ndarray:
    """Credit in proportion to removal effects, float64 [units, 2]: wins and money.

    Where money's effects do not add up to anything positive (credit notes outweigh sales), wins' effects divide it.
    """
    total = effects.sum(axis=0)
    if not total[0] > 0:
        return np.zeros_like(effects)
    by_wins = effects[:, 0] / total[0]
    by_money = effects[:, 1] / total[1] if total[1] > 0 and (effects[:, 1] >= 0).all() else by_wins
    return np.column_stack([by_wins * wins, by_money * money])


def family_moves(
    paths: Paths, order: int, made: Chain, sequence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each path adds to the counts of the chain, as compressed sparse rows over paths in the given sequence.

    Columns are the chain's moves, then its states' wins, nulls and money, then wins and money of paths without touches.

    Returns:
        offsets int64 [paths + 1], columns int64, values float64 [entries, 1].
    """
    base = len(paths.units) + 1
    keys, ends = np.empty(len(paths.codes), "int64"), np.zeros(len(paths), "int64")
    walk(paths.codes, paths.offsets, base, base**order, keys, ends)
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
