"""The forecast: its interval, its season warning, and what matured runs change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.roi.forecast import forecast, unseen_months
from abm_scoring.roi.predicted import hold_against
from abm_scoring.roi.predicted_spec import PredictedSpec
from tests.roi.test_predicted import market

SPEC = PredictedSpec(draws=200)


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("us")


YEAR = (day("2025-01-01"), day("2026-01-01"))
AUTUMN = day("2026-09-10")


def test_months_that_training_never_saw_are_named() -> None:
    seen = [(day("2011-02-02"), day("2011-08-31"))]
    assert unseen_months(day("2011-09-10"), day("2011-12-09"), seen) == (9, 10, 11, 12)
    assert unseen_months(day("2011-09-10"), day("2011-12-09"), [YEAR]) == ()
    # A few days of a month are no evidence of it, neither here nor there.
    assert unseen_months(day("2011-08-29"), day("2011-10-03"), [(day("2011-01-01"), day("2011-09-04"))]) == (9,)


def test_an_unseen_season_is_warned_of_and_widens_what_matured_runs_had_narrowed() -> None:
    rows = market(1, 2000)
    held = hold_against(rows, 90, SPEC)
    known = forecast(rows, AUTUMN, 90, [YEAR], SPEC, held)
    unseen = forecast(rows, AUTUMN, 90, [(YEAR[0], day("2025-09-01"))], SPEC, held)
    assert known.notes == () and known.unseen_months == ()
    assert unseen.unseen_months == (9, 10, 11, 12) and "season: no outcome of September" in unseen.notes[0]
    assert known.high is not None and unseen.high is not None and known.low is not None and unseen.low is not None
    assert unseen.high - unseen.low > 1.2 * (known.high - known.low)
    assert unseen.expected == known.expected


def test_without_a_matured_run_the_interval_says_that_the_model_is_untried() -> None:
    rows = market(1, 2000)
    found = forecast(rows, AUTUMN, 90, [YEAR], SPEC)
    assert "no frozen run has matured" in found.notes[0] and found.correction == 1.0
    assert found.expected == pytest.approx((rows["probability"] * rows["worth"]).sum())
    assert found.low is not None and found.expected is not None and found.low < 0.7 * found.expected


def test_a_level_that_chance_does_not_explain_is_corrected_for_and_said() -> None:
    rows = market(1, 2000)
    twice = hold_against(rows.assign(gross=rows["gross"] * 2), 90, SPEC)
    found = forecast(rows, AUTUMN, 90, [YEAR], SPEC, twice)
    assert found.correction == pytest.approx(twice.total()["gross_ratio"]) and found.correction > 1.5
    assert "corrected for" in found.notes[0]


def test_intervals_of_a_model_that_is_right_cover_what_comes() -> None:
    inside = []
    for seed in range(12):
        held = hold_against(market(seed, 600), 90, SPEC)
        next_one = market(1000 + seed, 600)
        found = forecast(next_one, AUTUMN, 90, [YEAR], SPEC, held)
        assert found.low is not None and found.high is not None
        inside.append(found.low <= next_one["gross"].sum() <= found.high)
    assert np.mean(inside) >= 0.9


def test_without_worth_only_wins_are_forecast() -> None:
    found = forecast(market(1, 200).drop(columns="worth"), AUTUMN, 90, [YEAR], SPEC)
    assert found.expected is None and found.as_json()["low"] is None and found.wins > 0
