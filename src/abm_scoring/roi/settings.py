"""Section `roi` of the configuration: how return is counted, goals, and the specs of every part of the room."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from abm_scoring.roi.attribution.spec import AttributionSpec
from abm_scoring.roi.budget_spec import BudgetSpec
from abm_scoring.roi.cost_spec import CostSpec
from abm_scoring.roi.journeys import JourneySpec
from abm_scoring.roi.lift_spec import AssociationalSpec, DifferencesSpec, LiftSpec, UpliftSpec
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.periods import Every
from abm_scoring.roi.predicted_spec import PredictedSpec
from abm_scoring.roi.targets import Target
from abm_scoring.spec import Spec


class RoiSpec(Spec):
    """What came of it all: costs, credit, effect, forecast against what came in, KPIs and their targets."""

    returns: Literal["gross_margin", "revenue"] = Field(
        "gross_margin", description="what a return is counted in; the report names it"
    )
    period: Every = Field("year", description="what the return report looks at: the period that its day lies in")
    gross_margin_rate: float | None = Field(
        None, gt=0, le=1, description="gross margin ÷ amount of deals that carry none of their own; empty: unknown"
    )
    kpis: KpiSpec = KpiSpec()
    targets: dict[str, Target] = Field(
        default_factory=dict,
        description="metric → goal, in short or in full: `sql_accounts: 3 this quarter`, `days_to_close: 50, was 63`",
    )
    compare_campaigns: tuple[str, ...] = Field(
        (),
        description="campaigns without randomisation to compare by AIPW; their result is always called associational",
    )
    costs: CostSpec = CostSpec()
    journeys: JourneySpec = JourneySpec()
    attribution: AttributionSpec = AttributionSpec()
    lift: LiftSpec = LiftSpec()
    associational: AssociationalSpec = AssociationalSpec()
    uplift: UpliftSpec = UpliftSpec()
    differences: DifferencesSpec = DifferencesSpec()
    predicted: PredictedSpec = PredictedSpec()
    budget: BudgetSpec = BudgetSpec()

    @field_validator("targets")
    @classmethod
    def _known(cls, targets: dict[str, Target]) -> dict[str, Target]:
        from abm_scoring.roi.metrics.names import FIGURES
        from abm_scoring.spec_problems import near

        for name, target in targets.items():
            if name not in FIGURES:
                raise ValueError(f"no metric {name!r}; {near(name, FIGURES) or 'see docs/reference/metrics.md'}")
            if target.figure is not None and target.figure not in FIGURES[name]:
                raise ValueError(f"{name} has no figure {target.figure!r}; one of {', '.join(FIGURES[name])}")
        return targets

    @model_validator(mode="after")
    def _shares_below_one(self) -> RoiSpec:
        reach = self.targets.get("reach")
        if reach is not None and reach.figure is None and reach.goal > 1:
            raise ValueError("reach is a share; write `10 contacts` for a number of contacts")
        return self
