"""Engagement: what the account did, counted over windows that end just before `as_of`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import pandas as pd
from pydantic import Field, field_validator

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.measures import ANY, NEEDS, WINDOWED, Dimension, Group, Measure, Planned
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec


class EngagementSpec(Spec):
    """Measures of event history, over all engagement and for each event type.

    All engagement (`any` in feature names) means events that the account began; what the brand began (sent mail, ad
    impressions, anything with direction `outbound`) is measured by its own type only. Windows are half-open,
    `[as_of − days, as_of)`.
    """

    kind: Literal["engagement"] = "engagement"
    windows_days: tuple[int, ...] = Field((7, 30, 90, 180), description="lengths of the windows, ascending")
    event_types: Literal["all"] | tuple[str, ...] = Field("all", description="types to use; all = those seen")
    measures: tuple[Measure, ...] = Field(
        ("count", "minutes", "contacts", "channels", "active_days", "recency", "momentum", "decayed"),
        description="measured over all engagement",
    )
    measures_by_type: tuple[Measure, ...] = Field(("count", "recency"), description="measured for each event type")
    measures_for: dict[str, tuple[Measure, ...]] = Field(
        default_factory=dict, description="event type: what is measured for it besides"
    )
    momentum_days: tuple[int, int] = Field((30, 90), description="momentum = daily pace in the first over the second")
    half_lives_days: tuple[float, ...] = Field((14.0, 60.0), description="of the decayed scores")
    weights: dict[str, float] = Field(default_factory=dict, description="weight of an event type when decayed; else 1")
    first_touch: tuple[Literal["channel", "content_id", "campaign_id"], ...] = Field(
        (), description="columns of the account's first inbound event to use as categories"
    )
    measures_by_channel: tuple[Measure, ...] = Field((), description="measured for each channel")
    measures_by_stage: tuple[Measure, ...] = Field((), description="measured for each funnel stage")
    measures_by_campaign: tuple[Measure, ...] = Field((), description="measured for each campaign")
    measures_by_seniority: tuple[Measure, ...] = Field((), description="measured for each level of the contacts")
    group_limit: int = Field(
        12, ge=1, description="channels, stages, campaigns and levels that are used: the most frequent ones"
    )
    groups: tuple[Group, ...] = Field((), description="chosen when the model is trained; leave empty")

    @field_validator("windows_days")
    @classmethod
    def _ascending(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if any(d < 1 for d in days) or list(days) != sorted(set(days)):
            raise ValueError(f"windows must ascend from at least 1 day, without repeats; got {list(days)}")
        return days

    @field_validator("momentum_days")
    @classmethod
    def _short_first(cls, days: tuple[int, int]) -> tuple[int, int]:
        if not 0 < days[0] < days[1]:
            raise ValueError(f"the first must be shorter than the second; got {list(days)}")
        return days

    @field_validator("half_lives_days")
    @classmethod
    def _positive(cls, days: tuple[float, ...]) -> tuple[float, ...]:
        if any(d <= 0 for d in days):
            raise ValueError(f"half-lives must be positive; got {list(days)}")
        return days

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """The same with the event types, groups and columns that were seen, all fixed for good."""
        types = seen.event_types if self.event_types == "all" else self.event_types
        columns = seen.columns("events")

        def present(measures: tuple[Measure, ...]) -> tuple[Measure, ...]:
            return tuple(m for m in measures if m not in NEEDS or NEEDS[m] in columns)

        chosen = {f"measures{suffix}": present(getattr(self, f"measures{suffix}")) for suffix in ("", *_BY)}
        groups = [
            g
            for suffix, dimension in _BY.items()
            if chosen[f"measures{suffix}"] and dimension != "event_type"
            for g in self._most(dimension, seen.frequencies(dimension))
        ]
        return self.model_copy(
            update={
                **chosen,
                "event_types": tuple(types),
                "measures_for": {t: present(measures) for t, measures in self.measures_for.items()},
                "groups": self.groups or tuple(groups),
                "first_touch": tuple(c for c in self.first_touch if c in columns),
            }
        )

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """By which of channel, stage, campaign and seniority anything is measured."""
        return tuple(d for suffix, d in _BY.items() if d != "event_type" and getattr(self, f"measures{suffix}"))

    @property
    def groups_wanted(self) -> bool:
        """Whether anything is measured by channel, stage, campaign or seniority."""
        return bool(self.dimensions)

    def _most(self, dimension: Dimension, counts: Mapping[str, int]) -> list[Group]:
        """The most frequent values of a dimension, in alphabetical order."""
        most = sorted(counts, key=lambda name: (-counts[name], name))[: self.group_limit]
        return [Group(dimension=dimension, value=str(name)) for name in sorted(most)]

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        plan = _plan(self)
        measured = [m.feature(days) for m in plan for days in m.days]
        return (*measured, *(_first_touch_feature(c) for c in self.first_touch))

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view; compiled, one walk along each account's events (see `kernel`)."""
        from abm_scoring.features.measuring import first_touch, measure

        types = () if self.event_types == "all" else self.event_types
        columns = measure(view, _plan(self), types, self.weights)
        if not self.first_touch:
            return columns
        touches = {_first_touch_feature(c).name: first_touch(view, types, c) for c in self.first_touch}
        return pd.concat([columns, pd.DataFrame(touches)], axis=1)


#: Suffix of the lists of measures → what they group by.
_BY: dict[str, Dimension] = {
    "_by_type": "event_type",
    "_by_channel": "channel",
    "_by_stage": "funnel_stage",
    "_by_campaign": "campaign_id",
    "_by_seniority": "seniority",
}


def _plan(spec: EngagementSpec) -> tuple[Planned, ...]:
    """Every measure wanted, in the order of the columns."""

    def days(measure: Measure) -> tuple[float, ...]:
        if measure in WINDOWED:
            return tuple(float(d) for d in spec.windows_days)
        return spec.half_lives_days if measure == "decayed" else (0,)

    def planned(group: Group, measures: tuple[Measure, ...]) -> list[Planned]:
        return [Planned(group, m, days(m), spec.momentum_days) for m in measures]

    plan = planned(ANY, spec.measures)
    for event_type in spec.event_types:
        own = (*spec.measures_by_type, *spec.measures_for.get(event_type, ()))
        plan += planned(Group(dimension="event_type", value=event_type), own)
    for suffix, dimension in _BY.items():
        for group in spec.groups:
            if group.dimension == dimension:
                plan += planned(group, getattr(spec, f"measures{suffix}"))
    return tuple(plan)


def _first_touch_feature(column: str) -> Feature:
    label = column.removesuffix("_id")
    return Feature(
        name=f"first_touch_{label}",
        topic=f"first_touch_{label}",
        kind="category",
        meaning=f"`{column}` of the account's first inbound event.",
        source="events",
        part="behaviour",
        phrase="category",
        args={"label": f"{label} of first touch"},
    )
