"""Means, counts and quantiles of rows that stand for several each; without weights, the plain ones to the bit."""

from __future__ import annotations

from typing import Literal

import numpy as np


def mean_of(values: np.ndarray, weight: np.ndarray | None) -> float:
    """Mean of n values; NaN for none.

    Args:
        values: n numbers or booleans.
        weight: How many rows each stands for; None = one each.
    """
    if weight is None:
        return float(values.mean())
    return float(np.average(values, weights=weight)) if len(values) else float("nan")


def sum_of(values: np.ndarray, weight: np.ndarray | None) -> float:
    """Sum of n values, each as often as it stands for; arguments as for `mean_of`."""
    return float(values.sum() if weight is None else weight @ values)


def rows_of(chosen: np.ndarray, weight: np.ndarray | None) -> int:
    """How many rows the chosen ones (n booleans) stand for, to the nearest whole number."""
    return int(chosen.sum()) if weight is None else round(float(weight[chosen].sum()))


def times(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """n values, each as often as it stands for; the values themselves without weights."""
    return values if weight is None else values * weight


def one_weighting(weight: np.ndarray | None, n: int) -> np.ndarray:
    """1 × n weights, as the functions of `metrics` take them."""
    return np.ones((1, n)) if weight is None else weight[None, :]


def quantiles(
    values: np.ndarray,
    shares: np.ndarray,
    weight: np.ndarray | None,
    method: Literal["linear", "higher"] = "linear",
) -> np.ndarray:
    """Quantiles as `numpy.quantile` has them, as if every value stood there as often as it stands for.

    Args:
        values: n ≥ 1 numbers without NaN.
        shares: Quantiles wanted, in [0, 1].
        weight: n positive numbers; None = one each.
        method: How a quantile between two values is read.
    """
    if weight is None:
        return np.asarray(np.quantile(values, shares, method=method))
    order = np.argsort(values, kind="stable")
    ordered, upto = values[order], np.cumsum(weight[order])
    place = shares * max(upto[-1] - 1, 0.0)

    def at(position: np.ndarray) -> np.ndarray:
        return np.asarray(ordered[np.minimum(np.searchsorted(upto, position, side="right"), len(ordered) - 1)])

    low, high = at(np.floor(place)), at(np.ceil(place))
    return high if method == "higher" else low + (high - low) * (place - np.floor(place))
