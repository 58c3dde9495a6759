"""What a holdout can detect: pure statistics of two shares."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.ranking.holdout import WITHHELD, HoldoutSpec
from abm_scoring.spec import Spec


def detectable_lift(base: float, n_listed: float, n_withheld: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest relative effect that a comparison of two shares detects.

    The lift r at which `(z_{1−α/2} + z_{power}) · sqrt(p₀q₀/n_withheld + p₁q₁/n_listed) = p₁ − p₀`, p₁ = p₀(1 + r):
    normal approximation, unpooled variance. Optimistic where what is counted converts together.

    Args:
        base: Conversion rate p₀ without the treatment, in (0, 1).
        n_listed, n_withheld: Sizes of the arms.

    Returns:
        The lift; infinite where not even certain conversion would show.
    """
    z = _z(alpha, power)
    low, high = base, 1.0
    if min(n_listed, n_withheld) <= 0 or z * _spread(base, high, n_listed, n_withheld) > high - base:
        return float("inf")
    for _ in range(200):
        middle = (low + high) / 2
        shows = z * _spread(base, middle, n_listed, n_withheld) <= middle - base
        low, high = (low, middle) if shows else (middle, high)
    return high / base - 1


def accounts_per_arm(base: float, lift: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Size that each of two equal arms needs to detect a relative effect; same approximation as `detectable_lift`.

    `(z_{1−α/2} + z_{power})² · (p₀q₀ + p₁q₁) / (p₁ − p₀)²`. For 3 % and +20 % it is 13 910.8.

    Raises:
        ValueError: The base rate raised by the lift is no share.
    """
    treated = base * (1 + lift)
    if not 0 < base < 1 or not 0 < treated <= 1 or lift == 0:
        raise ValueError(f"no such effect: {lift:+.0%} on {base:.2%}")
    return _z(alpha, power) ** 2 * _spread(base, treated, 1, 1) ** 2 / (treated - base) ** 2


def share_needed(base: float, lift: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Smallest share of n to withhold so that a lift is detected; None where even half of them is too few."""
    low, high = 0.0, 0.5
    if base * (1 + lift) > 1 or detectable_lift(base, n / 2, n / 2, alpha, power) > lift:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        enough = detectable_lift(base, n * (1 - middle), n * middle, alpha, power) <= lift
        low, high = (low, middle) if enough else (middle, high)
    return high


def _z(alpha: float, power: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)


def _spread(base: float, treated: float, n_listed: float, n_withheld: float) -> float:
    """Standard error of the difference of two shares."""
    return float(np.sqrt(base * (1 - base) / n_withheld + treated * (1 - treated) / n_listed))


class HoldoutPlan(Spec):
    """What a holdout can tell, in numbers."""

    families: int = Field(description="candidate families")
    withheld: int = Field(description="of which are withheld")
    base_rate: float | None = Field(None, description="mean conversion probability of a candidate family")
    detectable_lift: float | None = Field(None, description="smallest relative effect that the arms detect")
    wanted_lift: float = Field(description="relative effect that one would like to detect")
    share_needed: float | None = Field(None, description="share to withhold for it; null: no share is enough")
    per_arm: float | None = Field(None, description="families each of two equal arms would need for it")

    def sentence(self) -> str:
        """What to know before the first campaign, in one line."""
        arms = f"holdout: {self.withheld} of {self.families} families are withheld"
        if self.base_rate is None:
            return f"{arms}; without a probability nobody can say what that detects"
        shown = "no effect" if self.detectable_lift is None else f"an effect of {self.detectable_lift:+.0%}"
        return (
            f"{arms}; at a base rate of {self.base_rate:.2%} {shown} can be detected (80 % power, 5 % level); "
            f"{self.wanted_lift:+.0%} needs {self._needed()}"
        )

    def _needed(self) -> str:
        if self.share_needed is not None:
            return f"{self.share_needed:.1%} of them withheld"
        if self.per_arm is None:
            return "more than everybody"
        return f"{self.per_arm:,.0f} families in each of two equal arms, more than there are"


def plan(candidates: pd.DataFrame, arm: pd.Series, spec: HoldoutSpec) -> HoldoutPlan:
    """What the holdout of tonight's candidates can detect.

    Args:
        candidates: n rows `family_id`, and `probability` where the model claims one.
        arm: n arms.
    """
    withheld_families = int(candidates.loc[(arm == WITHHELD).to_numpy(), "family_id"].nunique())
    n = int(candidates["family_id"].nunique())
    base = _base_rate(candidates)
    if base is None:
        nothing: dict[str, None] = dict.fromkeys(("base_rate", "detectable_lift", "share_needed", "per_arm"))
        return HoldoutPlan(families=n, withheld=withheld_families, wanted_lift=spec.wanted_lift, **nothing)
    lift = detectable_lift(base, n - withheld_families, withheld_families)
    possible = base * (1 + spec.wanted_lift) <= 1
    return HoldoutPlan(
        families=n,
        withheld=withheld_families,
        base_rate=base,
        detectable_lift=lift if np.isfinite(lift) else None,
        wanted_lift=spec.wanted_lift,
        share_needed=share_needed(base, spec.wanted_lift, n),
        per_arm=accounts_per_arm(base, spec.wanted_lift) if possible else None,
    )


def _base_rate(candidates: pd.DataFrame) -> float | None:
    """Mean probability that any account of a family converts, taking accounts as independent."""
    if "probability" not in candidates or candidates["probability"].isna().all():
        return None
    none = np.log1p(-candidates["probability"].fillna(0.0).clip(0, 1 - 1e-12))
    rate = float((-np.expm1(none.groupby(candidates["family_id"]).sum())).mean())
    return rate if 0 < rate < 1 else None
