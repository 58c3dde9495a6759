"""Measures of event history: what there is to declare, and what each is called and means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.spec import Spec

Measure = Literal[
    "count",
    "minutes",
    "minutes_mean",
    "minutes_min",
    "minutes_max",
    "value",
    "value_mean",
    "value_min",
    "value_max",
    "contacts",
    "channels",
    "contents",
    "campaigns",
    "active_days",
    "active_weeks",
    "gap_mean",
    "gap_regularity",
    "replies",
    "share",
    "recency",
    "first_seen",
    "momentum",
    "burst",
    "streak_weeks",
    "decayed",
]

#: What events can be grouped by, and the prefix of the features' names.
Dimension = Literal["any", "event_type", "channel", "funnel_stage", "campaign_id", "seniority"]
PREFIX: dict[str, str] = {"channel": "channel", "funnel_stage": "stage", "campaign_id": "campaign", "seniority": "from"}

#: Measure → the event column that it sums, averages or takes extremes of.
SUMS = {"minutes": "minutes", "value": "value"}
MEANS = {"minutes_mean": "minutes", "value_mean": "value"}
EXTREMES: dict[str, tuple[str, int]] = {
    "minutes_min": ("minutes", -1),
    "minutes_max": ("minutes", 1),
    "value_min": ("value", -1),
    "value_max": ("value", 1),
}
#: Measure → the event column whose distinct values it counts.
DISTINCTS = {"contacts": "contact_id", "channels": "channel", "contents": "content_id", "campaigns": "campaign_id"}
#: Measure → days of the periods that it counts, and the shift in days that makes weeks begin on Mondays.
PERIODS = {"active_days": (1, 0), "active_weeks": (7, 3)}
GAPS = ("gap_mean", "gap_regularity")
#: Measure → the event column without which there is nothing to measure.
NEEDS = {**SUMS, **MEANS, **{m: column for m, (column, _) in EXTREMES.items()}, **DISTINCTS}
#: Measures that are taken over windows.
WINDOWED = ("count", *SUMS, *MEANS, *EXTREMES, *DISTINCTS, *PERIODS, *GAPS, "replies", "share")

#: The week that `burst` looks at, and the quarter before it, in days.
BURST_DAYS = (7, 98)

#: An inbound event answers a touch of the brand that lies at most this many days before it.
REPLY_DAYS = 7


class Group(Spec):
    """Events that a measure looks at: those with one value of a dimension, or `any`."""

    dimension: Dimension = Field(description="what events are grouped by")
    value: str = Field(description="its value; `any` for all engagement")

    @property
    def stem(self) -> str:
        """How the group stands in feature names."""
        stem = re.sub(r"[^a-z0-9]+", "_", self.value.lower()).strip("_")
        prefix = PREFIX.get(self.dimension)
        return f"{prefix}_{stem}" if prefix else stem

    @property
    def subject(self) -> str:
        """The group in words, for the reference."""
        if self.dimension == "any":
            return "all engagement"
        if self.dimension == "event_type":
            return f"events of type `{self.value}`"
        return f"engagement with {self.dimension} `{self.value}`"


ANY = Group(dimension="any", value="any")


@dataclass(frozen=True)
class Planned:
    """One measure of one group of events, with the windows it is wanted for (or one entry, 0, where it has none).

    Attributes:
        group: Which events.
        measure: What is measured.
        days: Windows in days; half-lives for `decayed`; (0,) for measures without windows.
        short_long: The two windows of `momentum`.
    """

    group: Group
    measure: Measure
    days: tuple[float, ...]
    short_long: tuple[int, int]

    def name(self, days: float) -> str:
        """Column name, e.g. `web_visit_count_30d`."""
        stem = f"{self.group.stem}_{self.measure}"
        return f"{stem}_{days:g}d".replace(".", "_") if self.days != (0,) else stem

    def feature(self, days: float) -> Feature:
        """Its entry in the catalogue."""
        window = f"in the {days:g} days before as_of"
        unit, meaning, phrase, sign = _MEANING[self.measure]
        args: dict[str, str | int | float] = {"event_type": self.group.value}
        if self.group.dimension not in ("any", "event_type"):
            args["dimension"] = self.group.dimension
        if self.measure == "decayed":
            args["half_life_days"] = days
        elif self.measure == "momentum":
            args |= {"short_days": self.short_long[0], "long_days": self.short_long[1]}
        elif self.measure == "burst":
            args |= {"short_days": BURST_DAYS[0], "long_days": BURST_DAYS[1]}
        elif self.days != (0,):
            args["days"] = int(days)
        if self.measure in (*SUMS, *MEANS, *EXTREMES):
            args["column"] = NEEDS[self.measure]
        if self.measure in DISTINCTS:
            args["what"] = self.measure
        return Feature(
            name=self.name(days),
            topic="engagement" if self.group == ANY else self.group.stem,
            unit=unit,
            meaning=meaning.format(subject=self.group.subject, window=window, days=f"{days:g}", pace=self.short_long),
            source="events",
            part="behaviour",
            phrase=phrase,
            args=args,
            sign=sign,
        )


_Sign = Literal[-1, 0, 1]
_MEANING: dict[str, tuple[str, str, str, _Sign]] = {
    "count": ("events", "Number of {subject} {window}.", "event_count", 1),
    "minutes": ("minutes", "Minutes spent in {subject} {window}.", "event_sum", 1),
    "minutes_mean": ("minutes", "Mean minutes of {subject} {window}; missing when none has any.", "event_mean", 0),
    "minutes_min": ("minutes", "Fewest minutes of {subject} {window}; missing when none has any.", "event_least", 0),
    "minutes_max": ("minutes", "Most minutes of {subject} {window}; missing when none has any.", "event_most", 0),
    "value": ("value", "Sum of `value` of {subject} {window}.", "event_sum", 0),
    "value_mean": ("value", "Mean `value` of {subject} {window}; missing when none has one.", "event_mean", 0),
    "value_min": ("value", "Smallest `value` of {subject} {window}; missing when none has one.", "event_least", 0),
    "value_max": ("value", "Largest `value` of {subject} {window}; missing when none has one.", "event_most", 0),
    "contacts": ("contacts", "Distinct contacts in {subject} {window}.", "distinct", 1),
    "channels": ("channels", "Distinct channels of {subject} {window}.", "distinct", 1),
    "contents": ("content items", "Distinct content items of {subject} {window}.", "distinct", 1),
    "campaigns": ("campaigns", "Distinct campaigns of {subject} {window}.", "distinct", 1),
    "active_days": ("days", "Days (UTC) with {subject} {window}.", "active_days", 1),
    "active_weeks": ("weeks", "Weeks (UTC, from Monday) with {subject} {window}.", "active_weeks", 1),
    "gap_mean": ("days", "Mean days between {subject} {window}; missing below two.", "gap_mean", 0),
    "gap_regularity": (
        "ratio",
        "Spread of the days between {subject} {window} over their mean (coefficient of variation: 0 = clockwork, "
        "1 = chance); missing below three.",
        "gap_regularity",
        0,
    ),
    "replies": (
        "events",
        "Number of {subject} {window} that follow a touch of the brand within 7 days, to the same contact "
        "where both name one.",
        "replies",
        1,
    ),
    "share": ("share", "Share of all engagement {window} that is {subject}; missing when there was none.", "share", 0),
    "recency": ("days", "Days since the last of {subject}; missing when there was none.", "recency", 0),
    "first_seen": ("days", "Days since the first of {subject}; missing when there was none.", "first_seen", 0),
    "momentum": (
        "ratio",
        "Daily pace of {subject} in the last {pace[0]} days over that in {pace[1]} days; missing when there was none.",
        "momentum",
        0,
    ),
    "burst": (
        "ratio",
        "Daily pace of {subject} in the last 7 days over that in the 91 days before; missing when those had none.",
        "burst",
        0,
    ),
    "streak_weeks": ("weeks", "Weeks in a row, counted back from as_of, with {subject}.", "streak_weeks", 1),
    "decayed": ("score", "Weighted count of {subject}, halved every {days} days of age.", "decayed", 1),
}
