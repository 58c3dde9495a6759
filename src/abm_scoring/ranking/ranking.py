"""Ranking: order, score, percentile and grade of the accounts on the list."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.spec import Spec


class ScoringSpec(Spec):
    """How the list is made."""

    rank_by: Literal["probability"] = Field("probability", description="what the list is ordered by")
    reasons: int = Field(4, ge=1, le=4, description="reasons that speak for an account")
    negative_reasons: int = Field(2, ge=0, le=2, description="reasons that speak against it")
    grades: tuple[float, float, float] = Field(
        (0.1, 0.3, 0.6), description="shares of the list down to which the grades A, B and C reach; the rest is D"
    )


def rank(scores: pd.DataFrame, spec: ScoringSpec) -> pd.DataFrame:
    """Order the accounts and place each within today's list.

    Ties of the raw score are broken by account_id, so that the order never depends on the input's.

    Args:
        scores: n rows with `account_id` (str) and `raw_score` (float64).
        spec: Grades.

    Returns:
        The rows in list order with `rank` (int64, from 1), `score_percentile` (float64, 0 to 100: share of the list
        with a lower or equal raw score) and `grade` (str).
    """
    ordered = scores.sort_values(["raw_score", "account_id"], ascending=[False, True], ignore_index=True)
    n = len(ordered)
    place = np.arange(1, n + 1)
    below = ordered["raw_score"].rank(method="max").to_numpy() if n else np.empty(0)
    cut = np.searchsorted(np.array(spec.grades) * n, place - 1, side="right")
    return ordered.assign(
        rank=place,
        score_percentile=100 * below / max(n, 1),
        grade=pd.Series(np.array(["A", "B", "C", "D"])[cut], dtype="str"),
    )
