"""The closed union of feature families."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.category_rates import CategoryRatesSpec
from abm_scoring.features.columns import ColumnsSpec
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.family_tree import FamilySpec
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.peers import PeersSpec
from abm_scoring.features.pipeline import PipelineSpec
from abm_scoring.features.value_fit import ValueFitSpec

FeatureSpec = Annotated[
    FirmographicsSpec
    | ValueFitSpec
    | EngagementSpec
    | BuyingGroupSpec
    | PipelineSpec
    | FamilySpec
    | PeersSpec
    | CategoryRatesSpec
    | ColumnsSpec,
    Field(discriminator="kind"),
]
