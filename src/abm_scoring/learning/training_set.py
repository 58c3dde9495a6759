"""What learning receives: one row an account at a snapshot, its features, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.weights import mean_of, rows_of


@dataclass(frozen=True)
class TrainingSet:
    """Matured rows in a total order (as_of, then account_id).

    Attributes:
        features: n × f frame in the order of `catalogue`; float64 for numbers, str for categories.
        converted: n booleans, the label.
        as_of: n timestamps, `datetime64[us]`, UTC.
        account_id: n account ids.
        family: n ids of the account's family; intervals are bootstrapped over these.
        catalogue: f features, what each column means.
        horizon_days: Length of the label's window in days.
        weight: n float64, how many rows each stands for (see `thinned`); None = one each.
        value: n float64, what the conversion was worth; NaN where the row did not convert or nobody recorded it; None
            where conversions have no value.
        past_value: n float64, the same of the horizon before `as_of`, 0 where there was nothing.
        days: n float64, days from `as_of` to the first conversion that is known, +inf where none is; None where time
            to conversion was not asked for.
    """

    features: pd.DataFrame
    converted: np.ndarray
    as_of: np.ndarray
    account_id: np.ndarray
    family: np.ndarray
    catalogue: tuple[Feature, ...]
    horizon_days: int
    weight: np.ndarray | None = None
    value: np.ndarray | None = None
    past_value: np.ndarray | None = None
    days: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        """n float64."""
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def rate(self) -> float:
        """Share of the rows that convert."""
        return mean_of(self.converted, self.weight)

    @property
    def size(self) -> int:
        """How many rows these stand for."""
        return self.count(np.ones(len(self), dtype=bool))

    def count(self, chosen: np.ndarray) -> int:
        """How many rows the chosen ones (n booleans) stand for."""
        return rows_of(chosen, self.weight)

    def __len__(self) -> int:
        return len(self.converted)

    def take(self, rows: np.ndarray) -> TrainingSet:
        """The rows of a boolean mask or an index array, order kept."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return TrainingSet(
            self.features.iloc[index].reset_index(drop=True),
            self.converted[index],
            self.as_of[index],
            self.account_id[index],
            self.family[index],
            self.catalogue,
            self.horizon_days,
            *(
                None if column is None else column[index]
                for column in (self.weight, self.value, self.past_value, self.days)
            ),
        )


def joined(first: TrainingSet, second: TrainingSet) -> TrainingSet:
    """The rows of both in their total order; values, which only one may have, are left behind."""
    weighted = first.weight is not None or second.weight is not None
    both = TrainingSet(
        pd.concat([first.features, second.features], ignore_index=True),
        np.concatenate([first.converted, second.converted]),
        np.concatenate([first.as_of, second.as_of]),
        np.concatenate([first.account_id, second.account_id]),
        np.concatenate([first.family, second.family]),
        first.catalogue,
        first.horizon_days,
        weight=np.concatenate([first.weights, second.weights]) if weighted else None,
        days=None if first.days is None or second.days is None else np.concatenate([first.days, second.days]),
    )
    return both.take(np.lexsort((both.account_id.astype(str), both.as_of)))


def thinned(rows: TrainingSet, most: int, seed: int) -> TrainingSet:
    """At most about `most` rows to fit on: every conversion, and a random share of the others that stands for all.

    Conversions are rare, so nearly all information about them is kept while the cost of a fit no longer grows with the
    table; weights undo the sampling, so that probabilities keep their level (case-control sampling with known sampling
    shares: King and Zeng 2001). Where conversions themselves are many, rows of both outcomes are sampled alike. Rows
    that stand for several already are drawn as if they stood for one; the weights of each outcome keep their sum.
    """
    if len(rows) <= most:
        return rows
    draw = np.random.default_rng(seed)
    keep_all = int(rows.converted.sum()) <= most // 4
    certain = np.flatnonzero(rows.converted) if keep_all else np.empty(0, dtype=np.intp)
    others = np.flatnonzero(~rows.converted) if keep_all else np.arange(len(rows))
    drawn = draw.choice(others, most - len(certain), replace=False)
    index = np.sort(np.concatenate([certain, drawn]))
    stands_for = np.where(np.isin(index, certain), 1.0, len(others) / len(drawn))
    drawn_rows = replace(rows.take(index), weight=rows.weights[index] * stands_for)
    return drawn_rows if rows.weight is None else as_heavy(drawn_rows, rows)


def as_heavy(drawn: TrainingSet, rows: TrainingSet) -> TrainingSet:
    """The drawn rows with the weight of all rows of their outcome."""
    weight = drawn.weights.copy()
    for outcome in (True, False):
        here = drawn.converted == outcome
        if here.any():
            weight[here] *= rows.weights[rows.converted == outcome].sum() / weight[here].sum()
    return replace(drawn, weight=weight)
