"""The closed union of models that a bundle can hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.boosting import BoostingModel
from abm_scoring.learning.hazard import HazardModel
from abm_scoring.learning.logistic import LogisticModel
from abm_scoring.learning.profile import ProfileModel

#: Each has `log_odds(frame)` and `contributions(frame)`.
Model = Annotated[
    ProfileModel | LogisticModel | BoostingModel | AverageModel | HazardModel, Field(discriminator="kind")
]
