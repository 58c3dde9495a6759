"""What a holdout can detect: published figures and laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.ranking.detectable import accounts_per_arm, detectable_lift, plan, share_needed
from abm_scoring.ranking.holdout import HoldoutSpec


@pytest.mark.parametrize(("base", "lift", "n"), [(0.03, 0.2, 13_910), (0.03, 0.5, 2_514), (0.1, 0.2, 3_838)])
def test_sizes_are_those_of_the_normal_approximation(base: float, lift: float, n: int) -> None:
    assert int(accounts_per_arm(base, lift)) == n


def test_a_twentieth_of_ten_thousand_detects_three_quarters_at_three_percent() -> None:
    assert detectable_lift(0.03, 9_500, 500) == pytest.approx(0.744, abs=0.001)


@given(st.floats(0.005, 0.3), st.floats(0.05, 1.0))
def test_both_formulas_are_inverse(base: float, lift: float) -> None:
    n = accounts_per_arm(base, lift)
    assert detectable_lift(base, n, n) == pytest.approx(lift, rel=1e-6)


@given(st.floats(0.01, 0.2), st.floats(0.1, 1.5), st.integers(500, 200_000))
def test_the_share_that_is_needed_detects_the_lift_and_no_smaller_one_does(base: float, lift: float, n: int) -> None:
    share = share_needed(base, lift, n)
    if share is None:
        assert detectable_lift(base, n / 2, n / 2) > lift
        return
    assert detectable_lift(base, n * (1 - share), n * share) <= lift + 1e-9
    assert detectable_lift(base, n * (1 - 0.98 * share), n * 0.98 * share) > lift


def test_the_power_is_what_it_says() -> None:
    """Simulated trials with the effect that is said to be detectable: four of five show it."""
    rng = np.random.default_rng(1)
    base, n1, n0 = 0.05, 8_000, 2_000
    treated = base * (1 + detectable_lift(base, n1, n0))
    a, b = rng.binomial(n1, treated, 4_000) / n1, rng.binomial(n0, base, 4_000) / n0
    error = np.sqrt(a * (1 - a) / n1 + b * (1 - b) / n0)
    assert ((a - b) / error > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_nobody_withheld_detects_nothing() -> None:
    assert detectable_lift(0.03, 100, 0) == float("inf")
    with pytest.raises(ValueError, match="no such effect"):
        accounts_per_arm(0.6, 1.0)


def test_a_plan_speaks_of_families() -> None:
    # 2 000 families of two accounts at 1 % each convert with 1 − .99² = 1.99 %.
    n = 2_000
    frame = pd.DataFrame({"family_id": np.repeat([f"f{i}" for i in range(n)], 2), "probability": 0.01})
    arm = pd.Series(np.where(np.arange(2 * n) < 400, "withheld", "listed"))
    found = plan(frame, arm, HoldoutSpec(wanted_lift=1.3))
    assert (found.families, found.withheld) == (n, 200)
    assert found.base_rate == pytest.approx(0.0199)
    assert found.detectable_lift == pytest.approx(detectable_lift(0.0199, 1_800, 200))
    assert "200 of 2000 families" in found.sentence() and "% of them withheld" in found.sentence()
    small = plan(frame[:200], arm[:200], HoldoutSpec())
    assert small.share_needed is None and "more than there are" in small.sentence()


def test_without_a_probability_nobody_can_say() -> None:
    frame = pd.DataFrame({"family_id": ["a", "b"], "probability": [np.nan, np.nan]})
    found = plan(frame, pd.Series(["listed", "withheld"]), HoldoutSpec())
    assert found.base_rate is None and "nobody can say" in found.sentence()
