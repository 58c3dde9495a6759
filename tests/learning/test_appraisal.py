from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from abm_scoring.learning.appraisal import CURVE, appraise, gain, importance, learning_curve, reliability
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market

QUICK = ModelSpec(boosting=BoostingSpec(trees=15, bags=1), ridge=(0.1,), bootstrap=60, threads=1)
DRAWS = (60, 0)


@cache
def trained() -> tuple[Outcome, TrainingSet]:
    rows = market(accounts=250, dates=10)
    return train_ladder(rows, SplitSpec(), QUICK), rows


def test_groups_add_up_to_the_test() -> None:
    outcome, rows = trained()
    found = appraise(outcome, rows, 0.1, *DRAWS)
    assert found is not None and outcome.test_probability is not None
    held = rows.take(outcome.windows.test)
    for table in (found["months"], *found["segments"].values()):
        assert sum(row["rows"] for row in table) == len(held)
        assert sum(row["conversions"] for row in table) == held.converted.sum()
        assert sum(row["expected"] for row in table) == pytest.approx(outcome.test_probability.sum())
    assert set(found["segments"]) == {"sector"}
    pharma = next(row for row in found["segments"]["sector"] if row["group"] == "pharma")
    mine = (held.features["sector"] == "pharma").to_numpy()
    assert pharma["rate"] == pytest.approx(held.converted[mine].mean())


def test_brier_skill_is_one_minus_the_ratio_to_the_constant() -> None:
    outcome, rows = trained()
    found = appraise(outcome, rows, 0.1, *DRAWS)
    assert found is not None and outcome.test_probability is not None
    held, before = rows.take(outcome.windows.test), rows.take(outcome.windows.before_test)
    ours = np.mean((outcome.test_probability - held.converted) ** 2)
    constant = np.mean((before.converted.mean() - held.converted) ** 2)
    skill = found["brier_skill"]
    assert skill["value"] == pytest.approx(1 - ours / constant)
    assert skill["ci"][0] < skill["value"] < skill["ci"][1]


def test_gain_is_the_share_of_conversions_reached() -> None:
    rows = market(accounts=40, dates=1)
    p = np.random.default_rng(0).permutation(len(rows)) / len(rows)
    best = np.argsort(-p)[:8]
    (row, whole) = gain(p, rows, (0.2, 1.0), DRAWS)
    assert row["gain"] == pytest.approx(rows.converted[best].sum() / rows.converted.sum())
    assert row["lift"] == pytest.approx(row["gain"] / 0.2)
    assert row["gain_ci"][0] <= row["gain"] <= row["gain_ci"][1]
    assert whole["gain"] == pytest.approx(1) and whole["lift"] == pytest.approx(1)


def test_reliability_bins_hold_every_row_once_in_order() -> None:
    rows = market(accounts=103, dates=1)
    p = np.random.default_rng(0).random(len(rows))
    bins = reliability(p, rows, DRAWS)
    assert sum(b["rows"] for b in bins) == len(rows) and len(bins) == 10
    assert sum(b["rows"] * b["observed"] for b in bins) == pytest.approx(rows.converted.sum())
    assert all(a["to"] <= b["from"] for a, b in pairwise(bins))
    assert len(reliability(p[:3], rows.take(np.arange(3)), DRAWS)) == 3


def test_importance_is_the_mean_absolute_contribution() -> None:
    outcome, rows = trained()
    found = importance(outcome, rows)
    assert found is not None and outcome.model is not None
    values = outcome.calibration.apply(outcome.model.contributions(rows.features)).values
    names = [feature.name for feature in rows.catalogue]
    assert found["features"]["meeting_count_30d"] == pytest.approx(
        np.abs(values[:, names.index("meeting_count_30d")]).mean()
    )
    visits = values[:, [i for i, f in enumerate(rows.catalogue) if f.topic == "web_visit"]].sum(axis=1)
    assert found["topics"]["web_visit"] == pytest.approx(np.abs(visits).mean())
    assert list(found["topics"].values()) == sorted(found["topics"].values(), reverse=True)


def test_the_learning_curve_ends_at_the_tested_recipe() -> None:
    outcome, rows = trained()
    found = learning_curve(outcome, rows, QUICK)
    assert found is not None and outcome.test is not None
    assert [row["share"] for row in found] == list(CURVE)
    assert found[-1]["rows"] == outcome.n_train
    assert found[-1]["auc"] == pytest.approx(outcome.test["auc"])
    assert found[-1]["log_loss"] == pytest.approx(outcome.test["log_loss"])


def test_what_was_not_tested_is_not_appraised() -> None:
    outcome, rows = trained()
    assert appraise(replace(outcome, test_probability=None), rows, 0.1, *DRAWS) is None
    assert importance(replace(outcome, model=None), rows) is None
    assert learning_curve(replace(outcome, rung="profile"), rows, QUICK) is None
