"""How long deals take when not all of them are over: cumulative incidence with competing risks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np


def cumulative_incidence(
    time: np.ndarray, cause: np.ndarray, entry: np.ndarray, horizons: Sequence[int], level: float = 0.95
) -> Iterator[tuple[int, float, float, float]]:
    """Share that has ended by cause 1 at each horizon, other causes competing (Aalen-Johansen).

    Args:
        time: float [n], when each case ended or was last seen, in days from its origin.
        cause: int [n], 1 = the cause in question, 2 = another one, 0 = not over yet.
        entry: float [n], when each case came under observation (0 ≤ entry ≤ time): it is at risk from then on only.
        horizons: Days.
        level: Of the interval, by the Aalen variance on the log(-log) scale, so that it stays within [0, 1].

    Yields:
        horizon, share, low, high; NaN where the last case was followed for less and is not over.
    """
    time, cause, entry = np.asarray(time, float), np.asarray(cause), np.asarray(entry, float)
    steps, first, both, risk = _steps(time, cause, entry)
    alive_before = np.concatenate([[1.0], np.cumprod(1 - both / risk)[:-1]]) if len(steps) else np.zeros(0)
    share = np.cumsum(alive_before * first / risk)
    # Beyond the last case the share is known only if that case ended there.
    reach = time.max(initial=0.0)
    ended = len(time) > 0 and bool((cause[time == reach] > 0).all())
    for horizon in horizons:
        k = int(np.searchsorted(steps, horizon, side="right"))
        if horizon > reach and not ended:
            yield horizon, float("nan"), float("nan"), float("nan")
            continue
        value = float(share[k - 1]) if k else 0.0
        variance = _variance(k, share, alive_before, first, both, risk)
        yield horizon, value, *_interval(value, variance, level)


def _steps(time: np.ndarray, cause: np.ndarray, entry: np.ndarray) -> tuple[np.ndarray, ...]:
    """Moments at which something ended; how many by cause 1, by any cause, and how many were at risk."""
    moments = np.unique(time[cause > 0])
    ended = np.sort(time)
    first = np.searchsorted(np.sort(time[cause == 1]), moments, side="right") - np.searchsorted(
        np.sort(time[cause == 1]), moments, side="left"
    )
    over = np.sort(time[cause > 0])
    both = np.searchsorted(over, moments, side="right") - np.searchsorted(over, moments, side="left")
    # Whoever comes in at the very moment is at risk: a deal may be closed on the day it is created.
    risk = np.searchsorted(np.sort(entry), moments, side="right") - np.searchsorted(ended, moments, side="left")
    return moments, first.astype(float), both.astype(float), risk.astype(float)


def _variance(
    k: int, share: np.ndarray, alive: np.ndarray, first: np.ndarray, both: np.ndarray, risk: np.ndarray
) -> float:
    """Variance of the share at the k-th step (delta method; Marubini and Valsecchi 1995, eq. 10.12)."""
    if k == 0:
        return 0.0
    now, f, d, n, s = share[k - 1], first[:k], both[:k], risk[:k], alive[:k]
    gap = now - share[:k]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = gap**2 * np.where(n > d, d / (n * (n - d)), 0.0) + s**2 * f * (n - f) / n**3 - 2 * gap * s * f / n**2
    return float(max(total.sum(), 0.0))


def _interval(share: float, variance: float, level: float) -> tuple[float, float]:
    if not 0 < share < 1 or variance <= 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    width = z * np.sqrt(variance) / (share * abs(np.log(share)))
    return float(share ** np.exp(width)), float(share ** np.exp(-width))
