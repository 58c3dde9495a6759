"""The state machine, rule by rule."""

from __future__ import annotations

import pandas as pd
import pytest

from abm_scoring.ranking.mqa.log import empty_log, state_of
from abm_scoring.ranking.mqa.machine import decide
from abm_scoring.ranking.mqa.replay import replay
from abm_scoring.ranking.mqa.spec import CooldownSpec, FixedThreshold, MqaSpec
from tests.ranking.mqa.nights import NO_ANSWERS, answers, at, night, steps

SPEC = MqaSpec(threshold=FixedThreshold(enter=80, leave=60), min_days=3, max_days=10, capacity=None)


LOW = FixedThreshold(enter=30, leave=20)


def days(*scores: float | None, account: str = "a") -> list:
    """One account's scores, a night each; None = not a candidate."""
    return [night(d, {} if s is None else {account: s}) for d, s in enumerate(scores)]


def test_an_account_enters_at_the_upper_threshold_and_leaves_below_the_lower_one() -> None:
    done = replay(days(79.9, 80, 60, 60, 60, 59.9), NO_ANSWERS, SPEC)
    assert steps(done.log) == [
        ("a", 1, "none", "mqa", "enter_threshold"),
        ("a", 5, "mqa", "expired", "leave_threshold"),
    ]
    assert done.log["value"].tolist() == [80, 59.9] and done.log["threshold"].tolist() == [80, 60]


def test_it_does_not_leave_before_its_minimum_stay() -> None:
    done = replay(days(90, 10, 10, 10), NO_ANSWERS, SPEC)
    assert steps(done.log)[-1] == ("a", 3, "mqa", "expired", "leave_threshold")


def test_a_score_between_the_thresholds_changes_nothing() -> None:
    assert steps(replay(days(70, 79, 61), NO_ANSWERS, SPEC).log) == []
    assert len(replay(days(90, 70, 61, 79, 70), NO_ANSWERS, SPEC).log) == 1


def test_an_unanswered_mqa_expires_by_age_and_may_come_back_after_its_cooldown() -> None:
    spec = SPEC.model_copy(update={"cooldown_days": CooldownSpec(expired=4)})
    done = replay(days(*[90.0] * 18), NO_ANSWERS, spec)
    assert steps(done.log) == [
        ("a", 0, "none", "mqa", "enter_threshold"),
        ("a", 10, "mqa", "expired", "max_age"),
        ("a", 14, "expired", "none", "cooldown_over"),
        ("a", 15, "none", "mqa", "enter_threshold"),
    ]


def test_an_mqa_that_is_no_candidate_any_more_ends_at_once() -> None:
    assert steps(replay(days(90, None), NO_ANSWERS, SPEC).log)[-1] == ("a", 1, "mqa", "expired", "left_list")


@pytest.mark.parametrize(("answer", "status"), [("accepted",) * 2, ("rejected",) * 2, ("recycled",) * 2])
def test_what_sales_decided_is_honoured_with_its_reason(answer: str, status: str) -> None:
    done = replay(days(90, 90, 90), answers(("a", 1.4, answer)), SPEC)
    assert steps(done.log)[-1] == ("a", 2, "mqa", status, f"sales_{answer}")
    assert done.log["reason"].tolist()[-1] == "no budget"


def test_an_answer_is_read_on_the_night_after_it_and_not_on_that_moment() -> None:
    done = replay(days(90, 90, 90), answers(("a", 1.0, "accepted")), SPEC)
    assert steps(done.log)[-1] == ("a", 2, "mqa", "accepted", "sales_accepted")


def test_an_answer_from_before_the_account_became_an_mqa_is_no_answer_to_it() -> None:
    spec = SPEC.model_copy(update={"cooldown_days": CooldownSpec(rejected=0)})
    assert len(replay(days(10, 90, 90), answers(("a", 0.5, "rejected")), spec).log) == 1


def test_a_rejected_account_stays_away_for_its_cooldown_counted_from_the_answer() -> None:
    spec = SPEC.model_copy(update={"cooldown_days": CooldownSpec(rejected=5)})
    # Rejected on day -2, before any run: three days of the cooldown are left on day 0.
    done = replay(days(*[90.0] * 6), answers(("a", -2.0, "rejected")), spec)
    assert steps(done.log) == [
        ("a", 0, "none", "rejected", "sales_rejected"),
        ("a", 3, "rejected", "none", "cooldown_over"),
        ("a", 4, "none", "mqa", "enter_threshold"),
    ]


def test_an_old_answer_to_an_account_that_is_none_is_history() -> None:
    assert steps(replay(days(10, 10), answers(("a", -400.0, "rejected")), SPEC).log) == []


def test_the_last_answer_counts() -> None:
    done = replay(days(90, 90), answers(("a", 0.2, "rejected"), ("a", 0.7, "accepted")), SPEC)
    assert steps(done.log)[-1][3] == "accepted"


def test_without_evidence_nobody_enters_and_nobody_leaves_for_want_of_it() -> None:
    nights = [night(0, {"a": 99}, [False]), night(1, {"a": 99}, [True]), night(2, {"a": 99}, [False])]
    assert steps(replay(nights, NO_ANSWERS, SPEC).log) == [("a", 1, "none", "mqa", "enter_threshold")]


def test_the_best_take_the_free_places() -> None:
    spec = SPEC.model_copy(update={"capacity": 2})
    nights = [night(0, {"a": 85, "b": 95, "c": 90}), night(1, {"a": 99, "b": 95, "c": 90})]
    assert {s[0] for s in steps(replay(nights, NO_ANSWERS, spec).log)} == {"b", "c"}


def test_a_place_that_is_freed_tonight_is_taken_tonight() -> None:
    spec = SPEC.model_copy(update={"capacity": 1})
    nights = [night(0, {"a": 85, "b": 81}), night(1, {"a": 85, "b": 81})]
    done = replay(nights, answers(("a", 0.5, "accepted")), spec)
    assert steps(done.log)[1:] == [
        ("a", 1, "mqa", "accepted", "sales_accepted"),
        ("b", 1, "none", "mqa", "enter_threshold"),
    ]


def test_each_owner_has_a_limit_of_its_own() -> None:
    spec = SPEC.model_copy(update={"capacity_per_owner": 1})
    scores = {"a": 99, "b": 98, "c": 97, "d": 96, "e": 95}
    done = replay([night(0, scores, owner_id=["x", "x", "y", None, None])], NO_ANSWERS, spec)
    assert {s[0] for s in steps(done.log)} == {"a", "c", "d", "e"}


def test_an_mqa_of_yesterday_counts_against_its_owner() -> None:
    spec = SPEC.model_copy(update={"capacity_per_owner": 1})
    nights = [night(0, {"a": 85}, owner_id=["x"]), night(1, {"a": 85, "b": 99}, owner_id=["x", "x"])]
    assert {s[0] for s in steps(replay(nights, NO_ANSWERS, spec).log)} == {"a"}


def mass(day: int, score: float, n: int = 30) -> object:
    return night(day, {f"{i:02d}": score for i in range(n)})


def test_the_breaker_holds_back_everything_but_what_sales_decided() -> None:
    nights = [mass(0, 90), *(mass(d, 10) for d in range(1, 5))]
    done = replay(nights, answers(("07", 2.5, "accepted")), SPEC)  # type: ignore[arg-type]
    assert done.tripped == 2  # on days 3 and 4, when the minimum stay is over
    assert steps(done.log)[30:] == [("07", 3, "mqa", "accepted", "sales_accepted")]
    assert done.open.tolist() == [30, 30, 30, 29, 29]


def test_the_first_night_and_small_lists_do_not_trip_it() -> None:
    assert replay([mass(0, 90)], NO_ANSWERS, SPEC).tripped == 0  # type: ignore[list-item]
    few = [mass(0, 90, 19), *(mass(d, 10, 19) for d in range(1, 5))]
    assert replay(few, NO_ANSWERS, SPEC).tripped == 0  # type: ignore[arg-type]


def test_what_the_calendar_brings_is_no_alarm() -> None:
    """Thirty that entered together expire together, and thirty others take their places."""
    spec = SPEC.model_copy(update={"capacity": 30, "max_days": 5})
    scores = {f"{i:02d}": 99 - i for i in range(60)}
    done = replay([night(d, scores) for d in range(6)], NO_ANSWERS, spec.model_copy(update={"threshold": LOW}))
    assert done.tripped == 0
    assert done.log["rule"].value_counts().to_dict() == {"enter_threshold": 60, "max_age": 30}


def test_the_breaker_lets_through_what_it_is_told_to() -> None:
    nights = [mass(0, 90), *(mass(d, 10) for d in range(1, 5))]
    open_handed = SPEC.model_copy(update={"max_flip_share": 1.0})
    assert replay(nights, NO_ANSWERS, open_handed).open.tolist() == [30, 30, 30, 0, 0]  # type: ignore[arg-type]


def test_a_night_without_any_candidate_is_a_mass_flip_too() -> None:
    done = replay([mass(0, 90), night(1, {})], NO_ANSWERS, SPEC)  # type: ignore[list-item]
    assert done.tripped == 1 and done.open.tolist() == [30, 30]


def test_days_are_whole_days_also_when_the_clocks_change() -> None:
    zone = "Europe/Berlin"
    spec = SPEC.model_copy(update={"min_days": 1})
    state = state_of(empty_log())
    for day in ("2026-03-28", "2026-03-29", "2026-03-30"):
        moment = pd.Timestamp(day, tz=zone).tz_convert("UTC").as_unit("us")
        tonight = night(0, {"a": 90 if day == "2026-03-29" else 10})
        decision = decide(state, tonight.scores, tonight.evidence, NO_ANSWERS, spec, moment)
        state = decision.state
    # 23 hours after it entered, a day has passed.
    assert state["rule"].tolist() == ["leave_threshold"]


def test_only_decisions_of_earlier_nights_are_read() -> None:
    done = replay(days(90, 90), NO_ANSWERS, SPEC)
    tonight = night(0, {"a": 90})
    again = decide(state_of(done.log), tonight.scores, tonight.evidence, NO_ANSWERS, SPEC, at(0))
    assert steps(again.transitions) == [("a", 0, "none", "mqa", "enter_threshold")]


def test_leave_lies_below_enter_and_age_above_the_minimum_stay() -> None:
    with pytest.raises(ValueError, match="must not lie above enter"):
        FixedThreshold(enter=50, leave=60)
    with pytest.raises(ValueError, match="must not be below min_days"):
        MqaSpec(min_days=20, max_days=10)
