from __future__ import annotations

import numpy as np

from abm_scoring.learning.contributions import probability
from abm_scoring.learning.promotion import compare


def world(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True log-odds, outcomes, families of two."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-2, 1, n)
    return truth, rng.random(n) < probability(truth), np.arange(n) // 2


def test_a_better_model_is_promoted_and_not_the_other_way_round() -> None:
    truth, converted, family = world()
    noisy = truth + np.random.default_rng(1).normal(0, 1.5, len(truth))
    assert compare(probability(noisy), probability(truth), converted, family, n_boot=300).better
    back = compare(probability(truth), probability(noisy), converted, family, n_boot=300)
    assert not back.better and back.gain < 0 and "log-loss" in back.reasons[0]


def test_equals_are_not_swapped() -> None:
    truth, converted, family = world()
    same = compare(probability(truth), probability(truth), converted, family, n_boot=300)
    assert same.gain == 0 and not same.better
    promoted = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one, two = (probability(truth + rng.normal(0, 0.3, len(truth))) for _ in range(2))
        promoted += compare(one, two, converted, family, n_boot=200).better
    assert promoted <= 4


def test_a_saved_log_loss_does_not_excuse_worse_calibration_or_lift() -> None:
    truth, converted, family = world(6000)
    constant = np.full(len(truth), converted.mean())
    # The right order, but too high: log-loss improves on the constant, the total does not.
    high = compare(constant, probability(truth + 0.4), converted, family, n_boot=300)
    assert high.gain_low > 0 and not high.better
    assert any("expected ÷ observed" in why for why in high.reasons)


def test_no_rows_are_no_reason_to_promote() -> None:
    none = compare(np.empty(0), np.empty(0), np.empty(0, bool), np.empty(0, object), n_boot=50)
    assert not none.better
    assert none.as_json()["gain"] is None and none.as_json()["rows"] == 0
