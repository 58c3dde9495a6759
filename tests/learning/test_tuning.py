from __future__ import annotations

import sys

import pytest

from abm_scoring.errors import ConfigError
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec, TuneSpec
from abm_scoring.learning.tuning import tune
from tests.learning.worlds import market

ROWS = market(accounts=200, dates=8, strength=1.5)
SPEC = ModelSpec(
    kind="tuned",
    ridge=(0.05,),
    boosting=BoostingSpec(trees=25, bags=1, learning_rate=0.03, leaves=4),
    tune=TuneSpec(trials=3),
    threads=1,
    bootstrap=50,
)


@pytest.fixture(autouse=True)
def with_optuna() -> None:
    pytest.importorskip("optuna")


def test_the_same_seed_and_trials_give_the_same_parameters() -> None:
    first, again = tune(ROWS, SPEC, 30), tune(ROWS, SPEC, 30)
    assert first == again and first.trials == 3 and first.warning is None
    assert tune(ROWS, SPEC.model_copy(update={"seed": 1}), 30).boosting != first.boosting


def test_one_trial_is_the_configuration_itself() -> None:
    assert tune(ROWS, SPEC.model_copy(update={"tune": TuneSpec(trials=1)}), 30).boosting == SPEC.boosting


def test_the_time_budget_ends_the_search_and_says_so() -> None:
    found = tune(ROWS, SPEC.model_copy(update={"tune": TuneSpec(trials=500, seconds=0.01)}), 30)
    assert found.trials < 500 and "its time was up" in (found.warning or "")


def test_the_rung_stands_beside_the_others_and_ships_its_parameters() -> None:
    outcome = train_ladder(ROWS, SplitSpec(embargo_days=60), SPEC)
    assert {row["name"] for row in outcome.candidates} == {"constant", "logistic", "boosting", "average", "tuned"}
    losses = {row["name"]: row["log_loss"] for row in outcome.candidates}
    assert (outcome.rung == "tuned") == (losses["tuned"] < losses["average"])  # type: ignore[operator]
    assert bool(outcome.boosting) == (outcome.rung == "tuned")


def test_without_optuna_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"abm-scoring\[tune\]"):
        tune(ROWS, SPEC, 30)
