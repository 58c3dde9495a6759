"""What features and scores looked like in training: the histograms that a night is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from abm_scoring.learning.encoded_columns import numbers, texts
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.weights import quantiles
from abm_scoring.spec import Spec

#: Key of the reference among the results that a bundle remembers.
REFERENCE = "reference"
#: Bins by quantile for numbers, levels of their own for categories.
BINS, LEVELS = 10, 19
#: Days before the last training snapshot that the reference is taken from …
WINDOW_DAYS = 92
#: … unless fewer accounts than this stand there.
FEWEST_ACCOUNTS = 200


class Histogram(Spec):
    """How often values fell into each bin.

    Attributes:
        name: The feature.
        edges: Inner edges of a number's bins, ascending; bin i holds `edges[i - 1] <= value < edges[i]`.
        levels: Levels of a category that have a bin of their own; every other level shares the one after them.
        counts: Rows by bin, the missing ones last.
    """

    name: str
    kind: Literal["number", "category"]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...]

    @property
    def missing_share(self) -> float:
        """Share of rows without a value; 0 where there are no rows."""
        return self.counts[-1] / max(sum(self.counts), 1)

    def count(self, frame: pd.DataFrame, weight: np.ndarray | None = None) -> np.ndarray:
        """int64 [bins]: rows of a feature frame by bin, the missing ones last; weights are summed and rounded."""
        found = np.bincount(self._bins(frame), weights=weight, minlength=len(self.counts))
        return found.round().astype("int64")

    def _bins(self, frame: pd.DataFrame) -> np.ndarray:
        missing = len(self.counts) - 1
        if self.kind == "number":
            values = numbers(frame, self.name)
            return np.where(np.isnan(values), missing, np.searchsorted(self.edges, values, side="right"))
        given = texts(frame, self.name)
        found = pd.Index(self.levels, dtype="str").get_indexer(pd.Index(given))
        return np.where(given.isna(), missing, np.where(found < 0, len(self.levels), found))


class Reference(Spec):
    """The training rows that a night is compared with: the last row of each account of the newest snapshots.

    One row an account, so that rows are as independent as accounts are; the newest ones, so that what the market did
    within training time does not count as drift after it.

    Attributes:
        accounts: Number of rows; the effective number where rows stand for several.
        first_as_of, last_as_of: Where they lie in time, ISO 8601; empty where there are none.
        features: One histogram a feature.
        score: The same for the raw score; None where there were no rows.
    """

    accounts: int
    first_as_of: str = ""
    last_as_of: str = ""
    features: tuple[Histogram, ...] = ()
    score: Histogram | None = None


def make_reference(training: TrainingSet, raw_score: Callable[[pd.DataFrame], np.ndarray]) -> Reference:
    """The reference of a training.

    Args:
        training: The rows that the model was fitted on.
        raw_score: Rows of features → raw scores (float64).
    """
    rows = _newest(training)
    if not len(rows):
        return Reference(accounts=0)
    frame = training.features.iloc[rows].reset_index(drop=True)
    scores = pd.DataFrame({"raw_score": raw_score(frame)})
    as_of = training.as_of[rows]
    weight = None if training.weight is None else _effective(training.weight[rows])
    return Reference(
        accounts=len(rows) if weight is None else round(float(weight.sum())),
        first_as_of=f"{as_of.min()}Z",
        last_as_of=f"{as_of.max()}Z",
        features=tuple(_histogram(frame, feature.name, feature.kind, weight) for feature in training.catalogue),
        score=_histogram(scores, "raw_score", "number", weight),
    )


def reference_of(results: Mapping[str, Any]) -> Reference | None:
    """The reference among a bundle's results; None in a bundle that was made without one."""
    stored = results.get(REFERENCE)
    return Reference.model_validate(stored) if stored else None


def _newest(training: TrainingSet) -> np.ndarray:
    if not len(training):
        return np.empty(0, dtype="int64")
    recent = np.flatnonzero(training.as_of > training.as_of.max() - np.timedelta64(WINDOW_DAYS, "D"))
    if len(set(training.account_id[recent].tolist())) < FEWEST_ACCOUNTS:
        recent = np.arange(len(training))
    # Rows stand in order of time, so the last one of an account is its newest.
    last = pd.Series(training.account_id[recent]).duplicated(keep="last").to_numpy()
    return recent[~last]


def _effective(weight: np.ndarray) -> np.ndarray:
    """Weights whose sum is the effective number of rows, (Σw)² ÷ Σw² (Kish 1965), for that is what they can prove."""
    effective: np.ndarray = weight * (weight.sum() / (weight @ weight))
    return effective


def _histogram(
    frame: pd.DataFrame, name: str, kind: Literal["number", "category"], weight: np.ndarray | None
) -> Histogram:
    if kind == "category":
        given = texts(frame, name)
        counts = given.value_counts() if weight is None else pd.Series(weight).groupby(given).sum()
        common = sorted(counts.items(), key=lambda one: (-float(one[1]), str(one[0])))[:LEVELS]
        empty = Histogram(
            name=name, kind=kind, levels=tuple(str(n) for n, _ in common), counts=(0,) * (len(common) + 2)
        )
    else:
        edges = _edges(numbers(frame, name), weight)
        empty = Histogram(name=name, kind=kind, edges=edges, counts=(0,) * (len(edges) + 2))
    return empty.model_copy(update={"counts": tuple(empty.count(frame, weight).tolist())})


def _edges(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, ...]:
    """Inner edges at quantiles; a value that fills whole bins gets one of its own."""
    given = ~np.isnan(values)
    known = values[given]
    if not len(known):
        return ()
    shares = np.linspace(0, 1, BINS + 1)[1:-1]
    inner = quantiles(known, shares, None if weight is None else weight[given], "higher")
    # An edge at the smallest value would leave the bin below it empty for good; one just above sets it apart.
    edges = np.unique(np.where(inner <= known.min(), np.nextafter(known.min(), np.inf), inner))
    return tuple(float(edge) for edge in edges)
