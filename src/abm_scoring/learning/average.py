"""The mean of two unlike models' log-odds."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.learning.boosting import BoostingModel
from abm_scoring.learning.contributions import Contributions, shift_to
from abm_scoring.learning.logistic import LogisticModel
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.spec import Spec


class AverageModel(Spec):
    """Half logistic, half boosting, averaged in log-odds.

    Attributes:
        shift: What is added to the mean, so that it expects as many conversions of the training rows as there were.
            The mean of unlike log-odds of rare outcomes expects fewer by itself.
    """

    kind: Literal["average"] = "average"
    logistic: LogisticModel
    boosting: BoostingModel
    shift: float = 0.0

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n log-odds; the frame's columns are found by name."""
        return (self.logistic.log_odds(frame) + self.boosting.log_odds(frame)) / 2 + self.shift

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Mean of both models' contributions; with the shift in the base, they add up to the log-odds."""
        mean = self.logistic.contributions(frame).mean_with(self.boosting.contributions(frame))
        return mean.rescaled(self.shift, 1.0)

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.logistic.unseen(frame)


def average_of(logistic: LogisticModel, boosting: BoostingModel, rows: TrainingSet) -> AverageModel:
    """The average of two members at the level of some rows.

    Args:
        logistic, boosting: The members.
        rows: Rows whose conversions are to be expected as often as they came; where the members saw a sample of the
            training rows only, another sample of the same: each row that they saw stands for many, and is known to
            them too well.
    """
    mean = (logistic.log_odds(rows.features) + boosting.log_odds(rows.features)) / 2
    shift = shift_to(mean, float(np.average(rows.converted, weights=rows.weights)), rows.weights)
    return AverageModel(logistic=logistic, boosting=boosting, shift=shift)
