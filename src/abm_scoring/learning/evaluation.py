"""How good probabilities are on rows that nothing was decided on, each number with its interval.

Intervals are percentile bootstrap over account families: rows of one company are not independent, so whole families
are drawn. An undefined metric is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from abm_scoring.learning import metrics
from abm_scoring.learning.metrics import Ranked, Weighted
from abm_scoring.learning.weights import one_weighting, times

Metric = float | list[float | None] | None

#: Weights worked on at a time while bootstrapping; few enough to stay in the processor's cache.
_CELLS = 60_000


def evaluate(
    probability: np.ndarray,
    converted: np.ndarray,
    family: np.ndarray,
    constant: float,
    n_boot: int,
    seed: int,
    weight: np.ndarray | None = None,
) -> dict[str, Metric]:
    """Metrics of probabilities against outcomes, with 95 % intervals.

    Args:
        probability: n probabilities.
        converted: n booleans.
        family: n ids of account families.
        constant: Positive rate of the rows that the model was fitted on.
        n_boot: Number of bootstrap draws.
        seed: Makes the draws reproducible; the same seed draws the same families for every model.
        weight: How many rows each of the n stands for; None = one each.

    Returns:
        `auc`, `log_loss`, `log_loss_constant`, `pr_auc`, `brier`, `lift_at_10pct`, and each one's interval as
        `<name>_ci` = [low, high].
    """
    rows = metrics.ranked(probability, converted)
    constants = metrics.ranked(np.full(len(converted), constant), converted[rows.order])

    def measure(sample: Weighted) -> dict[str, np.ndarray]:
        return {
            "auc": metrics.auc(sample),
            "log_loss": metrics.log_loss(sample),
            "log_loss_constant": metrics.log_loss(Weighted(constants, sample.weights)),
            "pr_auc": metrics.pr_auc(sample),
            "brier": metrics.brier(sample),
            "lift_at_10pct": metrics.lift_at(0.1, sample),
        }

    return with_intervals(measure, rows, family, n_boot, seed, weight)


def evaluate_calibration(
    probability: np.ndarray,
    converted: np.ndarray,
    family: np.ndarray,
    n_boot: int,
    seed: int,
    weight: np.ndarray | None = None,
) -> dict[str, Metric]:
    """Slope and intercept of the calibration line and expected ÷ observed conversions, with 95 % intervals.

    Arguments as for `evaluate`. Perfect probabilities have slope 1, intercept 0 and ratio 1.
    """
    rows = metrics.ranked(probability, converted)
    inside = np.clip(rows.scores, metrics.TINY, 1 - 1e-12)
    log_odds = np.log(inside / (1 - inside))
    # Draws scatter around the line of all rows, so their search starts there.
    once = one_weighting(None if weight is None else weight[rows.order], len(log_odds))
    point = metrics.calibration_line(log_odds, rows.converted, once)
    start = (float(point[0][0]), float(point[1][0])) if np.isfinite(point).all() else (0.0, 1.0)

    def measure(sample: Weighted) -> dict[str, np.ndarray]:
        intercept, slope = metrics.calibration_line(log_odds, rows.converted, sample.weights, start)
        ratio = metrics.expected_over_observed(sample)
        return {"calibration_intercept": intercept, "calibration_slope": slope, "expected_over_observed": ratio}

    return with_intervals(measure, rows, family, n_boot, seed, weight)


def improvement_bound(
    gain: np.ndarray,
    family: np.ndarray,
    n_boot: int,
    seed: int,
    level: float = 0.05,
    weight: np.ndarray | None = None,
) -> float:
    """Lower end of the one-sided interval of a mean gain, bootstrapped over families.

    Args:
        gain: n gains of one model over another on the same rows, e.g. differences of log-loss.
        family: n ids of account families.
        n_boot: Number of draws.
        seed: Makes the draws reproducible.
        level: One minus the confidence.
        weight: How many rows each of the n stands for; None = one each.

    Returns:
        The bound; −inf without rows.
    """
    if not len(gain):
        return -np.inf
    codes, families = pd.factorize(family)
    # A family enters or stays out as a whole, so its sum and its size are all that a draw needs.
    total, size = np.bincount(codes, weights=times(gain, weight)), np.bincount(codes, weights=weight)
    means = [(drawn @ total) / (drawn @ size) for drawn in _draws(len(families), len(families), n_boot, seed)]
    return float(np.quantile(np.concatenate(means), level))


def ratio_interval(above: np.ndarray, below: np.ndarray, family: np.ndarray, n_boot: int, seed: int) -> Metric:
    """95 % interval of Σ above ÷ Σ below, bootstrapped over families.

    Args:
        above, below: n numbers.
        family: n ids of account families.
        n_boot: Number of draws.
        seed: Makes the draws reproducible.
    """
    if not len(above):
        return [None, None]
    codes, families = pd.factorize(family)
    numerator, denominator = np.bincount(codes, weights=above), np.bincount(codes, weights=below)
    found = []
    for drawn in _draws(len(families), len(families), n_boot, seed):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (drawn @ numerator) / (drawn @ denominator)
        found.append(np.where(np.isfinite(ratio), ratio, np.nan))
    return _interval(np.concatenate(found))


def with_intervals(
    measure: Callable[[Weighted], dict[str, np.ndarray]],
    rows: Ranked,
    family: np.ndarray,
    n_boot: int,
    seed: int,
    weight: np.ndarray | None = None,
) -> dict[str, Metric]:
    """Any metrics of ranked rows with 95 % intervals.

    Args:
        measure: From B weightings of the rows to name → B values.
        rows: The n rows.
        family: n ids of account families, in the order that the rows had before they were ranked.
        n_boot: Number of bootstrap draws.
        seed: Makes the draws reproducible.
        weight: How many rows each of the n stands for, in the order of `family`; None = one each.

    Returns:
        Name → value, and `<name>_ci` → [low, high].
    """
    codes, families = pd.factorize(family)
    ordered = None if weight is None else weight[rows.order]
    plain = measure(Weighted(rows, one_weighting(ordered, len(codes))))
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in plain}
    for draws in _draws(len(families), len(codes), n_boot, seed) if len(codes) else ():
        for name, found in measure(Weighted(rows, times(draws[:, codes[rows.order]], ordered))).items():
            drawn[name].append(found)
    report: dict[str, Metric] = {}
    for name, value in plain.items():
        report[name] = float(value[0]) if np.isfinite(value[0]) else None
        report[f"{name}_ci"] = _interval(np.concatenate(drawn[name])) if drawn[name] else [None, None]
    return report


def _draws(families: int, rows: int, n_boot: int, seed: int) -> Iterator[np.ndarray]:
    """How often each family is drawn, in blocks of draws × families (float64) that fit in memory."""
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // max(rows, 1))
    for start in range(0, n_boot, block):
        size = min(block, n_boot - start)
        picks = rng.integers(0, families, (size, families)) + np.arange(size)[:, None] * families
        yield np.bincount(picks.ravel(), minlength=size * families).reshape(size, families).astype(np.float64)


def _interval(values: np.ndarray) -> list[float | None]:
    """Middle 95 %; [None, None] where most draws leave the metric undefined."""
    defined = values[~np.isnan(values)]
    if len(defined) * 2 < len(values):
        return [None, None]
    low, high = np.quantile(defined, [0.025, 0.975])
    return [float(low), float(high)]
