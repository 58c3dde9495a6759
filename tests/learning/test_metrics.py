from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from abm_scoring.learning import metrics
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.metrics import Weighted, ranked

#: Few distinct scores, so that ties are the rule.
TIED = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 3)), min_size=1)


def plain(scores: np.ndarray, converted: np.ndarray) -> Weighted:
    return Weighted(ranked(scores, converted), np.ones((1, len(scores))))


def both(rows: list[tuple[float, bool, int]]) -> tuple[Weighted, np.ndarray, np.ndarray]:
    """Weighted rows, and the same rows repeated as often as their weight says."""
    scores, converted, weight = (np.array(x) for x in zip(*rows, strict=True))
    found = ranked(scores, converted)
    return Weighted(found, weight[found.order][None, :].astype(float)), scores.repeat(weight), converted.repeat(weight)


@settings(max_examples=150)
@given(TIED)
def test_weights_mean_repeated_rows_and_the_plain_metrics_are_those_of_sklearn(
    rows: list[tuple[float, bool, int]],
) -> None:
    sample, p, y = both(rows)
    if not len(y):
        assert np.isnan([metrics.log_loss(sample), metrics.brier(sample), metrics.auc(sample)]).all()
        return
    assert metrics.log_loss(sample)[0] == pytest.approx(sklearn_log_loss(y, p, labels=[False, True]))
    assert metrics.brier(sample)[0] == pytest.approx(brier_score_loss(y, p, pos_label=True))
    if y.any():
        assert metrics.pr_auc(sample)[0] == pytest.approx(average_precision_score(y, p))
        assert metrics.expected_over_observed(sample)[0] == pytest.approx(p.sum() / y.sum())
    else:
        assert np.isnan(metrics.pr_auc(sample)[0]) and np.isnan(metrics.lift_at(0.1, sample)[0])
    if y.any() and not y.all():
        assert metrics.auc(sample)[0] == pytest.approx(roc_auc_score(y, p))
    else:
        assert np.isnan(metrics.auc(sample)[0])


@settings(max_examples=80)
@given(TIED, st.sampled_from([0.1, 0.25, 1.0]))
def test_lift_is_that_of_a_random_order_within_ties(rows: list[tuple[float, bool, int]], share: float) -> None:
    sample, p, y = both(rows)
    if not len(y) or not y.any():
        return
    found, room, left = 0.0, share * len(y), 1.0
    for score in sorted(set(p.tolist()), reverse=True):
        group = y[p == score]
        left = min(len(group), room)
        found += left * group.mean()
        room -= left
    assert metrics.lift_at(share, sample)[0] == pytest.approx(found / (share * y.sum()))


def test_many_weightings_at_once_are_the_weightings_one_by_one() -> None:
    rng = np.random.default_rng(0)
    rows = ranked(rng.integers(0, 20, 200) / 20, rng.random(200) < 0.3)
    weights = rng.integers(0, 3, (7, 200)).astype(float)
    for metric in (metrics.auc, metrics.pr_auc, metrics.log_loss, metrics.brier):
        single = [metric(Weighted(rows, w[None, :]))[0] for w in weights]
        np.testing.assert_allclose(metric(Weighted(rows, weights)), single)


def test_a_calibration_line_is_the_unpenalised_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(-2, 1.5, 4000)
    y = rng.random(4000) < probability(0.4 + 0.6 * x)
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x[:, None], y)
    intercept, slope = metrics.calibration_line(x, y, np.ones((1, 4000)))
    assert intercept[0] == pytest.approx(oracle.intercept_[0], abs=1e-3)
    assert slope[0] == pytest.approx(oracle.coef_[0, 0], abs=1e-3)


def test_a_calibration_line_survives_bad_starts_and_separable_rows() -> None:
    x = np.linspace(-9, 9, 200)
    _, slope = metrics.calibration_line(x, x > 0, np.ones((1, 200)))
    assert 1 < slope[0] < 1000
    intercept, slope = metrics.calibration_line(x, x < 0, np.ones((1, 200)))
    assert slope[0] < 0 and abs(intercept[0]) < 1e-6


def test_a_calibration_line_needs_both_outcomes() -> None:
    line = metrics.calibration_line(np.zeros(5), np.zeros(5, bool), np.ones((1, 5)))
    assert np.isnan(line).all()
