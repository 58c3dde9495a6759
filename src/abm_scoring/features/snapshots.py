"""Snapshots: at which moments each account is looked at."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Discriminator, Field, Tag, field_validator

from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, instant
from abm_scoring.spec import Spec


class CalendarSnapshots(Spec):
    """Every account that exists is looked at on each date of a calendar."""

    kind: Literal["calendar"] = "calendar"
    every: str = Field("month", pattern=r"^(month|week|\d+ days?)$", description="month, week, or e.g. `10 days`")
    start: date | None = Field(None, description="first as_of; default: one horizon after the first event")
    end: date | None = Field(None, description="last as_of; default: the last that has matured")

    def training_rows(self, history: History) -> pd.DataFrame:
        """Rows `account_id` (str), `as_of` (datetime64[us, UTC]): every existing account on every date."""
        return history.existing(self.dates(history))

    def scoring_rows(self, history: History, as_of: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
        """The same shape, for the one date that is scored."""
        return history.existing([as_of])

    def dates(self, history: History) -> list[pd.Timestamp]:
        """The calendar between `start` and `end`, counted from `start` so that both ends can be named exactly."""
        start = instant(self.start, history.timezone) if self.start else self._default_start(history)
        end = instant(self.end, history.timezone) if self.end else history.until
        zone = history.timezone
        local = pd.date_range(start.tz_convert(zone), end.tz_convert(zone), freq=self._frequency())
        return [moment.tz_convert("UTC").as_unit("us") for moment in local]

    def _frequency(self) -> pd.DateOffset:
        if self.every == "month":
            return pd.DateOffset(months=1)
        days = 7 if self.every == "week" else int(self.every.split()[0])
        return pd.DateOffset(days=days)

    @staticmethod
    def _default_start(history: History) -> pd.Timestamp:
        # A quarter of history lies before the first snapshot, so that windows are not empty for a technical reason.
        first = history.observed_from + pd.Timedelta(days=90)
        local = first.tz_convert(history.timezone).normalize()
        return (local + pd.offsets.MonthBegin(0)).tz_convert("UTC").as_unit("us")

    @field_validator("every")
    @classmethod
    def _positive(cls, every: str) -> str:
        if every[0].isdigit() and int(every.split()[0]) < 1:
            raise ValueError("needs at least 1 day")
        return every


class LandmarkSnapshots(Spec):
    """Every account is looked at once, some days after its first event or its creation."""

    kind: Literal["landmark"]
    of: Literal["first_event", "creation"] = Field("first_event", description="what the days are counted from")
    after_days: float = Field(1.0, ge=0, description="days between it and the snapshot")
    start: date | None = Field(None, description="first as_of")
    end: date | None = Field(None, description="as_of stays before this")

    def training_rows(self, history: History) -> pd.DataFrame:
        """Rows `account_id` (str), `as_of` (datetime64[us, UTC]): one an account whose landmark has passed."""
        rows = self._landmarks(history)
        start = instant(self.start, history.timezone) if self.start else rows["as_of"].min()
        end = instant(self.end, history.timezone) if self.end else history.until
        return rows[(rows["as_of"] >= start) & (rows["as_of"] < end)].reset_index(drop=True)

    def scoring_rows(self, history: History, as_of: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
        """The same shape: accounts whose landmark has passed and whose horizon is still open at `as_of`.

        Each is looked at as of its own landmark, as in training.
        """
        rows = self._landmarks(history)
        oldest = as_of - pd.Timedelta(days=horizon_days)
        return rows[(rows["as_of"] > oldest) & (rows["as_of"] <= as_of)].reset_index(drop=True)

    def _landmarks(self, history: History) -> pd.DataFrame:
        begun = history.first_events() if self.of == "first_event" else history.creations()
        landmark = begun + np.int64(round(self.after_days * DAY))
        rows = pd.DataFrame({"account_id": history.account_ids, "as_of": landmark})[begun != np.iinfo(np.int64).max]
        rows["as_of"] = rows["as_of"].astype("datetime64[us]").dt.tz_localize("UTC")
        return rows.sort_values(["as_of", "account_id"], ignore_index=True)


def _kind(given: object) -> str:
    return str(given.get("kind", "calendar") if isinstance(given, dict) else getattr(given, "kind", "calendar"))


SnapshotSpec = Annotated[
    Annotated[CalendarSnapshots, Tag("calendar")] | Annotated[LandmarkSnapshots, Tag("landmark")], Discriminator(_kind)
]
