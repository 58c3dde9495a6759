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
from abm_scoring.roi.attribution.paths import Paths

#: Up to this many states the inverse is made whole; beyond it only the columns that are needed, from a sparse factor.
_DENSE = 600

#: Up to this many possible (state, next touch) pairs they are counted in a table; beyond it they are sorted.
_TABLE = 1 << 20


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
    (key, (count,)), (ended, at_end) = _counted(paths, base, order)
    left, entered = key // base, _after(key // base, key % base, base, base**order)
    states = np.unique(np.concatenate([[0], left, entered]))
    ends = np.zeros((3, len(states)))
    ends[:, np.searchsorted(states, ended)] = at_end[1:]
    rows, columns = np.searchsorted(states, left), np.searchsorted(states, entered)
    wins, nulls, money = ends
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


#: Codes in ascending order, and sums of each, float64 [sums, codes].
Tally = tuple[np.ndarray, np.ndarray]


def _counted(paths: Paths, base: int, order: int) -> tuple[Tally, Tally]:
    """Moves as state × base + next touch, with the paths that made each; final states, with how paths ended there.

    The sums of a final state are its paths, wins, nulls and money.
    """
    moves, ends = _nothing(1), _nothing(4)
    size = base**order
    for part in paths.parts():
        weights, lengths = part.wins + part.nulls, part.lengths
        keys, last = walked(part, base, order)
        some = lengths > 0
        at_end = np.stack([weights, part.wins, part.nulls, part.money])[:, some]
        moves = _merged(moves, _tally(keys, np.repeat(weights, lengths)[None], size * base))
        ends = _merged(ends, _tally(last[some], at_end, size))
    return moves, ends


def _nothing(sums: int) -> Tally:
    return np.zeros(0, "int64"), np.zeros((sums, 0))


def _tally(codes: np.ndarray, values: np.ndarray, size: int) -> Tally:
    """Sums of the values by code; codes whose first sum is 0 are left out."""
    if size <= _TABLE:
        first = np.bincount(codes, values[0], size)
        found = np.flatnonzero(first)
        others = [np.bincount(codes, row, size)[found] for row in values[1:]]
        return found, np.stack([first[found], *others])
    found, code = np.unique(codes, return_inverse=True)
    sums = np.stack([np.bincount(code, row, len(found)) for row in values])
    return found[sums[0] > 0], sums[:, sums[0] > 0]


def _merged(one: Tally, two: Tally) -> Tally:
    found, code = np.unique(np.concatenate([one[0], two[0]]), return_inverse=True)
    sums = [np.bincount(code, row, len(found)) for row in np.concatenate([one[1], two[1]], axis=1)]
    return found, np.stack(sums)


def walked(paths: Paths, base: int, order: int) -> Tally:
    """Each touch's move (state × base + touch + 1), and each path's last state (0 without touches), int64."""
    touch, lengths = paths.codes.astype("int64") + 1, paths.lengths
    place = np.arange(len(touch)) - np.repeat(paths.offsets[:-1], lengths)
    keys = touch.copy()
    for back in range(1, order + 1):
        keys[back:] += np.where(place[back:] >= back, touch[:-back], 0) * base**back
    ends, some = np.zeros(len(paths), "int64"), lengths > 0
    ends[some] = keys[paths.offsets[1:][some] - 1] % base**order
    return keys, ends


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


def credited(made: Chain, n_units: int, wins: float, money: float) -> np.ndarray:
    """Credit of every unit, those that no path of the chain has included, float64 [units, 2]."""
    effects = np.zeros((n_units, 2))
    effects[: len(made.members)] = removal_effects(made)
    return shared_out(effects, wins, money)
