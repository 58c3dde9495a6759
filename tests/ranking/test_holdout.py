"""Who is withheld: by hash, in strata, whole families, for good."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.families import partition_of
from abm_scoring.ranking.holdout import LISTED, WITHHELD, HoldoutSpec, arms, assign, empty_assignments

NIGHT = pd.Timestamp("2026-03-01", tz="UTC")
SPEC = HoldoutSpec(share=0.1)


def candidates(n: int, seed: int = 0, first: int = 0) -> pd.DataFrame:
    """n accounts; every tenth belongs to the family of the one before it."""
    rng = np.random.default_rng(seed)
    ids = [f"A{i:06d}" for i in range(first, first + n)]
    family = [ids[i - 1] if i % 10 == 9 else ids[i] for i in range(n)]
    frame = pd.DataFrame({"account_id": ids, "family_id": family, "raw_score": rng.normal(size=n)})
    return frame.astype({"account_id": "str", "family_id": "str"})


def arm_of(found: pd.DataFrame) -> pd.Series:
    return found.set_index("account_id")["arm"]


def test_each_stratum_gives_its_share_to_within_one_family() -> None:
    found = assign(candidates(3_000), empty_assignments(), SPEC, NIGHT).drop_duplicates("family_id")
    for _, stratum in found.groupby("stratum"):
        assert abs((stratum["arm"] == WITHHELD).sum() - 0.1 * len(stratum)) <= 1
    assert found["stratum"].nunique() == 10


def test_a_family_shares_one_arm() -> None:
    found = assign(candidates(2_000), empty_assignments(), SPEC, NIGHT)
    assert (found.groupby("family_id")["arm"].nunique() == 1).all()


def test_an_arm_is_kept_whatever_becomes_of_score_family_and_share() -> None:
    day_1 = assign(candidates(1_000), empty_assignments(), SPEC, NIGHT)
    moved = candidates(1_000, seed=9).assign(family_id="one family now")
    day_2 = assign(moved, day_1, HoldoutSpec(share=0.5), NIGHT + pd.Timedelta(days=1))
    pd.testing.assert_frame_equal(day_1, day_2)


def test_an_account_that_was_not_there_keeps_its_arm_too() -> None:
    everybody = candidates(500)
    day_1 = assign(everybody, empty_assignments(), SPEC, NIGHT)
    day_2 = assign(everybody[:10], day_1, SPEC, NIGHT + pd.Timedelta(days=1))
    pd.testing.assert_frame_equal(day_1, day_2)


def test_a_newcomer_gets_the_arm_of_its_family() -> None:
    day_1 = assign(candidates(1_000), empty_assignments(), SPEC, NIGHT)
    new = day_1[["family_id"]].drop_duplicates().assign(raw_score=0.0)
    new["account_id"] = "new " + new["family_id"]
    day_2 = arm_of(assign(new, day_1, SPEC, NIGHT + pd.Timedelta(days=1)))
    before = arm_of(day_1)
    assert all(day_2[f"new {f}"] == before[f] for f in new["family_id"])


def test_a_newcomer_to_a_merger_of_both_arms_is_listed() -> None:
    day_1 = assign(candidates(1_000), empty_assignments(), SPEC, NIGHT)
    one = day_1.drop_duplicates("arm")["account_id"].tolist()
    merged = pd.DataFrame({"account_id": [*one, "new"], "family_id": "merged", "raw_score": 0.0})
    after = arm_of(assign(merged, day_1, SPEC, NIGHT + pd.Timedelta(days=1)))
    assert after["new"] == LISTED
    assert [after[a] for a in one] == [arm_of(day_1)[a] for a in one]


def test_families_that_come_one_a_night_are_withheld_as_often() -> None:
    withheld, spec = 0, HoldoutSpec(share=0.3)
    for night in range(150):
        one = pd.DataFrame({"account_id": [f"N{night}"], "family_id": [f"N{night}"], "raw_score": [0.0]})
        day = assign(one, empty_assignments(), spec, NIGHT + pd.Timedelta(days=night))
        withheld += int((day["arm"] == WITHHELD).sum())
    assert 28 <= withheld <= 62  # 45 expected, standard deviation 5.6


def test_another_salt_draws_another_holdout() -> None:
    frame = candidates(3_000)
    a = arm_of(assign(frame, empty_assignments(), SPEC, NIGHT)) == WITHHELD
    b = arm_of(assign(frame, empty_assignments(), SPEC.model_copy(update={"salt": "2027"}), NIGHT)) == WITHHELD
    assert (a & b).mean() < 0.03 < a.mean()
    both = assign(frame, assign(frame, empty_assignments(), SPEC, NIGHT), SPEC.model_copy(update={"salt": "2"}), NIGHT)
    assert len(both) == 2 * len(frame)
    assert arms(frame["account_id"], both, "holdout").equals(
        arms(frame["account_id"], both[both["salt"] == "holdout"], "holdout")
    )


def test_the_draw_has_nothing_to_do_with_partitions() -> None:
    frame = candidates(20_000)
    found = assign(frame, empty_assignments(), SPEC, NIGHT)
    part = partition_of(found["family_id"], 4)
    shares = [(found["arm"][part == i] == WITHHELD).mean() for i in range(4)]
    assert max(shares) - min(shares) < 0.03  # standard error .004 each


@settings(max_examples=10)
@given(st.randoms(use_true_random=False), st.integers(0, 200))
def test_the_order_of_rows_does_not_matter(random: object, n: int) -> None:
    frame = candidates(n)
    order = list(range(n))
    random.shuffle(order)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(
        assign(frame, empty_assignments(), SPEC, NIGHT), assign(frame.iloc[order], empty_assignments(), SPEC, NIGHT)
    )


def test_withholding_is_unrelated_to_the_score() -> None:
    frame = candidates(20_000)
    withheld = frame["account_id"].map(arm_of(assign(frame, empty_assignments(), SPEC, NIGHT))) == WITHHELD
    difference = frame["raw_score"][withheld].mean() - frame["raw_score"][~withheld].mean()
    assert abs(difference) < 0.05  # standard error .024 without strata, less with them
