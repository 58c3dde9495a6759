"""How effects are measured: randomised, adjusted, by region, and who responds most."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from abm_scoring.spec import Spec


class LiftSpec(Spec):
    """Randomised comparisons: the project's holdout and the campaigns in the table `experiments`."""

    horizon_days: int | None = Field(
        None, ge=1, description="outcomes count for so many days from the assignment; empty: the label's horizon"
    )
    level: float = Field(0.95, gt=0.5, lt=1, description="level of intervals")
    power: float = Field(0.8, gt=0.5, lt=1, description="power of the smallest detectable effect")
    min_conversions: int = Field(
        10,
        ge=1,
        description="with fewer conversions in an arm, money is not judged and shares have Newcombe's interval",
    )


class AssociationalSpec(Spec):
    """Comparisons without randomisation, by cross-fitted AIPW; always called associational."""

    folds: int = Field(5, ge=2, le=20, description="parts by family; each is predicted by models of the others")
    level: float = Field(0.95, gt=0.5, lt=1, description="level of intervals")
    most_propensity: float = Field(
        0.95, gt=0.5, lt=1, description="probability of being treated above which there is nobody to compare with"
    )
    seed: int = Field(0, ge=0, description="deals families into parts")


class UpliftSpec(Spec):
    """Who responds most to a randomised campaign."""

    learner: Literal["t", "dr"] = Field("t", description="T-learner, or DR-learner on cross-fitted pseudo-outcomes")
    folds: int = Field(5, ge=2, le=20, description="parts by family in the cross-fitting inside the DR-learner")
    top_share: float = Field(0.3, gt=0, lt=1, description="share of the ranking whose own effect is shown")
    level: float = Field(0.95, gt=0.5, lt=1, description="level of bands and intervals")
    draws: int = Field(500, ge=50, description="bootstrap draws over families")
    seed: int = Field(0, ge=0, description="deals families into halves and parts, and draws them")


class DifferencesSpec(Spec):
    """Difference in differences for a campaign that was launched in some regions and not in others."""

    cluster: Literal["region", "family"] = Field(
        "region", description="what is drawn: regions where they were chosen; families assume no shock to a region"
    )
    before_periods: int = Field(6, ge=2, description="periods before the launch")
    after_periods: int = Field(3, ge=1, description="periods from the launch on")
    level: float = Field(0.95, gt=0.5, lt=1, description="level of intervals")
    min_regions: int = Field(2, ge=2, description="regions that each side needs before a verdict is given")
