"""Change since the last run, trend, and the topic that moved most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.ranking.history import gone_silent, with_changes, with_previous, with_trend

NIGHT = pd.Timestamp("2026-03-01", tz="UTC")


def day(ago: int) -> pd.Timestamp:
    return NIGHT - pd.Timedelta(days=ago)


def test_the_previous_score_is_that_of_the_same_account() -> None:
    now = pd.DataFrame({"account_id": ["a", "b", "new"], "score": [50.0, 60.0, 70.0]})
    then = pd.DataFrame({"account_id": ["b", "a", "gone"], "score": [90.0, 45.0, 1.0]})
    found = with_previous(now, then)
    assert found["score_previous"].tolist()[:2] == [45.0, 90.0]
    assert found["score_change"].tolist()[:2] == [5.0, -30.0]
    assert found.loc[2, ["score_previous", "score_change"]].isna().all()
    assert "score_previous" not in with_previous(now, None)


def trend_of(*scores: float, step: int = 7) -> str | float:
    history = pd.DataFrame(
        {
            "account_id": "a",
            "as_of": [day(step * (len(scores) - 1 - i)) for i in range(len(scores) - 1)],
            "score": scores[:-1],
        }
    )
    now = pd.DataFrame({"account_id": ["a"], "score": [scores[-1]]})
    recent = history[history["as_of"] >= NIGHT - pd.Timedelta(days=28)]
    nights = pd.DatetimeIndex(recent["as_of"].unique())
    trended = with_trend(now, recent, nights, NIGHT, days=28, points=5)
    found: str | float = trended.get("score_trend", pd.Series([np.nan]))[0]
    return found


@pytest.mark.parametrize(
    ("scores", "trend"),
    [
        ((50, 52, 54), "up"),  # 2 points a week climb 8 in 28 days
        ((50, 51, 52), "flat"),  # 4 in 28 days
        ((54, 52, 50), "down"),
        ((50, 80, 50), "flat"),  # a line through a peak is level
        ((0, 0, 0, 0, 0, 50, 50, 50), "up"),
        ((90, 0, 0, 0, 0, 0), "flat"),  # what lies before the 28 days does not count
    ],
)
def test_the_trend_is_the_slope_of_a_line(scores: tuple[float, ...], trend: str) -> None:
    assert trend_of(*scores) == trend


def test_two_runs_are_no_trend() -> None:
    assert trend_of(10, 90) is np.nan or pd.isna(trend_of(10, 90))


def topics(**columns: list[float]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"account_id": [f"{i:02d}" for i in range(n)], **{f"topic_{k}": v for k, v in columns.items()}})


def test_the_topic_that_moved_most_is_named_with_its_sign() -> None:
    now, then = (
        topics(visits=[1.0, 0.0, 0.0], size=[0.0, 0.5, 0.0]),
        topics(visits=[0.2, 0.1, 0.0], size=[0.3, 1.0, 0.0]),
    )
    found = with_changes(now, then, same_model=True)
    assert found["change_topic"].tolist()[:2] == ["visits", "size"]
    assert found["change_delta"].tolist()[:2] == pytest.approx([0.8, -0.5])
    assert found["change_kind"].tolist()[:2] == ["behaviour", "behaviour"]
    assert found.loc[2, ["change_topic", "change_delta", "change_kind"]].isna().all()


def test_another_model_is_told_apart_from_the_account() -> None:
    found = with_changes(topics(visits=[1.0]), topics(visits=[0.2]), same_model=False)
    assert found["change_kind"].tolist() == ["model"]


def test_a_topic_that_goes_silent_for_nearly_everybody_is_data() -> None:
    rng = np.random.default_rng(0)
    then = topics(visits=list(rng.normal(size=100)), mail=list(rng.normal(size=100)))
    now = then.assign(topic_visits=-0.4, topic_mail=then["topic_mail"] + rng.choice([0.0, 0.1], 100))
    quiet = gone_silent(now[["topic_visits", "topic_mail"]], then[["topic_visits", "topic_mail"]])
    assert quiet == {"visits"}
    found = with_changes(now, then, same_model=True, quiet=quiet)
    assert set(found["change_kind"][found["change_topic"] == "visits"]) == {"data"}
    assert set(found["change_kind"][found["change_topic"] == "mail"].dropna()) <= {"behaviour"}


def test_a_source_that_is_known_to_be_silent_is_data_though_windows_still_hold_something() -> None:
    found = with_changes(topics(visits=[1.0, 2.0]), topics(visits=[1.5, 2.5]), same_model=True, quiet={"visits"})
    assert found["change_kind"].tolist() == ["data", "data"]


def test_an_account_that_was_not_scored_then_has_no_change() -> None:
    then = topics(visits=[1.0])
    found = with_changes(topics(visits=[1.0, 2.0]), then, same_model=True)
    assert found["change_topic"].isna().all()
