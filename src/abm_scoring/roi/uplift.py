"""Who responds most to a randomised campaign: a ranking by predicted effect, and whether there is anything to rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.bootstrap import sparse_sums
from abm_scoring.roi.effect import Effect, bounded, finite, normal_quantile, nothing
from abm_scoring.roi.lift_spec import UpliftSpec

#: Equal parts of the ranking at which the curve is drawn.
BINS = 100


@dataclass(frozen=True)
class Uplift:
    """What a ranking by predicted effect is worth.

    Attributes:
        learner: How effects were predicted; empty where a ranking was brought from elsewhere.
        n_treated, n_control: Accounts in each arm that the ranking was measured on.
        average: Effect on all.
        top: Effect on the best `top_share` of the ranking.
        top_share: That share.
        qini: Area between the Qini curve and the straight line, per treated account. Its verdict is that on
            heterogeneity: *positive* where the ranking tells more responsive accounts from others.
        curve: `share`, `gain` (incremental outcome per treated account when only that share is treated), `low`, `high`
            (band, pointwise), `random` (the straight line).
    """

    learner: str
    n_treated: int
    n_control: int
    average: Effect
    top: Effect
    top_share: float
    qini: Effect
    curve: pd.DataFrame

    @property
    def verdict(self) -> str:
        """On heterogeneity."""
        return self.qini.verdict

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return finite({**vars(self), "curve": self.curve.to_dict("records"), "verdict": self.verdict})


def uplift(rows: pd.DataFrame, outcome: str, spec: UpliftSpec) -> Uplift:
    """Fit who responds most on half of the families, and measure the ranking on the arms of the other half.

    One split instead of cross-fitting: rankings of several folds lean on one another's accounts, which makes their
    joint interval too short for a verdict.

    Args:
        rows: One row an account: `family_id`, `treated`, the outcome, and covariates known before the assignment in
            columns whose names begin with `x_`.
        outcome: Column of the outcome, e.g. `converted` or `value`.
        spec: Learner, share, bands.
    """
    from abm_scoring.learning.nuisance import fit_uplift, parts

    covariates = rows[[c for c in rows if str(c).startswith("x_")]]
    treated, came = rows["treated"].to_numpy(bool), rows[outcome].to_numpy("float64")
    family = rows["family_id"].to_numpy(object)
    fit, check = next(parts(family, 2, spec.seed))
    of_fit = treated[fit], came[fit], family[fit]
    model = fit_uplift(covariates.iloc[fit], *of_fit, spec.learner, spec.folds, spec.seed)
    score = model.effect(covariates.iloc[check])
    return evaluate_uplift(score, treated[check], came[check], family[check], spec, spec.learner)


def evaluate_uplift(
    score: np.ndarray, treated: np.ndarray, outcome: np.ndarray, family: np.ndarray, spec: UpliftSpec, learner: str = ""
) -> Uplift:
    """What a ranking is worth on accounts that it was not fitted on.

    Qini curve (Radcliffe 2007): for the best share of accounts, outcomes of the treated among them less those of the
    control scaled to as many, per treated account. Bands and intervals by bootstrap over families, the ranking held
    fixed; ties in the order of rows.

    Args:
        score: n predicted effects.
        treated: n booleans, randomised.
        outcome: n float64.
        family: n ids.
        spec: Share, level, draws.
        learner: Its name, for the record.
    """
    counts = int(treated.sum()), int((~treated).sum())
    if min(counts) < 2:
        empty = nothing("one arm is empty", spec.level)
        none = pd.DataFrame(columns=["share", "gain", "low", "high", "random"])
        return Uplift(learner, *counts, empty, empty, spec.top_share, empty, none)
    bins = _bins(score)
    sums = _sums(bins, treated, outcome)
    drawn = _draws(bins, treated, outcome, family, spec)
    curve, curves = _curve(sums[None])[0], _curve(drawn)
    area, areas = _area(curve[None])[0], _area(curves)
    best = max(1, round(spec.top_share * BINS))
    low, high = np.nanquantile(curves, [(1 - spec.level) / 2, (1 + spec.level) / 2], axis=0)
    share = np.arange(BINS + 1) / BINS
    return Uplift(
        learner,
        *counts,
        average=_effect(_mean(sums[None], BINS)[0], _mean(drawn, BINS), spec),
        top=_effect(_mean(sums[None], best)[0], _mean(drawn, best), spec),
        top_share=best / BINS,
        qini=_effect(area, areas, spec),
        curve=pd.DataFrame({"share": share, "gain": curve, "low": low, "high": high, "random": share * curve[-1]}),
    )


def _bins(score: np.ndarray) -> np.ndarray:
    """Part of the ranking that each row stands in, 0 = best."""
    place = np.empty(len(score), dtype=np.int64)
    place[np.argsort(-score, kind="stable")] = np.arange(len(score))
    found: np.ndarray = place * BINS // len(score)
    return found


def _sums(bins: np.ndarray, treated: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """4 × BINS: treated and control rows, and their outcomes, in each part."""
    arms = (treated, ~treated)
    sizes = [np.bincount(bins[arm], minlength=BINS) for arm in arms]
    outcomes = [np.bincount(bins[arm], weights=outcome[arm], minlength=BINS) for arm in arms]
    return np.array([*sizes, *outcomes], dtype=float)


def _draws(
    bins: np.ndarray, treated: np.ndarray, outcome: np.ndarray, family: np.ndarray, spec: UpliftSpec
) -> np.ndarray:
    """draws × 4 × BINS: the same with families drawn anew."""
    codes = pd.factorize(family, sort=True)[0]
    order = np.argsort(codes, kind="stable")
    arm = np.where(treated, 0, 1)[order]
    columns = np.column_stack([arm * BINS + bins[order], (2 + arm) * BINS + bins[order]]).ravel()
    values = np.column_stack([np.ones(len(order)), outcome[order]]).reshape(-1, 1)
    offsets = 2 * np.searchsorted(codes[order], np.arange(codes.max() + 2))
    drawn = sparse_sums(offsets, columns, values, 4 * BINS, spec.draws, spec.seed)
    return drawn.reshape(spec.draws, 4, BINS)


def _curve(sums: np.ndarray) -> np.ndarray:
    """draws × (BINS + 1) points of the Qini curve, the first 0."""
    treated, control, gained, lost = np.cumsum(sums, axis=2).transpose(1, 0, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(control > 0, lost * treated / control, 0.0)
        points = (gained - scaled) / treated[:, -1:]
    return np.hstack([np.zeros((len(points), 1)), points])


def _area(curves: np.ndarray) -> np.ndarray:
    """Area between each curve and its straight line, by trapezoids."""
    above = curves - curves[:, -1:] * np.arange(BINS + 1) / BINS
    found: np.ndarray = (above[:, 1:] + above[:, :-1]).sum(axis=1) / (2 * BINS)
    return found


def _mean(sums: np.ndarray, parts: int) -> np.ndarray:
    """Difference of the arms' means within the best parts."""
    treated, control, gained, lost = sums[:, :, :parts].sum(axis=2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = gained / treated - lost / control
    return found


def _effect(estimate: float, drawn: np.ndarray, spec: UpliftSpec) -> Effect:
    """Estimate ± normal quantile × standard deviation of the draws.

    Percentiles would carry the draws' own bias into the bounds: a curve is bent by every resampling.
    """
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(estimate) or len(known) < 2:
        return nothing("one arm is empty", spec.level)
    se = float(known.std(ddof=1))
    reach = normal_quantile((1 + spec.level) / 2) * se
    return bounded(float(estimate), se, float(estimate) - reach, float(estimate) + reach, spec.level)
