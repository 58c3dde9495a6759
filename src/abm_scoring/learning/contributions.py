"""What each feature adds to a log-odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Contributions:
    """Log-odds taken apart: `log_odds = base + sum of a row's values`.

    Attributes:
        values: n × f float64, one column a feature in catalogue order; 0 where a feature is not used.
        base: The log-odds of an average training row.
    """

    values: np.ndarray
    base: float

    @property
    def log_odds(self) -> np.ndarray:
        """n log-odds.

        Summed column by column, so that a row's bits do not depend on how many rows are scored with it.
        """
        total = np.full(len(self.values), self.base)
        for column in range(self.values.shape[1]):
            total += self.values[:, column]
        return total

    def rescaled(self, intercept: float, slope: float) -> Contributions:
        """The contributions to `intercept + slope · log_odds`."""
        return Contributions(slope * self.values, intercept + slope * self.base)

    def mean_with(self, other: Contributions) -> Contributions:
        """The contributions to the mean of two log-odds."""
        return Contributions((self.values + other.values) / 2, (self.base + other.base) / 2)

    def part(self, features: np.ndarray) -> np.ndarray:
        """n sums over the features at the given positions."""
        return Contributions(self.values[:, features], 0.0).log_odds


def probability(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-log_odds)), without overflow."""
    half = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1 / (1 + half), half / (1 + half))


def log_odds_of(share: float, rows: int) -> float:
    """Log-odds of a share of `rows` rows, kept half a row away from 0 and 1."""
    inside = min(max(share, 0.5 / max(rows, 1)), 1 - 0.5 / max(rows, 1))
    return float(np.log(inside / (1 - inside)))


def shift_to(log_odds: np.ndarray, mean: float, weights: np.ndarray | None = None) -> float:
    """The shift of log-odds at which the weighted mean of their probabilities is `mean`, by bisection."""
    reach = 50.0 + float(np.abs(log_odds).max())
    low, high = -reach, reach
    for _ in range(80):
        middle = (low + high) / 2
        found = np.average(probability(log_odds + middle), weights=weights)
        low, high = (middle, high) if found < mean else (low, middle)
    return (low + high) / 2
