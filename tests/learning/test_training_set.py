from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abm_scoring.learning.boosting import fit_boosting
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.logistic import fit_logistic
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned
from tests.learning.worlds import CATALOGUE, market

RARE = market(accounts=1500, dates=6, level=-4.0)
COMMON = market(accounts=1500, dates=6, level=0.0)


def test_few_rows_stay_as_they_are() -> None:
    assert thinned(RARE, len(RARE), 0) is RARE
    assert RARE.weights.tolist() == [1.0] * len(RARE)


def test_every_rare_conversion_is_kept_and_the_others_stand_for_all() -> None:
    fewer = thinned(RARE, 2000, 0)
    assert len(fewer) == 2000
    assert fewer.converted.sum() == RARE.converted.sum() < 500
    assert set(fewer.weights[fewer.converted]) == {1.0}
    assert fewer.weights.sum() == pytest.approx(len(RARE))
    assert np.average(fewer.converted, weights=fewer.weights) == pytest.approx(RARE.converted.mean())


def test_where_conversions_are_many_both_outcomes_are_sampled_alike() -> None:
    fewer = thinned(COMMON, 2000, 0)
    assert len(fewer) == 2000
    assert len(set(fewer.weights)) == 1
    assert fewer.weights.sum() == pytest.approx(len(COMMON))
    assert fewer.converted.mean() == pytest.approx(COMMON.converted.mean(), abs=0.04)


def test_order_and_rows_are_kept_and_the_seed_decides() -> None:
    fewer = thinned(RARE, 2000, 0)
    assert (np.diff(fewer.as_of) >= np.timedelta64(0)).all()
    key = set(zip(RARE.account_id, RARE.as_of, RARE.converted, strict=True))
    assert set(zip(fewer.account_id, fewer.as_of, fewer.converted, strict=True)) < key
    assert (thinned(RARE, 2000, 0).account_id == fewer.account_id).all()
    assert not (thinned(RARE, 2000, 1).account_id == fewer.account_id).all()


def test_thinning_twice_still_stands_for_all() -> None:
    assert thinned(thinned(COMMON, 4000, 0), 1000, 0).weights.sum() == pytest.approx(len(COMMON))
    assert thinned(thinned(RARE, 4000, 0), 2000, 0).weights.sum() == pytest.approx(len(RARE))


def test_weights_travel_with_their_rows() -> None:
    fewer = thinned(RARE, 2000, 0)
    mask = fewer.converted
    assert (fewer.take(mask).weights == fewer.weights[mask]).all()
    assert RARE.take(mask[:10]).weight is None


def repeated(rows: TrainingSet) -> tuple[TrainingSet, TrainingSet]:
    """Some rows with weight 2, and the same rows twice."""
    twice = np.arange(len(rows)) % 3 == 0
    index = np.sort(np.concatenate([np.arange(len(rows)), np.flatnonzero(twice)]))
    return replace(rows, weight=np.where(twice, 2.0, 1.0)), rows.take(index)


def test_a_weight_of_two_is_a_row_twice() -> None:
    rows = market(accounts=200, dates=2)
    weighted, double = repeated(rows)
    encoding = fit_encoding(rows.features, CATALOGUE)
    models = [fit_logistic(r, encoding, (0.1,), 30, 0) for r in (weighted, double)]
    np.testing.assert_allclose(models[0].weights, models[1].weights, atol=1e-5)
    assert models[0].intercept == pytest.approx(models[1].intercept, abs=1e-5)
    whole = BoostingSpec(trees=5, bags=1, row_share=1.0, column_share=1.0, min_child=1)
    trees = [fit_boosting(r, encoding, whole, 0, 1).log_odds(rows.features).mean() for r in (weighted, double)]
    assert trees[0] == pytest.approx(trees[1], abs=0.02)


@pytest.mark.parametrize("rung", ["logistic", "average"])
def test_a_thinned_fit_keeps_the_level_of_probabilities(rung: str) -> None:
    spec = ModelSpec(max_rows=2000, threads=1, boosting=BoostingSpec(trees=60, bags=1))
    model, _ = fit_rung(rung, RARE, spec, 0)  # type: ignore[arg-type]
    p = probability(model.log_odds(RARE.features))
    assert p.mean() == pytest.approx(RARE.converted.mean(), rel=0.05)
