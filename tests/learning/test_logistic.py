from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.logistic import LogisticModel, fit_logistic
from tests.learning.worlds import CATALOGUE, market, relabelled

ROWS = market(accounts=300, dates=6)
ENCODING = fit_encoding(ROWS.features, CATALOGUE)
MODEL = fit_logistic(ROWS, ENCODING, (0.1,), 30, 0)


def test_it_solves_the_penalised_likelihood() -> None:
    design = ENCODING.design(ROWS.features)
    oracle = LogisticRegression(C=0.1, solver="lbfgs", tol=1e-10, max_iter=5000).fit(design, ROWS.converted)
    np.testing.assert_allclose(MODEL.log_odds(ROWS.features), oracle.decision_function(design), atol=1e-4)


def test_its_mean_probability_is_the_training_rate() -> None:
    assert probability(MODEL.log_odds(ROWS.features)).mean() == pytest.approx(ROWS.converted.mean(), abs=1e-6)


def test_contributions_have_one_column_a_feature_and_add_up() -> None:
    found = MODEL.contributions(ROWS.features)
    assert found.values.shape == (len(ROWS), len(CATALOGUE))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), MODEL.log_odds(ROWS.features), atol=1e-12)
    assert np.abs(found.values.mean(axis=0)).max() < 1e-9


def test_a_batch_of_one_gives_the_bits_of_a_batch_of_all() -> None:
    whole = MODEL.log_odds(ROWS.features)
    for i in (0, 17, len(ROWS) - 1):
        assert MODEL.log_odds(ROWS.features.iloc[[i]])[0] == whole[i]
    assert (MODEL.log_odds(ROWS.features.iloc[7:30]) == whole[7:30]).all()
    assert len(MODEL.log_odds(ROWS.features.iloc[:0])) == 0


def test_it_survives_json_to_the_bit() -> None:
    replayed = LogisticModel.model_validate_json(MODEL.model_dump_json())
    assert (replayed.log_odds(ROWS.features) == MODEL.log_odds(ROWS.features)).all()


def test_the_order_of_columns_does_not_matter() -> None:
    backwards = ROWS.features[list(ROWS.features.columns)[::-1]]
    assert (MODEL.log_odds(backwards) == MODEL.log_odds(ROWS.features)).all()


def test_unseen_levels_count_like_the_bucket_of_rare_ones() -> None:
    strange = ROWS.features.assign(sector=pd.Series("mining", ROWS.features.index, dtype="str"))
    missing = ROWS.features.assign(sector=pd.Series(None, ROWS.features.index, dtype="str"))
    assert (MODEL.log_odds(strange) == MODEL.log_odds(missing)).all()
    assert MODEL.unseen(strange) == {"sector": len(ROWS)}


def test_noise_chooses_a_strong_penalty_and_signal_a_weaker_one() -> None:
    grid = (0.0001, 0.001, 0.01, 0.1, 1.0)
    noise = relabelled(ROWS, np.random.default_rng(1).permutation(ROWS.converted))
    assert fit_logistic(noise, ENCODING, grid, 30, 0).ridge <= 0.001
    assert fit_logistic(ROWS, ENCODING, grid, 30, 0).ridge >= 0.01


def test_without_any_feature_it_is_the_constant() -> None:
    nothing = ENCODING.without({c.name: "not wanted" for c in ENCODING.columns})
    model = fit_logistic(ROWS, nothing, (1.0,), 30, 0)
    np.testing.assert_allclose(probability(model.log_odds(ROWS.features)), ROWS.converted.mean())
    assert model.contributions(ROWS.features).values.any() == np.False_
