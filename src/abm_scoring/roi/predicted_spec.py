"""How predictions are held against what came in."""

from __future__ import annotations

from pydantic import Field

from abm_scoring.spec import Spec


class PredictedSpec(Spec):
    """Frozen predictions against matured outcomes."""

    by: tuple[str, ...] = Field(
        ("tier", "sector", "region"),
        description="frozen columns by whose values totals are shown, beside deciles",
    )
    deciles: int = Field(10, ge=2, le=100, description="equal parts of each run by its raw score, 1 = best")
    level: float = Field(0.95, gt=0.5, lt=1, description="level of intervals over account families")
    band: float = Field(0.9, gt=0.5, lt=1, description="level of the band in which a perfect model would lie")
    draws: int = Field(2000, ge=100, description="bootstrap draws over families")
    seed: int = Field(0, ge=0, description="of the draws")
    cancellation_events: tuple[str, ...] = Field(
        (), description="event types whose `value` is taken back, where values come from events"
    )
    large_share: float = Field(
        0.1, gt=0, lt=1, description="an account that makes at least this share of what came in is named"
    )
