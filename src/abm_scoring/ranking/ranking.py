"""Ranking: order, percentile, grade and tier of the accounts on the list."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from abm_scoring.ranking.holdout import HoldoutSpec
from abm_scoring.ranking.mqa.spec import MqaSpec
from abm_scoring.ranking.order import RankBy, order_value
from abm_scoring.ranking.tiers import QuotaSpec, SharesTiers, TierSpec, tier
from abm_scoring.spec import Spec


class ScoringSpec(Spec):
    """How the list is made."""

    rank_by: RankBy = Field(
        "probability",
        description="what the list is ordered by: probability, expected_value, or weights of probability, "
        "expected_value, fit and engagement",
    )
    reasons: int = Field(4, ge=1, le=4, description="reasons that speak for an account")
    negative_reasons: int = Field(2, ge=0, le=2, description="reasons that speak against it")
    grades: tuple[float, float, float] = Field(
        (0.1, 0.3, 0.6), description="shares of the list down to which the grades A, B and C reach; the rest is D"
    )
    tiers: TierSpec = Field(SharesTiers(), description="how much attention each account gets")
    quota: QuotaSpec | None = Field(None, description="limits per owner or region; none: no limits")
    families: Literal["apart", "together"] = Field(
        "apart", description="apart: every account at its own place; together: a family follows its best account"
    )
    mqa: MqaSpec | None = Field(MqaSpec(), description="marketing-qualified accounts; null: no status is kept")
    holdout: HoldoutSpec | None = Field(None, description="families withheld for measuring; none: everyone is listed")
    sales_touches: tuple[str, ...] = Field(
        ("meeting", "sales_conversation"), description="event types that count as a touch by sales"
    )
    minutes_days: int = Field(90, ge=1, description="days over which engagement minutes are counted")
    trend_days: int = Field(28, ge=2, description="days of published runs that the score's trend looks back on")
    trend_points: float = Field(
        5.0, gt=0, description="points that the score must move over those days to be rising or falling"
    )

    @model_validator(mode="after")
    def _quota_names_tiers(self) -> ScoringSpec:
        unknown = sorted(set(self.quota.at_most) - set(self.tiers.tiers)) if self.quota else []
        if unknown:
            raise ValueError(f"quota: no tier is called {unknown[0]!r}; there are {', '.join(self.tiers.tiers)}")
        return self


def rank(scores: pd.DataFrame, spec: ScoringSpec, family: pd.Series | None = None) -> pd.DataFrame:
    """Order the accounts, place each within today's list and give it a tier.

    Ties are broken by the raw score and then by account_id, so that the order never depends on the input's.

    Args:
        scores: n rows with `account_id` (str), `raw_score` (float64), and what `spec` reads beside them.
        spec: Order, grades, tiers and quota.
        family: n family ids, aligned with `scores`; needed where families are kept together.

    Returns:
        The rows in list order with `rank` (int64, from 1), `score_percentile` (float64, 0 to 100: share of the list
        with a lower or equal value of what it is ordered by), `grade` and `tier` (str).

    Raises:
        ConfigError: The list is to be ordered by a value that the run does not have (78).
    """
    value = order_value(scores, spec.rank_by)
    order = _order(scores, value, family if spec.families == "together" else None)
    ordered, n = scores.iloc[order].reset_index(drop=True), len(scores)
    below = pd.Series(value[order]).rank(method="max").to_numpy("float64")
    cut = np.searchsorted(np.array(spec.grades) * n, np.arange(n), side="right")
    placed = ordered.assign(
        rank=np.arange(1, n + 1),
        score_percentile=100 * below / max(n, 1),
        grade=pd.Series(np.array(["A", "B", "C", "D"])[cut], dtype="str"),
    )
    return placed.assign(tier=tier(placed, spec.tiers, spec.quota))


def _order(scores: pd.DataFrame, value: np.ndarray, family: pd.Series | None) -> np.ndarray:
    """Places of the rows in list order, int64 [n]."""
    keys = pd.DataFrame({"value": value, "raw": scores["raw_score"].to_numpy(), "id": scores["account_id"].to_numpy()})
    order = keys.sort_values(["value", "raw", "id"], ascending=[False, False, True], kind="stable").index.to_numpy()
    if family is None:
        return order
    # A family stands where its best account stands, its accounts in their own order.
    first = pd.Series(np.arange(len(order))).groupby(family.to_numpy()[order]).transform("min").to_numpy()
    return order[np.argsort(first, kind="stable")]
