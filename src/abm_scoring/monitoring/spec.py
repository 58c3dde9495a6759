"""What is watched from night to night, and from where on it is an alarm."""

from __future__ import annotations

from pydantic import Field

from abm_scoring.monitoring.drift import DriftSpec
from abm_scoring.spec import Spec


class MonitoringSpec(Spec):
    """How runs are watched."""

    runs: int = Field(60, ge=2, description="newest runs of the ledger that the time series shows")
    drift: DriftSpec = DriftSpec()
    calibration_level: float = Field(
        0.05, gt=0, lt=1, description="a matured cohort is an alarm where a true model would lie so far off this rarely"
    )
    retrain_days: float = Field(
        180, gt=0, description="days since the last outcome learnt from, after which training again is advised"
    )
