"""Which rows features are built for where there are too many: every conversion, and a known share of the others.

Building features is what training costs, and conversions are rare: a sample of the rows that did not convert holds
nearly all that all of them could teach. Every row says how many it stands for, so that probabilities keep their level
(case-control sampling with known sampling shares: King and Zeng 2001, weighted as in their section 4.2; the weights are
those of the sampled outcome in the whole table, not the approximate shares it was drawn with).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abm_scoring.data.families import hashes_of

#: Weights restore the number of rows of every day where each day has at least this many rows that were drawn.
LEAST = 30
#: Conversions are all kept where they are at most this share of the rows that are wanted.
MOST_CONVERTED = 0.5


@dataclass(frozen=True)
class Shares:
    """Which share of the rows of either outcome is wanted."""

    converted: float
    others: float

    @classmethod
    def of(cls, conversions: int, others: int, most: int) -> Shares | None:
        """Those that give about `most` rows; None where there are no more than that.

        Where conversions themselves are many, rows of both outcomes are drawn alike.
        """
        if conversions + others <= most:
            return None
        if conversions <= MOST_CONVERTED * most:
            return cls(1.0, (most - conversions) / others)
        return cls(most / (conversions + others), most / (conversions + others))

    def drawn(self, account_id: np.ndarray, as_of: np.ndarray, converted: np.ndarray, seed: int) -> np.ndarray:
        """Which rows are drawn, n booleans; `weights` says how many each stands for.

        Whether a row is drawn depends on its own account, moment and outcome, the seed and the shares: not on the other
        rows, their order or how they are cut into partitions.

        Args:
            account_id: n ids.
            as_of: int64 [n], microseconds.
            converted: n booleans.
            seed: Another seed draws other rows.
        """
        found: np.ndarray = draws(account_id, as_of, seed) < np.where(converted, self.converted, self.others)
        return found


def draws(account_id: np.ndarray, as_of: np.ndarray, seed: int) -> np.ndarray:
    """n numbers in [0, 1), as if drawn at random, of nothing but the row's account, its moment and the seed.

    CRC-32 of the account's id and the moment, mixed by the finaliser of SplitMix64 (Steele, Lea and Flood 2014).

    Args:
        account_id: n ids.
        as_of: int64 [n], microseconds.
        seed: At least 0.
    """
    start = np.uint64((seed * 0x9E3779B97F4A7C15) % 2**64)
    of_account = _mixed(hashes_of(account_id).astype(np.uint64) ^ start)
    return (_mixed(of_account ^ as_of.astype(np.uint64)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(state: np.ndarray) -> np.ndarray:
    """SplitMix64's step: neighbouring numbers give unrelated ones; sums and products wrap around."""
    mixed = state + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return found


def by_day(day: np.ndarray) -> dict[int, int]:
    """Day → how many rows it has; counts of partitions add up."""
    days, counts = np.unique(day, return_counts=True)
    return dict(zip(days.tolist(), counts.tolist(), strict=True))


def weights(converted: np.ndarray, day: np.ndarray, every: tuple[Mapping[int, int], Mapping[int, int]]) -> np.ndarray:
    """How many rows each drawn one stands for, float64 [k]; their sum over either outcome is its number of rows.

    Args:
        converted, day: Outcome and day of k drawn rows.
        every: From `by_day`: all rows that did not convert, and all that did.
    """
    found = np.ones(len(day))
    for outcome in (False, True):
        own = converted == outcome
        found[own] = _stands_for(day[own], every[outcome])
    return found


def _stands_for(day: np.ndarray, every: Mapping[int, int]) -> np.ndarray:
    """Rows over rows that were drawn, of one outcome: by day where enough were drawn on every day, else of all."""
    n, kept = sum(every.values()), by_day(day)
    if len(day) == n:
        return np.ones(n)
    if min(kept.get(d, 0) for d in every) < LEAST:
        return np.full(len(day), n / max(float(len(day)), 1.0))
    days, codes = np.unique(day, return_inverse=True)
    return np.array([every[d] / kept[d] for d in days.tolist()])[codes]
