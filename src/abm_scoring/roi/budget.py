"""What to do with a budget: which accounts in which tier, what more money would bring, is a goal in reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.allocation import Allocation, Choices, allocate
from abm_scoring.roi.budget_goal import goal_reached
from abm_scoring.roi.budget_market import Lift, Market, market_of, spread_evenly, sums, top_by_score
from abm_scoring.roi.budget_spec import BudgetSpec
from abm_scoring.roi.chance import amounts
from abm_scoring.roi.effect import finite


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
    market = market_of(rows, spec, lift)
    choices = Choices(market.returns - market.cost, market.use)
    best = allocate(choices, market.capacity)
    curve = _curve(market, choices, spec)
    rules = {
        "plan": best.tier,
        "top by score": top_by_score(market),
        "spread evenly": spread_evenly(market),
    }
    return Plan(
        chosen=_chosen(market, best.tier),
        totals=_totals(market, best),
        by_tier=_by_tier(market, best.tier),
        curve=curve,
        knee=_knee(curve),
        goal=goal_reached(market, best, spec.goal, lift, amounts(ratios)) if spec.goal is not None else None,
        rules=_rules(market, rules),
        rules_chosen={name: _chosen(market, tier)[["account_id", "tier"]] for name, tier in rules.items()},
        lift=lift,
        notes=_notes(market, best, lift, curve, spec),
    )


def _chosen(market: Market, tier: np.ndarray) -> pd.DataFrame:
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


def _totals(market: Market, best: Allocation) -> dict[str, float | None]:
    return finite({**sums(market, best.tier), "bound": best.bound, "gap": best.gap})


def _by_tier(market: Market, tier: np.ndarray) -> pd.DataFrame:
    rows = [
        {"tier": name, **sums(market, np.where(tier == i, i, -1)), "lift": market.lifts[i]}
        for i, name in enumerate(market.names)
    ]
    return pd.DataFrame(rows)


def _curve(market: Market, choices: Choices, spec: BudgetSpec) -> pd.DataFrame:
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
        brought = sums(market, at.tier)
        found.append(
            {
                "money": float(money),
                "cost": brought["cost"],
                "expected_return": brought["expected_return"],
                "expected_net": brought["expected_net"],
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


def _rules(market: Market, plans: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame([{"rule": name, **sums(market, tier)} for name, tier in plans.items()])


def _notes(market: Market, best: Allocation, lift: Lift, curve: pd.DataFrame, spec: BudgetSpec) -> tuple[str, ...]:
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
