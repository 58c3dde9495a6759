"""Intervals: Wilson's for counts, and the one bootstrap over account families that every ratio and mean uses.

Sums over families are resampled, and a statistic is a function of sums: a ratio is one sum over another. Each draw
gives every family a weight:

- where few families differ, multinomial weights, drawn exactly (n families with replacement out of n);
- otherwise Poisson(1) weights, which a compiled loop makes while it sums. For ratios of sums the two agree to the first
  order (Chamandy et al., *Estimating uncertainty for massive data streams*, 2012); where families are few they do not.

The random numbers are a keyed hash of (draw, family): no state, so threads and batches change nothing, and draws are no
shifted copies of one stream, which gives intervals that are far too narrow around a plausible centre.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.features.compiled import compiled
from abm_scoring.features.sorting import in_pieces

#: Up to this many distinct families (as seen by their values), draws are exactly multinomial.
_FEW = 512

#: Families whose weights are made together: a multiple of `_EACH` whose memory stays in the processor's cache.
_BLOCK = 1536

#: How many of 1024 equally likely weights are 0, 1, 2 …: mean, variance and skewness are those of Poisson(1).
_TIMES = (376, 379, 186, 63, 17, 2, 1)
_TABLE = np.repeat(np.arange(len(_TIMES), dtype="float64"), _TIMES)

#: Weights that one 64-bit number gives, ten bits each.
_EACH = 6


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share, for units that are independent and count once.

    Args:
        successes: How many of them; 0 ≤ successes ≤ n.
        n: How many there are.
        level: Probability that the interval covers the true share.

    Returns:
        (low, high) in [0, 1]; (NaN, NaN) where n is 0. Source: Wilson (1927).
    """
    if not n > 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z / scale * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def ratio_interval(
    numerators: Any, denominators: Any, families: Any = None, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap interval of Σ numerators ÷ Σ denominators over families; a mean is a ratio to ones.

    Args:
        numerators: n numbers, finite.
        denominators: n numbers, finite; one number stands for all.
        families: n ids of what is resampled; None where each row is a family of its own.
        level: Probability that the interval covers the true ratio (percentiles of the draws).
        draws: Number of resamplings.
        seed: The same seed gives the same interval.

    Returns:
        (low, high); (NaN, NaN) where the ratio is undefined because the denominators sum to 0.
    """
    drawn = ratio_draws(numerators, denominators, families, draws, seed)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def ratio_draws(
    numerators: Any, denominators: Any, families: Any = None, draws: int = 2000, seed: int = 0
) -> np.ndarray:
    """The resampled ratios themselves, float64 [draws]; NaN in draws whose denominators sum to 0.

    A statistic of several ratios over the same families, e.g. a difference, takes them from one call of
    `resampled_sums`, so that its draws are paired.
    """
    top = np.asarray(numerators, "float64").ravel()
    below = np.broadcast_to(np.asarray(denominators, "float64"), top.shape)
    if not len(top) or below.sum() == 0:
        return np.full(draws, np.nan)
    sums = resampled_sums(by_family(np.column_stack([top, below]), families), draws, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: np.ndarray = np.where(sums[:, 1] != 0, sums[:, 0] / sums[:, 1], np.nan)
    return ratios


def by_family(values: np.ndarray, families: Any = None) -> np.ndarray:
    """Columns summed within families, in order of their first rows, float64 [families, columns]."""
    if families is None:
        return np.ascontiguousarray(values, "float64")
    codes, ids = pd.factorize(np.asarray(families, dtype=object), use_na_sentinel=False)
    return np.column_stack([np.bincount(codes, column, len(ids)) for column in values.T])


def resampled_sums(values: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """Sums of columns over resampled families.

    Args:
        values: float64 [families, columns], what each family adds.
        draws: Number of resamplings.
        seed: Seed of all weights.

    Returns:
        float64 [draws, columns]. The columns of one draw share its weights.
    """
    distinct, times = _distinct(values)
    if len(distinct) <= _FEW:
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(len(values), times / len(values), size=draws)
        return np.asarray(weights @ distinct, "float64")
    columns = np.ascontiguousarray(values.T, "float64")
    out, keys = np.empty((draws, len(columns))), draw_keys(draws, seed)
    in_pieces(
        lambda begin, end: _poisson_sums(columns, keys, _TABLE, begin, end, out),
        np.arange(draws + 1, dtype="int64") * len(values),
    )
    return out


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows in a stable order and how often each stands there; gives up (all rows) when there are many."""
    code = np.zeros(len(values), "int64")
    for column in values.T:
        own, found = pd.factorize(column)
        code = pd.factorize(code * len(found) + own)[0].astype("int64") if len(found) > 1 else code
        if len(code) and code.max() >= _FEW:
            return values, np.ones(len(values), "int64")
    _, first, times = np.unique(code, return_index=True, return_counts=True)
    return values[first], times


def draw_keys(draws: int, seed: int) -> np.ndarray:
    """uint64 [draws, 2]: keys of the draws' hashes, from a well-split seed sequence."""
    return np.random.SeedSequence(seed).generate_state(draws * 2, np.uint64).reshape(draws, 2)


@compiled
def _weights(first, size, k0, k1, table, out):  # type: ignore[no-untyped-def]
    # A permutation of the number of six families, with a fresh key between its rounds: a key at the start alone would
    # hand every draw the same numbers in another order.
    for block in range((size + _EACH - 1) // _EACH):
        x = np.uint64(first + block) * np.uint64(0x9E3779B97F4A7C15) ^ k0
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = x ^ k1
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
        j = np.uint64(block * _EACH)
        for k in range(_EACH):
            out[j + np.uint64(k)] = table[x & np.uint64(1023)]
            x = x >> np.uint64(10)


@compiled
def _poisson_sums(columns, keys, table, begin, end, out):  # type: ignore[no-untyped-def]
    n = columns.shape[1]
    weights = np.zeros(_BLOCK)
    for b in range(begin, end):
        out[b, :] = 0.0
        for first in range(0, n, _BLOCK):
            size = min(_BLOCK, n - first)
            _weights(first // _EACH, size, keys[b, 0], keys[b, 1], table, weights)
            for c in range(columns.shape[0]):
                out[b, c] += np.dot(weights[:size], columns[c, first : first + size])


def sparse_sums(
    offsets: np.ndarray, columns: np.ndarray, values: np.ndarray, n_columns: int, draws: int, seed: int = 0
) -> np.ndarray:
    """`resampled_sums` for families that add to few of many columns, in compressed sparse rows.

    Args:
        offsets: int64 [families + 1].
        columns: int32 or int64 [entries], below `n_columns`.
        values: float64 [entries, m], what an entry adds to each of m sums of its column.

    Returns:
        float64 [draws, n_columns, m]. Draws of calls with the same families and seed are paired.
    """
    out, keys, n = np.zeros((draws, n_columns, values.shape[1])), draw_keys(draws, seed), len(offsets) - 1
    exact = np.zeros((draws, 0))
    if 0 < n <= _FEW:
        exact = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype("float64")
    in_pieces(
        lambda begin, end: _sparse(offsets, columns, values, keys, _TABLE, exact, begin, end, out),
        np.arange(draws + 1, dtype="int64") * (len(values) + n),
    )
    return out


@compiled
def _sparse(offsets, columns, values, keys, table, exact, begin, end, out):  # type: ignore[no-untyped-def]
    n = len(offsets) - 1
    weights = np.zeros(_BLOCK)
    for b in range(begin, end):
        for first in range(0, n, _BLOCK):
            size = min(_BLOCK, n - first)
            if exact.shape[1]:
                weights[:size] = exact[b, first : first + size]
            else:
                _weights(first // _EACH, size, keys[b, 0], keys[b, 1], table, weights)
            for j in range(size):
                w = weights[j]
                if w != 0.0:
                    for e in range(offsets[first + j], offsets[first + j + 1]):
                        for m in range(values.shape[1]):
                            out[b, columns[e], m] += w * values[e, m]
