"""A row of weight k is the row k times, in every figure; weights of one are no weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.appraisal import appraise, gain, importance, learning_curve, reliability
from abm_scoring.learning.calibration import choose_calibration, fit_platt
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.evaluation import evaluate, evaluate_calibration, improvement_bound
from abm_scoring.learning.hazard import expanded, period_ends
from abm_scoring.learning.hazard_ladder import Known, constant_hazards, horizon_figures, train_hazard
from abm_scoring.learning.leakage import _last_rows, audit
from abm_scoring.learning.opponents import opponents
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.prior import prior_line
from abm_scoring.learning.profile import fit_profile
from abm_scoring.learning.promotion import compare
from abm_scoring.learning.reference import make_reference
from abm_scoring.learning.rungs import fit_hazard
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.shares import share_table
from abm_scoring.learning.shipping import make_bundle, results
from abm_scoring.learning.specs import BoostingSpec, HazardSpec, LeakageSpec, ModelSpec, SplitSpec
from abm_scoring.learning.splits import split
from abm_scoring.learning.training_set import TrainingSet, joined, thinned
from abm_scoring.learning.value import _shipped, _top_share
from abm_scoring.learning.value_sources import WonAmount
from abm_scoring.learning.weights import mean_of, quantiles, rows_of
from tests.learning.worlds import CATALOGUE, market

QUICK = ModelSpec(ridge=(0.1,), boosting=BoostingSpec(trees=15, bags=1), threads=1, bootstrap=60)
ROWS = market(accounts=120, dates=8, level=-1.0)


def times(k: int | np.ndarray, rows: TrainingSet) -> TrainingSet:
    """Each row as often as it says, in place."""
    return replace(rows.take(np.repeat(np.arange(len(rows)), k)), weight=None)


def same(one: Any, other: Any) -> None:
    """Equal but for rounding, however deep."""
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, rel=1e-7, abs=1e-9, nan_ok=True)
    else:
        assert one == other


@cache
def scored() -> tuple[TrainingSet, np.ndarray]:
    """Rows, and probabilities of them with ties."""
    rng = np.random.default_rng(1)
    frame = ROWS.features
    log_odds = 0.9 * np.log1p(frame["web_visit_count_30d"].to_numpy()) - 1.5 + rng.normal(0, 0.3, len(ROWS))
    return ROWS, probability(log_odds.round(1))


counts = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(1, 5, len(ROWS)))


@settings(max_examples=8, deadline=None)
@given(k=counts)
def test_figures_of_the_test_part(k: np.ndarray) -> None:
    rows, p = scored()
    heavy, many, q = replace(rows, weight=k.astype(float)), times(k, rows), np.repeat(p, k)
    same(
        evaluate(p, rows.converted, rows.family, 0.2, 20, 0, heavy.weight),
        evaluate(q, many.converted, many.family, 0.2, 20, 0),
    )
    same(
        evaluate_calibration(p, rows.converted, rows.family, 20, 0, heavy.weight),
        evaluate_calibration(q, many.converted, many.family, 20, 0),
    )
    same(
        improvement_bound(p, rows.family, 20, 0, weight=heavy.weight),
        improvement_bound(q, many.family, 20, 0),
    )
    same(
        compare(p**2, p, rows.converted, rows.family, 0.07, 20, 0, heavy.weight).as_json(),
        compare(q**2, q, many.converted, many.family, 0.07, 20, 0).as_json(),
    )
    same(gain(p, heavy, (0.01, 0.3), (20, 0)), gain(q, many, (0.01, 0.3), (20, 0)))
    assert (heavy.rate, heavy.size) == (pytest.approx(many.rate), len(many))


@settings(max_examples=8, deadline=None)
@given(k=counts)
def test_lines_levels_and_tables(k: np.ndarray) -> None:
    rows, p = scored()
    weight, many, q = k.astype(float), times(k, rows), np.repeat(p, k)
    log_odds, more = np.log(p / (1 - p)), np.log(q / (1 - q))
    same(fit_platt(log_odds, rows.converted, weight).model_dump(), fit_platt(more, many.converted).model_dump())
    choices = (
        choose_calibration(log_odds * 3, rows.converted, rows.as_of, rows.family, 20, 0, weight),
        choose_calibration(more * 3, many.converted, many.as_of, many.family, 20, 0),
    )
    assert choices[0].calibration.kind == "platt"
    same(*((c.calibration.model_dump(), c.gain, c.gain_low) for c in choices))
    lines = (
        prior_line(log_odds, rows.converted, rows.family, weight),
        prior_line(more, many.converted, many.family),
    )
    same(*(line and line.model_dump() for line in lines))
    same(share_table(p, weight).quantiles, share_table(q).quantiles)
    profiles = (fit_profile(rows.features, CATALOGUE, weight), fit_profile(many.features, CATALOGUE))
    same(*(m and m.typical for m in profiles))
    found = split(rows.as_of, SplitSpec(), 30, weight=weight)
    assert (found.choose_from, found.test_from) == (
        (other := split(many.as_of, SplitSpec(), 30)).choose_from,
        other.test_from,
    )
    same(_top_share(p, p, weight), _top_share(q, q, None))


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.integers(-5, 5), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_means_and_counts(values: list[int], seed: int, shares: list[float]) -> None:
    given_values, q = np.array(values, dtype=float), np.array(shares)
    k = np.random.default_rng(seed).integers(1, 5, len(values))
    many = np.repeat(given_values, k)
    np.testing.assert_allclose(quantiles(given_values, q, k.astype(float)), np.quantile(many, q), atol=1e-12)
    # Where a share times the number of rows is whole, rounding decides which side it falls on.
    edge = np.abs(q * (len(many) - 1) - np.round(q * (len(many) - 1))) < 1e-9
    exact = np.quantile(many, q[~edge], method="higher")
    assert (quantiles(given_values, q[~edge], k.astype(float), "higher") == exact).all()
    assert mean_of(given_values, k.astype(float)) == pytest.approx(many.mean())
    assert rows_of(given_values > 0, k.astype(float)) == (many > 0).sum()


def test_a_hazard_and_its_horizons() -> None:
    rng = np.random.default_rng(0)
    rows = replace(ROWS, days=np.where(rng.random(len(ROWS)) < 0.5, rng.uniform(0, 200, len(ROWS)), np.inf))
    until, k = rows.as_of.max() + np.timedelta64(60, "D"), rng.integers(1, 4, len(ROWS))
    heavy, many = replace(rows, weight=k.astype(float)), times(k, rows)
    model, *_ = fit_hazard(many, until, QUICK)  # type: ignore[misc]
    np.testing.assert_allclose(constant_hazards(heavy, model, until), constant_hazards(many, model, until))
    line = train_ladder(ROWS, SplitSpec(), QUICK).calibration
    same(horizon_figures(model, line, heavy, until), horizon_figures(model, line, many, until))
    ends = period_ends(90, (30, 180))
    at = expanded(heavy, ends, until, 10**9, 0)
    assert at.weights.sum() == len(expanded(many, ends, until, 10**9, 0))


def outcomes(rows: TrainingSet, spec: ModelSpec = QUICK) -> tuple[Outcome, dict[str, Any]]:
    outcome = train_ladder(rows, SplitSpec(), spec)
    said = {
        **results(outcome),
        "appraisal": appraise(outcome, rows, 0.07, 30, 0),
        "importance": importance(outcome, rows),
        "curve": learning_curve(outcome, rows, spec),
        "audit": [finding.value for finding in audit(rows, LeakageSpec(max_auc=0.6))],
    }
    if outcome.model is not None:
        bundle = make_bundle(outcome, rows, {})
        said |= {"training": bundle.about.training, "scores": {k: v.quantiles for k, v in bundle.about.scores.items()}}
        said["reference"] = make_reference(rows, lambda frame: outcome.model.log_odds(frame)).model_dump()  # type: ignore[union-attr]
    return outcome, said


@pytest.mark.parametrize("kind", ["logistic", "average", "prior", "profile"])
def test_weights_of_one_change_nothing_of_a_training(kind: str) -> None:
    spec = QUICK.model_copy(update={"kind": "auto" if kind == "average" else kind})
    plain, said = outcomes(ROWS, spec)
    _, ones = outcomes(replace(ROWS, weight=np.ones(len(ROWS))), spec)
    assert plain.rung == ("logistic" if kind == "logistic" else plain.rung) != "none"
    said.pop("reason"), ones.pop("reason")
    assert ones["training"].pop("sampled_rows") == len(ROWS)
    same(said, ones)


def test_weights_of_one_change_nothing_of_a_hazard() -> None:
    rows = replace(ROWS, days=np.where(ROWS.converted, 10.0, np.inf))
    until, spec = (
        rows.as_of.max() + np.timedelta64(90, "D"),
        QUICK.model_copy(update={"hazard": HazardSpec(horizons_days=(30,))}),
    )
    found = []
    for weight in (None, np.ones(len(rows))):
        training = replace(rows, weight=weight)
        found.append(results(train_hazard(training, Known.of(training, None, until, 0), SplitSpec(), spec)))
    assert found[0]["rung"] == "hazard"
    same(*({k: v for k, v in one.items() if k != "reason"} for one in found))


def test_groups_of_equal_size_and_segments_count_what_rows_stand_for() -> None:
    rows, p = scored()
    windows = split(rows.as_of, SplitSpec(), 30)
    heavy, many = replace(rows, weight=np.full(len(rows), 3.0)), times(3, rows)
    tested = train_ladder(rows, SplitSpec(embargo_days=30), QUICK.model_copy(update={"kind": "logistic"}))
    tested = replace(tested, windows=windows, test_probability=p[windows.test])
    wide = replace(windows, test=np.repeat(windows.test, 3), before_test=np.repeat(windows.before_test, 3))
    other = replace(tested, windows=wide, test_probability=np.repeat(p[windows.test], 3))
    n = int(windows.test.sum()) // 10 * 10
    same(
        reliability(p[:n], heavy.take(np.arange(n)), (20, 0)),
        reliability(np.repeat(p[:n], 3), many.take(np.arange(3 * n)), (20, 0)),
    )
    found = [appraise(o, r, 0.07, 20, 0) for o, r in ((tested, heavy), (other, many))]
    for name in ("brier_skill", "gain", "capacity", "segments", "months"):
        same(*(one[name] for one in found if one))


def test_opponents_expect_the_level_of_what_rows_stand_for() -> None:
    weight = np.where(ROWS.converted, 1.0, 7.0)
    found = opponents(replace(ROWS, weight=weight), ROWS.features, QUICK, 30)
    rate = np.average(ROWS.converted, weights=weight)
    assert found["constant"][0] == pytest.approx(rate)
    for p in found.values():
        assert np.average(p, weights=weight) == pytest.approx(rate, rel=0.02)


def test_a_reference_holds_what_its_rows_can_prove() -> None:
    weight = np.where(ROWS.converted, 1.0, 9.0)
    found = make_reference(replace(ROWS, weight=weight), lambda frame: frame["fit_total"].to_numpy())
    last = ~pd.Series(ROWS.account_id).duplicated(keep="last").to_numpy()
    effective = weight[last].sum() ** 2 / (weight[last] ** 2).sum()
    assert found.accounts == round(effective) < last.sum()
    sector = next(h for h in found.features if h.name == "sector")
    names = ROWS.features["sector"][last]
    shares = {level: weight[last][names == level].sum() / weight[last].sum() for level in sector.levels}
    for level, count in zip(sector.levels, sector.counts, strict=False):
        assert count == pytest.approx(shares[level] * effective, abs=0.51)


def test_values_of_conversions() -> None:
    rng = np.random.default_rng(2)
    rows = replace(ROWS, value=np.where(ROWS.converted, rng.lognormal(3, 1, len(ROWS)), np.nan)).take(ROWS.converted)
    k = rng.integers(1, 4, len(rows))
    from abm_scoring.learning.severity import PooledSeverity

    pooled, source = PooledSeverity(value=1.0), WonAmount(kind="won_amount")
    same(
        _shipped(replace(rows, weight=k.astype(float)), pooled, 40.0, source),
        _shipped(times(k, rows), pooled, 40.0, source),
    )


@pytest.mark.parametrize(("dates", "share"), [(1, 0.2), (3, 0.2), (12, 0.1)])
def test_accounts_of_a_sample_stand_for_all_accounts(dates: int, share: float) -> None:
    rows = market(accounts=4000, dates=dates, level=-5.0)
    ever = pd.Series(rows.converted).groupby(rows.account_id).max().sum()
    kept = rows.converted | (np.random.default_rng(0).random(len(rows)) < share)
    weight = np.where(rows.converted, 1.0, (~rows.converted).sum() / (kept & ~rows.converted).sum())
    accounts = _last_rows(replace(rows, weight=weight).take(kept))
    assert accounts.converted.sum() == ever
    assert accounts.weights[accounts.converted].tolist() == [1.0] * ever
    assert accounts.weights.sum() == pytest.approx(4000, rel=0.05)


def test_joined_rows_keep_what_each_stands_for() -> None:
    early, late = ROWS.take(np.arange(100)), ROWS.take(np.arange(100, len(ROWS)))
    both = joined(replace(late, weight=np.full(len(late), 5.0)), early)
    assert both.weights.sum() == 100 + 5 * len(late)
    assert (both.weights == np.where(both.as_of > early.as_of.max(), 5.0, both.weights)).all()
    assert joined(late, early).weight is None


@pytest.mark.parametrize("level", [-4.0, 0.0])
def test_thinning_weighted_rows_keeps_the_weight_of_either_outcome(level: float) -> None:
    rows = market(accounts=1000, dates=6, level=level)
    heavy = replace(rows, weight=np.random.default_rng(0).integers(1, 9, len(rows)).astype(float))
    fewer = thinned(heavy, 2000, 0)
    assert len(fewer) == 2000
    for outcome in (True, False):
        of_all = heavy.weights[heavy.converted == outcome].sum()
        assert fewer.weights[fewer.converted == outcome].sum() == pytest.approx(of_all)
