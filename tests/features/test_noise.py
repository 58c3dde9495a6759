"""The bot and noise gate: each rule by example, causality as a law, and what the log looks like afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.tables import Tables
from abm_scoring.features.build import features_at, resolve
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.history import History
from abm_scoring.features.noise import RULES, judge
from abm_scoring.features.noise_spec import NoiseSpec
from tests.laws.worlds import World, make_world, typed

LATER = pd.Timestamp("2030-01-01", tz="UTC")
START = pd.Timestamp("2026-01-05T09:00", tz="UTC")


def log_of(seconds: list[float], spec: NoiseSpec | None = None, **columns: object) -> History:
    """Events of one contact of account a, so many seconds after the start."""
    frame = pd.DataFrame({"occurred_at": [START + pd.Timedelta(seconds=s) for s in seconds]})
    frame = frame.assign(account_id="a", event_type="web_visit", **{"contact_id": "p", **columns})
    tables = Tables({"events": typed("events", frame), "accounts": pd.DataFrame({"account_id": ["a"]}, dtype="str")})
    return History.of(tables, until=LATER, noise=spec)


def rules(seconds: list[float], spec: NoiseSpec, **columns: object) -> list[str]:
    """The rule that flags each event, or nothing."""
    return ["" if r == 0 else RULES[r - 1] for r in judge(log_of(seconds, **columns).log, spec)]


def test_what_goes_beyond_the_rate_is_flagged_and_nothing_before_it() -> None:
    spec = NoiseSpec(max_per_minute=3, regular_gaps=100)
    assert rules([0, 1, 2, 3, 4, 100], spec) == ["", "", "", "per_minute", "per_minute", ""]
    assert rules([0, 30, 59.999, 60], spec) == ["", "", "", ""], "a minute is half-open"


def test_accounts_without_an_event_do_not_stand_in_the_way() -> None:
    frame = pd.DataFrame({"occurred_at": [START + pd.Timedelta(seconds=s) for s in range(6)]})
    events = typed("events", frame.assign(account_id="b", event_type="web_visit", contact_id="p"))
    accounts = pd.DataFrame({"account_id": ["a", "b", "c"]}, dtype="str")
    spec = NoiseSpec(max_per_minute=3, regular_gaps=100, action="exclude")
    log = History.of(Tables({"events": events, "accounts": accounts}), until=LATER, noise=spec).log
    assert log.noise is not None and log.noise.flagged == {"per_minute": 3}
    assert np.diff(log.offsets).tolist() == [0, 3, 0]


def test_the_day_has_a_limit_of_its_own() -> None:
    spec = NoiseSpec(max_per_day=2, regular_gaps=100)
    assert rules([0, 4_000, 9_000, 86_400 + 4_000], spec) == ["", "", "per_day", ""]


def test_equal_gaps_are_a_machine_and_gaps_of_humans_are_not() -> None:
    spec = NoiseSpec(regular_gaps=4)
    assert rules([0, 300, 600, 900, 1_200, 1_500], spec) == ["", "", "", "", "regular_gaps", "regular_gaps"]
    assert rules([0, 310, 600, 930, 1_200, 1_555], spec) == [""] * 6


def test_a_scanner_that_opens_every_link_is_flagged_from_the_first_link_too_many() -> None:
    spec = NoiseSpec(max_contents_per_minute=2, regular_gaps=100)
    assert rules([0, 1, 2, 3], spec, content_id=["x", "y", "z", "x"]) == ["", "", "all_links", "all_links"]
    assert rules([0, 1, 2, 3], spec, content_id=["x", "y", "x", "y"]) == [""] * 4
    assert rules([0, 1, 2, 3], spec, content_id=[None] * 4) == [""] * 4


def test_two_people_are_two_actors_and_everybody_without_an_id_is_one() -> None:
    spec = NoiseSpec(max_per_minute=2, regular_gaps=100)
    assert rules([0, 1, 2, 3], spec, contact_id=["p", "q", "p", "q"]) == [""] * 4
    assert rules([0, 1, 2, 3], spec, contact_id=[None] * 4) == ["", "", "per_minute", "per_minute"]


def test_exclude_distrusts_an_actor_for_a_while() -> None:
    spec = NoiseSpec(action="exclude", max_per_minute=2, regular_gaps=100, quarantine_days=1)
    found = rules([0, 1, 2, 40_000, 86_403], spec)
    assert found == ["", "", "per_minute", "quarantine", ""]


@pytest.mark.parametrize(("action", "seen"), [("keep", 5), ("cap", 3), ("exclude", 2)])
def test_features_see_what_the_action_leaves(action: str, seen: int) -> None:
    spec = NoiseSpec(action=action, max_per_minute=2, regular_gaps=100)  # type: ignore[arg-type]
    history = log_of([0, 1, 2, 3, 4_000], spec)
    rows = pd.DataFrame({"account_id": ["a"], "as_of": [START.as_unit("us") + pd.Timedelta(days=1)]})
    specs = resolve([EngagementSpec(windows_days=(7,), measures=("count", "contacts"))], history)
    assert features_at(history, rows, specs)["any_count_7d"].tolist() == [seen]
    report = history.log.noise
    assert report is not None
    assert report.left_out == 5 - seen
    assert report.flagged["per_minute"] == 2
    assert report.accounts == {0: 3 if action == "exclude" else 2}


@given(world=st.integers(0, 10_000).map(make_world), cut=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_a_judgement_never_changes_with_what_comes_later(world: World, cut: int) -> None:
    spec = NoiseSpec(action="exclude", max_per_day=2, regular_gaps=3, max_contents_per_minute=1, quarantine_days=2)
    until = pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=cut)
    whole, part = (History.of(world.tables, until=u).log for u in (LATER, until))
    known = whole.visible < int(until.timestamp() * 1e6)
    np.testing.assert_array_equal(judge(whole, spec)[known], judge(part, spec))
