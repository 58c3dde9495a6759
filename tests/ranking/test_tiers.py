"""Tiers by share, threshold and capacity, within quotas."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.ranking.ranking import ScoringSpec
from abm_scoring.ranking.tiers import CapacityTiers, QuotaSpec, SharesTiers, ThresholdTiers, tier


def ranked(n: int, owners: str = "") -> pd.DataFrame:
    frame = pd.DataFrame({"account_id": [f"{i:03d}" for i in range(n)], "score": [100.0 - i for i in range(n)]})
    return frame.assign(owner_id=pd.Series(list(owners) if owners else [None] * n, dtype="str"))


def test_shares_are_those_of_the_list() -> None:
    given_tiers = tier(ranked(50), SharesTiers(tiers={"one-to-one": 0.1, "one-to-few": 0.2}))
    assert given_tiers.tolist()[:15] == ["one-to-one"] * 5 + ["one-to-few"] * 10
    assert given_tiers[15:].isna().all()


def test_thresholds_look_at_the_stable_score() -> None:
    spec = ThresholdTiers(kind="threshold", tiers={"hot": 98, "warm": 96})
    assert tier(ranked(6), spec).tolist()[:5] == ["hot", "hot", "hot", "warm", "warm"]


def test_an_account_without_a_score_reaches_no_threshold() -> None:
    frame = ranked(2).assign(score=float("nan"))
    assert tier(frame, ThresholdTiers(kind="threshold", tiers={"all": 0})).isna().all()


def test_capacities_are_counts() -> None:
    spec = CapacityTiers(kind="capacity", tiers={"one-to-one": 2, "one-to-few": 1})
    assert tier(ranked(4), spec).tolist()[:3] == ["one-to-one", "one-to-one", "one-to-few"]


def test_who_is_beyond_the_quota_goes_on_to_the_next_tier() -> None:
    spec = CapacityTiers(kind="capacity", tiers={"one-to-one": 3, "one-to-few": 2})
    found = tier(ranked(6, "AAABBB"), spec, QuotaSpec(by="owner_id", at_most={"one-to-one": 1}))
    # One of A and one of B in the best tier; the next two in order follow.
    assert found.tolist()[:5] == ["one-to-one", "one-to-few", "one-to-few", "one-to-one", found[4]]
    assert found[4:].isna().all()


@given(
    st.lists(st.sampled_from("ABC"), max_size=40),
    st.integers(0, 10),
    st.integers(0, 4),
    st.sampled_from(["share", "threshold", "capacity"]),
)
def test_no_quota_and_no_capacity_is_ever_exceeded(owners: list[str], room: int, most: int, kind: str) -> None:
    spec: SharesTiers | ThresholdTiers | CapacityTiers
    if kind == "share":
        spec = SharesTiers(tiers={"x": room / 10})
    elif kind == "threshold":
        spec = ThresholdTiers(kind="threshold", tiers={"x": 100 - room})
    else:
        spec = CapacityTiers(kind="capacity", tiers={"x": room})
    frame = ranked(len(owners), "".join(owners))
    found = tier(frame, spec, QuotaSpec(by="owner_id", at_most={"x": most}))
    each = frame["owner_id"][found == "x"].value_counts()
    assert (each <= most).all()
    if kind != "threshold":
        limit = room if kind == "capacity" else round(room / 10 * len(owners))
        assert (found == "x").sum() <= limit


@given(st.integers(0, 30), st.integers(0, 30))
def test_tiers_follow_the_order_of_the_list(n: int, room: int) -> None:
    found = tier(ranked(n), CapacityTiers(kind="capacity", tiers={"1": room, "2": 5})).fillna("3").tolist()
    assert found == sorted(found)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "share", "tiers": {"a": 0.7, "b": 0.5}},
        {"kind": "threshold", "tiers": {"a": 50, "b": 60}},
        {"kind": "capacity", "tiers": {"a": -1}},
        {"kind": "share", "tiers": {}},
    ],
)
def test_tiers_that_make_no_sense_are_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ScoringSpec.model_validate({"tiers": spec})


def test_a_quota_names_a_tier_that_there_is() -> None:
    with pytest.raises(ValueError, match="no tier is called '1:2'"):
        ScoringSpec.model_validate({"quota": {"at_most": {"1:2": 3}}})
