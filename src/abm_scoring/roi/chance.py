"""How far totals scatter by chance alone when every probability is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Standard deviation of the logarithm of an amount around its expectation, while no win shows it.
AMOUNT_SIGMA = 0.8
#: Wins that it takes to show it.
MIN_WINS = 20
_POINTS = 101


@dataclass(frozen=True)
class Scatter:
    """A total of independent amounts, by its first three cumulants.

    Attributes:
        mean: Expected total.
        variance: Variance of the total.
        third: Third central moment.
    """

    mean: float
    variance: float
    third: float

    def quantile(self, probability: float) -> float:
        """A quantile of the translated gamma distribution that has these three moments; at least 0.

        The actuary's approximation of compound sums (Seal 1977): exact in the limit of the normal distribution, and
        skewed to the right where a few large amounts make the total.
        """
        from scipy.stats import gamma, norm

        if self.variance <= 0:
            return self.mean
        skewness = self.third / self.variance**1.5
        if abs(skewness) < 1e-4:
            return max(0.0, self.mean + float(norm.ppf(probability)) * self.variance**0.5)
        shape, sign = 4 / skewness**2, np.sign(skewness)
        place = float(gamma.ppf(probability if sign > 0 else 1 - probability, shape))
        return max(0.0, self.mean + float(sign) * (place - shape) / np.sqrt(shape) * self.variance**0.5)

    def exceeds(self, amount: float) -> float:
        """Probability that the total reaches an amount."""
        from scipy.stats import gamma, norm

        if self.variance <= 0:
            return float(self.mean >= amount)
        z = (amount - self.mean) / self.variance**0.5
        skewness = self.third / self.variance**1.5
        if abs(skewness) < 1e-4:
            return float(norm.sf(z))
        shape, sign = 4 / skewness**2, np.sign(skewness)
        place = shape + float(sign) * z * np.sqrt(shape)
        return float(gamma.sf(place, shape) if sign > 0 else gamma.cdf(place, shape))

    def plus(self, other: Scatter) -> Scatter:
        """The total of both, independent of one another."""
        return Scatter(self.mean + other.mean, self.variance + other.variance, self.third + other.third)


def of_wins(probability: np.ndarray) -> Scatter:
    """Number of wins among n accounts: Poisson-binomial."""
    p = probability
    return Scatter(float(p.sum()), float((p * (1 - p)).sum()), float((p * (1 - p) * (1 - 2 * p)).sum()))


def of_money(probability: np.ndarray, worth: np.ndarray, ratios: np.ndarray) -> Scatter:
    """Money from n accounts that each win `worth` × a random ratio with a probability.

    Args:
        probability: n probabilities.
        worth: n expected amounts, given a win.
        ratios: How amounts of wins scatter around what was expected of them; scaled here to mean 1. Empty: not at all.
    """
    scaled = ratios / ratios.mean() if len(ratios) and ratios.mean() > 0 else np.ones(1)
    second, third = float((scaled**2).mean()), float((scaled**3).mean())
    p, w = probability, worth
    return Scatter(
        float((p * w).sum()),
        float((w**2 * (p * second - p**2)).sum()),
        float((w**3 * (p * third - 3 * p**2 * second + 2 * p**3)).sum()),
    )


def amounts(ratios: np.ndarray | None) -> np.ndarray:
    """Realised over expected amounts of past wins; where fewer than `MIN_WINS` are known, points of a log-normal."""
    if ratios is not None and len(ratios) >= MIN_WINS:
        return ratios
    from scipy.stats import norm

    found: np.ndarray = np.exp(AMOUNT_SIGMA * norm.ppf((np.arange(_POINTS) + 0.5) / _POINTS))
    return found
