"""A list as a market to spend on: what every tier adds and takes, and two simple ways to spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.roi.budget_spec import BudgetSpec


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
class Market:
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


def market_of(rows: pd.DataFrame, spec: BudgetSpec, lift: Lift) -> Market:
    """A list and a budget as arrays; `rows` as for `make_plan`."""
    names = tuple(spec.tiers)
    tiers = list(spec.tiers.values())
    use = np.array([[t.money + t.hours * spec.hourly_rate, t.hours, t.contacts] for t in tiers], dtype=float)
    capacity = [np.inf if c is None else c for c in (spec.money, spec.hours, spec.contacts)]
    limited = [i for i, t in enumerate(tiers) if t.at_most is not None]
    places = np.zeros((len(tiers), len(limited)))
    places[limited, range(len(limited))] = 1.0
    worth = rows["worth"].to_numpy("float64") if "worth" in rows else np.full(len(rows), np.nan)
    return Market(
        ids=rows["account_id"].to_numpy(object),
        probability=np.nan_to_num(rows["probability"].to_numpy("float64")),
        worth=np.nan_to_num(worth),
        score=rows["raw_score"].to_numpy("float64"),
        names=names,
        use=np.hstack([use, places]),
        capacity=np.array([*capacity, *(float(tiers[i].at_most or 0) for i in limited)]),
        lifts=np.array([t.lift for t in tiers]) * lift.factor,
    )


def sums(market: Market, tier: np.ndarray) -> dict[str, float]:
    """What a choice of tiers (int [accounts], -1 = not worked) takes and is expected to bring."""
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


def top_by_score(market: Market) -> np.ndarray:
    """The best N by score, all in one tier, as many as fit: the tier that is expected to bring most."""
    order = np.argsort(-market.score, kind="stable")
    plans = [_one_tier(market, order, i) for i in range(len(market.names))]
    return max(plans, key=lambda tier: sums(market, tier)["expected_net"])


def spread_evenly(market: Market) -> np.ndarray:
    """Every tier gets an equal share of the budget and spends it on every k-th account of the list by score."""
    order = np.argsort(-market.score, kind="stable")
    tier = np.full(len(order), -1)
    for i in range(len(market.names)):
        free = order[tier[order] < 0]
        room = min(len(free), _room(market, i, 1 / len(market.names)))
        if room:
            tier[free[np.floor(np.arange(room) * len(free) / room).astype(int)]] = i
    return tier


def _one_tier(market: Market, order: np.ndarray, i: int) -> np.ndarray:
    tier = np.full(len(order), -1)
    tier[order[: _room(market, i, 1.0)]] = i
    return tier


def _room(market: Market, i: int, share: float) -> int:
    """How many accounts of a tier a share of the capacities carries; all, where nothing limits it."""
    takes = market.use[i] > 0
    room = np.divide(market.capacity[takes] * share, market.use[i][takes])
    # Places in a tier are its own and are not shared out.
    own = np.arange(len(takes))[takes] >= 3
    room[own] /= share
    return int(min(np.floor(room + 1e-9).min(initial=np.inf), len(market.ids)))
