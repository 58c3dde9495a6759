"""What the next horizon should bring, how sure that is, and what the training has never seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.chance import Scatter, amounts, of_money, of_wins
from abm_scoring.roi.effect import finite
from abm_scoring.roi.predicted import Held
from abm_scoring.roi.predicted_spec import PredictedSpec

#: Spread of log(realised ÷ predicted) that is assumed of a model that was never held against anything.
UNTRIED = 0.25

Window = tuple[pd.Timestamp, pd.Timestamp]


@dataclass(frozen=True)
class Forecast:
    """What a list should bring within its horizon.

    Attributes:
        as_of, until: The horizon, half-open.
        accounts: Accounts it speaks of.
        wins, wins_low, wins_high: Expected wins and their interval.
        expected: Expected gross margin; None where no values are known.
        low, high: Its interval: chance, scattering amounts, and how far the model's totals have been off.
        level: Level of the intervals.
        correction: realised ÷ predicted of matured runs that the expectation is multiplied with; 1 while none is
            distinguishable from chance.
        unseen_months: Calendar months of the horizon (1 to 12) that no training outcome ever fell into.
        notes: One sentence each; the season warning is one of them.
    """

    as_of: pd.Timestamp
    until: pd.Timestamp
    accounts: int
    wins: float
    wins_low: float
    wins_high: float
    expected: float | None
    low: float | None
    high: float | None
    level: float
    correction: float
    unseen_months: tuple[int, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return finite(vars(self))


def forecast(
    rows: pd.DataFrame,
    as_of: pd.Timestamp,
    horizon_days: int,
    trained_on: Iterable[Window],
    spec: PredictedSpec,
    held: Held | None = None,
    ratios: np.ndarray | None = None,
) -> Forecast:
    """What the accounts of a run should bring.

    The interval is wider than chance: the model's whole level may be off. That is a log-normal factor, whose spread is
    what the matured runs leave open (their interval's half-width), or `UNTRIED` where there are none or where the
    horizon holds months that training never saw.

    Args:
        rows: One row an account: `probability`, and `worth` (expected gross margin of a win) where known.
        as_of: The run's moment.
        horizon_days: Its horizon.
        trained_on: Windows `[from, to)` that training outcomes fell into.
        spec: Level.
        held: The matured runs.
        ratios: Realised over expected amounts of past wins; None = see `chance.amounts`.
    """
    until = as_of + pd.Timedelta(days=horizon_days)
    unseen = unseen_months(as_of, until, trained_on)
    p = rows["probability"].to_numpy("float64")
    has_worth = "worth" in rows and bool(rows["worth"].notna().any())
    factor, spread = _level_error(held, bool(unseen))
    wins = _interval(of_wins(p * min(factor[0], 1 / max(p.max(initial=1e-9), 1e-9))), spread[0], spec.level)
    money = None
    if has_worth:
        scatter = of_money(p, rows["worth"].fillna(0.0).to_numpy("float64") * factor[1], amounts(ratios))
        money = _interval(scatter, spread[1], spec.level)
    expected, low, high = money if money is not None else (None, None, None)
    correction = factor[1] if has_worth else factor[0]
    notes = _notes(unseen, held, correction)
    return Forecast(as_of, until, len(rows), *wins, expected, low, high, spec.level, correction, unseen, notes)


def unseen_months(start: pd.Timestamp, end: pd.Timestamp, trained_on: Iterable[Window]) -> tuple[int, ...]:
    """Calendar months with at least a week of `[start, end)` that hold no whole week of any training window."""
    seen = np.zeros(13)
    for first, last in trained_on:
        seen += _days_by_month(first, last)
    ahead = _days_by_month(start, end)
    return tuple(month for month in range(1, 13) if ahead[month] >= 7 and seen[month] < 7)


def _days_by_month(start: pd.Timestamp, end: pd.Timestamp) -> np.ndarray:
    days = pd.date_range(start.normalize(), end, freq="D", inclusive="left")
    return np.bincount(days.month, minlength=13).astype(float)


def _level_error(held: Held | None, unseen: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """Factors on wins and on money, and the spreads (of logarithms) that remain."""
    total = held.total() if held is not None else {}
    factors, spreads = [], []
    for ratio, low, high, outside in (
        ("wins_ratio", "wins_low", "wins_high", "wins_outside"),
        ("gross_ratio", "gross_low", "gross_high", "money_outside"),
    ):
        known = all(total.get(name) for name in (ratio, low, high))
        # A ratio that chance explains corrects nothing; it only tells how well the level is known.
        factors.append(float(total[ratio]) if known and total[outside] else 1.0)
        own = np.log(total[high] / total[low]) / 2 / 1.96 if known else UNTRIED
        spreads.append(float(np.hypot(own, UNTRIED) if unseen and known else own))
    return (factors[0], factors[1]), (spreads[0], spreads[1])


def _interval(scatter: Scatter, spread: float, level: float) -> tuple[float, float, float]:
    """Mean and bounds of a scattering total whose level is known up to a log-normal factor."""
    low, high = scatter.quantile((1 - level) / 2), scatter.quantile((1 + level) / 2)
    if scatter.mean <= 0:
        return scatter.mean, low, high
    from scipy.stats import norm

    # Both errors are independent: their lengths add as squares, on either side.
    reach = float(norm.ppf((1 + level) / 2)) * spread
    down = np.hypot(scatter.mean - low, scatter.mean * (1 - np.exp(-reach)))
    up = np.hypot(high - scatter.mean, scatter.mean * (np.exp(reach) - 1))
    return scatter.mean, max(0.0, float(scatter.mean - down)), float(scatter.mean + up)


def _notes(unseen: tuple[int, ...], held: Held | None, factor: float) -> tuple[str, ...]:
    said = []
    if unseen:
        names = ", ".join(pd.Timestamp(2000, month, 1).strftime("%B") for month in unseen)
        said.append(
            f"season: no outcome of {names} was ever seen in training; if these months differ, the total is off"
        )
    if held is None or not held.total():
        said.append("no frozen run has matured yet: totals of an untried model are taken to be off by a quarter")
    elif factor != 1.0:
        said.append(f"matured runs brought {factor:.2f} of what was predicted, beyond chance; corrected for")
    return tuple(said)
