"""Reporting periods: calendar months, quarters and years of the project's zone, half-open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from abm_scoring.features.moments import instant, micros

#: A calendar period; `all` is everything since the first fact.
Every = Literal["month", "quarter", "year", "all"]
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_EARLIEST = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")


@dataclass(frozen=True)
class Period:
    """A stretch of time, `[start, end)`, of which `[start, until)` has been seen.

    Attributes:
        name: `2025-Q4`, `2025-11`, `2025`, `all`; `to date` is added while it runs.
        start, end: Its bounds, UTC.
        until: The earlier of its end and the report's day.
    """

    name: str
    start: pd.Timestamp
    end: pd.Timestamp
    until: pd.Timestamp

    @property
    def begin(self) -> int:
        """`start` in microseconds."""
        return micros(self.start)

    @property
    def stop(self) -> int:
        """`until` in microseconds."""
        return micros(self.until)

    @property
    def days(self) -> float:
        """Days seen."""
        return (self.until - self.start) / pd.Timedelta(days=1)

    @property
    def elapsed(self) -> float:
        """Share of the period that has been seen, 0 to 1."""
        return float((self.until - self.start) / (self.end - self.start)) if self.end > self.start else 1.0

    @property
    def running(self) -> bool:
        """Whether a part of it is still to come."""
        return self.until < self.end


def current(every: Every, as_of: pd.Timestamp, timezone: str) -> Period:
    """The period that the last moment before `as_of` lies in: on its last day, or the day after, it is complete."""
    if every == "all":
        return Period("all", _EARLIEST, as_of, as_of)
    local = (as_of - pd.Timedelta(microseconds=1)).tz_convert(timezone)
    first = _first_month(local.year * 12 + local.month - 1, every)
    return _period(first, every, as_of, timezone)


def before(period: Period, every: Every, timezone: str, back: int = 1, like: bool = True) -> Period:
    """The `back`-th period before a period.

    Args:
        period: One made by `current`.
        every: Its kind; `all` has none before it and is returned as it is.
        timezone: The project's.
        back: How many periods.
        like: While `period` runs, take only as many days of the earlier one, so that the two compare.
    """
    if every == "all":
        return period
    local = period.start.tz_convert(timezone)
    month = local.year * 12 + local.month - 1 - back * _MONTHS[every]
    found = _period(month, every, period.start, timezone)
    if not (like and period.running):
        return found
    until = min(found.start + (period.until - period.start), found.end)
    return Period(f"{found.name} (same days)", found.start, found.end, until)


def _first_month(month: int, every: Every) -> int:
    return month // _MONTHS[every] * _MONTHS[every]


def _period(month: int, every: Every, as_of: pd.Timestamp, timezone: str) -> Period:
    start, end = (_month_start(m, timezone) for m in (month, month + _MONTHS[every]))
    year, number = month // 12, month % 12
    name = {"month": f"{year}-{number + 1:02d}", "quarter": f"{year}-Q{number // 3 + 1}", "year": f"{year}"}[every]
    until = min(end, as_of)
    return Period(name if until == end else f"{name} to date", start, end, until)


def _month_start(month: int, timezone: str) -> pd.Timestamp:
    return instant(f"{month // 12:04d}-{month % 12 + 1:02d}-01", timezone)
