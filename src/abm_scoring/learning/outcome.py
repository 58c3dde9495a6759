"""What training came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.evaluation import Metric
from abm_scoring.learning.models import Model
from abm_scoring.learning.splits import Windows

Rung = Literal["none", "profile", "prior", "logistic", "average", "tuned", "hazard"]


@dataclass(frozen=True)
class Outcome:
    """What training came to.

    Attributes:
        rung: The rung that was reached; `none` ships no model.
        reason: Why this rung, in words.
        model: The model to ship, fitted on everything matured; None for `none`.
        calibration: From the model's log-odds to the raw score.
        windows: Rows and dates of the parts.
        warnings: What a reader must know, one sentence each.
        candidates: What was compared on the choosing part: `name`, `log_loss`, `auc`, `gain` in log-loss over the
            constant, and `gain_low`, its one-sided 95 % lower bound.
        calibration_gain: Log-loss that recalibration saved forward, and its one-sided 95 % bound; None = not tried.
        test: Metrics of the chosen recipe on the test part; None without one.
        test_calibration: Slope, intercept and expected ÷ observed there.
        test_probability: The probabilities of the test rows that were measured; None without a test part.
        test_horizons: Horizon in days → `rows`, `expected` and `observed` conversions, `auc` and `log_loss` of the test
            rows whose outcome within it is known; for the rung `hazard` only.
        opponents: Name → the same metrics as `test`.
        boosting: Parameters that tuning found; empty where nothing was tuned.
        dropped: Feature → why the shipped model does not use it.
        n_train: Rows that the tested model was fitted on: all that had matured before the test. Like the numbers below,
            what the rows stand for where they are a sample.
        n_choose: Rows of the choosing part, which are among these.
        n_test: Rows of the test part.
        n_shipped: Rows that the shipped model was fitted on.
        converted_accounts: Accounts that converted at least once.
    """

    rung: Rung
    reason: str
    model: Model | None
    calibration: Calibration
    windows: Windows
    warnings: tuple[str, ...]
    candidates: tuple[dict[str, str | float | None], ...] = ()
    calibration_gain: tuple[float | None, float | None] = (None, None)
    test: dict[str, Metric] | None = None
    test_calibration: dict[str, Metric] | None = None
    test_probability: np.ndarray | None = None
    test_horizons: dict[str, dict[str, float | None]] = field(default_factory=dict)
    boosting: dict[str, float | int | bool] = field(default_factory=dict)
    opponents: dict[str, dict[str, Metric]] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    n_train: int = 0
    n_choose: int = 0
    n_test: int = 0
    n_shipped: int = 0
    converted_accounts: int = 0
