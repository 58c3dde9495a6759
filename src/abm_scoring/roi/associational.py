"""Campaigns that were not randomised: an adjusted comparison, never called anything but associational."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.effect import Effect, Roi, effect, finite, nothing, return_on
from abm_scoring.roi.lift_spec import AssociationalSpec

CAVEAT = (
    "associational: accounts that were treated may differ in ways that no column shows; "
    "only a randomised holdout tells what was caused"
)


@dataclass(frozen=True)
class Associational:
    """An adjusted comparison of treated accounts with others that look like them.

    Attributes:
        name: Campaign.
        n_treated, n_control: Accounts in the comparison.
        conversion: Effect on the share of the treated that convert (average effect on the treated).
        unadjusted: Plain difference of the groups.
        money: The same on gross margin an account; None where no values were given.
        overlap: `propensity_treated`, `propensity_control` (means), `left_out` (treated accounts with nobody like
            them), `effective_controls` (Kish's effective size of the weighted controls).
        balance: `covariate`, `before`, `after`: standardised mean differences, unweighted and weighted.
        negative_control: The same estimate for something that cannot be the campaign's doing; None where not asked.
        e_value, e_value_limit: How strongly something unseen would have to go with both treatment and outcome, as risk
            ratios, to explain the estimate, and the bound nearest to no effect (VanderWeele and Ding 2017).
        roi: associational_roi.
        notes: One sentence each; the caveat is always the first.
    """

    name: str
    n_treated: int
    n_control: int
    conversion: Effect
    unadjusted: Effect
    money: Effect | None
    overlap: dict[str, float | None]
    balance: pd.DataFrame
    negative_control: Effect | None
    e_value: float | None
    e_value_limit: float | None
    roi: Roi
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        told = {name: value for name, value in vars(self).items() if name not in ("roi", "balance")}
        return finite({**told, "balance": self.balance.to_dict("records"), "associational_roi": self.roi})


def associational(
    rows: pd.DataFrame,
    name: str,
    spec: AssociationalSpec,
    cost: float | None = None,
    negative: pd.DataFrame | None = None,
) -> Associational:
    """Compare the treated with the untreated by cross-fitted AIPW (augmented inverse probability weighting).

    Average effect on the treated, so that controls need to resemble the treated and not the other way round; its
    influence function summed over families gives the standard error. Where the models of propensity and outcome see
    everything that matters, it estimates what was caused; nothing in the data can tell whether they do.

    Args:
        rows: One row an account: `family_id`, `treated`, `converted`, optionally `value` (gross margin), and covariates
            known before the treatment in columns whose names begin with `x_`.
        name: Campaign.
        spec: Parts, level, overlap.
        cost: What the campaign cost.
        negative: Rows like `rows` whose `converted` (any number) cannot be the campaign's doing, e.g. what was before.
    """
    level = spec.level
    treated = rows["treated"].to_numpy(bool)
    if min(treated.sum(), (~treated).sum()) < 2 * spec.folds:
        empty = nothing("too few accounts in a group", level)
        none = pd.DataFrame(columns=["covariate", "before", "after"])
        roi = return_on(None, int(treated.sum()), cost)
        sizes = int(treated.sum()), int((~treated).sum())
        return Associational(name, *sizes, empty, empty, None, {}, none, None, None, None, roi, (CAVEAT,))
    found, weight, kept, propensity = _estimate(rows, "converted", spec)
    money = _estimate(rows, "value", spec, propensity)[0] if "value" in rows else None
    control = _estimate(negative, "converted", spec)[0] if negative is not None else None
    values = _e_values(rows["converted"].to_numpy("float64")[treated & kept].mean(), found)
    balance = _balance(rows, treated & kept, ~treated & kept, weight)
    overlap = _overlap(treated, kept, propensity, weight)
    return Associational(
        name,
        int((treated & kept).sum()),
        int((~treated & kept).sum()),
        conversion=found,
        unadjusted=_plain(rows, treated, level),
        money=money,
        overlap=overlap,
        balance=balance,
        negative_control=control,
        e_value=values[0],
        e_value_limit=values[1],
        roi=return_on(money, int((treated & kept).sum()), cost),
        notes=_notes(overlap, balance, control),
    )


def _estimate(
    rows: pd.DataFrame, column: str, spec: AssociationalSpec, known: np.ndarray | None = None
) -> tuple[Effect, np.ndarray, np.ndarray, np.ndarray]:
    """The effect on the treated, the weights of the controls, which rows are compared, and propensities."""
    from abm_scoring.learning.nuisance import cross_fit

    treated, outcome = rows["treated"].to_numpy(bool), rows[column].to_numpy("float64")
    family = rows["family_id"].to_numpy(object)
    covariates = rows[[c for c in rows if str(c).startswith("x_")]]
    fitted = cross_fit(covariates, treated, outcome, family, spec.folds, spec.seed, known, arms=("control",))
    e = fitted.propensity
    kept = e <= spec.most_propensity
    weight = np.where(treated, 1.0, e / (1 - e)) * kept
    share = float((treated & kept).mean())
    residual = outcome - fitted.control
    part = np.where(treated, residual, -weight * residual) * kept / share
    estimate = float(part.mean())
    influence = (part - (treated & kept) / share * estimate) / len(rows)
    codes = pd.factorize(family, sort=True)[0]
    sums = np.bincount(codes, weights=influence)
    found = effect(estimate, float(np.sqrt((sums**2).sum())), len(sums) - 1, spec.level)
    return found, weight, kept, e


def _plain(rows: pd.DataFrame, treated: np.ndarray, level: float) -> Effect:
    from abm_scoring.roi.trial import compare_arms

    codes = pd.factorize(rows["family_id"], sort=True)[0]
    return compare_arms(rows["converted"].to_numpy("float64"), treated, codes, None, level)


def _overlap(
    treated: np.ndarray, kept: np.ndarray, propensity: np.ndarray, weight: np.ndarray
) -> dict[str, float | None]:
    controls = weight[~treated & kept]
    return finite(
        {
            "propensity_treated": float(propensity[treated].mean()),
            "propensity_control": float(propensity[~treated].mean()),
            "left_out": int((treated & ~kept).sum()),
            "effective_controls": float(controls.sum() ** 2 / (controls**2).sum()) if controls.any() else 0.0,
        }
    )


def _balance(rows: pd.DataFrame, treated: np.ndarray, control: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Standardised mean differences of numbers, and of each level of a category; largest after weighting first."""
    found = []
    for name, values in _columns(rows):
        one, zero = values[treated], values[control]
        spread = np.sqrt((one.var() + zero.var()) / 2)
        if spread > 0:
            weighted = float(np.average(zero, weights=weight[control]))
            found.append((name, (one.mean() - zero.mean()) / spread, (one.mean() - weighted) / spread))
    frame = pd.DataFrame(found, columns=["covariate", "before", "after"])
    return frame.sort_values("after", key=lambda s: -s.abs(), kind="stable", ignore_index=True)


def _columns(rows: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    found = []
    for name in [str(c) for c in rows if str(c).startswith("x_")]:
        if pd.api.types.is_numeric_dtype(rows[name].dtype):
            values = rows[name].to_numpy("float64")
            known = values[np.isfinite(values)]
            found.append((name[2:], np.where(np.isfinite(values), values, known.mean() if len(known) else 0.0)))
        else:
            levels = rows[name].value_counts().index[:10]
            found += [(f"{name[2:]}={level}", (rows[name] == level).to_numpy("float64")) for level in levels]
    return found


def _e_values(treated_rate: float, found: Effect) -> tuple[float | None, float | None]:
    if found.estimate is None or found.low is None or found.high is None or treated_rate <= 0:
        return None, None
    limit = found.low if found.estimate > 0 else found.high
    # The bound on the far side of no effect: nothing unseen is needed to explain it away.
    crosses = limit * found.estimate <= 0
    return e_value(treated_rate, treated_rate - found.estimate), 1.0 if crosses else e_value(
        treated_rate, treated_rate - limit
    )


def e_value(treated_rate: float, expected_rate: float) -> float | None:
    """E-value of a risk ratio: RR + √(RR · (RR − 1)), RR turned over where it is below 1.

    Args:
        treated_rate: Share of the treated that converted.
        expected_rate: Share of them expected to have converted untreated.
    """
    if treated_rate <= 0 or expected_rate <= 0:
        return None
    ratio = max(treated_rate / expected_rate, expected_rate / treated_rate)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def _notes(overlap: dict[str, float | None], balance: pd.DataFrame, control: Effect | None) -> tuple[str, ...]:
    said = [CAVEAT]
    if overlap.get("left_out"):
        said.append(f"{overlap['left_out']:.0f} treated accounts have nobody like them and are left out")
    worst = balance[balance["after"].abs() > 0.1]
    if len(worst):
        said.append(f"not balanced after weighting: {', '.join(worst['covariate'].head(3))}")
    if control is not None and control.verdict != "cannot tell":
        said.append("the negative control shows an effect that the campaign cannot have had: do not trust the estimate")
    return tuple(said)
