"""The dials of the demo market."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import Field, field_validator

from abm_scoring.spec import Spec

#: Seeds that examples and evidence use; the first one is the default of `MarketSpec`.
DEFAULT_SEEDS = (7, 8, 9, 10, 11)


class TrialSpec(Spec):
    """A campaign given to a random part of the accounts; whole families share an arm.

    While it runs, the campaign multiplies the daily hazard of being qualified by sales, and with it that of a deal.
    """

    experiment_id: str
    campaign_id: str
    campaign_name: str
    channel: Literal["email", "paid_social", "display", "sales"]
    first_month: int = Field(ge=0, description="months from the start of the history to the start of the campaign")
    months: int = Field(ge=1, description="how long it runs")
    reach: float = Field(gt=0, le=1, description="share of families that take part")
    treated: float = Field(0.5, gt=0, lt=1, description="share of those that get the campaign")
    hazard_ratio: float = Field(1.0, ge=0, description="what it truly does; 1 = nothing")
    withholds_all: bool = Field(False, description="its control arm gets no other randomised campaign either")
    budget: float = Field(20_000, ge=0)


DEFAULT_TRIALS = (
    TrialSpec(
        experiment_id="holdout",
        campaign_id="camp-programme",
        campaign_name="Account programme",
        channel="sales",
        first_month=3,
        months=33,
        reach=0.4,
        treated=0.7,
        hazard_ratio=1.25,
        withholds_all=True,
        budget=180_000,
    ),
    TrialSpec(
        experiment_id="trial-A",
        campaign_id="camp-A",
        campaign_name="Process audit mailing",
        channel="email",
        first_month=12,
        months=4,
        reach=0.4,
        hazard_ratio=1.6,
    ),
    TrialSpec(
        experiment_id="trial-B",
        campaign_id="camp-B",
        campaign_name="Plant stories",
        channel="paid_social",
        first_month=28,
        months=4,
        reach=0.4,
        hazard_ratio=1.35,
        budget=35_000,
    ),
    TrialSpec(
        experiment_id="trial-C",
        campaign_id="camp-C",
        campaign_name="Trade banners",
        channel="display",
        first_month=20,
        months=5,
        reach=0.4,
        hazard_ratio=1.0,
        budget=40_000,
    ),
)


class MarketSpec(Spec):
    """A fictional B2B market; the same spec always gives the same tables, byte for byte."""

    accounts: int = Field(10_000, ge=50)
    seed: int = Field(DEFAULT_SEEDS[0], ge=0)
    end: date = Field(date(2026, 1, 1), description="first day after the history; the first of a month")
    months: int = Field(36, ge=6, le=120, description="length of the history")
    conversion: float = Field(0.01, gt=0, le=0.1, description="about which share of eligible accounts wins in 90 days")
    events_per_account: float = Field(100, gt=0, le=5_000, description="events of an average account over the history")
    unobserved_fit: float = Field(0.08, ge=0, description="standard deviation of the part of fit that no column shows")
    activity_spread: float = Field(0.5, ge=0, le=2, description="standard deviation of log activity over accounts")
    season: float = Field(1.0, ge=0, le=5, description="strength of the seasons; 0 = none, 1 = mild")
    arriving: float = Field(0.35, ge=0, le=1, description="share of accounts that become known during the history")
    customers: float = Field(0.05, ge=0, lt=1, description="share that is customer when the history starts")
    partners: float = Field(0.02, ge=0, lt=1, description="share that is or becomes partner")
    subsidiaries: float = Field(0.08, ge=0, lt=0.5, description="share that has a parent in the market")
    bots: float = Field(0.001, ge=0, lt=1, description="share of accounts whose site visits are a machine's")
    duplicates: float = Field(0.01, ge=0, lt=1, description="share of events that are delivered twice")
    late: float = Field(0.03, ge=0, lt=1, description="share of events that become known days later")
    anonymous: float = Field(0.02, ge=0, lt=1, description="share of events that no account is known for")
    trials: tuple[TrialSpec, ...] = DEFAULT_TRIALS

    @field_validator("end")
    @classmethod
    def _first_of_month(cls, end: date) -> date:
        if end.day != 1:
            raise ValueError(f"{end} is not the first of a month - use {end.replace(day=1)}")
        return end

    @property
    def start(self) -> date:
        """First day of the history."""
        return self.month(0)

    @property
    def days(self) -> int:
        """Days of history."""
        return (self.end - self.start).days

    @property
    def start_second(self) -> int:
        """Start of the history in seconds since 1970, UTC."""
        return int(datetime(self.start.year, self.start.month, 1, tzinfo=UTC).timestamp())

    @property
    def end_second(self) -> int:
        """End of the history (exclusive) in seconds since 1970, UTC."""
        return self.start_second + 86_400 * self.days

    def month(self, number: int) -> date:
        """First day of a month counted from the start of the history; may lie beyond its end."""
        months = self.end.year * 12 + self.end.month - 1 - self.months + number
        return date(months // 12, months % 12 + 1, 1)

    def month_day(self, number: int) -> int:
        """The same as a day of the history."""
        return (self.month(number) - self.start).days

    def date_of(self, day: int) -> date:
        """Date of a day of the history."""
        return self.start + timedelta(days=day)
