"""Engagement: what the account did, counted over windows that end just before `as_of`."""

from __future__ import annotations

from typing import Literal, Self

import pandas as pd
from pydantic import Field, field_validator

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import History, View
from abm_scoring.features.measures import DISTINCTS, SUMS, WINDOWED, Measure, Planned
from abm_scoring.features.profile import ProfileSpec
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
    momentum_days: tuple[int, int] = Field((30, 90), description="momentum = daily pace in the first over the second")
    half_lives_days: tuple[float, ...] = Field((14.0, 60.0), description="of the decayed scores")
    weights: dict[str, float] = Field(default_factory=dict, description="weight of an event type when decayed; else 1")
    first_touch: tuple[Literal["channel", "content_id", "campaign_id"], ...] = Field(
        (), description="columns of the account's first inbound event to use as categories"
    )

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

    def resolve(self, history: History, profile: ProfileSpec | None) -> Self:
        """The same with the event types that were seen and the columns that the events have, both fixed for good."""
        seen = history.event_types if self.event_types == "all" else self.event_types
        have = history.log.frame.columns
        needs = {**SUMS, **DISTINCTS}

        def present(measures: tuple[Measure, ...]) -> tuple[Measure, ...]:
            return tuple(m for m in measures if m not in needs or needs[m] in have)

        return self.model_copy(
            update={
                "event_types": tuple(seen),
                "measures": present(self.measures),
                "measures_by_type": present(self.measures_by_type),
                "first_touch": tuple(c for c in self.first_touch if c in have),
            }
        )

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
        for column in self.first_touch:
            columns[_first_touch_feature(column).name] = first_touch(view, types, column)
        return pd.DataFrame(columns, index=view.rows.index)


def _plan(spec: EngagementSpec) -> tuple[Planned, ...]:
    """Every measure wanted, in the order of the columns."""

    def days(measure: Measure) -> tuple[float, ...]:
        if measure in WINDOWED:
            return tuple(float(d) for d in spec.windows_days)
        return spec.half_lives_days if measure == "decayed" else (0,)

    by_type = [Planned(t, m, days(m), spec.momentum_days) for t in spec.event_types for m in spec.measures_by_type]
    return (*(Planned("any", m, days(m), spec.momentum_days) for m in spec.measures), *by_type)


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
