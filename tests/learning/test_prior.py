from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.contributions import probability
from abm_scoring.learning.intervals import fit_refits
from abm_scoring.learning.prior import prior_line
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.shipping import make_bundle
from abm_scoring.learning.specs import ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market, relabelled

SPEC = ModelSpec(bootstrap=100, threads=1, prior_positives=10)
SPLIT = SplitSpec(embargo_days=30)
ROWS = market(accounts=300, dates=8)


def fitting(accounts: int) -> TrainingSet:
    """So many accounts convert, each once, at a date of its own; the better the fit, the likelier."""
    ids, code = np.unique(ROWS.account_id, return_inverse=True)
    fit = np.clip(ROWS.features["fit_total"].to_numpy()[: len(ids)], 0.05, 0.95)
    chosen = np.random.default_rng(1).choice(len(ids), accounts, replace=False, p=(w := fit / (1 - fit)) / w.sum())
    date = np.searchsorted(np.unique(ROWS.as_of), ROWS.as_of)
    return relabelled(ROWS, np.isin(code, chosen) & (date == code % 8))


def test_a_handful_of_conversions_bends_their_rate_by_fit() -> None:
    rows = fitting(24)
    outcome = train_ladder(rows, SPLIT, SPEC)
    assert outcome.rung == "prior" and outcome.model is not None and outcome.model.kind == "profile"
    p = probability(outcome.calibration.raw_score(outcome.model.log_odds(rows.features)))
    assert p.mean() == pytest.approx(rows.converted.mean(), rel=1e-6)
    order = np.argsort(rows.features["fit_total"].to_numpy())
    assert (np.diff(p[order]) >= -1e-12).all() and p.max() > 1.5 * p.min()
    assert outcome.test is not None and "bent by profile fit" in outcome.reason


def test_a_bundle_of_it_claims_a_probability_with_an_interval() -> None:
    rows = fitting(24)
    outcome = train_ladder(rows, SPLIT, SPEC)
    assert outcome.model is not None
    bundle = make_bundle(outcome, rows, {}, fit_refits(outcome.model, rows, SPEC, prior=True))
    scored = bundle.score(rows.features.head(40))
    assert scored["probability"].between(scored["probability_low"], scored["probability_high"]).all()
    assert (scored["probability_high"] > 1.3 * scored["probability_low"]).all()


@pytest.mark.parametrize("accounts", [0, 1, 9])
def test_fewer_still_claim_no_probability(accounts: int) -> None:
    outcome = train_ladder(fitting(accounts), SPLIT, SPEC)
    assert outcome.rung == "profile"


def test_where_conversion_falls_with_fit_no_probability_is_claimed() -> None:
    rows = fitting(24)
    turned = replace(rows, features=rows.features.assign(fit_total=1 - rows.features["fit_total"]))
    outcome = train_ladder(turned, SPLIT, SPEC)
    assert outcome.rung == "profile" and "does not rise with profile fit" in outcome.reason


def test_losing_forward_claims_no_probability() -> None:
    rows = fitting(24)
    last = rows.as_of >= np.datetime64(train_ladder(rows, SPLIT, SPEC).windows.test_from, "us")
    bad = rows.features["fit_total"].to_numpy() < 0.05
    outcome = train_ladder(
        relabelled(rows, np.where(last, bad, rows.converted)), SPLIT, SPEC.model_copy(update={"kind": "prior"})
    )
    assert outcome.rung == "profile" and "did not beat the constant forward" in outcome.reason


def test_a_prior_can_be_asked_for() -> None:
    assert train_ladder(ROWS, SPLIT, SPEC.model_copy(update={"kind": "prior"})).rung == "prior"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1, 2))
def test_the_slope_is_shrunk_and_never_negative(seed: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    score, family = rng.normal(size=400), np.arange(400) // 2
    converted = rng.random(400) < probability(-3 + slope * score)
    line = prior_line(score, converted, family) if converted.any() else None
    if line is not None:
        assert line.slope > 0
        assert probability(line.raw_score(score)).mean() == pytest.approx(converted.mean(), rel=1e-6)


def test_rows_repeated_within_families_prove_nothing_more() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(size=300)
    converted, family = rng.random(300) < probability(-3 + 0.8 * score), np.arange(300)
    once, often = (
        prior_line(score, converted, family),
        prior_line(*(np.repeat(x, 5) for x in (score, converted, family))),
    )
    assert once is not None and often is not None
    assert often.slope == pytest.approx(once.slope, rel=0.02)
