from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.severity import PRIOR_WINS, LogNormalSeverity, PooledSeverity, fit_severity
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market

SPEC = ModelSpec(threads=1)
SPREAD = 0.8


def wins(accounts: int, seed: int = 0) -> tuple[TrainingSet, np.ndarray]:
    """Conversions whose log-normal values have a known mean, which falls from 4 to 1 with the fit."""
    rows = market(accounts=accounts, dates=1, seed=seed)
    mean = 1000 * np.exp(1.4 * (1 - rows.features["fit_total"].to_numpy()))
    noise = np.random.default_rng(seed + 1).normal(-(SPREAD**2) / 2, SPREAD, len(rows))
    return replace(rows, converted=np.ones(len(rows), bool), value=mean * np.exp(noise)), mean


@pytest.fixture(scope="module")
def fitted() -> tuple[LogNormalSeverity, TrainingSet, np.ndarray]:
    rows, mean = wins(1500)
    found = fit_severity(rows, np.inf, 60, None, SPEC)
    assert isinstance(found, LogNormalSeverity)
    return found, rows, mean


def test_totals_of_fresh_conversions_are_foreseen(fitted: tuple[LogNormalSeverity, TrainingSet, np.ndarray]) -> None:
    fresh, mean = wins(4000, seed=9)
    found = fitted[0].values(fresh.features)
    assert found.sum() / mean.sum() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(np.log(found), np.log(mean))[0, 1] > 0.9


def test_without_smearing_the_total_would_fall_short(
    fitted: tuple[LogNormalSeverity, TrainingSet, np.ndarray],
) -> None:
    model, rows, mean = fitted
    assert np.exp(model.trees.log_odds(rows.features)).sum() / mean.sum() < 0.8
    # The mean of a log-normal lies exp(variance / 2) above its median.
    assert model.ratio == pytest.approx(np.exp(SPREAD**2 / 2), rel=0.07)


def test_values_stay_within_what_was_seen_and_the_cap() -> None:
    rows, _ = wins(400)
    assert rows.value is not None
    cap = float(np.quantile(rows.value, 0.9))
    found = fit_severity(rows, cap, 60, None, SPEC).values(rows.features)
    assert rows.value.min() <= found.min() and found.max() <= cap


def test_one_huge_deal_moves_nobody_beyond_the_cap() -> None:
    rows, _ = wins(400)
    assert rows.value is not None
    value = rows.value.copy()
    value[7] = 1e12
    cap = float(np.quantile(value, 0.99))
    with_it = fit_severity(replace(rows, value=value), cap, 60, None, SPEC).values(rows.features)
    without = fit_severity(rows, cap, 60, None, SPEC).values(rows.features)
    assert with_it.sum() / without.sum() == pytest.approx(1, abs=0.1)


def test_the_same_rows_give_the_same_bytes() -> None:
    rows, _ = wins(200)
    assert fit_severity(rows, 5000.0, 60, None, SPEC) == fit_severity(rows, 5000.0, 60, None, SPEC)


def test_few_wins_get_one_value_shrunk_towards_what_is_typical() -> None:
    rows, _ = wins(20)
    assert rows.value is not None
    plain = fit_severity(rows, np.inf, 60, None, SPEC)
    assert isinstance(plain, PooledSeverity) and plain.value == pytest.approx(rows.value.mean())
    shrunk = fit_severity(rows, np.inf, 60, 10_000.0, SPEC)
    expected = (rows.value.sum() + PRIOR_WINS * 10_000.0) / (20 + PRIOR_WINS)
    assert isinstance(shrunk, PooledSeverity) and shrunk.value == pytest.approx(expected)
    assert shrunk.values(rows.features).tolist() == [shrunk.value] * 20


def test_an_account_that_is_seen_on_many_snapshots_has_one_vote() -> None:
    rows, _ = wins(3)
    assert rows.value is not None
    again = rows.take(np.array([0, 0, 0, 0, 1, 2]))
    found = fit_severity(again, np.inf, 60, None, SPEC)
    assert isinstance(found, PooledSeverity) and found.value == pytest.approx(rows.value.mean())


def test_worthless_conversions_lower_the_expectation() -> None:
    rows, _ = wins(600)
    assert rows.value is not None
    nothing = np.where(np.random.default_rng(3).random(len(rows)) < 0.5, 0.0, rows.value)
    found = fit_severity(replace(rows, value=nothing), np.inf, 60, None, SPEC)
    fresh, mean = wins(2000, seed=5)
    assert found.values(fresh.features).sum() / mean.sum() == pytest.approx(0.5, abs=0.07)


def test_an_empty_frame_has_no_values(fitted: tuple[LogNormalSeverity, TrainingSet, np.ndarray]) -> None:
    empty: pd.DataFrame = fitted[1].features.iloc[:0]
    assert fitted[0].values(empty).shape == (0,)
    assert PooledSeverity(value=3.0).values(empty).shape == (0,)
