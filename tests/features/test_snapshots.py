"""Calendars and landmarks."""

from __future__ import annotations

import itertools
from datetime import date
from functools import cache

import pandas as pd
import pytest

from abm_scoring.features.history import History
from abm_scoring.features.snapshots import CalendarSnapshots, LandmarkSnapshots
from tests.features.tables import LATER, tables

GIVEN = tables(
    accounts=[{"account_id": "a"}, {"account_id": "b", "known_at": "2026-02-01"}, {"account_id": "c"}],
    events=[
        {"account_id": "a", "occurred_at": "2026-01-10T12:00", "event_type": "web_visit"},
        {"account_id": "a", "occurred_at": "2026-03-01", "event_type": "web_visit"},
        {"account_id": "b", "occurred_at": "2026-02-03", "event_type": "web_visit", "known_at": "2026-02-20"},
    ],
)


@cache
def history() -> History:
    return History.of(GIVEN, until=LATER)


def shown(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(a, f"{t:%m-%d %H:%M}") for a, t in rows.itertuples(index=False)]


def test_a_calendar_names_both_its_ends_and_shows_only_accounts_that_exist() -> None:
    calendar = CalendarSnapshots(every="month", start=date(2026, 1, 1), end=date(2026, 3, 1))
    rows = calendar.training_rows(history())
    # b becomes known on the first of February: on that day itself it is not yet known.
    assert [a for a, _ in shown(rows)] == ["a", "c", "a", "c", "a", "b", "c"]
    assert sorted(set(rows["as_of"].dt.strftime("%m-%d"))) == ["01-01", "02-01", "03-01"]


@pytest.mark.parametrize(("every", "days"), [("week", 7), ("10 days", 10), ("1 day", 1)])
def test_steps(every: str, days: int) -> None:
    dates = CalendarSnapshots(every=every, start=date(2026, 1, 1), end=date(2026, 2, 1)).dates(history())
    assert {b - a for a, b in itertools.pairwise(dates)} == {pd.Timedelta(days=days)}


def test_dates_begin_when_the_projects_day_begins_also_across_a_clock_change() -> None:
    berlin = History.of(GIVEN, until=LATER, timezone="Europe/Berlin")
    dates = CalendarSnapshots(every="month", start=date(2026, 3, 1), end=date(2026, 4, 1)).dates(berlin)
    assert [f"{d:%m-%d %H}" for d in dates] == ["02-28 23", "03-31 22"]


def test_a_landmark_counts_from_when_the_first_event_could_be_known() -> None:
    rows = LandmarkSnapshots(kind="landmark", after_days=2).training_rows(history())
    assert shown(rows) == [("a", "01-12 12:00"), ("b", "02-22 00:00")]


def test_scoring_asks_about_landmarks_whose_horizon_is_open() -> None:
    landmark = LandmarkSnapshots(kind="landmark", after_days=2)
    at = pd.Timestamp("2026-02-22", tz="UTC")
    assert [a for a, _ in shown(landmark.scoring_rows(history(), at, horizon_days=30))] == ["b"]
    assert [a for a, _ in shown(landmark.scoring_rows(history(), at, horizon_days=60))] == ["a", "b"]


@pytest.mark.parametrize("every", ["0 days", "fortnight", "-3 days"])
def test_impossible_steps_are_refused(every: str) -> None:
    with pytest.raises(ValueError, match=r"every"):
        CalendarSnapshots(every=every)
