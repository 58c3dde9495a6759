"""Recalibration of how far log-odds spread, used only where it wins forward in time.

Platt's line has a slope and an intercept. Only the slope is a fault of the model; what the intercept would follow is
the base rate of the window it was fitted on, which is as often season as trend. So the line is turned around the
window's mean probability, which it keeps; the level comes from the refit on all rows, the newest included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.learning.contributions import Contributions, probability, shift_to
from abm_scoring.learning.evaluation import improvement_bound
from abm_scoring.learning.metrics import calibration_line, row_log_loss
from abm_scoring.learning.weights import mean_of, one_weighting
from abm_scoring.spec import Spec


class Calibration(Spec):
    """raw_score = intercept + slope · log-odds.

    `identity` leaves the model's log-odds as they are; `platt` has a slope fitted by logistic regression (Platt 1999).
    """

    kind: Literal["identity", "platt"] = "identity"
    intercept: float = 0.0
    slope: float = 1.0

    def raw_score(self, log_odds: np.ndarray) -> np.ndarray:
        """n raw scores of n log-odds."""
        return log_odds if self.kind == "identity" else self.intercept + self.slope * log_odds

    def apply(self, contributions: Contributions) -> Contributions:
        """The contributions to the raw score; unchanged for `identity`."""
        return contributions if self.kind == "identity" else contributions.rescaled(self.intercept, self.slope)


@dataclass(frozen=True)
class CalibrationChoice:
    """What was decided and on what evidence.

    Attributes:
        calibration: The line to use.
        gain: Mean log-loss that a line fitted earlier saved later on; None where it could not be tried.
        gain_low: One-sided 95 % lower bound of it.
    """

    calibration: Calibration
    gain: float | None
    gain_low: float | None


def fit_platt(log_odds: np.ndarray, converted: np.ndarray, weight: np.ndarray | None = None) -> Calibration:
    """The slope of highest likelihood, with the intercept that keeps the rows' mean probability.

    Identity where the slope would turn the ranking around, or the rows hold one outcome only.
    """
    slope = float(calibration_line(log_odds, converted, one_weighting(weight, len(log_odds)))[1][0])
    if not slope > 0:
        return Calibration()
    level = shift_to(slope * log_odds, mean_of(probability(log_odds), weight), weight)
    return Calibration(kind="platt", intercept=level, slope=slope)


def choose_calibration(
    log_odds: np.ndarray,
    converted: np.ndarray,
    as_of: np.ndarray,
    family: np.ndarray,
    n_boot: int,
    seed: int,
    weight: np.ndarray | None = None,
) -> CalibrationChoice:
    """Platt's line if one fitted on the earlier half beats the model's own log-odds on the later half.

    With a single date, halves of the families are crossed instead. "Beats" means that the one-sided 95 % bootstrap
    bound over families of the saved log-loss is above 0. The line returned is fitted on all rows.

    Args:
        log_odds: n log-odds on rows that the model was not fitted on.
        converted: n booleans.
        as_of: n timestamps.
        family: n ids of account families.
        n_boot: Number of bootstrap draws.
        seed: Makes the draws and the halves reproducible.
        weight: How many rows each of the n stands for; None = one each.
    """

    def of(rows: np.ndarray) -> np.ndarray | None:
        return None if weight is None else weight[rows]

    gains = np.full(len(log_odds), np.nan)
    for fit, check in _halves(as_of, family, seed, weight):
        line = fit_platt(log_odds[fit], converted[fit], of(fit))
        before = row_log_loss(probability(log_odds[check]), converted[check])
        after = row_log_loss(probability(line.raw_score(log_odds[check])), converted[check])
        gains[check] = before - after
    tried = ~np.isnan(gains)
    if not tried.any():
        return CalibrationChoice(Calibration(), None, None)
    low = improvement_bound(gains[tried], family[tried], n_boot, seed, weight=of(tried))
    chosen = fit_platt(log_odds, converted, weight) if low > 0 else Calibration()
    return CalibrationChoice(chosen, mean_of(gains[tried], of(tried)), low)


def _halves(
    as_of: np.ndarray, family: np.ndarray, seed: int, weight: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs (fit, check) of masks."""
    dates = np.unique(as_of)
    if len(dates) > 1:
        # The date nearest the middle of the rows, but never the first, so that neither half is empty.
        middle = max(dates[1], _middle(as_of, weight))
        return [(as_of < middle, as_of >= middle)]
    codes, families = pd.factorize(family, sort=True)
    first = (np.random.default_rng(seed).permutation(len(families)) % 2 == 0)[codes]
    return [(first, ~first), (~first, first)] if first.any() and not first.all() else []


def _middle(as_of: np.ndarray, weight: np.ndarray | None) -> np.datetime64:
    """The date of the middle row."""
    if weight is None:
        return np.sort(as_of)[len(as_of) // 2]
    order = np.argsort(as_of, kind="stable")
    upto = np.cumsum(weight[order])
    return as_of[order[min(np.searchsorted(upto, upto[-1] // 2, side="right"), len(order) - 1)]]
