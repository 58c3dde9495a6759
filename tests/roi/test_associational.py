"""Adjusted comparisons: right where everything that matters is seen, wrong where it is not, and named either way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.nuisance import cross_fit, parts
from abm_scoring.roi.associational import CAVEAT, Associational, associational, e_value
from abm_scoring.roi.lift_spec import AssociationalSpec

SPEC = AssociationalSpec(folds=3)
EFFECT = 0.08


def confounded(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Accounts whose size drives both treatment and conversion; the treated convert `EFFECT` more often."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(1 - 1.2 * size))
    converted = rng.random(n) < np.clip(0.3 + 0.2 * np.tanh(size) + EFFECT * treated, 0, 1)
    return pd.DataFrame(
        {
            "account_id": [f"a{i}" for i in range(n)],
            "family_id": [f"f{i // 2}" for i in range(n)],
            "treated": treated,
            "converted": converted,
            "value": converted * 100.0,
            "x_size": size,
            "x_sector": np.where(rng.random(n) < 0.5, "a", "b"),
        }
    )


@pytest.fixture(scope="module")
def found() -> Associational:
    negative = confounded(seed=1)
    return associational(confounded(), "roadshow", SPEC, cost=500.0, negative=negative.assign(converted=0.0))


def test_what_is_seen_is_adjusted_for(found: Associational) -> None:
    assert found.unadjusted.low is not None and found.unadjusted.low > EFFECT
    assert found.conversion.low is not None and found.conversion.high is not None
    assert found.conversion.low < EFFECT < found.conversion.high
    assert found.money is not None and found.conversion.estimate is not None
    assert found.money.estimate == pytest.approx(100 * found.conversion.estimate, rel=0.15)


def test_weighting_balances_what_is_seen(found: Associational) -> None:
    size = found.balance.set_index("covariate").loc["size"]
    assert size["before"] > 0.7 and abs(size["after"]) < 0.15
    assert found.overlap["effective_controls"] is not None and found.overlap["effective_controls"] < found.n_control


def test_it_is_never_called_anything_but_associational(found: Associational) -> None:
    told = found.as_json()
    assert told["notes"][0] == CAVEAT and "associational_roi" in told
    assert not [key for key in told if "incremental" in key or key == "roi"]


def test_what_is_hidden_stays_in_the_estimate() -> None:
    hidden = associational(confounded().drop(columns="x_size"), "roadshow", SPEC)
    assert hidden.conversion.low is not None and hidden.conversion.low > EFFECT
    assert hidden.e_value is not None and hidden.e_value_limit is not None and hidden.e_value > hidden.e_value_limit > 1


def test_a_negative_control_that_moves_is_told() -> None:
    frame = confounded()
    moved = frame.assign(converted=frame["treated"] * 1.0 + np.arange(len(frame)) % 7)
    said = associational(frame, "roadshow", SPEC, negative=moved)
    assert said.negative_control is not None and said.negative_control.verdict == "positive"
    assert any("negative control" in note for note in said.notes)


def test_too_few_accounts_are_said_not_fitted() -> None:
    few = confounded(40).assign(treated=np.arange(40) < 3)
    assert associational(few, "c", SPEC).conversion.reason == "too few accounts in a group"


def test_e_values_are_those_of_the_paper() -> None:
    """VanderWeele and Ding (2017): a risk ratio of 3.9 has 7.26, its lower bound 1.8 has 3.0; below 1 it is turned."""
    assert e_value(0.39, 0.1) == pytest.approx(7.26, abs=0.005)
    assert e_value(0.18, 0.1) == pytest.approx(3.0, abs=0.005)
    assert e_value(0.1, 0.39) == e_value(0.39, 0.1)
    assert e_value(0.2, 0.2) == 1.0 and e_value(0.2, 0.0) is None


def test_no_family_helps_to_predict_itself() -> None:
    frame = confounded(600)
    family = frame["family_id"].to_numpy(object)
    checked = np.zeros(600, int)
    for fit, check in parts(family, 4, 0):
        assert not set(family[fit]) & set(family[check])
        checked[check] += 1
    assert (checked == 1).all()
    # An outcome that is a family's own noise cannot be predicted from other families.
    noise = np.random.default_rng(0).normal(size=300).repeat(2)
    fitted = cross_fit(frame[["x_size"]], frame["treated"].to_numpy(), noise, family, 3, 0, known=0.5)
    assert np.corrcoef(fitted.control, noise)[0, 1] < 0.15 and (fitted.propensity == 0.5).all()
