"""Uplift: a ranking that tells responders apart is recognised, and one that does not is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.roi.lift_spec import UpliftSpec
from abm_scoring.roi.uplift import evaluate_uplift, uplift

SPEC = UpliftSpec(draws=100, folds=3)
N = 4000


def campaign(seed: int = 0, n: int = N) -> pd.DataFrame:
    """A campaign that works on half of the accounts only, and they can be told by a covariate."""
    rng = np.random.default_rng(seed)
    open_to_it, treated = rng.random(n) < 0.5, rng.random(n) < 0.5
    converted = rng.random(n) < 0.1 + 0.2 * (open_to_it & treated)
    covariates = {"x_open": open_to_it * 1.0, "x_noise": rng.normal(size=n)}
    family = [f"f{i}" for i in range(n)]
    return pd.DataFrame({"family_id": family, "treated": treated, "converted": converted * 1.0, **covariates})


@pytest.mark.parametrize("learner", ["t", "dr"])
def test_responders_are_ranked_first_and_that_is_recognised(learner: str) -> None:
    found = uplift(campaign(), "converted", SPEC.model_copy(update={"learner": learner}))
    assert found.verdict == "positive" and found.learner == learner
    assert found.top.estimate is not None and found.average.estimate is not None
    assert found.top.estimate == pytest.approx(0.2, abs=0.05) and found.average.estimate == pytest.approx(0.1, abs=0.03)
    # All of the gain comes from the first half: the area is a quarter of the effect of .1, less noise.
    assert found.qini.estimate == pytest.approx(0.025, abs=0.01)


def test_where_everybody_responds_alike_nothing_is_claimed() -> None:
    said = []
    for seed in range(4):
        frame = campaign(seed, 1500)
        alike = np.random.default_rng(100 + seed).random(1500) < 0.1 + 0.1 * frame["treated"]
        said.append(uplift(frame.assign(converted=alike * 1.0), "converted", SPEC).verdict)
    assert said.count("positive") <= 1


def test_the_curve_ends_at_the_average_effect_of_the_treated() -> None:
    frame = campaign(2)
    treated, came = frame["treated"].to_numpy(), frame["converted"].to_numpy()
    found = evaluate_uplift(frame["x_noise"].to_numpy(), treated, came, np.arange(N), SPEC)
    plain = came[treated].mean() - came[~treated].mean()
    assert found.average.estimate == pytest.approx(plain) and found.curve["gain"].iloc[-1] == pytest.approx(plain)
    assert found.curve["gain"].iloc[0] == 0
    assert (found.curve["low"] <= found.curve["high"]).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_only_the_order_of_the_scores_counts(seed: int) -> None:
    frame, spec = campaign(seed, 300), UpliftSpec(draws=50)
    score = np.random.default_rng(seed).normal(size=300)
    arms = frame["treated"].to_numpy(), frame["converted"].to_numpy(), np.arange(300), spec
    a, b = (evaluate_uplift(s, *arms) for s in (score, np.exp(3 * score)))
    assert a.as_json() == b.as_json()


def test_an_empty_arm_is_said() -> None:
    found = evaluate_uplift(np.arange(9.0), np.ones(9, bool), np.ones(9), np.arange(9), SPEC)
    assert found.qini.reason == "one arm is empty" and found.as_json()["curve"] == []
