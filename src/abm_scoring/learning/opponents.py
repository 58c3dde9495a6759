"""What a model must beat: the constant, the profile alone, and hand-set points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoded_columns import numbers
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.logistic import fit_logistic
from abm_scoring.learning.metrics import calibration_line
from abm_scoring.learning.profile import TOTAL
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned

#: Points a marketing automation tool would typically give for one event; other types give 2.
POINTS = {
    "ad_impression": 0,
    "email_sent": 0,
    "email_open": 1,
    "web_visit": 1,
    "social_engagement": 2,
    "ad_click": 3,
    "email_click": 3,
    "content_download": 5,
    "webinar": 10,
    "event_attendance": 10,
    "form_fill": 10,
    "email_reply": 10,
    "sales_conversation": 15,
    "meeting": 20,
    "demo_request": 30,
    "sql_created": 30,
}
OTHER_POINTS = 2
#: Events counted at most per type, so that one bot does not lead the list.
CAP = 10
#: The count over the window nearest to this is used.
WINDOW_DAYS = 30
#: Points for perfect agreement with the ideal customer profile.
FIT_POINTS = 50


def opponents(rows: TrainingSet, frame: pd.DataFrame, spec: ModelSpec, embargo_days: int) -> dict[str, np.ndarray]:
    """Probabilities of each opponent that the features allow, fitted on the rows a model was fitted on.

    Args:
        rows: The model's training rows, of both outcomes.
        frame: n rows to score.
        spec: The model's spec, for its penalties and seed.
        embargo_days: Passed on to the folds inside training time.

    Returns:
        `constant`: the training rows' positive rate. `fit_only`: logistic regression on what the company is, without
        what it does; absent where every or no feature says what it is. `points`: hand-set points (`POINTS`) put on
        the probability scale by Platt; absent where no feature earns points.
    """
    found = {"constant": np.full(len(frame), rows.rate)}
    rows = thinned(rows, spec.max_rows, spec.seed)
    fit = tuple(feature for feature in rows.catalogue if feature.part == "fit")
    if 0 < len(fit) < len(rows.catalogue):
        encoding = fit_encoding(rows.features, fit)
        model = fit_logistic(rows, encoding, spec.ridge, embargo_days, spec.seed)
        found["fit_only"] = probability(model.log_odds(frame))
    if earns_points(rows.catalogue):
        found["points"] = _points_probability(rows, frame)
    return found


def earns_points(catalogue: tuple[Feature, ...]) -> bool:
    """Whether event counts or value fit are among the features."""
    return bool(_monthly_counts(catalogue)) or any(feature.name == TOTAL for feature in catalogue)


def points(frame: pd.DataFrame, catalogue: tuple[Feature, ...]) -> np.ndarray:
    """n hand-set scores in hundreds of points: events of the last month by type, plus value fit."""
    total = np.zeros(len(frame))
    for feature in _monthly_counts(catalogue):
        count = np.nan_to_num(numbers(frame, feature.name))
        total += POINTS.get(str(feature.args["event_type"]), OTHER_POINTS) * np.clip(count, 0, CAP)
    if any(feature.name == TOTAL for feature in catalogue):
        total += FIT_POINTS * np.nan_to_num(numbers(frame, TOTAL))
    return total / 100


def _points_probability(rows: TrainingSet, frame: pd.DataFrame) -> np.ndarray:
    """Points on the probability scale; the constant where more points went with fewer conversions."""
    earned = points(rows.features, rows.catalogue)
    intercept, slope = calibration_line(earned, rows.converted, rows.weights[None, :])
    if not slope[0] > 0:
        return np.full(len(frame), np.average(rows.converted, weights=rows.weights))
    return probability(intercept[0] + slope[0] * points(frame, rows.catalogue))


def _monthly_counts(catalogue: tuple[Feature, ...]) -> list[Feature]:
    """The count of each event type over the window nearest to a month."""
    best: dict[str, Feature] = {}
    for feature in catalogue:
        event_type = str(feature.args.get("event_type", "any"))
        if feature.unit != "events" or "days" not in feature.args or event_type == "any":
            continue
        held = best.get(event_type)
        if held is None or _distance(feature) < _distance(held):
            best[event_type] = feature
    return list(best.values())


def _distance(feature: Feature) -> float:
    return abs(float(feature.args["days"]) - WINDOW_DAYS)
