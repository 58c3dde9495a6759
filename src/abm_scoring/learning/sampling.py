"""Which rows features are built for where there are too many: every conversion, and a known share of the others.

Building features is what training costs, and conversions are rare: a sample of the rows that did not convert holds
nearly all that all of them could teach. Every row says how many it stands for, so that probabilities keep their level
(case-control sampling with known sampling shares: King and Zeng 2001, weighted as in their section 4.2; the weights are
those of the sampled outcome in the whole table, not the approximate shares it was drawn with).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.families import hashes_of
from abm_scoring.features.moments import DAY

#: Weights restore the number of rows of every day where each day has at least this many rows that were drawn.
LEAST = 30
#: Conversions are all kept where they are at most this share of the rows that are wanted.
MOST_CONVERTED = 0.5


@dataclass(frozen=True)
class Sample:
    """Rows that stand for all.

    Attributes:
        rows: k positions, ascending.
        weight: k float64, how many rows each stands for; their sum over either outcome is its number of rows.
    """

    rows: np.ndarray
    weight: np.ndarray


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

    def sample(self, account_id: np.ndarray, as_of: np.ndarray, converted: np.ndarray, seed: int) -> Sample:
        """The rows that are drawn, and how many each stands for.

        Whether a row is drawn depends on its own account, moment and outcome, the seed and the shares: not on the other
        rows, their order or how they are cut into partitions.

        Args:
            account_id: n ids.
            as_of: int64 [n], microseconds.
            converted: n booleans.
            seed: Another seed draws other rows.
        """
        drawn = draws(account_id, as_of, seed) < np.where(converted, self.converted, self.others)
        weight = np.ones(len(drawn))
        for outcome in (converted, ~converted):
            if (drawn & outcome).sum() < outcome.sum():
                weight[outcome] = _stands_for(drawn[outcome], as_of[outcome] // DAY)
        rows = np.flatnonzero(drawn)
        return Sample(rows, weight[rows])


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


def _stands_for(drawn: np.ndarray, day: np.ndarray) -> np.ndarray:
    """n numbers: rows over rows that were drawn, by day where enough were drawn on every day, else of all."""
    codes, _ = pd.factorize(day)
    rows, kept = np.bincount(codes), np.bincount(codes, weights=drawn)
    if kept.min() < LEAST:
        return np.full(len(drawn), len(drawn) / max(float(drawn.sum()), 1.0))
    return (rows / kept)[codes]
