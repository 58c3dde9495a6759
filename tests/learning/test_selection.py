from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market, relabelled

QUICK = ModelSpec(ridge=(0.01, 0.1), boosting=BoostingSpec(trees=40, bags=1), threads=1, bootstrap=100)
SPLIT = SplitSpec(embargo_days=90)
GOOD = market(accounts=500, dates=10, strength=1.5)


# Made when a test asks, because every worker reads every file.
@cache
def trained() -> Outcome:
    return train_ladder(GOOD, SPLIT, QUICK)


def without(training: TrainingSet, *names: str) -> TrainingSet:
    kept = tuple(f for f in training.catalogue if f.name not in names)
    return replace(training, features=training.features[[f.name for f in kept]], catalogue=kept)


def test_a_signal_is_found_and_ships_a_probability() -> None:
    assert trained().rung in ("average", "logistic")
    assert trained().model is not None and trained().model.kind == trained().rung
    assert trained().test is not None
    assert trained().test["log_loss"] < trained().test["log_loss_constant"]  # type: ignore[operator]
    assert trained().test["auc"] > 0.65  # type: ignore[operator]
    assert "saved" in trained().reason and trained().rung in trained().reason


def test_every_opponent_has_the_same_metrics() -> None:
    assert set(trained().opponents) == {"constant", "fit_only", "points"}
    assert all(set(m) == set(trained().test or {}) for m in trained().opponents.values())
    assert trained().opponents["constant"]["log_loss"] == pytest.approx(trained().test["log_loss_constant"])  # type: ignore


def test_rows_are_counted_by_what_they_were_used_for() -> None:
    w = trained().windows
    assert (trained().n_train, trained().n_choose, trained().n_test) == (
        w.before_test.sum(),
        w.choose.sum(),
        w.test.sum(),
    )
    assert trained().n_shipped == len(GOOD)
    assert trained().converted_accounts == len(set(GOOD.account_id[GOOD.converted]))


def decisions(outcome: Outcome) -> tuple[object, ...]:
    return outcome.candidates, outcome.calibration, outcome.calibration_gain, outcome.reason


def test_nothing_is_chosen_on_the_test() -> None:
    hidden = GOOD.converted.copy()
    test = trained().windows.test
    hidden[test] = np.random.default_rng(0).permutation(hidden[test])
    assert decisions(train_ladder(relabelled(GOOD, hidden), SPLIT, QUICK))[:3] == decisions(trained())[:3]


def test_losing_on_the_test_ships_nothing() -> None:
    turned = GOOD.converted.copy()
    turned[trained().windows.test] = ~turned[trained().windows.test]
    outcome = train_ladder(relabelled(GOOD, turned), SPLIT, QUICK)
    assert (outcome.rung, outcome.model) == ("none", None)
    assert "lost on the test" in outcome.reason
    assert outcome.test is not None


def test_the_same_training_gives_the_same_model() -> None:
    again = train_ladder(GOOD, SPLIT, QUICK)
    assert again.model == trained().model
    assert (again.test, again.opponents, again.candidates) == (
        trained().test,
        trained().opponents,
        trained().candidates,
    )


def test_permuted_labels_ship_nothing() -> None:
    shipped, areas = 0, []
    for seed in range(10):
        rows = market(accounts=120, dates=10, seed=seed)
        noise = np.random.default_rng(seed).permutation(rows.converted)
        outcome = train_ladder(relabelled(rows, noise), SPLIT, QUICK)
        shipped += outcome.model is not None
        assert outcome.test is not None
        areas.append(outcome.test["auc"])
    assert shipped <= 1
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)  # type: ignore[arg-type]


def test_few_conversions_rank_by_profile_and_claim_no_probability() -> None:
    outcome = train_ladder(market(accounts=60, dates=8, level=-6.0), SPLIT, QUICK)
    assert outcome.rung == "profile"
    assert outcome.model is not None and outcome.model.kind == "profile"
    assert "a model of the features needs 30" in outcome.reason
    assert any("ranked by profile fit" in warning for warning in outcome.warnings)
    assert outcome.test is None and outcome.opponents == {}


def test_few_conversions_without_a_profile_ship_nothing() -> None:
    rows = without(market(accounts=60, dates=8, level=-6.0), "fit_total")
    outcome = train_ladder(rows, SPLIT, QUICK)
    assert (outcome.rung, outcome.model) == ("none", None)
    assert "value_fit" in outcome.reason


def test_conversions_are_counted_by_account_not_by_row() -> None:
    rows = market(accounts=200, dates=10)
    loyal = rows.account_id < "a00025"
    outcome = train_ladder(relabelled(rows, loyal), SPLIT, QUICK)
    assert outcome.converted_accounts == 25
    assert outcome.rung in ("profile", "prior")


@pytest.mark.fault(39)
@pytest.mark.parametrize("converted", [True, False])
def test_one_outcome_only_gives_a_profile(converted: bool) -> None:
    rows = market(accounts=60, dates=8)
    outcome = train_ladder(relabelled(rows, np.full(len(rows), converted)), SPLIT, QUICK)
    assert outcome.rung == "profile"


@pytest.mark.parametrize("dates", [0, 1, 3])
def test_history_too_short_to_choose_gives_a_profile_and_says_so(dates: int) -> None:
    rows = market(accounts=200, dates=max(dates, 1), level=0.0)
    outcome = train_ladder(rows if dates else rows.take(np.zeros(len(rows), bool)), SPLIT, QUICK)
    assert outcome.rung == "profile"
    assert any("not enough history" in warning for warning in outcome.warnings)


def test_without_a_test_part_the_choosing_part_still_decides() -> None:
    outcome = train_ladder(market(accounts=500, dates=5, level=0.0, strength=2.0), SPLIT, QUICK)
    assert outcome.rung in ("average", "logistic")
    assert outcome.test is None and outcome.n_test == 0
    assert any("not measured on untouched rows" in warning for warning in outcome.warnings)


def test_a_profile_can_be_asked_for() -> None:
    outcome = train_ladder(GOOD, SPLIT, QUICK.model_copy(update={"kind": "profile"}))
    assert outcome.rung == "profile" and outcome.warnings == ()


@pytest.mark.parametrize("kind", ["logistic", "average"])
def test_a_rung_can_be_asked_for(kind: str) -> None:
    outcome = train_ladder(GOOD, SPLIT, QUICK.model_copy(update={"kind": kind}))
    assert outcome.rung == kind


def test_features_that_never_vary_ship_nothing() -> None:
    flat = GOOD.features.copy()
    for name in flat:
        flat[name] = flat[name].iloc[0]
    rows = without(replace(GOOD, features=flat), "any_recency")
    outcome = train_ladder(rows, SPLIT, QUICK)
    assert (outcome.rung, outcome.model) == ("none", None)


def test_what_the_shipped_model_leaves_out_is_reported() -> None:
    clock = np.arange(len(GOOD), dtype=float)
    outcome = train_ladder(replace(GOOD, features=GOOD.features.assign(any_recency=clock)), SPLIT, QUICK)
    assert "differ between early and late" in outcome.dropped["any_recency"]


def test_progress_is_told_in_order() -> None:
    told: list[tuple[str, int, int]] = []
    train_ladder(GOOD, SPLIT, QUICK, progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]


def test_dates_of_the_config_are_kept() -> None:
    dated = SplitSpec(choose_from=date(2025, 5, 1), test_from=date(2025, 8, 1), embargo_days=60)
    outcome = train_ladder(GOOD, dated, QUICK)
    assert (outcome.windows.choose_from, outcome.windows.test_from) == (date(2025, 5, 1), date(2025, 8, 1))
    assert "embargo of 60 days is shorter" in outcome.warnings[0]
