"""Order, percentile and grade."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.ranking.ranking import ScoringSpec, rank


def frame(*scores: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(scores, columns=["account_id", "raw_score"])


def test_ties_are_broken_by_account_id_and_share_a_percentile() -> None:
    ranked = rank(frame(("b", 1.0), ("c", 2.0), ("a", 1.0)), ScoringSpec())
    assert list(ranked["account_id"]) == ["c", "a", "b"]
    assert list(ranked["rank"]) == [1, 2, 3]
    assert list(ranked["score_percentile"].round(1)) == [100.0, 66.7, 66.7]


def test_grades_fill_the_stated_shares() -> None:
    ranked = rank(frame(*((f"{i:03d}", float(-i)) for i in range(100))), ScoringSpec())
    assert ranked["grade"].value_counts().to_dict() == {"A": 10, "B": 20, "C": 30, "D": 40}


@given(st.lists(st.tuples(st.text("ab", max_size=4), st.floats(-5, 5)), unique_by=lambda row: row[0]), st.randoms())
def test_the_input_order_does_not_matter(rows: list[tuple[str, float]], random: st.DataObject) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(rank(frame(*rows), ScoringSpec()), rank(frame(*shuffled), ScoringSpec()))


def test_an_empty_list_stays_empty() -> None:
    empty = frame().astype({"account_id": "str", "raw_score": "float64"})
    assert rank(empty, ScoringSpec()).empty
