"""The rung for a handful of conversions: their rate, bent by agreement with the ideal customer profile.

Too few conversions to tell features apart can still tell whether one score goes with conversion. The profile's score is
put on the probability scale by a line whose slope is shrunk by empirical Bayes: with an estimate b of standard error s
and a prior variance estimated as max(0, b² − s²), the posterior mean is b · max(0, 1 − s² / b²) (the positive-part
form of James and Stein 1961). The slope is never negative, so that probabilities rise with
fit, and the mean probability is the rate that was seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import log_odds_of, probability, shift_to
from abm_scoring.learning.ladder_steps import lost_on_test, measured, one_outcome
from abm_scoring.learning.metrics import calibration_line
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.profile import ProfileModel, fit_profile
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.weights import mean_of, one_weighting, rows_of, times


def train_prior(training: TrainingSet, start: Outcome, obstacle: str, spec: ModelSpec) -> Outcome | str:
    """Fit the prior before the last part that holds conversions, measure it there, and refit it on everything.

    Args:
        training: All matured rows.
        start: From `start_of`.
        obstacle: Why no higher rung is tried.
        spec: Resamples and seed.

    Returns:
        The outcome, or why there is none.
    """
    windows = start.windows
    for name, earlier, later in (("test", windows.before_test, windows.test), ("train", windows.train, windows.choose)):
        rows, held = training.take(earlier), training.take(later)
        if one_outcome(name, rows.converted) is None and one_outcome(name, held.converted) is None:
            break
    else:
        return "no part of the history could show whether the prior beats the constant"
    model, line = _fit(rows)
    if model is None or line is None:
        return "conversion does not rise with profile fit"
    ours = probability(line.raw_score(model.log_odds(held.features)))
    constant = rows.rate
    tested = measured(start, ours, {"constant": np.full(len(held), constant)}, held, constant, spec)
    lost = lost_on_test(tested)
    if lost:
        return f"the prior did not beat the constant forward, log-loss {lost[0]:.4f} against {lost[1]:.4f}"
    model, line = _fit(training)
    if model is None or line is None:
        return "conversion does not rise with profile fit"
    reason = f"{obstacle}; the rate of conversion is bent by profile fit (slope {line.slope:.2f}, shrunk)"
    warning = f"{obstacle}: probabilities are the rate of conversion, bent by profile fit"
    return replace(
        # What was measured on the choosing part is no figure of untouched rows.
        tested if name == "test" else start,
        rung="prior",
        reason=reason,
        model=model,
        calibration=line,
        warnings=(*start.warnings, warning),
        n_shipped=training.size,
    )


def _fit(rows: TrainingSet) -> tuple[ProfileModel | None, Calibration | None]:
    model = fit_profile(rows.features, rows.catalogue, rows.weight)
    if model is None:
        return None, None
    return model, prior_line(model.log_odds(rows.features), rows.converted, rows.family, rows.weight)


def prior_line(
    score: np.ndarray, converted: np.ndarray, family: np.ndarray, weight: np.ndarray | None = None
) -> Calibration | None:
    """From the profile's score to log-odds of conversion; None where the shrunk slope is not above 0.

    Args:
        score: n scores.
        converted: n booleans of both outcomes.
        family: n ids of account families, which are taken as the independent units.
        weight: How many rows each of the n stands for; None = one each.
    """
    if np.ptp(score) == 0:
        return None
    rate = log_odds_of(mean_of(converted, weight), rows_of(np.ones(len(converted), dtype=bool), weight))
    # From the constant the search goes straight to the optimum; a profile's score is far from calibrated.
    line = calibration_line(score, converted, one_weighting(weight, len(score)), (rate, 0.0))
    intercept, slope = (float(found[0]) for found in line)
    error = _slope_error(score, converted, family, intercept, slope, weight)
    shrunk = slope * max(0.0, 1 - error**2 / slope**2) if slope > 0 else 0.0
    if not shrunk > 0:
        return None
    level = shift_to(shrunk * score, float(probability(np.array(rate))), weight)
    return Calibration(kind="platt", intercept=level, slope=shrunk)


def _slope_error(
    score: np.ndarray,
    converted: np.ndarray,
    family: np.ndarray,
    intercept: float,
    slope: float,
    weight: np.ndarray | None,
) -> float:
    """Standard error of the slope, rows of a family taken together (the sandwich of White 1982)."""
    p = probability(intercept + slope * score)
    design = np.column_stack([np.ones(len(score)), score])
    bread = np.linalg.inv((design * times(p * (1 - p), weight)[:, None]).T @ design)
    codes, families = pd.factorize(family)
    sums = np.zeros((len(families), 2))
    np.add.at(sums, codes, design * times(converted - p, weight)[:, None])
    return float(np.sqrt((bread @ (sums.T @ sums) @ bread)[1, 1]))
