"""Where the bar hangs tonight: the value that is compared, and the thresholds for entering and leaving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.errors import ConfigError
from abm_scoring.ranking.mqa.spec import CapacityThreshold, ExpectedProfitThreshold, FixedThreshold, MqaSpec


@dataclass(frozen=True)
class Bar:
    """float64 [n] values of the candidates, and the thresholds that they are held against."""

    value: np.ndarray
    enter: float
    leave: float


def bar(scores: pd.DataFrame, spec: MqaSpec) -> Bar:
    """Values and thresholds of one night.

    Args:
        scores: n candidates with `score` (fixed), `raw_score` (capacity), or `expected_value` or `probability`
            (expected profit).

    Raises:
        ConfigError: The model gives no such value (78).
    """
    t = spec.threshold
    if isinstance(t, FixedThreshold):
        return Bar(scores["score"].to_numpy("float64"), t.enter, t.leave)
    if isinstance(t, CapacityThreshold):
        assert spec.capacity is not None
        value = scores["raw_score"].to_numpy("float64")
        return Bar(value, _nth_best(value, spec.capacity), _nth_best(value, round(spec.capacity * t.leave_factor)))
    return Bar(_expected(scores, t), t.cost_per_account * t.enter_return, t.cost_per_account * t.leave_return)


def _nth_best(value: np.ndarray, n: int) -> float:
    """The n-th highest value; the lowest where there are fewer, so that everybody reaches it."""
    if not len(value):
        return np.inf
    return float(np.sort(value)[max(0, len(value) - n)])


def _expected(scores: pd.DataFrame, t: ExpectedProfitThreshold) -> np.ndarray:
    column = "expected_value" if t.deal_gross_margin is None else "probability"
    if column not in scores or (len(scores) > 0 and scores[column].isna().all()):
        raise ConfigError(
            f"the model gives no {column}, which the expected profit needs",
            where="scoring.mqa.threshold",
            fix="set deal_gross_margin, train with a value section, or take fixed or capacity thresholds",
        )
    return scores[column].to_numpy("float64") * (t.deal_gross_margin or 1.0)
