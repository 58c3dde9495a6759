"""Money in whole cents, so that parts add up to their total exactly."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np


def to_cents(amounts: Any) -> np.ndarray:
    """Amounts as cents whose sum is the exact sum of the amounts, rounded once.

    Amounts of whole cents stay what they are. Where amounts have smaller fractions (hours × rate, converted
    currencies), each is rounded down and those with the largest remainders get one cent more, until the total is right.

    Args:
        amounts: n finite numbers, in currency units.

    Returns:
        int64 [n].
    """
    value = np.asarray(amounts, "float64")
    # A cent amount as a float is off by less than 1e-6 cents as long as it is below 10 billion.
    exact = np.round(value * 100, 6)
    return _rounded(exact, np.zeros(len(value), "int64"), np.array([round(fsum(exact))], "int64"))


def allocate(cents: Any, group: Any, weights: Any) -> np.ndarray:
    """Divide each group's cents among its members in proportion to their weights, by largest remainders.

    Args:
        cents: int64 [groups], may be negative.
        group: int [n], each member's group; every group with cents needs a member.
        weights: n numbers ≥ 0; a group whose weights are all 0 is divided evenly.

    Returns:
        int64 [n]; within each group they sum to its cents exactly, and none is further than a cent from its share.
        Equal remainders go to the member that stands first.
    """
    total, group = np.asarray(cents, "int64"), np.asarray(group, "int64")
    weight = np.asarray(weights, "float64")
    sums = np.bincount(group, weight, len(total))
    weight = np.where(sums[group] > 0, weight, 1.0)
    sums = np.bincount(group, weight, len(total))
    return _rounded(total[group] * (weight / sums[group]), group, total)


def _rounded(exact: np.ndarray, group: np.ndarray, total: np.ndarray) -> np.ndarray:
    low = np.floor(exact).astype("int64")
    missing = total.copy()
    np.subtract.at(missing, group, low)
    # Largest remainders first within each group; equal ones (to a millionth of a cent) in the order of rows.
    order = np.lexsort((np.arange(len(low)), -np.round(exact - low, 6), group))
    size = np.bincount(group, minlength=len(total))
    place = np.empty(len(low), "int64")
    place[order] = np.arange(len(low)) - np.repeat(np.cumsum(size) - size, size)
    # `missing` is between 0 and the group's size but for rounding, so that this adds 0 or 1 and very rarely 2 or −1.
    many = np.where(size[group] > 0, size[group], 1)
    return low + missing[group] // many + (place < missing[group] % many)
