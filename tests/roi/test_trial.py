"""Randomised comparisons: known intervals, coverage, families, covariates, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.roi.effect import Effect, bounded, return_on, verdict
from abm_scoring.roi.lift_spec import LiftSpec
from abm_scoring.roi.trial import compare_arms, trial

SPEC = LiftSpec()


def rows(treated: np.ndarray, converted: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
    ids = [f"a{i}" for i in range(len(treated))]
    return pd.DataFrame({"account_id": ids, "family_id": ids, "treated": treated, "converted": converted, **more})


def two_arms(hits_1: int, n_1: int, hits_0: int, n_0: int) -> pd.DataFrame:
    treated = np.repeat([True, False], [n_1, n_0])
    return rows(treated, np.concatenate([np.arange(n_1) < hits_1, np.arange(n_0) < hits_0]))


def test_without_covariates_and_families_it_is_the_plain_difference_with_welch_variance() -> None:
    found = trial(two_arms(60, 400, 30, 500), "c", SPEC)
    a, b = 60 / 400, 30 / 500
    assert found.conversion.estimate == pytest.approx(a - b)
    assert found.conversion.se == pytest.approx(np.sqrt(a * (1 - a) / 399 + b * (1 - b) / 499))
    assert found.verdict == "positive" and found.relative.estimate == pytest.approx(a / b - 1)


def test_with_few_conversions_the_interval_is_newcombes() -> None:
    """Newcombe (1998), table II, method 10: 56/70 against 48/80 gives .0524 to .3339."""
    found = trial(two_arms(56, 70, 48, 80), "c", LiftSpec(min_conversions=100)).conversion
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_an_arm_without_any_conversion_has_an_interval_and_no_verdict_on_money() -> None:
    frame = two_arms(3, 200, 0, 40)
    found = trial(frame.assign(value=frame["converted"] * 1000.0), "c", SPEC, cost=10.0)
    assert found.verdict == "cannot tell" and found.conversion.low is not None and found.conversion.low < 0
    assert found.money is not None and found.money.verdict == "cannot tell"
    assert found.money.reason == "fewer than 10 conversions in an arm" == found.roi.reason
    assert found.relative.estimate is None and found.relative.reason


@pytest.mark.parametrize("treated", [np.zeros(30, bool), np.ones(30, bool)])
def test_an_empty_arm_is_said_and_not_divided_by(treated: np.ndarray) -> None:
    found = trial(rows(treated, np.arange(30) < 12), "c", SPEC)
    assert found.conversion.estimate is None and found.conversion.reason == "one arm is empty"
    assert found.detectable is None and found.as_json()["verdict"] == "cannot tell"


def test_variance_by_families_equals_the_brute_force_over_families() -> None:
    """Twins that share arm and outcome carry no more information than one of them."""
    rng = np.random.default_rng(1)
    treated, outcome = rng.random(300) < 0.5, rng.normal(size=300)
    alone = compare_arms(outcome, treated, np.arange(300), None, 0.95)
    twins = compare_arms(np.repeat(outcome, 2), np.repeat(treated, 2), np.repeat(np.arange(300), 2), None, 0.95)
    assert alone.estimate == pytest.approx(twins.estimate)
    assert alone.se is not None and twins.se == pytest.approx(alone.se, rel=0.01)


def test_covariates_take_away_the_variance_that_they_explain() -> None:
    rng = np.random.default_rng(12)
    n = 4000
    x, treated = rng.normal(size=n), rng.random(n) < 0.5
    converted = rng.random(n) < 1 / (1 + np.exp(1 - 1.5 * x - 0.4 * treated))
    found = trial(rows(treated, converted, x_score=x), "c", SPEC)
    assert found.variance_saved is not None and 0.15 < found.variance_saved < 0.5
    true = np.mean(1 / (1 + np.exp(0.6 - 1.5 * x)) - 1 / (1 + np.exp(1 - 1.5 * x)))
    assert found.conversion.low is not None and found.conversion.high is not None
    assert found.conversion.low < true < found.conversion.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(3), 0
    family = np.arange(900) // 3
    for _ in range(600):
        shock = rng.normal(size=300)[family]
        treated = (rng.random(300) < 0.4)[family]
        found = compare_arms(shock + rng.normal(size=900) + 0.5 * treated, treated, family, None, 0.95)
        assert found.low is not None and found.high is not None
        inside += found.low < 0.5 < found.high
    assert 0.925 <= inside / 600 <= 0.975


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
def test_shift_and_scale_of_the_outcome_move_the_effect_as_they_should(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    treated, outcome, x = rng.random(80) < 0.5, rng.normal(size=80), rng.normal(size=(80, 2))
    treated[:2] = True, False
    plain = compare_arms(outcome, treated, np.arange(80), x, 0.95)
    moved = compare_arms(shift + scale * outcome, treated, np.arange(80), x, 0.95)
    turned = compare_arms(outcome, ~treated, np.arange(80), x, 0.95)
    assert plain.estimate is not None and plain.se is not None
    assert moved.estimate == pytest.approx(scale * plain.estimate, abs=1e-7)
    assert moved.se == pytest.approx(scale * plain.se, rel=1e-6)
    assert turned.estimate == pytest.approx(-plain.estimate, abs=1e-9)


def test_incremental_roi_is_return_less_cost_over_cost_with_the_effects_bounds() -> None:
    money = bounded(20.0, 5.0, 10.0, 30.0, 0.95)
    found = return_on(money, 100, 800.0)
    assert (found.roi, found.low, found.high, found.verdict) == (1.5, 0.25, 2.75, "positive")
    assert return_on(money, 100, 1500.0).verdict == "cannot tell"
    assert return_on(money, 100, 4000.0).verdict == "negative"


@pytest.mark.parametrize("cost", [None, 0.0])
def test_roi_without_cost_is_undefined_and_says_why(cost: float | None) -> None:
    found = return_on(bounded(20.0, 5.0, 10.0, 30.0, 0.95), 100, cost)
    assert found.roi is None and found.reason and found.returned == 2000.0


def test_the_verdict_follows_from_the_bounds_alone() -> None:
    assert [verdict(*b) for b in ((0.1, 1.0), (-1.0, -0.1), (-0.1, 0.1), (0.0, 1.0), (None, None))] == [
        "positive",
        "negative",
        "cannot tell",
        "cannot tell",
        "cannot tell",
    ]
    assert Effect(1.0, 0.1, 0.8, 1.2, 0.95, "positive").without_verdict("why").verdict == "cannot tell"


def test_the_effect_that_can_be_detected_is_found_in_four_of_five_trials() -> None:
    rng = np.random.default_rng(4)
    n, base = 1500, 0.08
    first = trial(two_arms(int(base * n), n, int(base * n), n), "c", SPEC)
    assert first.detectable is not None
    treated = np.repeat([True, False], n)
    shares = np.where(treated, base + first.detectable, base)
    hits = [
        compare_arms((rng.random(2 * n) < shares).astype(float), treated, np.arange(2 * n), None, 0.95).verdict
        for _ in range(400)
    ]
    assert 0.74 <= np.mean([h == "positive" for h in hits]) <= 0.87
