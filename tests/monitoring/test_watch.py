"""What the monitor says of a series of nights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.monitoring.drift import Drift
from abm_scoring.monitoring.spec import MonitoringSpec
from abm_scoring.monitoring.watch import Point, advice, alarms, apart, cohort

NIGHT = pd.Timestamp("2026-03-01", tz="UTC")
SPEC = MonitoringSpec()


def point(mqa_open: int) -> Point:
    return Point("r", NIGHT.isoformat(), "m", 100, 0.01, 50.0, 0, None, 5.0, mqa_open, 1)


def drift(name: str, missing: float = 0.0) -> Drift:
    return Drift(name, 0.5, 0.1, True, missing, 0.0, 100)


def test_a_true_model_is_left_alone_and_a_false_one_is_called_so() -> None:
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(300):
        p = rng.beta(1, 30, 400)
        called += cohort("r", NIGHT, p, rng.random(400) < p, 0.05).alarm
    assert called / 300 <= 0.06
    # Half as many conversions as promised, where about 26 were: far outside.
    p = np.full(400, 0.065)
    found = cohort("r", NIGHT, p, np.arange(400) < 13, 0.05)
    assert found.alarm and found.expected == pytest.approx(26) and found.wins < found.low
    assert cohort("r", NIGHT, np.full(3, 0.01), np.zeros(3, bool), 0.05).alarm is False


def test_cohorts_do_not_overlap_and_the_newest_is_one_of_them() -> None:
    nights = list(pd.date_range("2026-01-01", periods=20, freq="10D", tz="UTC"))
    kept = apart(nights, 90)
    assert kept == [1, 10, 19]
    assert apart([], 90) == []


def test_what_went_missing_is_told_apart_from_what_drifted() -> None:
    found = alarms([drift("a"), drift("b", missing=0.9)], None, [], [], 10, SPEC)
    assert [kind for kind, _ in found] == ["drift", "missing"]


def test_an_unusual_number_of_mqas_is_told_once_there_are_nights_to_compare() -> None:
    quiet = [point(20 + i % 3) for i in range(10)]
    assert alarms([], None, [], [*quiet, point(23)], None, SPEC) == ()
    ((kind, says),) = alarms([], None, [], [*quiet, point(60)], None, SPEC)
    assert kind == "mqa" and "60 MQAs" in says
    assert alarms([], None, [], [*quiet[:3], point(60)], None, SPEC) == ()


def test_training_again_is_advised_for_reasons_that_training_can_mend() -> None:
    wrong = cohort("r", NIGHT, np.full(400, 0.065), np.arange(400) < 13, 0.05)
    for given, advised in (
        (alarms([], None, [wrong], [], 10, SPEC), True),
        (alarms([], None, [], [], 200, SPEC), True),
        (alarms([], drift("raw_score"), [], [], 10, SPEC), True),
        (alarms([drift("a")], None, [], [], 10, SPEC), False),
        # A source that went silent moves the scores; a new model would only learn the silence.
        (alarms([drift("a", missing=0.9)], drift("raw_score"), [], [], 10, SPEC), False),
    ):
        assert bool(advice(given, [drift("a")] * 1 + [Drift("b", 0, 1, False, 0, 0, 1)] * 3)) is advised, given
