"""From the outcome of training to a bundle."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.bundle import About, Bundle, Golden, golden_scores
from abm_scoring.learning.contributions import Contributions
from abm_scoring.learning.intervals import Refits
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.profile import TOTAL
from abm_scoring.learning.reference import REFERENCE, make_reference
from abm_scoring.learning.shares import ShareTable, share_table
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import Value
from abm_scoring.learning.versions import installed

GOLDEN_ROWS = 24
#: Training rows, evenly spaced in time, that quantiles are taken from: their shares are then right to half a point.
SAMPLE_ROWS = 10_000
_PARTS = ("fit", "behaviour")


def make_bundle(
    outcome: Outcome,
    training: TrainingSet,
    specs: dict[str, Any],
    refits: Refits | None = None,
    value: Value | None = None,
    beside: dict[str, Any] | None = None,
) -> Bundle:
    """Everything that scoring needs, in one value.

    Args:
        outcome: What training came to; its model is not None.
        training: The rows that the model was fitted on.
        specs: Resolved specs that scoring builds features, cohort, label and snapshots with, as JSON values.
        refits: What intervals come from; None = no intervals.
        value: What a conversion is worth; None = nobody knows.
        beside: Further results of the training, as JSON values, to keep with the model.
    """
    assert outcome.model is not None
    rows = _sample(training)
    frame, weight = _frame(training, rows), training.weight if training.weight is None else training.weight[rows]
    found = outcome.calibration.apply(outcome.model.contributions(frame))
    about = About(
        rung=outcome.rung,
        claims_probability=outcome.rung != "profile",
        horizon_days=training.horizon_days,
        catalogue=training.catalogue,
        calibration=outcome.calibration,
        scores=_score_tables(found, training.catalogue, weight),
        specs=specs,
        training=_window(training),
        results={**results(outcome), **(beside or {}), REFERENCE: _reference(outcome, training)},
        versions=installed(),
    )
    bundle = Bundle(about, outcome.model, Golden(features={}, raw_score=()), refits, value)
    return replace(bundle, golden=_golden(bundle, frame, found.log_odds))


def results(outcome: Outcome) -> dict[str, Any]:
    """The outcome without its model and rows, as JSON values."""
    kept = asdict(outcome, dict_factory=lambda items: {k: v for k, v in items if not isinstance(v, np.ndarray)})
    windows = kept.pop("windows")
    dates = {name: windows[name].isoformat() if windows[name] else None for name in ("choose_from", "test_from")}
    for name in ("model", "calibration", "test_probability"):
        kept.pop(name, None)
    return {
        **kept,
        **dates,
        "embargo_days": windows["embargo_days"],
        "warnings": list(outcome.warnings),
        "candidates": list(outcome.candidates),
        "calibration_gain": list(outcome.calibration_gain),
    }


def _reference(outcome: Outcome, training: TrainingSet) -> dict[str, Any]:
    """What nights are compared with, as JSON values."""
    model, calibration = outcome.model, outcome.calibration
    assert model is not None
    return make_reference(training, lambda rows: calibration.apply(model.contributions(rows)).log_odds).model_dump(
        mode="json"
    )


def _sample(training: TrainingSet) -> np.ndarray:
    n = len(training)
    return np.arange(n) if n <= SAMPLE_ROWS else np.linspace(0, n - 1, SAMPLE_ROWS).round().astype(int)


def _frame(training: TrainingSet, rows: np.ndarray) -> pd.DataFrame:
    if not len(training):
        return _even_fits(training.catalogue)
    return training.features.iloc[rows].reset_index(drop=True)


def _even_fits(catalogue: tuple[Feature, ...]) -> pd.DataFrame:
    """Rows with fits of 0, 1, …, 100 % and nothing else known, for a profile made before any snapshot has matured."""
    dtypes = {"number": "float64", "category": "str"}
    columns = {f.name: pd.Series(None, range(101), dtype=dtypes[f.kind]) for f in catalogue}
    return pd.DataFrame({**columns, TOTAL: np.linspace(0, 1, 101)})


def _score_tables(
    found: Contributions, catalogue: tuple[Feature, ...], weight: np.ndarray | None
) -> dict[str, ShareTable]:
    weight = None if weight is None or not len(weight) else weight
    tables = {"raw": share_table(found.log_odds, weight)}
    for part in _PARTS:
        members = np.array([i for i, feature in enumerate(catalogue) if feature.part == part], dtype=int)
        # A part that the model does not use says nothing about anybody.
        used = bool(len(members)) and bool(np.any(found.values[:, members]))
        tables[part] = share_table(found.part(members), weight) if used else ShareTable(quantiles=())
    return tables


def _window(training: TrainingSet) -> dict[str, Any]:
    n = len(training)
    return {
        "rows": training.size,
        "converted_rows": training.count(training.converted),
        **({} if training.weight is None else {"sampled_rows": n}),
        "accounts": len(set(training.account_id.tolist())),
        "first_as_of": str(training.as_of.min()) + "Z" if n else None,
        "last_as_of": str(training.as_of.max()) + "Z" if n else None,
    }


def _golden(bundle: Bundle, frame: pd.DataFrame, raw_score: np.ndarray) -> Golden:
    """Rows evenly spaced over the order of scores, the lowest and the highest included."""
    order = np.argsort(raw_score, kind="stable")
    rows = order[np.unique(np.linspace(0, len(order) - 1, GOLDEN_ROWS).round().astype(int))]
    names = [f.name for f in bundle.about.catalogue]
    features = {name: tuple(_plain(value) for value in frame[name].to_numpy()[rows]) for name in names}
    scores = golden_scores(bundle, frame.iloc[rows].reset_index(drop=True))
    return Golden(features=features, **{name: tuple(found.tolist()) for name, found in scores.items()})


def _plain(value: object) -> float | str | None:
    if isinstance(value, str):
        return value
    return None if pd.isna(value) else float(value)  # type: ignore[call-overload, arg-type]
