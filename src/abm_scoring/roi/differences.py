"""Difference in differences: a campaign that was launched in some regions and not in others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi.effect import Effect, effect, finite, nothing
from abm_scoring.roi.lift_spec import DifferencesSpec
from abm_scoring.roi.trial import compare_arms


@dataclass(frozen=True)
class Differences:
    """What a launch by region came to.

    Attributes:
        name: Campaign.
        regions_launched, regions_other: Number of regions on each side.
        n: Accounts.
        effect: Change in launched regions less change in the others, per account and period.
        by_family: The same with families as what was drawn, which ignores whatever hits a whole region.
        trend: Difference of the slopes before the launch, per period; 0 where trends are parallel.
        placebo: The effect of a launch that never was, in the middle of the time before.
        study: `period` (0 = first with the campaign), `gap`: launched less other, as against the last period before.
        notes: One sentence each.
    """

    name: str
    regions_launched: int
    regions_other: int
    n: int
    effect: Effect
    by_family: Effect
    trend: Effect
    placebo: Effect
    study: pd.DataFrame
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return finite({**vars(self), "study": self.study.to_dict("records"), "verdict": self.effect.verdict})


def differences(panel: pd.DataFrame, name: str, spec: DifferencesSpec) -> Differences:
    """Compare the change over time in launched regions with that in the others.

    With one launch date and a balanced panel, two-way fixed effects (account and period) give exactly the difference of
    mean changes, so that is what is computed. Regions were chosen, so regions are what was drawn: each counts once,
    with its mean change, in Welch's t-test (the two-step estimator of Donald and Lang 2007), which is honest with few
    regions. A verdict is withheld where trends before the launch differ or a placebo launch has an effect.

    Args:
        panel: One row an account and period: `account_id`, `family_id`, `region`, `launched` (bool: in its region),
            `period` (integer, 0 = the first with the campaign), `outcome` (float64). Accounts that lack a period are
            left out.
        name: Campaign.
        spec: What is drawn, and how many regions are enough.
    """
    wide, about = _wide(panel)
    periods = wide.columns.to_numpy("int64")
    before, after = wide.columns[periods < 0], wide.columns[periods >= 0]
    if len(before) < 2 or not len(after) or not len(wide):
        raise ValueError("a difference in differences needs two periods before the launch and one after")
    treated = about["launched"].to_numpy(bool)
    change = (wide[after].mean(axis=1) - wide[before].mean(axis=1)).to_numpy("float64")
    half = len(before) // 2
    false_change = (wide[before[half:]].mean(axis=1) - wide[before[:half]].mean(axis=1)).to_numpy("float64")
    found, by_family = (
        _compared(change, about, spec.model_copy(update={"cluster": cluster})) for cluster in (spec.cluster, "family")
    )
    trend, placebo = (_compared(values, about, spec) for values in (_slopes(wide[before]), false_change))
    reason = _objection(trend, placebo)
    if reason and found.reason is None:
        found = found.without_verdict(reason)
    sides = about.groupby("launched")["region"].nunique()
    study = _study(wide, treated)
    notes = tuple(n for n in (found.reason, _left_out(panel, wide)) if n)
    counts = int(sides.get(True, 0)), int(sides.get(False, 0)), len(wide)
    return Differences(name, *counts, found, by_family, trend, placebo, study, notes)


def _wide(panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcomes as accounts × periods without gaps, and what each account is."""
    wide = panel.pivot(index="account_id", columns="period", values="outcome").dropna()
    about = panel.drop_duplicates("account_id").set_index("account_id").loc[wide.index]
    return wide, about[["family_id", "region", "launched"]]


def _slopes(wide: pd.DataFrame) -> np.ndarray:
    """Least-squares slope of each account over its periods."""
    time = wide.columns.to_numpy("float64")
    centred = time - time.mean()
    found: np.ndarray = wide.to_numpy("float64") @ centred / (centred @ centred)
    return found


def _compared(change: np.ndarray, about: pd.DataFrame, spec: DifferencesSpec) -> Effect:
    if spec.cluster == "family":
        codes = pd.factorize(about["family_id"], sort=True)[0]
        return compare_arms(change, about["launched"].to_numpy(bool), codes, None, spec.level)
    means = pd.Series(change, about.index).groupby([about["launched"], about["region"]]).mean()
    sides = [means[means.index.get_level_values(0) == side].to_numpy() for side in (True, False)]
    if min(len(side) for side in sides) == 0:
        return nothing("launched everywhere or nowhere: there is nothing to compare with", spec.level)
    estimate = float(sides[0].mean() - sides[1].mean())
    if min(len(side) for side in sides) < spec.min_regions:
        reason = (
            f"fewer than {spec.min_regions} regions on a side: a shock to one region cannot be told from the campaign"
        )
        return replace(nothing(reason, spec.level), estimate=estimate)
    parts = [(side.var(ddof=1) / len(side), len(side) - 1) for side in sides]
    variance = sum(part for part, _ in parts)
    if variance <= 0:
        return replace(nothing("regions do not differ at all", spec.level), estimate=estimate)
    freedom = variance**2 / sum(part**2 / df for part, df in parts if part > 0)
    return effect(estimate, float(np.sqrt(variance)), float(freedom), spec.level)


def _objection(trend: Effect, placebo: Effect) -> str | None:
    """Why the comparison cannot be trusted, if the time before the launch says so."""
    if trend.verdict != "cannot tell":
        return "trends before the launch were not parallel"
    if placebo.verdict != "cannot tell":
        return "a placebo launch before the real one has an effect"
    return None


def _study(wide: pd.DataFrame, treated: np.ndarray) -> pd.DataFrame:
    gap = wide[treated].mean() - wide[~treated].mean()
    base = gap[gap.index[gap.index < 0].max()]
    return pd.DataFrame({"period": gap.index.to_numpy("int64"), "gap": (gap - base).to_numpy("float64")})


def _left_out(panel: pd.DataFrame, wide: pd.DataFrame) -> str | None:
    missing = panel["account_id"].nunique() - len(wide)
    return f"{missing} accounts lack a period and are left out" if missing else None
