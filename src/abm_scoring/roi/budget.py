"""What to do with a budget: which accounts in which tier, what more money would bring, is a goal in reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.allocation import Allocation, Choices, allocate
from abm_scoring.roi.budget_spec import BudgetSpec, GoalSpec
from abm_scoring.roi.chance import Scatter, amounts, of_money, of_wins
from abm_scoring.roi.effect import finite, normal_quantile

#: Equal-probability points of the uncertain lift over which a goal is averaged.
_POINTS = 41
_SEARCHES = 12
#: How many times the stated hours and contacts are looked at when a goal is out of reach.
_MOST_FACTOR = 16.0

NO_TIER = ""


@dataclass(frozen=True)
class Lift:
    """By how much the tiers' assumed lifts are believed to be off.

    Attributes:
        factor: What the assumed lifts are multiplied with.
        error: Standard error of that factor.
        source: `assumed` or `holdout`.
    """

    factor: float
    error: float
    source: str


@dataclass(frozen=True)
class Plan:
    """What to do with a budget.

    Attributes:
        chosen: One row an account that is worked, in the list's order: `account_id`, `tier`, `probability`,
            `probability_added`, `expected_return` (gross margin that working it causes), `cost`, `expected_net`.
        totals: `accounts`, `cost`, `hours`, `contacts` taken, `expected_return`, `expected_net`, `bound` (net that no
            plan exceeds) and `gap`.
        by_tier: The same totals by tier.
        curve: `money`, `cost`, `expected_return`, `expected_net`, `marginal` (net that one more unit of money brings).
        knee: Money at the knee of the curve; None where it has none.
        goal: Probability that the goal is reached, and what would be needed; None without a goal.
        rules: The plan beside the two simple rules: `rule`, `accounts`, `cost`, `expected_return`, `expected_net`.
        rules_chosen: Rule → `account_id`, `tier`; the plan is one of them.
        lift: What the lifts rest on.
        notes: One sentence each.
    """

    chosen: pd.DataFrame
    totals: dict[str, float | None]
    by_tier: pd.DataFrame
    curve: pd.DataFrame
    knee: float | None
    goal: dict[str, Any] | None
    rules: pd.DataFrame
    rules_chosen: dict[str, pd.DataFrame]
    lift: Lift
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON values; accounts included."""
        return finite(
            {
                "totals": self.totals,
                "tiers": self.by_tier.to_dict("records"),
                "accounts": self.chosen.to_dict("records"),
                "curve": self.curve.to_dict("records"),
                "knee": self.knee,
                "goal": self.goal,
                "rules": self.rules.to_dict("records"),
                "lift": vars(self.lift),
                "notes": list(self.notes),
            }
        )


@dataclass(frozen=True)
class _Market:
    """A list as arrays: what every tier adds and takes."""

    ids: np.ndarray
    probability: np.ndarray
    worth: np.ndarray
    score: np.ndarray
    names: tuple[str, ...]
    use: np.ndarray
    capacity: np.ndarray
    lifts: np.ndarray

    def added(self, factor: float = 1.0) -> np.ndarray:
        """n × t probability that working adds: p · lift, never beyond certainty."""
        p = self.probability[:, None]
        return np.clip(p * (1 + self.lifts * factor), 0.0, 1.0) - p

    @property
    def returns(self) -> np.ndarray:
        """n × t expected return."""
        return self.added() * self.worth[:, None]

    @property
    def cost(self) -> np.ndarray:
        """t costs in money, hours included."""
        found: np.ndarray = self.use[:, 0]
        return found


def make_plan(rows: pd.DataFrame, spec: BudgetSpec, lift: Lift | None = None, ratios: np.ndarray | None = None) -> Plan:
    """Choose accounts and tiers so that expected incremental return less cost is largest.

    Working account i in tier t adds `p_i · lift_t` to its probability (capped at certainty) and is worth that times
    `worth_i`. At most one tier an account; money (hours × rate included), hours, contacts and places in tiers are
    limited. Integer programme: see `allocation`; how far it may be from the optimum is `totals["gap"]`.

    Args:
        rows: One row an account of the list in its order: `account_id`, `probability`, `worth` (expected gross margin
            of a win), and `raw_score`, by which the simple rules go.
        spec: Budget and tiers.
        lift: What is known of the lifts; None: as assumed.
        ratios: Realised over expected amounts of past wins, for the spread of money.
    """
    lift = lift if lift is not None else Lift(1.0, spec.lift_error, "assumed")
    market = _market(rows, spec, lift)
    choices = Choices(market.returns - market.cost, market.use)
    best = allocate(choices, market.capacity)
    curve = _curve(market, choices, spec)
    rules = {
        "plan": best.tier,
        "top by score": _top(market),
        "spread evenly": _evenly(market),
    }
    return Plan(
        chosen=_chosen(market, best.tier),
        totals=_totals(market, best),
        by_tier=_by_tier(market, best.tier),
        curve=curve,
        knee=_knee(curve),
        goal=_goal(market, best, spec.goal, lift, amounts(ratios)) if spec.goal is not None else None,
        rules=_rules(market, rules),
        rules_chosen={name: _chosen(market, tier)[["account_id", "tier"]] for name, tier in rules.items()},
        lift=lift,
        notes=_notes(market, best, lift, curve, spec),
    )


def _market(rows: pd.DataFrame, spec: BudgetSpec, lift: Lift) -> _Market:
    names = tuple(spec.tiers)
    tiers = list(spec.tiers.values())
    use = np.array([[t.money + t.hours * spec.hourly_rate, t.hours, t.contacts] for t in tiers], dtype=float)
    capacity = [np.inf if c is None else c for c in (spec.money, spec.hours, spec.contacts)]
    limited = [i for i, t in enumerate(tiers) if t.at_most is not None]
    places = np.zeros((len(tiers), len(limited)))
    places[limited, range(len(limited))] = 1.0
    worth = rows["worth"].to_numpy("float64") if "worth" in rows else np.full(len(rows), np.nan)
    return _Market(
        ids=rows["account_id"].to_numpy(object),
        probability=np.nan_to_num(rows["probability"].to_numpy("float64")),
        worth=np.nan_to_num(worth),
        score=rows["raw_score"].to_numpy("float64"),
        names=names,
        use=np.hstack([use, places]),
        capacity=np.array([*capacity, *(float(tiers[i].at_most or 0) for i in limited)]),
        lifts=np.array([t.lift for t in tiers]) * lift.factor,
    )


def _chosen(market: _Market, tier: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(tier >= 0)
    place = tier[rows]
    added, cost = market.added()[rows, place], market.cost[place]
    returned = added * market.worth[rows]
    return pd.DataFrame(
        {
            "account_id": pd.Series(market.ids[rows], dtype="str"),
            "tier": pd.Series(np.array(market.names, dtype=object)[place], dtype="str"),
            "probability": market.probability[rows],
            "probability_added": added,
            "expected_return": returned,
            "cost": cost,
            "expected_net": returned - cost,
        }
    )


def _sums(market: _Market, tier: np.ndarray) -> dict[str, float]:
    rows = np.flatnonzero(tier >= 0)
    used = np.bincount(tier[rows], minlength=len(market.use)).astype(float) @ market.use
    returned = float(market.returns[rows, tier[rows]].sum())
    names = ("cost", "hours", "contacts")
    return {
        "accounts": float(len(rows)),
        **{name: float(value) for name, value in zip(names, used[:3], strict=True)},
        "expected_return": returned,
        "expected_net": returned - float(used[0]),
    }


def _totals(market: _Market, best: Allocation) -> dict[str, float | None]:
    return finite({**_sums(market, best.tier), "bound": best.bound, "gap": best.gap})


def _by_tier(market: _Market, tier: np.ndarray) -> pd.DataFrame:
    rows = [
        {"tier": name, **_sums(market, np.where(tier == i, i, -1)), "lift": market.lifts[i]}
        for i, name in enumerate(market.names)
    ]
    return pd.DataFrame(rows)


def _curve(market: _Market, choices: Choices, spec: BudgetSpec) -> pd.DataFrame:
    """What the best plan brings with less money and with more, other limits as they are."""
    free = market.capacity.copy()
    free[0] = np.inf
    most = choices.used(allocate(choices, free, exact=False).tier)[0]
    # Denser at the start, where returns fall fastest.
    budgets = most * np.linspace(0, 1, spec.curve_points) ** 2
    if spec.money is not None and spec.money < most:
        budgets = np.unique([*budgets, spec.money])
    found = []
    for money in budgets:
        limit = market.capacity.copy()
        limit[0] = money
        at = allocate(choices, limit, exact=False)
        sums = _sums(market, at.tier)
        found.append(
            {
                "money": float(money),
                "cost": sums["cost"],
                "expected_return": sums["expected_return"],
                "expected_net": sums["expected_net"],
                "marginal": float(at.prices[0]),
            }
        )
    return pd.DataFrame(found)


def _knee(curve: pd.DataFrame) -> float | None:
    """Money at which the curve of net return lies highest above its chord (Satopää et al. 2011)."""
    money, net = curve["money"].to_numpy(), curve["expected_net"].to_numpy()
    if len(money) < 3 or money[-1] <= money[0] or net[-1] <= net[0]:
        return None
    above = (net - net[0]) / (net[-1] - net[0]) - (money - money[0]) / (money[-1] - money[0])
    return float(money[int(np.argmax(above))]) if above.max() > 1e-3 else None


def _top(market: _Market) -> np.ndarray:
    """The best N by score, all in one tier, as many as fit: the tier that is expected to bring most."""
    order = np.argsort(-market.score, kind="stable")
    plans = [_one_tier(market, order, i) for i in range(len(market.names))]
    return max(plans, key=lambda tier: _sums(market, tier)["expected_net"])


def _evenly(market: _Market) -> np.ndarray:
    """Every tier gets an equal share of the budget and spends it on every k-th account of the list by score."""
    order = np.argsort(-market.score, kind="stable")
    tier = np.full(len(order), -1)
    for i in range(len(market.names)):
        free = order[tier[order] < 0]
        room = min(len(free), _room(market, i, 1 / len(market.names)))
        if room:
            tier[free[np.floor(np.arange(room) * len(free) / room).astype(int)]] = i
    return tier


def _one_tier(market: _Market, order: np.ndarray, i: int) -> np.ndarray:
    tier = np.full(len(order), -1)
    tier[order[: _room(market, i, 1.0)]] = i
    return tier


def _room(market: _Market, i: int, share: float) -> int:
    """How many accounts of a tier a share of the capacities carries; all, where nothing limits it."""
    takes = market.use[i] > 0
    room = np.divide(market.capacity[takes] * share, market.use[i][takes])
    # Places in a tier are its own and are not shared out.
    own = np.arange(len(takes))[takes] >= 3
    room[own] /= share
    return int(min(np.floor(room + 1e-9).min(initial=np.inf), len(market.ids)))


def _rules(market: _Market, plans: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame([{"rule": name, **_sums(market, tier)} for name, tier in plans.items()])


def _goal(market: _Market, best: Allocation, goal: GoalSpec, lift: Lift, ratios: np.ndarray) -> dict[str, Any]:
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


def _chance(market: _Market, tier: np.ndarray, goal: GoalSpec, lift: Lift, ratios: np.ndarray) -> float:
    """Probability of the goal, averaged over what the lifts may truly be."""
    points = (np.arange(_POINTS) + 0.5) / _POINTS
    relative = lift.error / abs(lift.factor) if lift.factor else 0.0
    factors = [1 + relative * normal_quantile(float(p)) for p in points]
    return float(np.mean([_scatter(market, tier, goal, f, ratios).exceeds(goal.amount) for f in factors]))


def _scatter(market: _Market, tier: np.ndarray, goal: GoalSpec, factor: float, ratios: np.ndarray) -> Scatter:
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
    market: _Market, choices: Choices, goal: GoalSpec, lift: Lift, ratios: np.ndarray
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


def _notes(market: _Market, best: Allocation, lift: Lift, curve: pd.DataFrame, spec: BudgetSpec) -> tuple[str, ...]:
    said = []
    if lift.source == "assumed":
        said.append("the tiers' lifts are assumed, not measured: the plan is as good as they are")
    if not market.worth.any():
        said.append("no account has an expected deal value: nothing can be said of returns")
    elif not (best.tier >= 0).any():
        said.append("no account is expected to return what working it costs")
    scarce = [name for name, price in zip(_RESOURCES, best.prices, strict=False) if price > 1e-9]
    if scarce:
        said.append(f"what limits the plan: {', '.join(scarce)}")
    last = float(curve["money"].iloc[-1])
    if spec.money is not None and spec.money > last * 1.001:
        said.append(f"beyond {last:,.0f} more money brings nothing: it stays unspent")
    return tuple(said)


_RESOURCES: Sequence[str] = ("money", "hours", "contacts")
