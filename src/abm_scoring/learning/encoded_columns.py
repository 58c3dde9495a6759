"""How one feature becomes numbers: what was learnt about it in training, and its two views."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.errors import BadDataError
from abm_scoring.spec import Spec


class NumberColumn(Spec):
    """How a number is encoded.

    Attributes:
        log: Signed logarithm, sign(x) · log(1 + |x|), before everything else.
        low: Smallest training value after `log`; smaller ones are read as this, so that nothing is extrapolated.
        high: Largest training value, likewise.
        mean: Training mean after `log`; stands in for missing values.
        scale: Training standard deviation after `log`.
        missing_share: Share of training rows without a value where that has a design column of its own, else None.
    """

    kind: Literal["number"] = "number"
    name: str
    log: bool
    low: float
    high: float
    mean: float
    scale: float
    missing_share: float | None

    @property
    def width(self) -> int:
        """Number of design columns."""
        return 1 if self.missing_share is None else 2

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """n z-scores (float64), 0 where missing."""
        clipped = np.clip(signed_log(values) if self.log else values, self.low, self.high)
        return np.nan_to_num((clipped - self.mean) / self.scale, nan=0.0)

    def design(self, frame: pd.DataFrame) -> np.ndarray:
        """n × width columns with training mean 0."""
        values = numbers(frame, self.name)
        columns = [self.standardised(values)]
        if self.missing_share is not None:
            columns.append(np.isnan(values) - self.missing_share)
        return np.column_stack(columns)

    def effect(self, frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        """`design(frame) @ weights`, n float64."""
        values = numbers(frame, self.name)
        effect = self.standardised(values) * weights[0]
        if self.missing_share is not None:
            effect += (np.isnan(values) - self.missing_share) * weights[1]
        return effect

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """n numbers for trees: as they are, NaN where missing."""
        return numbers(frame, self.name)


class CategoryColumn(Spec):
    """How a category is encoded.

    Attributes:
        levels: Levels with a code of their own, most frequent first.
        rare: Levels seen in training too rarely for one; with missing and unknown ones they form the last bucket.
        shares: Training share of each level and, last, of that bucket.
    """

    kind: Literal["category"] = "category"
    name: str
    levels: tuple[str, ...]
    rare: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def width(self) -> int:
        """Number of design columns."""
        return len(self.shares)

    def design(self, frame: pd.DataFrame) -> np.ndarray:
        """n × width one-hot columns minus their training mean."""
        return np.eye(self.width)[self._buckets(frame)] - np.array(self.shares)

    def effect(self, frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        """`design(frame) @ weights`, n float64, without building the design."""
        return (weights - np.dot(self.shares, weights))[self._buckets(frame)]

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """n positions in `levels` for trees; NaN where rare, unknown or missing."""
        buckets = self._buckets(frame)
        return np.where(buckets == len(self.levels), np.nan, buckets)

    def unseen(self, frame: pd.DataFrame) -> int:
        """How many values are not missing, yet were never seen in training."""
        values = texts(frame, self.name)
        return int((values.notna() & ~values.isin([*self.levels, *self.rare])).sum())

    def _buckets(self, frame: pd.DataFrame) -> np.ndarray:
        found = pd.Index(self.levels, dtype="str").get_indexer(pd.Index(texts(frame, self.name)))
        return np.where(found < 0, len(self.levels), found)


def signed_log(values: np.ndarray) -> np.ndarray:
    """sign(x) · log(1 + |x|)."""
    return np.sign(values) * np.log1p(np.abs(values))


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A number column selected by name and checked, as n float64.

    Raises:
        BadDataError: The column is missing, is not numeric, or holds an infinite number.
    """
    given = _selected(frame, name)
    if not pd.api.types.is_numeric_dtype(given.dtype):
        raise BadDataError(f"the feature {name!r} must be a number, not {given.dtype}")
    # Contiguous, because vectorised logarithms may round differently on strided memory.
    found = np.ascontiguousarray(given.to_numpy(dtype="float64", na_value=np.nan))
    if np.isinf(found).any():
        raise BadDataError(
            f"the feature {name!r} is infinite in {int(np.isinf(found).sum())} rows",
            fix="leave values empty that are not known",
        )
    return found


def texts(frame: pd.DataFrame, name: str) -> pd.Series:
    """A category column selected by name and checked.

    Raises:
        BadDataError: The column is missing or numeric.
    """
    given = _selected(frame, name)
    if pd.api.types.is_numeric_dtype(given.dtype) and given.notna().any():
        raise BadDataError(f"the feature {name!r} must be text, not {given.dtype}")
    return given.astype("str")


def _selected(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        raise BadDataError(f"the feature {name!r} is missing", fix="build features with the model's own specs")
    return frame[name]
