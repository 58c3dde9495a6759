from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.intervals import REFITS, Refits, fit_refits, no_bounds
from abm_scoring.learning.logistic import LogisticModel
from abm_scoring.learning.profile import fit_profile
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market

QUICK = ModelSpec(ridge=(0.03,), boosting=BoostingSpec(trees=60, bags=1), threads=1, bootstrap=60)
ROWS = market(accounts=300, dates=8)
IDENTITY = Calibration()


def fit(rows: TrainingSet, rung: Literal["logistic", "average"]) -> tuple[LogisticModel | AverageModel, Refits]:
    model, _ = fit_rung(rung, rows, QUICK, 90)
    refits = fit_refits(model, rows, QUICK)
    assert refits is not None
    return model, refits


# Made when a test asks, because every worker reads every file.
@cache
def average() -> tuple[LogisticModel | AverageModel, Refits]:
    return fit(ROWS, "average")


@pytest.mark.parametrize("calibration", [IDENTITY, Calibration(kind="platt", intercept=-0.2, slope=0.7)])
@pytest.mark.parametrize("rung", ["logistic", "average"])
def test_the_probability_lies_inside_its_interval(
    rung: Literal["logistic", "average"], calibration: Calibration
) -> None:
    model, refits = fit(ROWS, rung)
    raw = calibration.raw_score(model.log_odds(ROWS.features))
    bounds = refits.bounds(ROWS.features, raw, calibration)
    p = probability(raw)
    assert ((bounds["probability_low"] <= p) & (p <= bounds["probability_high"])).all()
    assert ((bounds["probability_low"] >= 0) & (bounds["probability_high"] <= 1)).all()
    assert (bounds["probability_high"] > bounds["probability_low"]).all()


def test_a_flatter_calibration_narrows_the_interval_on_the_log_odds() -> None:
    model, refits = average()
    raw = model.log_odds(ROWS.features)

    def width(calibration: Calibration) -> np.ndarray:
        bounds = refits.bounds(ROWS.features, calibration.raw_score(raw), calibration)
        odds = np.log(bounds / (1 - bounds))
        return (odds["probability_high"] - odds["probability_low"]).to_numpy()

    flat = Calibration(kind="platt", intercept=0.3, slope=0.5)
    np.testing.assert_allclose(width(flat), 0.5 * width(IDENTITY), rtol=1e-6)


def test_one_step_refits_are_what_whole_refits_would_be() -> None:
    """Oracle: scikit-learn on the same bootstrap samples."""
    from sklearn.linear_model import LogisticRegression

    from abm_scoring.learning.intervals import _draws

    rows = market(accounts=800, dates=3)
    model, refits = fit(rows, "logistic")
    assert isinstance(model, LogisticModel)
    codes, families = pd.factorize(rows.family, sort=True)
    design = model.encoding.design(rows.features)
    for drawn, weights in list(zip(_draws(len(families), QUICK.seed), refits.weights, strict=True))[:4]:
        exact = LogisticRegression(C=model.ridge, solver="newton-cholesky", tol=1e-8)
        exact.fit(design, rows.converted, sample_weight=drawn[codes])
        moved = design @ (exact.coef_[0] - model.weights) + exact.intercept_[0] - model.intercept
        ours = design @ (np.array(weights[1:]) - model.weights) + weights[0] - model.intercept
        assert np.corrcoef(moved, ours)[0, 1] > 0.98
        assert ours.std() == pytest.approx(moved.std(), rel=0.15)


def test_more_data_make_narrower_intervals() -> None:
    def width(accounts: int) -> float:
        rows = market(accounts=accounts, dates=4, seed=3)
        model, refits = fit(rows, "average")
        return float(refits.spread(ROWS.features, model.log_odds(ROWS.features)).mean())

    assert width(1600) < 0.75 * width(150)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """In a world whose features say everything, the true probability is what the interval is about."""
    level, covered = -1.5, []
    for seed in range(3):
        rows = market(accounts=500, dates=3, seed=seed)
        model, refits = fit(rows, "average")
        features = rows.features
        visits, meetings = features["web_visit_count_30d"], features["meeting_count_30d"]
        signal = 1.5 * (features["fit_total"] - 0.5) + 0.6 * np.log1p(visits) - 0.5 + 0.8 * meetings
        true = probability((level + signal + 0.5 * (features["sector"] == "biotech")).to_numpy())
        bounds = refits.bounds(features, model.log_odds(features), IDENTITY)
        covered.append(((bounds["probability_low"] <= true) & (true <= bounds["probability_high"])).mean())
    assert 0.75 <= np.mean(covered) <= 0.99


def test_a_batch_of_one_is_as_in_a_batch_of_all() -> None:
    model, refits = average()
    some = ROWS.features.iloc[:50]
    raw = model.log_odds(some)
    whole = refits.bounds(some, raw, IDENTITY)
    for i in (0, 17, 49):
        one = refits.bounds(some.iloc[[i]], raw[[i]], IDENTITY)
        pd.testing.assert_frame_equal(one, whole.iloc[[i]], check_exact=True)


def test_the_same_rows_give_the_same_refits() -> None:
    assert fit(ROWS, "average")[1] == average()[1]
    other = fit_refits(average()[0], ROWS, QUICK.model_copy(update={"seed": 1}))
    assert other is not None and other.weights != average()[1].weights


def test_both_kinds_are_refitted_and_counted() -> None:
    refits = average()[1]
    assert len(refits.weights) == len(refits.texts) == REFITS
    assert refits.results() == {"level": 0.9, "refits": 2 * REFITS}


def test_a_profile_has_no_interval() -> None:
    model = fit_profile(ROWS.features, ROWS.catalogue)
    assert model is not None
    assert fit_refits(model, ROWS, QUICK) is None
    assert no_bounds(ROWS.features).isna().all(axis=None)
    assert list(no_bounds(ROWS.features)) == ["probability_low", "probability_high"]


def test_a_model_without_features_is_sure_up_to_its_level() -> None:
    bare = TrainingSet(
        ROWS.features[[]], ROWS.converted, ROWS.as_of, ROWS.account_id, ROWS.family, (), ROWS.horizon_days
    )
    model, refits = fit(bare, "average")
    raw = model.log_odds(bare.features)
    bounds = refits.bounds(bare.features, raw, IDENTITY)
    rate = ROWS.converted.mean()
    assert bounds["probability_low"].iloc[0] < rate < bounds["probability_high"].iloc[0]
    assert bounds.nunique().tolist() == [1, 1]
