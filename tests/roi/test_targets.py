from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from abm_scoring.roi.settings import RoiSpec
from abm_scoring.roi.targets import Progress, TargetSpec, parsed, reachable, status


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 contacts", {"goal": 10, "figure": "reach_contacts"}),
        ("3 this quarter", {"goal": 3, "period": "quarter"}),
        ("50, was 63", {"goal": 50, "was": 63}),
        ("50 days this year, was 63", {"goal": 50, "was": 63, "period": "year"}),
        ("40 %", {"goal": 0.4}),
        (0.25, {"goal": 0.25}),
    ],
)
def test_short_forms(text: str | float, expected: dict[str, object]) -> None:
    assert TargetSpec.model_validate(parsed(text)).model_dump(exclude_none=True) == expected


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ({"raech": 1}, "no metric 'raech'"),
        ({"reach": "soon"}, "is no target"),
        ({"reach": 10}, "10 contacts"),
        ({"reach": {"goal": 1, "figure": "nps"}}, "has no figure"),
    ],
)
def test_what_is_no_target_is_refused(targets: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        RoiSpec.model_validate({"targets": targets})


def progress(value: float, **about: object) -> Progress:
    given = {"low": value, "high": value, "baseline": 0.0, "adds_up": True, "elapsed": 1.0, "better": "higher"}
    return Progress(value, **{**given, **about})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("goal", "now", "expected"),
    [
        (3, progress(3), "met"),
        (3, progress(2), "missed"),
        (3, progress(math.nan), "no data"),
        (3, progress(3, elapsed=0.5), "met"),
        (3, progress(2, elapsed=0.5), "on track"),
        (3, progress(1, elapsed=0.5), "missed"),
        (50, progress(49, adds_up=False, better="lower"), "met"),
        (50, progress(63, adds_up=False, better="lower"), "missed"),
        (50, progress(55, low=45, high=70, adds_up=False, better="lower", elapsed=0.5), "on track"),
        (50, progress(63, low=55, high=70, adds_up=False, better="lower", elapsed=0.5), "missed"),
        (0.4, progress(0.5, low=0.3, high=0.7, adds_up=False, elapsed=0.5), "on track"),
    ],
)
def test_status(goal: float, now: Progress, expected: str) -> None:
    assert status(goal, now)[0] == expected


def test_a_goal_is_reachable_only_where_the_whole_interval_says_so() -> None:
    now = progress(4, low=2, high=8)
    assert reachable(6, now, 400, 500) == {
        "cost_per_result": 100, "cost_low": 50, "cost_high": 200, "needed": 200, "budget_left": 500, "reachable": "yes",
    }  # fmt: skip
    assert reachable(6, now, 400, 300)["reachable"] == "cannot tell"
    assert reachable(6, now, 400, 50)["reachable"] == "no"
    assert reachable(4, now, 400, 0)["reachable"] == "yes: reached"
    assert reachable(6, now, None, 50)["reachable"] == "n/a: no cost is known in the period"
    assert reachable(6, now, 400, None)["reachable"] == "n/a: no budget is known"
    assert reachable(6, progress(0), 400, 50)["reachable"] == "cannot tell: no result yet"
    assert reachable(50, progress(63, better="lower"), 400, 50)["reachable"] == "n/a: not a count"
