"""Is a goal in reach of a budget, and what would be needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm_scoring.roi.allocation import Allocation, Choices, allocate
from abm_scoring.roi.budget_market import Lift, Market
from abm_scoring.roi.budget_spec import GoalSpec
from abm_scoring.roi.chance import Scatter, of_money, of_wins
from abm_scoring.roi.effect import finite, normal_quantile

#: Equal-probability points of the uncertain lift over which a goal is averaged.
_POINTS = 41
_SEARCHES = 12
#: How many times the stated hours and contacts are looked at when a goal is out of reach.
_MOST_FACTOR = 16.0


def goal_reached(market: Market, best: Allocation, goal: GoalSpec, lift: Lift, ratios: np.ndarray) -> dict[str, Any]:
    """How likely the plan reaches the goal, how likely one that looks at nothing else does, and what would do."""
    gains = market.returns if goal.of == "return" else market.added()
    choices = Choices(gains, market.use)
    straight = allocate(choices, market.capacity, exact=False)
    at_most = _chance(market, straight.tier, goal, lift, ratios)
    needed, reached = _needed(market, choices, goal, lift, ratios)
    found = {
        "amount": goal.amount,
        "of": goal.of,
        "wanted_probability": goal.probability,
        "probability": _chance(market, best.tier, goal, lift, ratios),
        "probability_at_most": at_most,
        "needed": needed,
        "needed_probability": reached,
        "reachable": at_most >= goal.probability,
    }
    return finite(found)


def _chance(market: Market, tier: np.ndarray, goal: GoalSpec, lift: Lift, ratios: np.ndarray) -> float:
    """Probability of the goal, averaged over what the lifts may truly be."""
    points = (np.arange(_POINTS) + 0.5) / _POINTS
    relative = lift.error / abs(lift.factor) if lift.factor else 0.0
    factors = [1 + relative * normal_quantile(float(p)) for p in points]
    return float(np.mean([_scatter(market, tier, goal, f, ratios).exceeds(goal.amount) for f in factors]))


def _scatter(market: Market, tier: np.ndarray, goal: GoalSpec, factor: float, ratios: np.ndarray) -> Scatter:
    rows = np.flatnonzero(tier >= 0)
    p = market.probability[rows]
    added = np.clip(p * (1 + market.lifts[tier[rows]] * max(factor, 0.0)), 0, 1) - p
    if goal.of == "return":
        # A win that is caused is one that would not have come otherwise: its probability is what working adds.
        return of_money(np.maximum(added, 0), market.worth[rows], ratios)
    everybody = market.probability.copy()
    everybody[rows] += added
    return of_wins(everybody)


def _needed(
    market: Market, choices: Choices, goal: GoalSpec, lift: Lift, ratios: np.ndarray
) -> tuple[dict[str, float] | None, float]:
    """Least money that reaches the goal; where none does, least multiple of everything; else nothing."""

    def at(capacity: np.ndarray) -> tuple[float, np.ndarray]:
        tier = allocate(choices, capacity, exact=False).tier
        return _chance(market, tier, goal, lift, ratios), choices.used(tier)

    free = market.capacity.copy()
    free[0] = np.inf
    chance, used = at(free)
    if chance >= goal.probability:
        return _least(lambda money: at(np.array([money, *market.capacity[1:]])), 0.0, float(used[0]), goal)
    every = market.capacity.copy()
    every[:3] *= _MOST_FACTOR
    every[0] = np.inf
    chance, used = at(every)
    if chance < goal.probability:
        return None, chance

    def scaled(factor: float) -> tuple[float, np.ndarray]:
        limit = market.capacity.copy()
        limit[:3] *= factor
        limit[0] = np.inf
        return at(limit)

    return _least(scaled, 1.0, _MOST_FACTOR, goal)


def _least(at: Any, low: float, high: float, goal: GoalSpec) -> tuple[dict[str, float], float]:
    """What the smallest argument that reaches the goal uses, by bisection."""
    for _ in range(_SEARCHES):
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle)[0] >= goal.probability else (middle, high)
    chance, used = at(high)
    return dict(zip(("money", "hours", "contacts"), (float(u) for u in used[:3]), strict=True)), chance
