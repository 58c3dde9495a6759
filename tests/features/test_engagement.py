"""The compiled walk against a naive loop over raw rows, and what its measures mean by example."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.tables import Tables
from abm_scoring.features import kernel, shapes
from abm_scoring.features.build import catalogue, features_at, resolve
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.history import History
from tests.features.oracle import oracle
from tests.laws.worlds import FAMILIES, World, make_world, typed

SPEC: EngagementSpec = FAMILIES["engagement"]  # type: ignore[assignment]


@given(world=st.integers(0, 10_000).map(make_world))
@settings(max_examples=20, deadline=None)
def test_every_measure_equals_a_loop_over_raw_rows(world: World) -> None:
    history = world.history
    rows = world.rows()
    (spec,) = resolve([SPEC], history)
    assert isinstance(spec, EngagementSpec)
    features = features_at(history, rows, [spec])
    expected = pd.DataFrame([oracle(world.tables, spec, *row) for row in rows.itertuples(index=False)])
    assert set(features.columns) - set(expected.columns) == {"first_touch_channel", "first_touch_content"}
    measured = features[expected.columns]
    # Clockwork gaps have a spread of 0, which the kernel reaches only to the square root of rounding.
    pd.testing.assert_frame_equal(measured, expected, check_exact=False, check_dtype=False, rtol=1e-12, atol=1e-7)
    exact = [c for c in expected if "regularity" not in c]
    pd.testing.assert_frame_equal(measured[exact], expected[exact], check_dtype=False, rtol=1e-12, atol=1e-12)


def events(*rows: tuple[str, str, str], **columns: object) -> Tables:
    """Events of account a: (time, type, contact)."""
    frame = pd.DataFrame(rows, columns=["occurred_at", "event_type", "contact_id"])
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True)
    frame = frame.assign(account_id="a", **columns)
    accounts = pd.DataFrame({"account_id": ["a", "b"]})
    return Tables({"events": typed("events", frame), "accounts": typed("accounts", accounts)})


def measure(tables: Tables, as_of: str, **spec: object) -> pd.Series:
    history = History.of(tables, until=pd.Timestamp("2030-01-01", tz="UTC"))
    rows = pd.DataFrame({"account_id": ["a"], "as_of": pd.to_datetime([as_of], utc=True).as_unit("us")})
    return features_at(history, rows, resolve([EngagementSpec(**spec)], history)).iloc[0]  # type: ignore[arg-type]


def test_an_event_at_as_of_is_the_future_and_one_at_the_window_start_is_inside() -> None:
    tables = events(("2026-01-01T00:00", "web_visit", "p"), ("2026-01-08T00:00", "web_visit", "q"))
    found = measure(tables, "2026-01-08T00:00", windows_days=(7,))
    assert found["any_count_7d"] == 1
    assert found["any_recency"] == 7


def test_what_the_brand_began_is_measured_by_type_but_is_not_engagement() -> None:
    tables = events(("2026-01-01", "email_sent", "p"), ("2026-01-02", "email_open", "p"))
    found = measure(tables, "2026-01-05", windows_days=(7,))
    assert (found["any_count_7d"], found["email_sent_count_7d"], found["email_open_count_7d"]) == (1, 1, 1)


def test_an_account_without_events_has_zero_counts_and_unknown_recency() -> None:
    tables = events(("2026-01-01", "web_visit", "p"))
    history = History.of(tables, until=pd.Timestamp("2030-01-01", tz="UTC"))
    rows = pd.DataFrame({"account_id": ["b"], "as_of": pd.to_datetime(["2026-02-01"], utc=True).as_unit("us")})
    found = features_at(history, rows, resolve([EngagementSpec(windows_days=(7,))], history)).iloc[0]
    assert found["any_count_7d"] == 0 and found["any_decayed_14d"] == 0
    assert np.isnan(found["any_recency"]) and np.isnan(found["any_momentum"])


def test_decay_halves_at_the_half_life_and_late_events_decay_from_when_they_occurred() -> None:
    on_time = events(("2026-01-01", "web_visit", "p"))
    late = events(("2026-01-01", "web_visit", "p"), known_at=pd.Timestamp("2026-01-10", tz="UTC"))
    assert measure(on_time, "2026-01-15", half_lives_days=(14.0,))["any_decayed_14d"] == pytest.approx(0.5)
    assert measure(late, "2026-01-15", half_lives_days=(14.0,))["any_decayed_14d"] == pytest.approx(0.5)
    assert measure(late, "2026-01-10", half_lives_days=(14.0,))["any_decayed_14d"] == 0


def test_a_day_of_clock_change_is_one_active_day() -> None:
    tables = events(("2026-03-29T00:30", "web_visit", "p"), ("2026-03-29T22:30", "web_visit", "p"))
    assert measure(tables, "2026-03-31", windows_days=(7,))["any_active_days_7d"] == 1


def test_names_are_unique_and_every_column_has_its_entry() -> None:
    world = make_world(1)
    history = world.history
    specs = resolve([SPEC], history)
    names = [f.name for f in catalogue(specs)]
    assert len(set(names)) == len(names)
    assert list(features_at(history, world.rows(), specs).columns) == names


@pytest.mark.parametrize(
    "wrong",
    [{"windows_days": (30, 7)}, {"windows_days": (0,)}, {"momentum_days": (90, 30)}, {"half_lives_days": (0.0,)}],
)
def test_impossible_windows_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match=r"must|shorter|positive"):
        EngagementSpec.model_validate(wrong)


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(3, n_accounts=40, n_events=3_000)
    history = world.history
    specs = resolve([SPEC], history)
    together = features_at(history, world.rows(), specs)
    pieces = []

    def in_many(work: Callable[[int, int], None], *load: np.ndarray, threads: int = 2) -> None:
        pieces.extend((a, a + 1) for a in range(len(load[0]) - 1))
        for a in range(len(load[0]) - 1):
            work(a, a + 1)

    monkeypatch.setattr(kernel, "in_pieces", in_many)
    monkeypatch.setattr(shapes, "in_pieces", in_many)
    pd.testing.assert_frame_equal(features_at(history, world.rows(), specs), together, check_exact=True)
    assert len(pieces) == 80
