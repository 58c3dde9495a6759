"""Metrics of scored rows under many weightings at once, so that a bootstrap is a few array operations.

Every function takes B weightings of the same n rows (a weight is how often a row was drawn) and returns B values,
NaN where the metric is undefined. One weighting of ones gives the plain metric. Rows are sorted once, in `Ranked`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from abm_scoring.learning.weights import one_weighting

#: Probabilities are kept this far from 0 and 1 inside logarithms.
TINY = 1e-15
#: Precision of the normal prior around a calibrated line.
PRIOR = 0.01
NEWTON_STEPS = 25


@dataclass(frozen=True)
class Ranked:
    """Scored rows in descending order of score.

    Attributes:
        order: n positions that sort the rows as given.
        scores: n scores in that order: probabilities, except for metrics of rank alone.
        converted: n booleans in that order.
        starts: Where each group of equal scores begins.
    """

    order: np.ndarray
    scores: np.ndarray
    converted: np.ndarray
    starts: np.ndarray


def ranked(scores: np.ndarray, converted: np.ndarray) -> Ranked:
    """Sort once for all weightings."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.empty(0, int)
    return Ranked(order, ordered, converted[order].astype(bool), starts)


@dataclass(frozen=True)
class Weighted:
    """Scored rows under B weightings.

    Attributes:
        rows: The n rows.
        weights: B × n weights in the order of `rows`.
    """

    rows: Ranked
    weights: np.ndarray

    @cached_property
    def by_group(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight of converted and of unconverted rows in each group of equal scores, B × groups."""
        positive, everything = self.weights * self.rows.converted, self.weights
        if len(self.rows.starts) < len(self.rows.order):
            positive = np.add.reduceat(positive, self.rows.starts, axis=1)
            everything = np.add.reduceat(everything, self.rows.starts, axis=1)
        return positive, everything - positive


def as_seen(scores: np.ndarray, converted: np.ndarray, weight: np.ndarray | None = None) -> Weighted:
    """The rows under one weighting: how many rows each of the n stands for, None = one each."""
    rows = ranked(scores, converted)
    return Weighted(rows, one_weighting(None if weight is None else weight[rows.order], len(scores)))


def auc(sample: Weighted) -> np.ndarray:
    """P(a converted row scores above an unconverted one), ties count half."""
    positive, negative = sample.by_group
    below = negative.sum(axis=1, keepdims=True) - np.cumsum(negative, axis=1)
    won = (positive * (below + negative / 2)).sum(axis=1)
    return _ratio(won, positive.sum(axis=1) * negative.sum(axis=1))


def pr_auc(sample: Weighted) -> np.ndarray:
    """Average precision: Σ over distinct scores of (gain in recall) · precision."""
    positive, negative = sample.by_group
    hits = np.cumsum(positive, axis=1)
    precision = hits / np.maximum(hits + np.cumsum(negative, axis=1), TINY)
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def lift_at(share: float, sample: Weighted) -> np.ndarray:
    """Conversion rate among the best `share` of rows over that of all; a tie at the edge counts in proportion."""
    positive, negative = sample.by_group
    size = positive + negative
    total = size.sum(axis=1)
    room = share * total[:, None] - (np.cumsum(size, axis=1) - size)
    taken = np.clip(room / np.maximum(size, TINY), 0, 1)
    return _ratio((positive * taken).sum(axis=1), share * positive.sum(axis=1))


def log_loss(sample: Weighted) -> np.ndarray:
    """Mean of −log of the probability given to what happened."""
    return _mean(row_log_loss(sample.rows.scores, sample.rows.converted), sample.weights)


def brier(sample: Weighted) -> np.ndarray:
    """Mean squared difference between probability and outcome."""
    return _mean((sample.rows.scores - sample.rows.converted) ** 2, sample.weights)


def expected_over_observed(sample: Weighted) -> np.ndarray:
    """Σ probability ÷ number converted."""
    return _ratio(sample.weights @ sample.rows.scores, sample.weights @ sample.rows.converted.astype(float))


def row_log_loss(probability: np.ndarray, converted: np.ndarray) -> np.ndarray:
    """n losses, −log of the probability given to what happened."""
    happened = np.where(converted, probability, 1 - probability)
    return -np.log(np.clip(happened, TINY, None))


def calibration_line(
    log_odds: np.ndarray, converted: np.ndarray, weights: np.ndarray, start: tuple[float, float] = (0.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of the logistic regression of the outcome on the log-odds; 0 and 1 when calibrated.

    Cox (1958): intercept and slope are fitted together. Newton steps for all B weightings at once; a weak normal
    prior around (0, 1), worth less than one row, keeps separable draws finite.

    Args:
        log_odds: n predicted log-odds.
        converted: n booleans.
        weights: B × n weights.
        start: Intercept and slope to start from.

    Returns:
        B intercepts, B slopes; NaN where a draw holds one outcome only.
    """
    intercept, slope = (np.full(len(weights), value) for value in start)
    for _ in range(NEWTON_STEPS):
        step = _newton_step(log_odds, converted, weights, intercept, slope)
        intercept, slope = intercept + step[0], slope + step[1]
        if np.abs(step).max(initial=0) < 1e-7:
            break
    both = ((weights @ converted.astype(float)) > 0) & ((weights @ (~converted).astype(float)) > 0)
    return np.where(both, intercept, np.nan), np.where(both, slope, np.nan)


def _newton_step(
    log_odds: np.ndarray, converted: np.ndarray, weights: np.ndarray, intercept: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    """2 × B steps of intercept and slope; long ones are shortened, for they overshoot on badly calibrated scores."""
    fitted = 1 / (1 + np.exp(-np.clip(intercept[:, None] + slope[:, None] * log_odds, -35, 35)))
    residual, curvature = weights * (converted - fitted), weights * (fitted * (1 - fitted))
    down, turn = residual.sum(axis=1) - PRIOR * intercept, residual @ log_odds - PRIOR * (slope - 1)
    a, b, c = curvature.sum(axis=1) + PRIOR, curvature @ log_odds, curvature @ log_odds**2 + PRIOR
    step = np.stack([c * down - b * turn, a * turn - b * down]) / (a * c - b * b)
    return step / np.maximum(1, np.abs(step).max(axis=0) / 2)


def _mean(of_rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ of_rows, weights.sum(axis=1))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
