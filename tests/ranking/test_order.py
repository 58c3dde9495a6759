"""What the list is ordered by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.errors import ConfigError
from abm_scoring.ranking.order import Blend, order_value, share_at_or_below
from abm_scoring.ranking.ranking import ScoringSpec, rank


def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": ["a", "b", "c", "d"],
            "raw_score": [1.0, 2.0, 3.0, 4.0],
            "fit_raw": [4.0, 3.0, 2.0, 1.0],
            "behaviour_raw": [0.0, 0.0, 1.0, 1.0],
            "expected_value": [10.0, np.nan, 40.0, 20.0],
        }
    )


def test_by_probability_the_raw_score_decides() -> None:
    assert list(rank(scores(), ScoringSpec())["account_id"]) == ["d", "c", "b", "a"]


def test_by_expected_value_an_account_without_one_stands_last() -> None:
    ranked = rank(scores(), ScoringSpec(rank_by="expected_value"))
    assert list(ranked["account_id"]) == ["c", "d", "a", "b"]
    assert list(ranked["score_percentile"]) == [100.0, 75.0, 50.0, 25.0]


def test_a_blend_is_the_weighted_mean_of_places() -> None:
    value = order_value(scores(), Blend(probability=3, fit=1))
    # Places by raw score 1/4 … 4/4, by fit 4/4 … 1/4.
    assert value == pytest.approx([(0.75 + 1) / 4, (1.5 + 0.75) / 4, (2.25 + 0.5) / 4, (3 + 0.25) / 4])


def test_in_a_blend_a_missing_value_has_place_0() -> None:
    assert order_value(scores(), Blend(expected_value=2)) == pytest.approx([0.25, 0.0, 0.75, 0.5])


def test_a_blend_of_one_part_orders_as_that_part() -> None:
    alone, blended = ScoringSpec(rank_by="expected_value"), ScoringSpec(rank_by=Blend(expected_value=5))
    assert list(rank(scores(), alone)["account_id"]) == list(rank(scores(), blended)["account_id"])


def test_ties_share_the_place_of_the_last_of_them() -> None:
    assert share_at_or_below(pd.Series([1.0, 1.0, 2.0, np.nan])) == pytest.approx([0.5, 0.5, 0.75, 0.0])


@pytest.mark.parametrize("rank_by", ["expected_value", Blend(expected_value=1)])
@pytest.mark.parametrize("absent", ["column", "values"])
def test_ranking_by_a_value_that_the_model_does_not_give_is_a_fault_of_the_config(rank_by: object, absent: str) -> None:
    frame = scores().drop(columns="expected_value") if absent == "column" else scores().assign(expected_value=np.nan)
    with pytest.raises(ConfigError, match="cannot be ordered by expected_value"):
        rank(frame, ScoringSpec(rank_by=rank_by))  # type: ignore[arg-type]


def test_a_blend_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="at least one weight"):
        Blend()


def test_families_together_follow_their_best_account() -> None:
    family = pd.Series(["x", "y", "z", "x"])
    ranked = rank(scores(), ScoringSpec(families="together"), family)
    assert list(ranked["account_id"]) == ["d", "a", "c", "b"]
    assert list(rank(scores(), ScoringSpec(families="apart"), family)["account_id"]) == ["d", "c", "b", "a"]
