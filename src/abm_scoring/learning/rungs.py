"""How each rung that gives probabilities is fitted."""

from __future__ import annotations

import numpy as np

from abm_scoring.learning.average import AverageModel, average_of
from abm_scoring.learning.boosting import fit_boosting
from abm_scoring.learning.drift import drifting
from abm_scoring.learning.encoding import Encoding, fit_encoding
from abm_scoring.learning.hazard import HazardModel, expanded, hazard_model, period_ends
from abm_scoring.learning.logistic import LogisticModel, fit_logistic
from abm_scoring.learning.outcome import Rung
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned


def fit_rung(
    rung: Rung, rows: TrainingSet, spec: ModelSpec, embargo_days: int
) -> tuple[LogisticModel | AverageModel, dict[str, str]]:
    """Fit a rung that gives probabilities, everything learnt from these rows alone.

    Args:
        rung: `logistic`, or `average` and `tuned`, which differ in their parameters only.
        rows: Rows of both outcomes; a weighted sample of them is used where they are many.
        spec: Parameters.
        embargo_days: For the folds inside.

    Returns:
        The model, and the features that it does not use with the reason.
    """
    every, rows = rows, thinned(rows, spec.max_rows, spec.seed)
    encoding = encode(rows, spec)
    logistic = fit_logistic(rows, encoding, spec.ridge, embargo_days, spec.seed)
    if rung == "logistic" or not encoding.columns:
        return logistic, encoding.dropped
    boosting = fit_boosting(rows, encoding, spec.boosting, spec.seed, spec.threads)
    return average_of(logistic, boosting, thinned(every, spec.max_rows, spec.seed + 1)), encoding.dropped


def fit_hazard(
    rows: TrainingSet, until: np.datetime64, spec: ModelSpec
) -> tuple[HazardModel, TrainingSet, dict[str, str]] | None:
    """Fit the hazards of all periods on what was known at a moment.

    Args:
        rows: Rows with `days`, those whose outcome is open included.
        until: Nothing at or after this moment is used.
        spec: Parameters.

    Returns:
        The model, the person-periods it was fitted on, and the features that it does not use with the reason; None
        where the periods that had ended hold one outcome only.
    """
    horizon = rows.horizon_days
    ends = period_ends(horizon, spec.hazard.horizons_days)
    at = expanded(rows, ends, until, spec.max_rows, spec.seed)
    if not at.converted.any() or at.converted.all():
        return None
    # A period's outcome is open no longer than the period itself.
    per_period, dropped = fit_rung("average", at, spec, at.horizon_days)
    # The level is taken from another sample: the rows that were fitted on stand for many, and are known too well.
    other = expanded(rows, ends, until, spec.max_rows, spec.seed + 1)
    return hazard_model(per_period, other, ends, horizon, spec.hazard.horizons_days), at, dropped


def encode(rows: TrainingSet, spec: ModelSpec) -> Encoding:
    """The encoding learnt from these rows, without features that drift within them."""
    encoding = fit_encoding(rows.features, rows.catalogue)
    return encoding.without(drifting(rows, encoding, spec.drift_limit))
