"""Measures of event history: what there is to declare, and what each is called and means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from abm_scoring.features.catalogue import Feature

Measure = Literal[
    "count",
    "minutes",
    "value",
    "contacts",
    "channels",
    "contents",
    "campaigns",
    "active_days",
    "recency",
    "first_seen",
    "momentum",
    "decayed",
]

#: Measure → the event column that it sums.
SUMS = {"minutes": "minutes", "value": "value"}
#: Measure → the event column whose distinct values it counts.
DISTINCTS = {"contacts": "contact_id", "channels": "channel", "contents": "content_id", "campaigns": "campaign_id"}
#: Measures that are taken over windows.
WINDOWED = ("count", *SUMS, *DISTINCTS, "active_days")


@dataclass(frozen=True)
class Planned:
    """One measure of one group of event types, with the windows it is wanted for (or one entry, 0, where it has none).

    Attributes:
        group: Event type, or `any`.
        measure: What is measured.
        days: Windows in days; half-lives for `decayed`; (0,) for recency, first_seen and momentum.
        short_long: The two windows of `momentum`.
    """

    group: str
    measure: Measure
    days: tuple[float, ...]
    short_long: tuple[int, int]

    def name(self, days: float) -> str:
        """Column name, e.g. `web_visit_count_30d`."""
        stem = f"{re.sub(r'[^a-z0-9]+', '_', self.group.lower()).strip('_')}_{self.measure}"
        return f"{stem}_{days:g}d".replace(".", "_") if self.days != (0,) else stem

    def feature(self, days: float) -> Feature:
        """Its entry in the catalogue."""
        subject = "all engagement" if self.group == "any" else f"events of type `{self.group}`"
        window = f"in the {days:g} days before as_of"
        unit, meaning, phrase, sign = _MEANING[self.measure]
        args: dict[str, str | int | float] = {"event_type": self.group}
        if self.measure == "decayed":
            args["half_life_days"] = days
        elif self.measure == "momentum":
            args |= {"short_days": self.short_long[0], "long_days": self.short_long[1]}
        elif self.days != (0,):
            args["days"] = int(days)
        if self.measure in SUMS:
            args["column"] = self.measure
        if self.measure in DISTINCTS:
            args["what"] = self.measure
        return Feature(
            name=self.name(days),
            topic="engagement" if self.group == "any" else self.group,
            unit=unit,
            meaning=meaning.format(subject=subject, window=window, days=f"{days:g}", pace=self.short_long),
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
    "value": ("value", "Sum of `value` of {subject} {window}.", "event_sum", 0),
    "contacts": ("contacts", "Distinct contacts in {subject} {window}.", "distinct", 1),
    "channels": ("channels", "Distinct channels of {subject} {window}.", "distinct", 1),
    "contents": ("content items", "Distinct content items of {subject} {window}.", "distinct", 1),
    "campaigns": ("campaigns", "Distinct campaigns of {subject} {window}.", "distinct", 1),
    "active_days": ("days", "Days (UTC) with {subject} {window}.", "active_days", 1),
    "recency": ("days", "Days since the last of {subject}; missing when there was none.", "recency", 0),
    "first_seen": ("days", "Days since the first of {subject}; missing when there was none.", "first_seen", 0),
    "momentum": (
        "ratio",
        "Daily pace of {subject} in the last {pace[0]} days over that in {pace[1]} days; missing when there was none.",
        "momentum",
        0,
    ),
    "decayed": ("score", "Weighted count of {subject}, halved every {days} days of age.", "decayed", 1),
}
