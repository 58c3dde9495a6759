"""Which accounts get which tier within capacities: a multiple-choice knapsack with few resources and many accounts.

Every account gets at most one tier. What a tier takes is the same for each account, what it brings is not. The linear
relaxation is solved through its dual, whose few prices (one a resource) are found by cutting planes; accounts whose
best tier is clear at these prices get it, and the few on the edge are decided by an integer programme. The dual is an
upper bound of every plan, so the distance from the optimum is known.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

#: Accounts on the edge that the integer programme decides.
CORE = 60
_STEPS, _EXACT, _NODES = 200, 1e-7, 300
#: Share of the bound that the integer programme need not look for.
_NEGLIGIBLE = 2e-5


@dataclass(frozen=True)
class Choices:
    """What can be chosen.

    Attributes:
        gain: n × t, what each tier brings of each account.
        use: t × r, what a tier takes of each resource.
        cuts: What evaluating prices has taught, shared by all capacities: prices, total surplus, and use there.
    """

    gain: np.ndarray
    use: np.ndarray
    cuts: list[tuple[np.ndarray, float, np.ndarray]] = field(default_factory=list)

    def best(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Best tier of each account at prices (−1 = none) and what it brings there beyond none."""
        surplus = self.gain - self.use @ prices
        tier = surplus.argmax(axis=1)
        most = surplus[np.arange(len(tier)), tier]
        return np.where(most > 0, tier, -1), np.maximum(most, 0.0)

    def used(self, tier: np.ndarray) -> np.ndarray:
        """r totals of what a plan takes."""
        return np.bincount(tier[tier >= 0], minlength=len(self.use)).astype(float) @ self.use

    def brings(self, tier: np.ndarray) -> float:
        """What a plan brings in total."""
        rows = np.flatnonzero(tier >= 0)
        return float(self.gain[rows, tier[rows]].sum())


@dataclass(frozen=True)
class Allocation:
    """A plan.

    Attributes:
        tier: n positions of tiers, −1 = not worked.
        total: What it brings.
        bound: What no plan exceeds.
        prices: r prices: what one more unit of each resource would bring, at the edge.
    """

    tier: np.ndarray
    total: float
    bound: float
    prices: np.ndarray

    @property
    def gap(self) -> float:
        """Share of the bound that the plan may miss."""
        return max(0.0, self.bound - self.total) / self.bound if self.bound > 0 else 0.0


def allocate(choices: Choices, capacity: np.ndarray, exact: bool = True) -> Allocation:
    """The plan that brings most within capacities.

    Args:
        choices: Gains and uses.
        capacity: r capacities; infinite = no limit.
        exact: Whether the edge is decided by the integer programme; otherwise greedily.
    """
    if not len(choices.gain):
        return Allocation(np.empty(0, int), 0.0, 0.0, np.zeros(len(capacity)))
    prices, bound = _dual(choices, capacity)
    tier = _filled(choices, _feasible(choices, capacity, prices), capacity, prices)
    if exact and choices.brings(tier) < bound * (1 - _NEGLIGIBLE):
        decided = _decided(choices, tier, capacity, prices)
        tier = decided if choices.brings(decided) > choices.brings(tier) else tier
    return Allocation(tier, choices.brings(tier), bound, prices)


def _dual(choices: Choices, capacity: np.ndarray) -> tuple[np.ndarray, float]:
    """Prices that minimise capacity · prices + Σ surplus, by Kelley's cutting planes; and that minimum."""
    from scipy.optimize import linprog

    limited = np.isfinite(capacity)
    prices, best = np.zeros(len(capacity)), (np.zeros(len(capacity)), np.inf)
    if not limited.any():
        return prices, float(choices.best(prices)[1].sum())
    ceiling = _ceilings(choices)
    scale = np.maximum(ceiling, 1e-12)
    for _ in range(_STEPS):
        tier, surplus = choices.best(prices)
        choices.cuts.append((prices, float(surplus.sum()), choices.used(tier)))
        value = float(capacity[limited] @ prices[limited] + surplus.sum())
        best = min(best, (prices, value), key=lambda found: found[1])
        # Surplus at any prices is at least its value at a cut less what the cut used: no cut knows the capacity.
        left = [[*(-used[limited] * scale[limited]), -1.0] for _, _, used in choices.cuts]
        right = [-(total + used[limited] @ at[limited]) for at, total, used in choices.cuts]
        cost = [*(capacity[limited] * scale[limited]), 1.0]
        found = linprog(cost, A_ub=left, b_ub=right, bounds=[*[(0, 1)] * int(limited.sum()), (0, None)])
        if found.status != 0 or best[1] - found.fun <= _EXACT * max(abs(best[1]), 1e-9):
            break
        prices = np.zeros(len(capacity))
        prices[limited] = found.x[:-1] * scale[limited]
    return best


def _ceilings(choices: Choices) -> np.ndarray:
    """Prices at which a resource is too dear for every account."""
    most = np.maximum(choices.gain.max(axis=0), 0.0)[:, None]
    return np.divide(most, choices.use, out=np.zeros_like(choices.use), where=choices.use > 0).max(axis=0) * 1.001


def _feasible(choices: Choices, capacity: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The plan at the smallest multiple of the prices that keeps within capacities."""

    def at(factor: float) -> np.ndarray:
        return choices.best(prices * factor)[0]

    def fits(tier: np.ndarray) -> bool:
        return bool((choices.used(tier) <= capacity * (1 + 1e-12) + 1e-9).all())

    if fits(at(1.0)):
        return at(1.0)
    low, high = 1.0, 2.0
    while not fits(at(high)) and high < 1e9:
        low, high = high, high * 2
    if not fits(at(high)):
        return np.full(len(choices.gain), -1)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(at(middle)) else (middle, high)
    return at(high)


def _filled(choices: Choices, tier: np.ndarray, capacity: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The plan with whatever still fits, best use of the scarce resources first."""
    tier, room = tier.copy(), capacity - choices.used(tier)
    rows = _edge(choices, prices, 50 * CORE)
    have = np.where(tier[rows] >= 0, choices.gain[rows, tier[rows]], 0.0)
    more = choices.gain[rows] - have[:, None]
    held = np.where((tier[rows] >= 0)[:, None], choices.use[tier[rows]], 0.0)
    cost = np.maximum((choices.use @ prices)[None, :] - (held @ prices)[:, None], 1e-12)
    row, to = np.nonzero(more > 0)
    for i in np.lexsort((to, row, -(more / cost)[row, to])):
        account, wanted = rows[row[i]], to[i]
        now = tier[account]
        extra = choices.use[wanted] - (choices.use[now] if now >= 0 else 0.0)
        gained = choices.gain[account, wanted] - (choices.gain[account, now] if now >= 0 else 0.0)
        if gained > 0 and (extra <= room + 1e-9).all():
            tier[account], room = wanted, room - extra
    return tier


def _edge(choices: Choices, prices: np.ndarray, count: int) -> np.ndarray:
    """The accounts whose best and second-best choice at the prices lie closest together, none included."""
    surplus = np.column_stack([choices.gain - choices.use @ prices, np.zeros(len(choices.gain))])
    two = np.partition(surplus, -2, axis=1)[:, -2:]
    return np.sort(np.argsort(two[:, 1] - two[:, 0], kind="stable")[:count])


def _decided(choices: Choices, tier: np.ndarray, capacity: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The plan with the accounts on the edge decided by an integer programme; the others stay as they are."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    core, tiers = _edge(choices, prices, CORE), len(choices.use)
    others = tier.copy()
    others[core] = -1
    limited = np.isfinite(capacity)
    room = (capacity - choices.used(others))[limited]
    once = np.kron(np.eye(len(core)), np.ones(tiers))
    takes = np.tile(choices.use[:, limited].T, len(core))
    most = float(choices.gain[core].max(axis=1).clip(0).sum())
    with _quiet():
        found = milp(
            -choices.gain[core].ravel(),
            constraints=[LinearConstraint(once, ub=1), LinearConstraint(takes, ub=room + 1e-9)],
            integrality=np.ones(len(core) * tiers),
            bounds=Bounds(0, 1),
            # A limit in nodes, not in time, so that a slow machine finds the same plan.
            options={
                "node_limit": _NODES,
                "mip_rel_gap": min(1e-2, _NEGLIGIBLE * choices.brings(tier) / max(most, 1e-9)),
            },
        )
    if found.x is None:
        return tier
    chosen = found.x.reshape(len(core), tiers)
    others[core] = np.where(chosen.max(axis=1) > 0.5, chosen.argmax(axis=1), -1)
    return others


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps standard output clean: HiGHS 1.8 writes a stray line to it from native code, whatever it is told."""
    sys.stdout.flush()
    try:
        kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        # A process without a standard output has none to keep clean.
        yield
        return
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
