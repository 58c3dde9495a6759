"""What the list is ordered by: probability, expected value, or a stated blend."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from abm_scoring.errors import ConfigError
from abm_scoring.spec import Spec

#: Part of a blend → column that it reads.
PARTS = {
    "probability": "raw_score",
    "expected_value": "expected_value",
    "fit": "fit_raw",
    "engagement": "behaviour_raw",
}


class Blend(Spec):
    """Weights of a blend: the weighted mean of an account's places among today's candidates, each from 0 to 1.

    The place in a part is the share of candidates whose value is lower or equal; an account without a value has 0.
    Probability enters by its log-odds, fit and engagement by the parts of the log-odds that they contribute.
    """

    probability: float = Field(0.0, ge=0, description="weight of the conversion probability")
    expected_value: float = Field(0.0, ge=0, description="weight of the expected value")
    fit: float = Field(0.0, ge=0, description="weight of what the company is")
    engagement: float = Field(0.0, ge=0, description="weight of what the company does")

    @model_validator(mode="after")
    def _something(self) -> Blend:
        if not any(self.weights.values()):
            raise ValueError("needs at least one weight above 0, e.g. {probability: 0.7, expected_value: 0.3}")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Part → weight."""
        return {part: float(getattr(self, part)) for part in PARTS}


RankBy = Literal["probability", "expected_value"] | Blend


def order_value(scores: pd.DataFrame, rank_by: RankBy) -> np.ndarray:
    """The number that the list is ordered by, float64 [n]; an account without one stands last (-inf).

    Args:
        scores: n rows with `raw_score`, and the columns that `rank_by` reads.
        rank_by: `probability` orders by `raw_score`, of which the probability is a monotone function, so that ties of
            rounding do not matter and rungs without a probability are ordered as well.

    Raises:
        ConfigError: The run has no expected value (78).
    """
    if isinstance(rank_by, Blend):
        return _blended(scores, rank_by)
    column = "raw_score" if rank_by == "probability" else "expected_value"
    return _column(scores, column).fillna(-np.inf).to_numpy("float64")


def _blended(scores: pd.DataFrame, blend: Blend) -> np.ndarray:
    total, weight = np.zeros(len(scores)), 0.0
    for part, w in blend.weights.items():
        if w > 0:
            total += w * share_at_or_below(_column(scores, PARTS[part]))
            weight += w
    return total / weight


def share_at_or_below(values: pd.Series) -> np.ndarray:
    """Share of the n values that are lower or equal, float64 [n] in [0, 1]; 0 where missing."""
    place = values.rank(method="max", na_option="keep").fillna(0.0).to_numpy("float64")
    return place / max(len(values), 1)


def _column(scores: pd.DataFrame, name: str) -> pd.Series:
    missing = name not in scores or (len(scores) > 0 and name == "expected_value" and scores[name].isna().all())
    if missing:
        raise ConfigError(
            f"the list cannot be ordered by {name}: the model gives none",
            where="scoring.rank_by",
            fix="train with a value section and enough conversions, or rank by probability",
        )
    return scores[name]
