"""Intervals of figures: Wilson where each family counts once, else a bootstrap over families; medians by rank."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from abm_scoring.roi.bootstrap import resampled_sums, wilson
from abm_scoring.roi.metrics.observed import Sums

#: Fewer families than this give no bootstrap interval of a formula: their spread is not seen.
FEWEST = 2
LEVEL = 0.95
#: Up to so many families that add something, draws are multinomial.
_EXACT = 500


class Interval(NamedTuple):
    """An interval and how it was made; NaN where it cannot be had."""

    low: float
    high: float
    method: str


NONE = Interval(float("nan"), float("nan"), "")


def of_sums(found: Sums, family: np.ndarray, families: int, draws: int, seed: int = 0) -> Interval:
    """Interval of a value made of sums.

    Args:
        found: Rows of the accounts in question.
        family: int [rows], code of the family of each row; -1 = none.
        families: How many there are in all: those that add nothing are drawn as well, so that counts vary.
        draws, seed: Of the bootstrap.
    """
    if found.bottom is not None and found.bottom not in found.columns and found.bottom not in found.shared:
        return NONE
    if _once(found, family):
        top, n = found.columns["top"].sum(), found.columns["bottom"].sum()
        low, high = wilson(float(top), float(n), LEVEL)
        as_count = n > 0 and not np.isclose(found.value({"top": top, "bottom": n}), top / n)
        return Interval(low * n, high * n, "Wilson") if as_count else Interval(low, high, "Wilson")
    names, mine = list(found.columns), family >= 0
    values = np.column_stack([found.columns[n] for n in names]) if len(family) else np.zeros((0, len(names)))
    grouped = _by_family(values[mine], family[mine], families)
    grouped = grouped[(grouped != 0).any(axis=1)]
    if len(grouped) < FEWEST:
        return NONE
    if len(grouped) <= _EXACT:  # with more of them the draws are Poisson, where those that add nothing change nothing
        grouped = np.vstack([grouped, np.zeros((max(families - len(grouped), 0), len(names)))])
    fixed = values[~mine].sum(axis=0) if (~mine).any() else np.zeros(len(names))
    sums = resampled_sums(grouped, draws, seed) + fixed
    whole = {name: sums[:, i] + found.shared.get(name, 0.0) for i, name in enumerate(names)}
    whole |= {name: np.full(draws, v) for name, v in found.shared.items() if name not in whole}
    drawn = found.value(whole)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < draws / 2:
        return NONE
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), "bootstrap over families")


def _by_family(values: np.ndarray, family: np.ndarray, families: int) -> np.ndarray:
    """Columns summed within families, in order of their code; families without a row are zero."""
    return np.column_stack([np.bincount(family, column, minlength=families) for column in values.T])


def _once(found: Sums, family: np.ndarray) -> bool:
    """Whether the figure is a share or count of families that count once: 0 or 1 out of 1 each."""
    if set(found.columns) != {"top", "bottom"} or found.shared or not len(family) or (family < 0).any():
        return False
    top, bottom = found.columns["top"], found.columns["bottom"]
    if not (((top == 0.0) | (top == 1.0)).all() and (bottom == 1.0).all()):
        return False
    return int(np.bincount(family).max()) == 1


def of_middle(values: np.ndarray, quantile: float, family: np.ndarray, draws: int, seed: int = 0) -> Interval:
    """Interval of a quantile.

    Where each family counts once, from ranks (binomial, no assumption); where so few make that impossible, Student's
    t on the logarithms, which takes a log-normal for granted. Otherwise a bootstrap over families.
    """
    n = len(values)
    if n < FEWEST:
        return NONE
    if len(np.unique(family)) == n:
        return _by_rank(np.sort(values), quantile) or _by_logarithm(values, quantile)
    return _by_weights(values, quantile, family, draws, seed)


def _by_rank(ordered: np.ndarray, quantile: float) -> Interval | None:
    """Order statistics that hold the quantile with at least the level; None where even the ends do not."""
    from scipy.stats import binom

    n, tail = len(ordered), (1 - LEVEL) / 2
    low = int(binom.ppf(tail, n, quantile))
    high = int(binom.ppf(1 - tail, n, quantile))
    while low > 0 and binom.cdf(low - 1, n, quantile) > tail:
        low -= 1
    if low < 1 or high >= n:
        return None
    return Interval(float(ordered[low - 1]), float(ordered[high]), "ranks")


def _by_logarithm(values: np.ndarray, quantile: float) -> Interval:
    from scipy.stats import t

    if quantile != 0.5 or (values <= 0).any():
        return NONE
    logs, n = np.log(values), len(values)
    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * logs.std(ddof=1) / np.sqrt(n)
    return Interval(float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half)), "t on logarithms (few cases)")


def _by_weights(values: np.ndarray, quantile: float, family: np.ndarray, draws: int, seed: int) -> Interval:
    """Bootstrap over families of a weighted quantile, a few hundred draws at a time."""
    order = np.argsort(values, kind="stable")
    ordered, (ids, code) = values[order], np.unique(family[order], return_inverse=True)
    rng = np.random.default_rng(seed)
    if len(ids) < FEWEST:
        return NONE
    found = []
    batch = max(1, min(draws, 4_000_000 // len(ordered)))
    for start in range(0, draws, batch):
        weights = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=min(batch, draws - start))
        summed = np.cumsum(weights[:, code], axis=1)
        place = (summed >= quantile * summed[:, -1:]).argmax(axis=1)
        found.append(ordered[place])
    low, high = np.quantile(np.concatenate(found), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), "bootstrap over families")


def two_proportions(x1: float, n1: float, x2: float, n2: float) -> tuple[float, float, float, float]:
    """Difference of two shares with its p-value and interval.

    Args:
        x1, n1, x2, n2: Successes and cases of both sides, n > 0.

    Returns:
        share 1 − share 2; two-sided p-value of equality (z-test with the pooled share; NaN where nobody or everybody
        succeeded); 95 % interval of the difference (Newcombe 1998, method 10, from Wilson's intervals).
    """
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2) = wilson(x1, n1, LEVEL), wilson(x2, n2, LEVEL)
    pooled = (x1 + x2) / (n1 + n2)
    scale = (pooled * (1 - pooled) * (1 / n1 + 1 / n2)) ** 0.5
    p = 2 * (1 - NormalDist().cdf(abs(p1 - p2) / scale)) if scale else float("nan")
    low = p1 - p2 - ((p1 - l1) ** 2 + (u2 - p2) ** 2) ** 0.5
    high = p1 - p2 + ((u1 - p1) ** 2 + (p2 - l2) ** 2) ** 0.5
    return p1 - p2, p, low, high
