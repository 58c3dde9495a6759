"""Rows are sampled before features are built, and a sampled row is the row that it would have been."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.market import make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.tables import Tables
from abm_scoring.engines import training_part
from abm_scoring.engines.training import Prepared, prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.cohort import CohortSpec
from abm_scoring.features.families import EngagementSpec, FirmographicsSpec
from abm_scoring.features.history import History
from abm_scoring.features.snapshots import CalendarSnapshots
from abm_scoring.learning.labels import OpportunityCreated
from abm_scoring.learning.training_set import TrainingSet

LABEL = OpportunityCreated(kind="opportunity_created", horizon_days=60)


@cache
def market() -> Tables:
    return make_market(MarketSpec(accounts=150, seed=5, conversion=0.1, events_per_account=15)).tables


@cache
def history() -> History:
    given = market()
    return History.of(given, until=given["events"]["occurred_at"].max())


def prepared(most: int | None, seed: int = 0, given: Tables | None = None) -> Prepared:
    own = history() if given is None else History.of(given, until=history().until)
    features = resolve((FirmographicsSpec(), EngagementSpec()), own)
    return prepare_training(
        given or market(), own, CalendarSnapshots(), CohortSpec(), LABEL, features, True, most, seed
    )


def keys(rows: TrainingSet) -> list[tuple[str, int]]:
    return list(zip(rows.account_id.tolist(), rows.as_of.astype(np.int64).tolist(), strict=True))


def test_a_small_project_is_not_sampled() -> None:
    found = prepared(10**6)
    assert found.sample is None and found.training.weight is None
    assert found.waiting is not None and found.waiting.weight is None
    assert found.n_matured == len(found.training)


@pytest.mark.parametrize("part", ["training", "waiting"])
def test_a_sampled_row_is_the_row_that_it_would_have_been(part: str) -> None:
    whole, found = prepared(None), prepared(1000)
    every, fewer = getattr(whole, part), getattr(found, part)
    place = {key: i for i, key in enumerate(keys(every))}
    index = np.array([place[key] for key in keys(fewer)])
    assert (np.diff(index) > 0).all() and len(index) < len(every)
    same = every.take(index)
    pd.testing.assert_frame_equal(fewer.features, same.features, check_exact=True)
    for name in ("converted", "as_of", "account_id", "family", "days"):
        np.testing.assert_array_equal(getattr(fewer, name), getattr(same, name))
    assert fewer.converted.sum() == every.converted.sum() > 0
    assert set(fewer.weights[fewer.converted]) == {1.0}
    assert fewer.weights.sum() == pytest.approx(len(every), rel=1e-12)


def test_both_parts_are_drawn_by_the_same_share_and_counted() -> None:
    whole, found = prepared(None), prepared(1000)
    assert whole.waiting is not None and found.waiting is not None
    assert len(found.training) + len(found.waiting) == pytest.approx(1000, rel=0.1)
    shares = [
        (~few.converted).sum() / (~every.converted).sum()
        for few, every in ((found.training, whole.training), (found.waiting, whole.waiting))
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.12)
    assert found.n_matured == len(whole.training)
    assert found.sample == {"rows": len(found.training), "of": len(whole.training)}
    assert (found.n_snapshots, found.n_ineligible, found.n_immature) == (
        whole.n_snapshots,
        whole.n_ineligible,
        whole.n_immature,
    )


def test_a_sample_is_the_same_again_whatever_the_order_of_rows_in_the_tables() -> None:
    rng = np.random.default_rng(0)
    shuffled = Tables(
        {name: market()[name].iloc[rng.permutation(len(market()[name]))].reset_index(drop=True) for name in market()}
    )
    one, other, another = prepared(1000), prepared(1000, given=shuffled), prepared(1000, seed=1)
    assert keys(one.training) == keys(other.training)
    pd.testing.assert_frame_equal(one.training.features, other.training.features, check_exact=True)
    np.testing.assert_array_equal(one.training.weights, other.training.weights)
    assert keys(one.training) != keys(another.training)


def test_eligibility_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepared(1000)
    monkeypatch.setattr(training_part, "CHUNK", 97)
    assert keys(prepared(1000).training) == keys(whole.training)
