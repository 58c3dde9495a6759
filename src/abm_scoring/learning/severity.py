"""What a conversion will be worth, given that it happens."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.learning.boosting import BoostingModel, fit_bag
from abm_scoring.learning.encoding import Encoding, fit_encoding
from abm_scoring.learning.folds import FAMILY_FOLDS, family_folds
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.weights import sum_of
from abm_scoring.spec import Spec

#: Amounts are noisy and wins are few, so the model is smaller than the one of conversion.
TREES = BoostingSpec(leaves=4, column_share=0.5, bags=1, monotone=False)
#: The mean of all opportunities counts as this many wins where wins are few.
PRIOR_WINS = 20


class LogNormalSeverity(Spec):
    """value = ratio · exp(what the trees predict of log value), kept within the values that were seen.

    Attributes:
        trees: Fitted to the logarithm of positive values.
        ratio: Smearing (Duan 1983) in its ratio form: Σ value ÷ Σ exp(prediction), with each prediction from a model
            that has not seen the account's family; what trees make of noise in their own rows would make it too small.
        low: Smallest value seen.
        high: The cap.
    """

    kind: Literal["log_normal"] = "log_normal"
    trees: BoostingModel
    ratio: float
    low: float
    high: float

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """n expected values of a conversion, money."""
        return np.clip(self.ratio * np.exp(self.trees.log_odds(frame)), self.low, self.high)


class PooledSeverity(Spec):
    """One value for all.

    Attributes:
        value: Mean of the capped values, shrunk where there was something to shrink it to.
    """

    kind: Literal["pooled"] = "pooled"
    value: float

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """n times the same value, money."""
        return np.full(len(frame), self.value)


Severity = Annotated[LogNormalSeverity | PooledSeverity, Field(discriminator="kind")]


def fit_severity(
    rows: TrainingSet, cap: float, min_wins: int, typical: float | None, spec: ModelSpec
) -> LogNormalSeverity | PooledSeverity:
    """Fit on conversions of known value.

    Args:
        rows: At least one row, all converted; `value` holds no NaN.
        cap: Values are read as at most this.
        min_wins: Fewer converted accounts than this get the pooled mean.
        typical: What the pooled mean is shrunk to; None = it is not.
        spec: Its seed is used.
    """
    assert rows.value is not None
    value = np.minimum(rows.value, cap)
    positive = value > 0
    encoding = fit_encoding(rows.take(positive).features, rows.catalogue) if positive.any() else None
    folds = family_folds(rows.family, spec.seed)
    enough = len(set(rows.account_id[positive].tolist())) >= min_wins and len(set(rows.family)) >= FAMILY_FOLDS
    if encoding is None or not encoding.columns or not enough:
        return _pooled(rows, value, typical if typical is None else min(typical, cap))
    unseen = np.empty(len(rows))
    for fit, check in folds:
        unseen[check] = _fit(rows, fit & positive, value, encoding, spec).log_odds(rows.features[check])
    return LogNormalSeverity(
        trees=_fit(rows, positive, value, encoding, spec),
        # A correction that turns the total around can only come from credit notes: there is nothing to expect then.
        ratio=max(0.0, float(sum_of(value, rows.weight) / sum_of(np.exp(unseen), rows.weight))),
        low=float(max(0.0, value.min())),
        high=float(value.max()),
    )


def _fit(rows: TrainingSet, kept: np.ndarray, value: np.ndarray, encoding: Encoding, spec: ModelSpec) -> BoostingModel:
    target = np.log(value[kept])
    # One thread: a model this small would only wait for the others.
    return fit_bag(rows.take(kept), encoding, TREES, spec.seed, 1, target, "regression")


def _pooled(rows: TrainingSet, value: np.ndarray, typical: float | None) -> PooledSeverity:
    """Σ value and `PRIOR_WINS` times the typical value, over the accounts and these; one vote an account."""
    of_account = pd.Series(value).groupby(rows.account_id).mean()
    votes = 0 if typical is None else PRIOR_WINS
    total = of_account.sum() + votes * (typical or 0.0)
    return PooledSeverity(value=float(max(0.0, total / (len(of_account) + votes))))
