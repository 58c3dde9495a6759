"""Ridge logistic regression as plain coefficients."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.learning.contributions import Contributions, log_odds_of
from abm_scoring.learning.encoding import Encoding
from abm_scoring.learning.folds import inner_folds
from abm_scoring.learning.training_set import TrainingSet, thinned
from abm_scoring.spec import Spec

#: Rows that the penalty is chosen on; its optimum is flat, and each candidate costs several fits.
MOST_TO_CHOOSE = 12_000


class LogisticModel(Spec):
    """log-odds = intercept + design · weights; the design has training mean 0.

    Attributes:
        weights: One weight a design column of the encoding.
        ridge: Inverse penalty that was chosen, C in the sum of losses + |weights|² / 2C.
    """

    kind: Literal["logistic"] = "logistic"
    encoding: Encoding = Field(repr=False)
    intercept: float
    weights: tuple[float, ...] = Field(repr=False)
    ridge: float

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n log-odds; the frame's columns are found by name."""
        return self.contributions(frame).log_odds

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """What each feature adds, against an average training row; levels and indicators summed per feature."""
        effects = np.zeros((len(frame), len(self.encoding.names)))
        blocks = np.split(np.array(self.weights), np.cumsum(self.encoding.widths)[:-1])
        for column, place, block in zip(self.encoding.columns, self.encoding.positions, blocks, strict=False):
            effects[:, place] = column.effect(frame, block)
        return Contributions(effects, self.intercept)

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.encoding.unseen(frame)


def fit_logistic(
    rows: TrainingSet, encoding: Encoding, ridge: tuple[float, ...], embargo_days: int, seed: int
) -> LogisticModel:
    """Fit on all rows, with the penalty that does best on the folds inside them.

    Args:
        rows: Training rows of both outcomes.
        encoding: Fitted on these rows.
        ridge: Inverse penalties to try.
        embargo_days: Days between the fit and the check part of a forward fold.
        seed: Deals families into folds where forward folds cannot be had.
    """
    design, target, weight = encoding.design(rows.features), rows.converted.astype(np.float64), rows.weights
    if not design.shape[1]:
        constant = log_odds_of(float(np.average(target, weights=weight)), len(target))
        return LogisticModel(encoding=encoding, intercept=constant, weights=(), ridge=min(ridge))
    best = _choose_ridge(rows, encoding, ridge, embargo_days, seed)
    ((intercept, weights),) = _path(design, target, weight, [best])
    return LogisticModel(encoding=encoding, intercept=intercept, weights=tuple(weights.tolist()), ridge=best)


def _choose_ridge(
    rows: TrainingSet, encoding: Encoding, ridge: tuple[float, ...], embargo_days: int, seed: int
) -> float:
    """The inverse penalty with the lowest pooled log-loss on the folds; the strongest penalty without folds."""
    rows = thinned(rows, MOST_TO_CHOOSE, seed)
    design, target = encoding.design(rows.features), rows.converted.astype(np.float64)
    folds = inner_folds(rows, embargo_days, seed) if len(ridge) > 1 else []
    tried = sorted(ridge)
    losses = np.zeros(len(tried))
    for fit, check in folds:
        for i, (intercept, weights) in enumerate(_path(design[fit], target[fit], rows.weights[fit], tried)):
            log_odds = intercept + design[check] @ weights
            losses[i] += rows.weights[check] @ (np.logaddexp(0, log_odds) - target[check] * log_odds)
    return tried[int(np.argmin(losses))]


def _path(
    design: np.ndarray, target: np.ndarray, weight: np.ndarray, inverses: list[float]
) -> list[tuple[float, np.ndarray]]:
    """Intercept and weights for each inverse penalty, ascending; each fit starts from the one before."""
    from sklearn.linear_model import LogisticRegression

    # Newton steps on the exact Hessian: few iterations, and no dependence on a random start.
    model = LogisticRegression(solver="newton-cholesky", tol=1e-6, max_iter=100, warm_start=True)
    found = []
    for inverse in inverses:
        model.set_params(C=inverse).fit(design, target, sample_weight=weight)
        found.append((float(model.intercept_[0]), model.coef_[0].copy()))
    return found
