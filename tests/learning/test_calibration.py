from __future__ import annotations

import numpy as np
import pytest

from abm_scoring.learning.calibration import Calibration, choose_calibration, fit_platt
from abm_scoring.learning.contributions import Contributions, probability

N = 3000


def choosing(
    stretch: float, shift: float = 0.0, dates: int = 6, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-odds that exaggerate by `stretch` and lie `shift` off, with outcomes, dates and families."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1, N)
    y = rng.random(N) < probability(truth)
    as_of = np.datetime64("2025-01-01", "us") + np.sort(rng.integers(0, dates, N)) * np.timedelta64(10, "D")
    return stretch * truth + shift, y, as_of, np.array([f"f{i}" for i in rng.integers(0, N // 2, N)], dtype=object)


@pytest.mark.parametrize("dates", [1, 6])
def test_exaggeration_is_corrected(dates: int) -> None:
    choice = choose_calibration(*choosing(2.0, dates=dates), 200, 0)
    assert choice.calibration.kind == "platt"
    assert choice.calibration.slope == pytest.approx(0.5, abs=0.06)
    assert choice.gain_low is not None and choice.gain_low > 0


def test_calibrated_log_odds_are_left_alone() -> None:
    kinds = [choose_calibration(*choosing(1.0, seed=s), 200, 0).calibration.kind for s in range(20)]
    assert kinds.count("platt") <= 2


def test_a_shift_of_the_base_rate_alone_is_left_alone() -> None:
    kinds = [choose_calibration(*choosing(1.0, 0.5, seed=s), 200, 0).calibration.kind for s in range(10)]
    assert kinds.count("platt") <= 2


def test_the_mean_probability_stays() -> None:
    log_odds, y, *_ = choosing(2.0, 0.3)
    line = fit_platt(log_odds, y)
    changed = probability(line.intercept + line.slope * log_odds)
    assert changed.mean() == pytest.approx(probability(log_odds).mean(), abs=1e-9)


def test_the_ranking_is_never_turned_around() -> None:
    log_odds, y, *_ = choosing(-1.0)
    assert fit_platt(log_odds, y) == Calibration()


def test_one_outcome_or_no_row_leaves_things_as_they_are() -> None:
    log_odds, y, as_of, family = choosing(2.0)
    assert fit_platt(log_odds, np.zeros_like(y)) == Calibration()
    nothing = choose_calibration(log_odds[:0], y[:0], as_of[:0], family[:0], 50, 0)
    assert (nothing.calibration, nothing.gain) == (Calibration(), None)


@pytest.mark.parametrize("exaggerated", ["early", "late"])
def test_it_is_tried_forward_in_time(exaggerated: str) -> None:
    # What is learnt early must hold later: neither a fault that has passed nor one still unseen may be corrected.
    log_odds, y, as_of, family = choosing(1.0)
    early = as_of < np.sort(as_of)[N // 2]
    mixed = np.where(early == (exaggerated == "early"), 3.0, 1.0) * log_odds
    assert choose_calibration(mixed, y, as_of, family, 200, 0).calibration.kind == "identity"


def test_contributions_are_scaled_with_the_score() -> None:
    found = Contributions(np.array([[1.0, -2.0], [0.5, 0.0]]), -1.0)
    line = Calibration(kind="platt", intercept=0.2, slope=0.5)
    np.testing.assert_allclose(line.apply(found).log_odds, 0.2 + 0.5 * found.log_odds)
    np.testing.assert_allclose(line.raw_score(found.log_odds), line.apply(found).log_odds)
    assert (Calibration().raw_score(found.log_odds) == found.log_odds).all()
    assert Calibration().apply(found) is found
