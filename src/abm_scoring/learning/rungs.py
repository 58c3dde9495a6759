"""How each rung that gives probabilities is fitted."""

from __future__ import annotations

import numpy as np

from abm_scoring.learning.average import AverageModel, average_of
from abm_scoring.learning.boosting import fit_boosting
from abm_scoring.learning.contributions import shift_to
from abm_scoring.learning.drift import drifting
from abm_scoring.learning.encoding import Encoding, fit_encoding
from abm_scoring.learning.hazard import HazardModel, expanded, hazard_model, period_ends
from abm_scoring.learning.logistic import LogisticModel, fit_logistic
from abm_scoring.learning.outcome import Rung
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet, as_heavy, thinned

#: Parts that rows which stand for others are left out in, one after the other, to see what a fit says of those others.
PARTS = 4


def fit_rung(
    rung: Rung, rows: TrainingSet, spec: ModelSpec, embargo_days: int
) -> tuple[LogisticModel | AverageModel, dict[str, str]]:
    """Fit a rung that gives probabilities, everything learnt from these rows alone.

    Args:
        rung: `logistic`, or `average` and `tuned`, which differ in their parameters only.
        rows: Rows of both outcomes; a weighted sample of them is used where they are many. Where they are a sample
            already, and hardly more than are fitted, the level is that of the rows that they stand for.
        spec: Parameters.
        embargo_days: For the folds inside.

    Returns:
        The model, and the features that it does not use with the reason.
    """
    model, dropped = _fit_rung(rung, rows, spec, embargo_days)
    if rows.weight is None or len(rows) >= 2 * spec.max_rows:
        return model, dropped
    return _at_level(model, thinned(rows, spec.max_rows, spec.seed), spec), dropped


def _fit_rung(
    rung: Rung, rows: TrainingSet, spec: ModelSpec, embargo_days: int
) -> tuple[LogisticModel | AverageModel, dict[str, str]]:
    every, rows = rows, thinned(rows, spec.max_rows, spec.seed)
    encoding = encode(rows, spec)
    logistic = fit_logistic(rows, encoding, spec.ridge, embargo_days, spec.seed)
    if rung == "logistic" or not encoding.columns:
        return logistic, encoding.dropped
    boosting = fit_boosting(rows, encoding, spec.boosting, spec.seed, spec.threads)
    return average_of(logistic, boosting, thinned(every, spec.max_rows, spec.seed + 1)), encoding.dropped


def _at_level(model: LogisticModel | AverageModel, rows: TrainingSet, spec: ModelSpec) -> LogisticModel | AverageModel:
    """The model, shifted so that it expects as many conversions as there were among all that its rows stand for.

    A row of weight w is itself, which the model knows too well, and w − 1 rows that the model never saw. What it says
    of those is what a model fitted without the row would say of it: that of one fitted without a part of the rows, less
    the share by which such a model, having seen fewer rows, errs more (an error of the order of one over their number).
    """
    seen = model.log_odds(rows.features)
    unseen = seen + (1 - 1 / PARTS) * (_left_out(model, rows, seen, spec) - seen)
    weights = np.concatenate([np.minimum(rows.weights, 1.0), np.maximum(rows.weights - 1.0, 0.0)])
    shift = shift_to(np.concatenate([seen, unseen]), rows.rate, weights)
    if isinstance(model, AverageModel):
        return model.model_copy(update={"shift": model.shift + shift})
    return model.model_copy(update={"intercept": model.intercept + shift})


def _left_out(model: LogisticModel | AverageModel, rows: TrainingSet, seen: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """n log-odds: of rows that stand for others by the same recipe fitted without them, of the others those seen.

    The penalty and the encoding are the model's, and the bag is a single one: all that matters here is the level.
    """
    logistic = model.logistic if isinstance(model, AverageModel) else model
    single = spec.boosting.model_copy(update={"bags": 1})
    part = np.random.default_rng(spec.seed).permutation(len(rows)) % PARTS
    found = seen.copy()
    for k in range(PARTS):
        held = (part == k) & (rows.weights > 1)
        fit, asked = as_heavy(rows.take(~held), rows), rows.take(held).features
        if not held.any() or not fit.converted.any() or fit.converted.all():
            continue
        found[held] = fit_logistic(fit, logistic.encoding, (logistic.ridge,), 0, spec.seed).log_odds(asked)
        if isinstance(model, AverageModel):
            trees = fit_boosting(fit, logistic.encoding, single, spec.seed, spec.threads).log_odds(asked)
            found[held] = (found[held] + trees) / 2 + model.shift
    return found


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
    per_period, dropped = _fit_rung("average", at, spec, at.horizon_days)
    # The level is taken from another sample: the rows that were fitted on stand for many, and are known too well.
    other = expanded(rows, ends, until, spec.max_rows, spec.seed + 1)
    return hazard_model(per_period, other, ends, horizon, spec.hazard.horizons_days), at, dropped


def encode(rows: TrainingSet, spec: ModelSpec) -> Encoding:
    """The encoding learnt from these rows, without features that drift within them."""
    encoding = fit_encoding(rows.features, rows.catalogue)
    return encoding.without(drifting(rows, encoding, spec.drift_limit))
