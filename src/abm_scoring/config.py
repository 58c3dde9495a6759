"""The whole configuration: one frozen value, assembled from the specs of every room."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, field_validator

from abm_scoring.data.checks import ChecksSpec
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.privacy import PrivacySpec
from abm_scoring.data.pulls.spec import Pull
from abm_scoring.data.schema import TABLES
from abm_scoring.data.sources import Source
from abm_scoring.engines.local import LocalEngine
from abm_scoring.engines.spark import SparkEngine
from abm_scoring.features.cohort import CohortSpec
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.snapshots import CalendarSnapshots, SnapshotSpec
from abm_scoring.learning.labels import LabelSpec, OpportunityWon
from abm_scoring.learning.specs import ModelSpec, SplitSpec, TrackingSpec
from abm_scoring.learning.value_sources import AutoValue, ValueSpec
from abm_scoring.monitoring.gates import GatesSpec
from abm_scoring.monitoring.spec import MonitoringSpec
from abm_scoring.publish.outputs import OutputsSpec
from abm_scoring.publish.pruning import RetentionSpec
from abm_scoring.ranking.ranking import ScoringSpec
from abm_scoring.roi.settings import RoiSpec
from abm_scoring.spec import Spec


def _canonical(table: str) -> str:
    if table not in TABLES:
        raise ValueError(f"{table!r} is no canonical table")
    return table


TableName = Annotated[str, AfterValidator(_canonical), WithJsonSchema({"type": "string", "enum": list(TABLES)})]


class ProjectSpec(Spec):
    """What the project is called and how it counts."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="names folders, runs and the experiment")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217 currency of all amounts")
    timezone: str = Field("UTC", description="zone in which a date begins, e.g. Europe/Berlin")
    as_of: date | None = Field(
        None, description="stand on this day instead of today; for data that no longer grow. --as-of goes before it"
    )
    language: Literal["en", "de", "ru", "ro"] = Field("en", description="language of reasons, lists and the page")

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"no such time zone: {name!r}; use a name like Europe/Berlin")
        return name


def _engine_kind(given: object) -> str:
    return str(given.get("kind", "local") if isinstance(given, dict) else getattr(given, "kind", "local"))


EngineSpec = Annotated[
    Annotated[LocalEngine, Tag("local")] | Annotated[SparkEngine, Tag("spark")], Discriminator(_engine_kind)
]


class Config(Spec):
    """Everything a user can choose; defaults are shown by `abm-scoring config show`."""

    project: ProjectSpec
    sources: dict[TableName, Source] = Field(description="canonical table → where it comes from")
    pulls: dict[str, Pull] = Field(
        default_factory=dict, description="what `abm-scoring pull` fetches from HubSpot and Salesforce into local files"
    )
    checks: ChecksSpec = ChecksSpec()
    matching: MatchingSpec = MatchingSpec()
    privacy: PrivacySpec = PrivacySpec()
    lists: dict[str, str] = Field(
        default_factory=dict, description="named conditions for `abm-scoring select`, e.g. big: employee_count > 1000"
    )
    cohort: CohortSpec = CohortSpec()
    label: LabelSpec = OpportunityWon()
    snapshots: SnapshotSpec = CalendarSnapshots()
    profile: ProfileSpec | None = Field(None, description="ideal customer profile; none: judged by customers alone")
    noise: NoiseSpec = NoiseSpec()
    features: tuple[FeatureSpec, ...] = (FirmographicsSpec(), EngagementSpec())
    split: SplitSpec = SplitSpec()
    model: ModelSpec = ModelSpec()
    value: ValueSpec = AutoValue()
    scoring: ScoringSpec = ScoringSpec()
    roi: RoiSpec = RoiSpec()
    tracking: TrackingSpec = TrackingSpec()
    outputs: OutputsSpec = OutputsSpec()
    gates: GatesSpec = GatesSpec()
    monitoring: MonitoringSpec = MonitoringSpec()
    retention: RetentionSpec = RetentionSpec()
    engine: EngineSpec = LocalEngine()

    @field_validator("sources")
    @classmethod
    def _accounts_given(cls, sources: dict[str, Source]) -> dict[str, Source]:
        if "accounts" not in sources:
            raise ValueError("the table `accounts` is missing; every project needs it")
        return sources
