"""An effect with its interval, and the three things that can be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

Verdict = Literal["positive", "negative", "cannot tell"]


@dataclass(frozen=True)
class Effect:
    """A difference between two groups.

    Attributes:
        estimate: The difference, treated less control; None where nothing can be estimated.
        se: Its standard error.
        low, high: Bounds of its interval.
        level: Level of the interval.
        verdict: From the interval, or `cannot tell` where a reason forbids one.
        reason: Why there is no estimate or no verdict; None where there is one.
    """

    estimate: float | None
    se: float | None
    low: float | None
    high: float | None
    level: float
    verdict: Verdict
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON values; what is not finite is null."""
        return finite(vars(self))

    def without_verdict(self, reason: str) -> Effect:
        """The same figures with `cannot tell` and why."""
        return Effect(self.estimate, self.se, self.low, self.high, self.level, "cannot tell", reason)


def verdict(low: float | None, high: float | None) -> Verdict:
    """`positive` or `negative` where the whole interval lies on that side of 0, else `cannot tell`."""
    if low is None or high is None or not (np.isfinite(low) and np.isfinite(high)):
        return "cannot tell"
    return "positive" if low > 0 else "negative" if high < 0 else "cannot tell"


def effect(estimate: float, se: float, freedom: float, level: float) -> Effect:
    """Estimate ± t · standard error, t with `freedom` degrees of freedom."""
    from scipy.stats import t

    reach = float(t.ppf((1 + level) / 2, max(freedom, 1.0))) * se
    return bounded(estimate, se, estimate - reach, estimate + reach, level)


def bounded(estimate: float, se: float, low: float, high: float, level: float) -> Effect:
    """An effect whose bounds are known."""
    return Effect(float(estimate), float(se), float(low), float(high), level, verdict(low, high))


def nothing(reason: str, level: float) -> Effect:
    """No estimate, and why."""
    return Effect(None, None, None, None, level, "cannot tell", reason)


@dataclass(frozen=True)
class Roi:
    """(return − cost) ÷ cost of what a campaign caused.

    Attributes:
        returned: Return, money; with its bounds.
        cost: Money spent.
        roi, low, high: The ratio and its bounds; None where undefined.
        verdict: From the bounds.
        reason: Why it is undefined, or why nothing can be said.
    """

    returned: float | None
    returned_low: float | None
    returned_high: float | None
    cost: float | None
    roi: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON values; what is not finite is null."""
        return finite(vars(self))


def return_on(money: Effect | None, n_treated: int, cost: float | None) -> Roi:
    """ROI of an effect on money: (effect × treated − cost) ÷ cost.

    The cost is taken as known, so all uncertainty is that of the effect. Whether the result may be called
    `incremental_roi` or only `associational_roi` is decided by where the effect comes from.

    Args:
        money: Effect on gross margin an account.
        n_treated: Accounts in the treated group.
        cost: Cost of the campaign; None where it is not known.
    """
    if money is None or money.estimate is None or money.low is None or money.high is None:
        reason = money.reason if money is not None and money.reason else "no effect on money is known"
        return Roi(None, None, None, cost, None, None, None, "cannot tell", reason)
    returned, least, most = (value * n_treated for value in (money.estimate, money.low, money.high))
    if cost is None or cost <= 0:
        reason = "the campaign's cost is not known" if cost is None else "the campaign cost nothing"
        return Roi(returned, least, most, cost, None, None, None, "cannot tell", reason)
    roi, low, high = ((value - cost) / cost for value in (returned, least, most))
    said: Verdict = "cannot tell" if money.reason else verdict(low, high)
    return Roi(returned, least, most, cost, roi, low, high, said, money.reason)


def finite(values: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping as JSON values: numpy scalars as Python's, what is not finite as None."""
    return {str(name): _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return finite(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "as_json"):
        return value.as_json()
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)
