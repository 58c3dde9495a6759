"""Randomised campaigns: what they caused, as assigned (intention to treat), with pre-period covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.bootstrap import wilson
from abm_scoring.roi.effect import Effect, Roi, bounded, effect, finite, normal_quantile, nothing, return_on
from abm_scoring.roi.lift_spec import LiftSpec


@dataclass(frozen=True)
class Trial:
    """What a randomised comparison came to.

    Attributes:
        name: Campaign, or `holdout`.
        n_treated, n_control: Accounts in each arm.
        families_treated, families_control: Families in each arm.
        conversions_treated, conversions_control: Conversions in each arm.
        conversion: Effect on the share of accounts that convert, covariate-adjusted.
        unadjusted: The same without covariates.
        relative: Effect relative to the control arm.
        money: Effect on gross margin an account; None where no values were given.
        detectable: Smallest absolute effect on the share that these arms detect.
        variance_saved: Share of the variance that the covariates took away.
        roi: incremental_roi.
    """

    name: str
    n_treated: int
    n_control: int
    families_treated: int
    families_control: int
    conversions_treated: int
    conversions_control: int
    conversion: Effect
    unadjusted: Effect
    relative: Effect
    money: Effect | None
    detectable: float | None
    variance_saved: float | None
    roi: Roi

    @property
    def verdict(self) -> str:
        """`positive`, `negative` or `cannot tell` of the conversions."""
        return self.conversion.verdict

    def as_json(self) -> dict[str, Any]:
        """JSON values, all effects with intervals and verdicts."""
        told = {name: value for name, value in vars(self).items() if name != "roi"}
        return finite({**told, "verdict": self.verdict, "incremental_roi": self.roi})


def trial(rows: pd.DataFrame, name: str, spec: LiftSpec, cost: float | None = None) -> Trial:
    """Compare the arms of a randomised campaign as they were assigned.

    Lin's interacted regression (Lin 2013: ordinary least squares of the outcome on the arm, the centred covariates and
    their products), which cannot lose precision in large samples whatever the covariates are worth; variance by
    families, leverage-corrected (HC2), t with Welch's degrees of freedom.

    Args:
        rows: One row an account that was randomised: `account_id`, `family_id`, `treated` (bool), `converted` (bool),
            optionally `value` (gross margin in the horizon, 0 without a conversion) and covariates known *before* the
            assignment, float64, in columns whose names begin with `x_`.
        name: What to call it.
        spec: Level, power, and what is too few.
        cost: What the treated arm cost more than the control arm, money.
    """
    treated = rows["treated"].to_numpy(bool)
    converted = rows["converted"].to_numpy("float64")
    family, covariates = pd.factorize(rows["family_id"], sort=True)[0], _covariates(rows)
    arms = _arm_counts(treated, converted, family)
    plain = compare_arms(converted, treated, family, None, spec.level)
    adjusted = compare_arms(converted, treated, family, covariates, spec.level)
    few = min(arms["conversions_treated"], arms["conversions_control"]) < spec.min_conversions
    if few:
        adjusted = plain = _exact(arms, plain, spec)
    money = _money(rows, treated, family, covariates, few, spec)
    return Trial(
        name,
        **arms,
        conversion=adjusted,
        unadjusted=plain,
        relative=relative_effect(converted, treated, family, covariates, spec.level),
        money=money,
        detectable=_detectable(arms, plain, spec),
        variance_saved=_saved(plain, adjusted),
        roi=return_on(money, arms["n_treated"], cost),
    )


def compare_arms(
    outcome: np.ndarray, treated: np.ndarray, cluster: np.ndarray, covariates: np.ndarray | None, level: float
) -> Effect:
    """Difference of the arms' adjusted means.

    Args:
        outcome: n float64.
        treated: n booleans.
        cluster: n codes of what was drawn as a whole.
        covariates: n × k float64 known before the assignment; None = none.
        level: Level of the interval.
    """
    if treated.all() or not treated.any():
        return nothing("one arm is empty", level)
    (one, one_influence), (zero, zero_influence) = _means(outcome, treated, covariates)
    return _clustered(one - zero, one_influence - zero_influence, treated, cluster, level)


def relative_effect(
    outcome: np.ndarray, treated: np.ndarray, cluster: np.ndarray, covariates: np.ndarray | None, level: float
) -> Effect:
    """Difference of the adjusted means relative to that of the control arm; delta method."""
    if treated.all() or not treated.any():
        return nothing("one arm is empty", level)
    (one, one_influence), (zero, zero_influence) = _means(outcome, treated, covariates)
    if zero <= 0:
        return nothing("nobody in the control arm converted", level)
    ratio = one / zero
    return _clustered(ratio - 1, (one_influence - ratio * zero_influence) / zero, treated, cluster, level)


def _means(outcome: np.ndarray, treated: np.ndarray, covariates: np.ndarray | None) -> list[tuple[float, np.ndarray]]:
    """For each arm, treated first, its mean at the covariates of everybody, and each row's influence on it."""
    n = len(outcome)
    centred = np.empty((n, 0)) if covariates is None else covariates - covariates.mean(axis=0)
    found = []
    for arm in (treated, ~treated):
        design = np.hstack([np.ones((int(arm.sum()), 1)), centred[arm]])
        # Fewer rows than columns: the mean alone can be had.
        design = design if len(design) > 5 * design.shape[1] else design[:, :1]
        inverse = np.linalg.pinv(design.T @ design)
        weights = design @ inverse
        fitted = weights.T @ outcome[arm]
        leverage = np.einsum("ij,ij->i", weights, design)
        residual = (outcome[arm] - design @ fitted) / np.sqrt(np.clip(1 - leverage, 1e-9, 1))
        influence = np.zeros(n)
        influence[arm] = weights[:, 0] * residual
        found.append((float(fitted[0]), influence))
    return found


def _clustered(
    estimate: float, influence: np.ndarray, treated: np.ndarray, cluster: np.ndarray, level: float
) -> Effect:
    """Interval from the sums of influence over clusters; degrees of freedom after Welch from the arms' shares."""
    size = int(cluster.max()) + 1
    squares = np.bincount(cluster, weights=influence, minlength=size) ** 2
    mostly = np.bincount(cluster, weights=treated, minlength=size) >= np.bincount(cluster, minlength=size) / 2
    parts = [(squares[side].sum(), int(side.sum())) for side in (mostly, ~mostly)]
    variance = sum(part for part, _ in parts)
    # Without any variance, or with one cluster on a side, nothing can be said about the spread.
    if variance <= 0 or min(count for _, count in parts) < 2:
        return nothing("too few families or no spread in the outcome", level)
    freedom = variance**2 / sum(part**2 / (count - 1) for part, count in parts)
    return effect(estimate, float(np.sqrt(variance)), float(freedom), level)


def _covariates(rows: pd.DataFrame) -> np.ndarray | None:
    """n × k standardised covariates without constants; missing = average."""
    names = [c for c in rows if str(c).startswith("x_")]
    if not names:
        return None
    values = rows[names].to_numpy("float64")
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    values = np.where(known, values, mean)
    spread = values.std(axis=0)
    return (values - mean)[:, spread > 0] / spread[spread > 0] if (spread > 0).any() else None


def _arm_counts(treated: np.ndarray, converted: np.ndarray, family: np.ndarray) -> dict[str, int]:
    return {
        "n_treated": int(treated.sum()),
        "n_control": int((~treated).sum()),
        "families_treated": len(np.unique(family[treated])),
        "families_control": len(np.unique(family[~treated])),
        "conversions_treated": int(converted[treated].sum()),
        "conversions_control": int(converted[~treated].sum()),
    }


def _exact(arms: dict[str, int], plain: Effect, spec: LiftSpec) -> Effect:
    """Newcombe's (1998) interval of a difference of shares from the arms' Wilson intervals, families as units.

    The normal interval is too short where an arm has hardly any conversions, and has no length where it has none.
    """
    if not arms["n_treated"] or not arms["n_control"]:
        return plain
    shares, bounds = [], []
    for arm in ("treated", "control"):
        share = arms[f"conversions_{arm}"] / arms[f"n_{arm}"]
        size = arms[f"families_{arm}"]
        shares.append(share)
        bounds.append(wilson(share * size, size, spec.level))
    (one, zero), ((low_1, high_1), (low_0, high_0)) = shares, bounds
    low = one - zero - np.hypot(one - low_1, high_0 - zero)
    high = one - zero + np.hypot(high_1 - one, zero - low_0)
    reach = normal_quantile((1 + spec.level) / 2)
    return bounded(one - zero, (high - low) / 2 / reach, low, high, spec.level)


def _money(
    rows: pd.DataFrame,
    treated: np.ndarray,
    family: np.ndarray,
    covariates: np.ndarray | None,
    few: bool,
    spec: LiftSpec,
) -> Effect | None:
    if "value" not in rows:
        return None
    found = compare_arms(rows["value"].to_numpy("float64"), treated, family, covariates, spec.level)
    return found.without_verdict(f"fewer than {spec.min_conversions} conversions in an arm") if few else found


def _detectable(arms: dict[str, int], plain: Effect, spec: LiftSpec) -> float | None:
    """Smallest positive effect on the share that these arms detect; None where not even certainty would show.

    The d at which `(z_{level} + z_{power}) · √(p₀q₀/n₀ + p₁q₁/n₁) = d`, p₁ = p₀ + d: normal approximation, unpooled
    variance as in the holdout's plan, sizes divided by the design effect of families.
    """
    if not arms["n_control"] or not arms["n_treated"]:
        return None
    base, one = (arms[f"conversions_{arm}"] / arms[f"n_{arm}"] for arm in ("control", "treated"))
    independent = base * (1 - base) / arms["n_control"] + one * (1 - one) / arms["n_treated"]
    if not 0 < base < 1 or not plain.se:
        return None
    design = max(1.0, plain.se**2 / independent)
    z, found = normal_quantile((1 + spec.level) / 2) + normal_quantile(spec.power), 0.0
    for _ in range(100):
        treated = min(base + found, 1.0)
        variance = base * (1 - base) / arms["n_control"] + treated * (1 - treated) / arms["n_treated"]
        found = float(z * np.sqrt(design * variance))
    return found if base + found <= 1 else None


def _saved(plain: Effect, adjusted: Effect) -> float | None:
    if not plain.se or not adjusted.se:
        return None
    return 1 - adjusted.se**2 / plain.se**2
