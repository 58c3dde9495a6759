from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from abm_scoring.learning.contributions import probability
from abm_scoring.learning.evaluation import evaluate, evaluate_calibration, improvement_bound

NAMES = ("auc", "log_loss", "log_loss_constant", "pr_auc", "brier", "lift_at_10pct")


def scored(n: int = 600, per_family: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probabilities; outcomes of one family go together."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(n // per_family), per_family)
    log_odds = rng.normal(-1.5, 1.2, n // per_family)[family]
    common = rng.random(n // per_family)[family]
    p = np.round(probability(log_odds), 2)
    return p, common < p, np.array([f"f{i}" for i in family], dtype=object)


def test_it_reports_exactly_these_metrics_each_with_an_interval_around_it() -> None:
    p, y, family = scored()
    report = evaluate(p, y, family, 0.2, 200, 0)
    assert set(report) == {*NAMES, *(f"{n}_ci" for n in NAMES)}
    for name in NAMES:
        low, high = report[f"{name}_ci"]  # type: ignore[misc]
        assert low < report[name] < high


def test_points_are_those_of_sklearn() -> None:
    p, y, family = scored()
    report = evaluate(p, y, family, 0.2, 50, 0)
    assert report["auc"] == pytest.approx(roc_auc_score(y, p))
    assert report["pr_auc"] == pytest.approx(average_precision_score(y, p))
    assert report["log_loss"] == pytest.approx(log_loss(y, p))
    assert report["log_loss_constant"] == pytest.approx(log_loss(y, np.full(len(y), 0.2)))
    assert report["brier"] == pytest.approx(brier_score_loss(y, p))


def test_intervals_are_as_wide_as_those_of_a_plain_loop_over_families() -> None:
    p, y, family = scored()
    names = np.unique(family)
    members = {name: np.flatnonzero(family == name) for name in names}
    rng = np.random.default_rng(99)
    drawn = []
    for _ in range(400):
        rows = np.concatenate([members[name] for name in rng.choice(names, len(names))])
        drawn.append((roc_auc_score(y[rows], p[rows]), log_loss(y[rows], p[rows])))
    report = evaluate(p, y, family, 0.2, 2000, 1)
    for i, name in enumerate(("auc", "log_loss")):
        low, high = np.quantile([d[i] for d in drawn], [0.025, 0.975])
        ours = report[f"{name}_ci"]
        assert ours[1] - ours[0] == pytest.approx(high - low, rel=0.2)  # type: ignore[index, operator]


def test_drawing_families_gives_wider_intervals_than_drawing_rows() -> None:
    p, y, family = scored(per_family=6)

    def width(groups: np.ndarray) -> float:
        low, high = evaluate(p, y, groups, 0.2, 1000, 0)["auc_ci"]  # type: ignore[misc]
        return float(high - low)

    assert width(family) > 1.8 * width(np.arange(len(y)).astype(str))


@pytest.mark.fault(47)
def test_what_is_undefined_is_null() -> None:
    p, family = np.array([0.1, 0.2, 0.3]), np.array(["a", "b", "c"])
    report = evaluate(p, np.zeros(3, bool), family, 0.1, 50, 0)
    assert report["auc"] is None and report["auc_ci"] == [None, None]
    assert report["pr_auc"] is None and report["lift_at_10pct"] is None
    assert report["log_loss"] is not None
    empty = evaluate(p[:0], np.zeros(0, bool), family[:0], 0.1, 50, 0)
    assert all(value in (None, [None, None]) for value in empty.values())


def test_one_conversion_gives_a_value_but_draws_without_it_are_left_out() -> None:
    p, family = np.linspace(0.1, 0.9, 20), np.arange(20).astype(str)
    y = np.arange(20) == 15
    report = evaluate(p, y, family, 0.1, 400, 0)
    assert report["auc"] == pytest.approx(15 / 19)
    assert None not in report["auc_ci"]  # type: ignore[operator]


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others() -> None:
    p, y, family = scored()
    assert evaluate(p, y, family, 0.2, 50, 5) == evaluate(p, y, family, 0.2, 50, 5)
    assert evaluate(p, y, family, 0.2, 50, 5) != evaluate(p, y, family, 0.2, 50, 6)


def test_certain_and_wrong_is_bad_but_finite() -> None:
    report = evaluate(np.array([0.0, 1.0]), np.array([True, False]), np.array(["a", "b"]), 0.5, 50, 0)
    assert 30 < report["log_loss"] < 40  # type: ignore[operator]


def test_calibrated_probabilities_have_slope_one_intercept_zero_and_ratio_one() -> None:
    rng = np.random.default_rng(3)
    p = probability(rng.normal(-2, 1, 20_000))
    y, family = rng.random(20_000) < p, np.arange(20_000).astype(str)
    report = evaluate_calibration(p, y, family, 100, 0)
    for name, truth in (("calibration_slope", 1), ("calibration_intercept", 0), ("expected_over_observed", 1)):
        low, high = report[f"{name}_ci"]  # type: ignore[misc]
        assert low - 0.02 < truth < high + 0.02
    doubled = evaluate_calibration(p / 2, y, family, 50, 0)
    assert doubled["expected_over_observed"] == pytest.approx(0.5, abs=0.05)


def test_a_gain_is_certain_only_beyond_its_noise() -> None:
    rng = np.random.default_rng(4)
    family = np.repeat(np.arange(100), 4).astype(str)
    noise = rng.normal(0, 1, 400)
    assert improvement_bound(noise - noise.mean() + 0.01, family, 500, 0) < 0
    assert improvement_bound(noise - noise.mean() + 0.5, family, 500, 0) > 0
    assert improvement_bound(np.empty(0), family[:0], 500, 0) == -np.inf


def test_a_bound_is_the_fifth_percentile_of_family_draws() -> None:
    rng = np.random.default_rng(5)
    gain, family = rng.normal(1, 1, 300), rng.integers(0, 60, 300).astype(str)
    names = np.unique(family)
    means = []
    for _ in range(1000):
        rows = np.concatenate([np.flatnonzero(family == n) for n in rng.choice(names, len(names))])
        means.append(gain[rows].mean())
    assert improvement_bound(gain, family, 4000, 0) == pytest.approx(np.quantile(means, 0.05), abs=0.015)
