"""The mean of two unlike models' log-odds."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.learning.boosting import BoostingModel
from abm_scoring.learning.contributions import Contributions
from abm_scoring.learning.logistic import LogisticModel
from abm_scoring.spec import Spec


class AverageModel(Spec):
    """Half logistic, half boosting, averaged in log-odds."""

    kind: Literal["average"] = "average"
    logistic: LogisticModel
    boosting: BoostingModel

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n log-odds; the frame's columns are found by name."""
        return (self.logistic.log_odds(frame) + self.boosting.log_odds(frame)) / 2

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Mean of both models' contributions; they add up to the log-odds."""
        return self.logistic.contributions(frame).mean_with(self.boosting.contributions(frame))

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.logistic.unseen(frame)
