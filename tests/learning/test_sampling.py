from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.contributions import probability
from abm_scoring.learning.metrics import as_seen, auc
from abm_scoring.learning.rungs import _fit_rung, fit_rung
from abm_scoring.learning.sampling import LEAST, Shares, draws
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import drawn, market, number

RARE = market(accounts=2500, dates=8, level=-3.0)
MOMENTS = RARE.as_of.astype(np.int64)
QUICK = ModelSpec(ridge=(0.1,), boosting=BoostingSpec(trees=40, bags=1), threads=1, bootstrap=60)


def sampled(rows: TrainingSet, most: int, seed: int = 0) -> TrainingSet:
    shares = Shares.of(int(rows.converted.sum()), int((~rows.converted).sum()), most)
    assert shares is not None
    return drawn(rows, shares, seed)


def test_few_rows_are_not_sampled() -> None:
    assert Shares.of(10, 90, 100) is None
    assert Shares.of(10, 91, 100) == Shares(1.0, 90 / 91)


def test_where_conversions_are_many_both_outcomes_are_drawn_alike() -> None:
    assert Shares.of(500, 500, 100) == Shares(0.1, 0.1)


def test_every_conversion_is_kept_and_weights_restore_every_day() -> None:
    fewer = sampled(RARE, 6000)
    assert len(fewer) == pytest.approx(6000, rel=0.03)
    assert fewer.converted.sum() == RARE.converted.sum() < 3000
    assert set(fewer.weights[fewer.converted]) == {1.0}
    for day in np.unique(RARE.as_of):
        assert fewer.count(fewer.as_of == day) == (RARE.as_of == day).sum()
    assert fewer.rate == pytest.approx(RARE.converted.mean(), rel=1e-12)


def test_where_a_day_has_hardly_a_row_weights_restore_all_of_them() -> None:
    own = replace(RARE, as_of=RARE.as_of[0] + np.arange(len(RARE)).astype("timedelta64[D]"))
    fewer = sampled(own, 6000)
    assert len(set(fewer.weights[~fewer.converted])) == 1
    assert fewer.weights.sum() == pytest.approx(len(RARE), rel=1e-12)
    assert LEAST > 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), most=st.integers(3000, 19_000), parts=st.integers(1, 5))
def test_a_draw_knows_neither_the_order_of_rows_nor_partitions(seed: int, most: int, parts: int) -> None:
    shares = Shares.of(int(RARE.converted.sum()), int((~RARE.converted).sum()), most)
    assert shares is not None

    def keys(index: np.ndarray) -> set[int]:
        return set(index[shares.drawn(RARE.account_id[index], MOMENTS[index], RARE.converted[index], seed)].tolist())

    order = np.random.default_rng(seed).permutation(len(RARE))
    whole = keys(np.arange(len(RARE)))
    assert keys(order) == whole
    assert set.union(*(keys(part) for part in np.array_split(order, parts))) == whole
    # Fewer rows are wanted: none is drawn that was not drawn before.
    smaller = Shares(shares.converted, shares.others / 2)
    assert set(np.flatnonzero(smaller.drawn(RARE.account_id, MOMENTS, RARE.converted, seed)).tolist()) < whole


def test_draws_are_even_and_unrelated() -> None:
    found = draws(RARE.account_id, MOMENTS, 0)
    assert ((found >= 0) & (found < 1)).all()
    counts = np.histogram(found, np.linspace(0, 1, 21))[0]
    # χ² of 19 degrees of freedom exceeds 43.8 once in a thousand times.
    assert ((counts - len(found) / 20) ** 2 / (len(found) / 20)).sum() < 43.8
    by_date = found.reshape(8, -1)
    for other in (by_date[1], np.roll(by_date[0], 1), draws(RARE.account_id, MOMENTS, 1)[: by_date.shape[1]]):
        assert abs(np.corrcoef(by_date[0], other)[0, 1]) < 0.08
    # Written down, so that another version draws the same rows.
    known = draws(np.array(["a00001", "ü"], dtype=object), np.array([0, 1_700_000_000_000_000]), 7)
    assert known.tolist() == [0.611028282287705, 0.34540054641788975]


@pytest.mark.parametrize("rung", ["logistic", "average"])
def test_a_sampled_fit_is_at_the_level_of_the_whole(rung: str) -> None:
    whole, fewer = RARE, sampled(RARE, 8000)
    found = []
    for rows in (whole, fewer):
        model, _ = fit_rung(rung, rows, QUICK, 30)  # type: ignore[arg-type]
        p = probability(model.log_odds(whole.features))
        found.append((p.mean(), auc(as_seen(p, whole.converted))[0]))
    assert found[1][0] == pytest.approx(found[0][0], rel=0.03)
    assert found[1][1] == pytest.approx(found[0][1], abs=0.006)


def test_the_ladder_finds_the_same_parts_and_figures_in_a_sample() -> None:
    spec = QUICK.model_copy(update={"kind": "logistic"})
    whole, fewer = (train_ladder(rows, SplitSpec(), spec) for rows in (RARE, sampled(RARE, 8000)))
    for name in ("rung", "n_train", "n_choose", "n_test", "n_shipped", "converted_accounts"):
        assert getattr(fewer, name) == getattr(whole, name)
    assert (fewer.windows.choose_from, fewer.windows.test_from) == (whole.windows.choose_from, whole.windows.test_from)
    assert whole.test is not None and fewer.test is not None
    for name, error in (("auc", 0.015), ("log_loss", 0.004), ("log_loss_constant", 1e-9), ("brier", 0.002)):
        assert fewer.test[name] == pytest.approx(whole.test[name], abs=error)
    assert fewer.opponents["constant"]["log_loss"] == pytest.approx(whole.opponents["constant"]["log_loss"])


def test_the_level_of_a_small_sample_is_that_of_the_rows_that_it_stands_for() -> None:
    # Noise to learn by heart: what a fit says of the rows that it saw is too low for those that it did not see.
    rng, rows = np.random.default_rng(0), market(accounts=2500, dates=8, level=-4.5)
    noise = {f"noise_{i}": rng.normal(size=len(rows)) for i in range(80)}
    catalogue = (*rows.catalogue, *(number(name) for name in noise))
    rows = replace(rows, features=rows.features.assign(**noise), catalogue=catalogue)
    fewer, spec = sampled(rows, 1500), QUICK.model_copy(update={"ridge": (10.0,)})
    plain, _ = _fit_rung("average", fewer, spec, 30)
    found, _ = fit_rung("average", fewer, spec, 30)
    means = [probability(model.log_odds(rows.features)).mean() / rows.rate for model in (plain, found)]
    assert means[0] > 1.06
    assert means[1] == pytest.approx(1.0, abs=0.04)
    # Rows that stand for themselves alone are all that there is.
    ones = replace(fewer, weight=np.ones(len(fewer)))
    assert fit_rung("average", ones, spec, 30)[0].shift == pytest.approx(  # type: ignore[union-attr]
        fit_rung("average", replace(fewer, weight=None), spec, 30)[0].shift,  # type: ignore[union-attr]
        abs=1e-6,
    )
