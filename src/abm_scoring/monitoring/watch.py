"""From runs to what a reader should know: a series over nights, alarms, and whether to train again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.monitoring.drift import Drift
from abm_scoring.monitoring.spec import MonitoringSpec

#: Nights that are needed before tonight's number of MQAs can be called unusual, and how many deviations that takes.
_NIGHTS, _DEVIATIONS = 7, 4.0


@dataclass(frozen=True)
class Cohort:
    """A run whose horizon has passed: what was promised beside what came.

    Attributes:
        accounts: Accounts with a probability that are still known.
        expected: Sum of their probabilities.
        wins: How many converted within the horizon.
        low, high: Wins that a true model leaves only with the stated level; Poisson, so a little wide.
        alarm: Whether `wins` lies outside.
    """

    run: str
    as_of: str
    accounts: int
    expected: float
    wins: int
    low: int
    high: int
    alarm: bool


@dataclass(frozen=True)
class Point:
    """One night of the series; None where a run did not record it."""

    run: str
    as_of: str
    model_version: str
    accounts: int
    score_psi: float | None
    score_median: float | None
    drifted: int | None
    most_missing: str | None
    expected_conversions: float | None
    mqa_open: int | None
    mqa_entered: int | None


@dataclass(frozen=True)
class Watched:
    """What `abm-scoring monitor` reports.

    Attributes:
        drift: Features of the newest run against training, by PSI, largest first; empty without a reference.
        score_drift: Its raw scores likewise.
        series: Nights, oldest first.
        cohorts: Matured runs at non-overlapping horizons, oldest first.
        alarms: Kind and sentence.
        advice: Reasons to train again; empty where there is none.
    """

    project: str
    run: str
    as_of: str
    model_version: str
    model_age_days: float | None
    drift: tuple[Drift, ...]
    score_drift: Drift | None
    series: tuple[Point, ...]
    cohorts: tuple[Cohort, ...]
    alarms: tuple[tuple[str, str], ...]
    advice: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that `monitor --json` prints; documented in docs/reference/json.md."""
        return {
            "project": self.project,
            "run": self.run,
            "as_of": self.as_of,
            "model_version": self.model_version,
            "model_age_days": self.model_age_days,
            "drift": [asdict(one) for one in self.drift],
            "score_drift": asdict(self.score_drift) if self.score_drift else None,
            "series": [asdict(one) for one in self.series],
            "cohorts": [asdict(one) for one in self.cohorts],
            "alarms": [{"kind": kind, "says": says} for kind, says in self.alarms],
            "retrain": bool(self.advice),
            "advice": list(self.advice),
            "warnings": list(self.warnings),
        }


def cohort(run: str, as_of: pd.Timestamp, probability: np.ndarray, converted: np.ndarray, level: float) -> Cohort:
    """A matured run judged: wins against the sum of probabilities.

    Args:
        run: Its name.
        as_of: Its night.
        probability: n float64, as frozen.
        converted: n booleans.
        level: How rarely a true model may be called false; shared by all cohorts of a report.
    """
    from scipy.stats import poisson

    expected, wins = float(probability.sum()), int(converted.sum())
    low, high = int(poisson.ppf(level / 2, expected)), int(poisson.isf(level / 2, expected))
    return Cohort(run, as_of.isoformat(), len(converted), expected, wins, low, high, not low <= wins <= high)


def apart(moments: Sequence[pd.Timestamp], days: float) -> list[int]:
    """Positions of the moments, ascending, that lie at least `days` apart, counted back from the last one."""
    kept: list[int] = []
    for i in reversed(range(len(moments))):
        if not kept or moments[kept[-1]] - moments[i] >= pd.Timedelta(days=days):
            kept.append(i)
    return kept[::-1]


def alarms(
    drift: Sequence[Drift],
    score_drift: Drift | None,
    cohorts: Sequence[Cohort],
    series: Sequence[Point],
    age_days: float | None,
    spec: MonitoringSpec,
) -> tuple[tuple[str, str], ...]:
    """What is out of the ordinary: (kind, sentence)."""
    said = []
    for one in (d for d in drift if d.drifted):
        if one.more_missing(spec.drift.missing_floor):
            text = f"{one.name} is missing in {one.missing:.0%} of accounts, in training in {one.missing_before:.0%}"
            said.append(("missing", text))
        else:
            said.append(("drift", f"{one.name} drifted: PSI {one.psi:.2f}, limit {one.threshold:.2f}"))
    if score_drift is not None and score_drift.drifted:
        said.append(("scores", f"scores drifted: PSI {score_drift.psi:.2f}, limit {score_drift.threshold:.2f}"))
    for c in (c for c in cohorts if c.alarm):
        where = "above" if c.wins > c.high else "below"
        text = f"{c.wins} conversions of the run of {c.as_of[:10]}, {where} the {c.low} to {c.high} to be expected"
        said.append(("calibration", text))
    said += _unusual(series)
    if age_days is not None and age_days > spec.retrain_days:
        said.append(("age", f"the model learnt from nothing in the last {age_days:.0f} days"))
    return tuple(said)


def advice(found: Sequence[tuple[str, str]], drift: Sequence[Drift]) -> tuple[str, ...]:
    """Why to train again; drift of features that left the scores alone is no reason, a silent source even less."""
    kinds = {kind for kind, _ in found}
    reasons = []
    if "calibration" in kinds:
        reasons.append("conversions differ from what was promised by more than chance")
    if "scores" in kinds and "missing" not in kinds:
        reasons.append("tonight's scores lie elsewhere than in training, and no source went silent")
    if "age" in kinds:
        reasons.append("the model is old")
    if sum(one.drifted for one in drift) > len(drift) / 2 and "missing" not in kinds:
        reasons.append("most features drifted")
    return tuple(reasons)


def _unusual(series: Sequence[Point]) -> list[tuple[str, str]]:
    """Whether tonight's open MQAs are far from those of the nights before; counts vary at least as Poisson does."""
    counts = [point.mqa_open for point in series if point.mqa_open is not None]
    *before, now = counts or [0]
    if len(before) < _NIGHTS:
        return []
    middle, spread = float(np.mean(before)), float(np.sqrt(max(float(np.var(before)), float(np.mean(before)), 1.0)))
    if abs(now - middle) <= _DEVIATIONS * spread:
        return []
    return [("mqa", f"{now} MQAs are open, in the nights before it were {middle:.0f} on average")]
