from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.average import AverageModel, average_of
from abm_scoring.learning.boosting import BoostingModel, fit_boosting
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.logistic import fit_logistic
from abm_scoring.learning.metrics import Weighted, auc, ranked
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from tests.learning.worlds import CATALOGUE, market

ROWS = market(accounts=300, dates=6)
ENCODING = fit_encoding(ROWS.features, CATALOGUE)
SPEC = BoostingSpec(trees=40, bags=3)
MODEL = fit_boosting(ROWS, ENCODING, SPEC, seed=0, threads=1)


def test_the_same_training_gives_the_same_bytes() -> None:
    assert fit_boosting(ROWS, ENCODING, SPEC, seed=0, threads=1).texts == MODEL.texts


def test_the_bag_differs_by_seed() -> None:
    assert len(set(MODEL.texts)) == 3
    assert not set(fit_boosting(ROWS, ENCODING, SPEC, seed=1, threads=1).texts) & set(MODEL.texts)


def test_it_learns() -> None:
    fresh = market(accounts=300, dates=6, seed=1)
    area = auc(Weighted(ranked(MODEL.log_odds(fresh.features), fresh.converted), np.ones((1, len(fresh)))))
    assert area[0] > 0.65


def test_contributions_have_one_column_a_feature_and_add_up() -> None:
    found = MODEL.contributions(ROWS.features)
    assert found.values.shape == (len(ROWS), len(CATALOGUE))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), MODEL.log_odds(ROWS.features), atol=1e-9)


def test_the_text_alone_gives_the_same_scores() -> None:
    replayed = BoostingModel.model_validate_json(MODEL.model_dump_json())
    assert (replayed.log_odds(ROWS.features) == MODEL.log_odds(ROWS.features)).all()


@pytest.mark.fault(43)
def test_the_order_of_columns_does_not_matter() -> None:
    backwards = ROWS.features[list(ROWS.features.columns)[::-1]]
    assert (MODEL.log_odds(backwards) == MODEL.log_odds(ROWS.features)).all()


def test_unseen_levels_count_like_missing_ones() -> None:
    strange = ROWS.features.assign(sector=pd.Series("mining", ROWS.features.index, dtype="str"))
    missing = ROWS.features.assign(sector=pd.Series(None, ROWS.features.index, dtype="str"))
    assert (MODEL.log_odds(strange) == MODEL.log_odds(missing)).all()
    assert not (MODEL.log_odds(strange) == MODEL.log_odds(ROWS.features)).all()


def test_a_feature_of_known_direction_only_speaks_in_that_direction() -> None:
    against = ROWS.converted.copy()
    against[(ROWS.features["meeting_count_30d"] >= 2).to_numpy()] = False
    rows = type(ROWS)(
        ROWS.features, against, ROWS.as_of, ROWS.account_id, ROWS.family, ROWS.catalogue, ROWS.horizon_days
    )
    meetings = np.arange(6.0)
    probe = pd.concat([ROWS.features.iloc[[3]]] * 6, ignore_index=True).assign(meeting_count_30d=meetings)

    def steps(monotone: bool) -> np.ndarray:
        spec = SPEC.model_copy(update={"monotone": monotone})
        return np.diff(fit_boosting(rows, ENCODING, spec, 0, 1).log_odds(probe))

    assert (steps(True) >= 0).all()
    assert (steps(False) < 0).any()


def test_no_rows_give_no_scores() -> None:
    assert len(MODEL.log_odds(ROWS.features.iloc[:0])) == 0
    found = MODEL.contributions(ROWS.features.iloc[:0])
    assert found.values.shape == (0, len(CATALOGUE))
    assert found.base == MODEL.contributions(ROWS.features.iloc[:5]).base


def test_the_average_is_the_mean_of_log_odds_and_of_contributions() -> None:
    logistic = fit_logistic(ROWS, ENCODING, (0.1,), 30, 0)
    average = AverageModel(logistic=logistic, boosting=MODEL)
    both = (logistic.log_odds(ROWS.features) + MODEL.log_odds(ROWS.features)) / 2
    np.testing.assert_allclose(average.log_odds(ROWS.features), both, atol=1e-12)
    np.testing.assert_allclose(average.contributions(ROWS.features).log_odds, both, atol=1e-9)


def test_the_average_expects_as_many_conversions_as_there_were() -> None:
    logistic = fit_logistic(ROWS, ENCODING, (0.1,), 30, 0)
    weighted = replace(ROWS, weight=np.where(ROWS.converted, 1.0, 5.0))
    average = average_of(logistic, MODEL, weighted)
    expected = weighted.weights @ probability(average.log_odds(ROWS.features))
    assert expected == pytest.approx(weighted.weights @ ROWS.converted, rel=1e-9)
    np.testing.assert_allclose(
        average.contributions(ROWS.features).log_odds, average.log_odds(ROWS.features), atol=1e-9
    )


def test_the_level_holds_on_rows_that_a_sample_stands_for() -> None:
    """Few rows of many, known by heart: with their own level, twice too many are expected."""
    rows = market(accounts=3000, dates=4, level=-5.5)
    by_heart = BoostingSpec(trees=150, learning_rate=0.1, leaves=16, min_child=2, l2=0.0, bags=1)
    spec = ModelSpec(max_rows=1_000, ridge=(1.0,), boosting=by_heart, threads=1)
    model, _ = fit_rung("average", rows, spec, 30)
    assert probability(model.log_odds(rows.features)).sum() == pytest.approx(rows.converted.sum(), rel=0.2)
