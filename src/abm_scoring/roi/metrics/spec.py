"""What the KPIs count, and against which goals: the choices of a business."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from abm_scoring.roi.periods import Every
from abm_scoring.spec import Spec


class EventNames(Spec):
    """Which canonical event types mean what; types that a project lacks do no harm."""

    web_visit: tuple[str, ...] = Field(("web_visit",), description="visits to the site")
    form: tuple[str, ...] = Field(("form_fill", "demo_request"), description="forms filled in")
    download: tuple[str, ...] = Field(("content_download",), description="gated downloads")
    social: tuple[str, ...] = Field(("social_engagement",), description="shares, comments, follows")
    conversation: tuple[str, ...] = Field(("meeting", "sales_conversation"), description="meetings and calls")
    sql: tuple[str, ...] = Field(("sql_created",), description="a sales-qualified lead is recorded")
    email_sent: tuple[str, ...] = Field(("email_sent",), description="mail sent")
    email_delivered: tuple[str, ...] = Field(
        ("email_delivered",), description="mail delivered; without such events sent mail that did not bounce counts"
    )
    email_bounce: tuple[str, ...] = Field(("email_bounce",), description="mail that came back")
    email_open: tuple[str, ...] = Field(("email_open",), description="mail opened")
    email_click: tuple[str, ...] = Field(("email_click",), description="link in a mail clicked")
    email_reply: tuple[str, ...] = Field(("email_reply",), description="mail answered")
    ad_impression: tuple[str, ...] = Field(("ad_impression",), description="ad shown")
    ad_click: tuple[str, ...] = Field(("ad_click",), description="ad clicked")


class KpiSpec(Spec):
    """The KPIs: periods, goals and the rules of counting."""

    period: Literal["month", "quarter", "year"] = Field("quarter", description="length of the reporting period")
    baseline: Literal["previous", "year_ago"] = Field(
        "previous", description="what a period is held against: the one before, or the same one a year before"
    )
    series: int = Field(8, ge=1, le=60, description="periods that the time series show")
    segments: tuple[Literal["sector", "region", "size"], ...] = Field(
        ("sector", "region", "size"), description="columns by which every KPI is broken down"
    )
    size_bands: tuple[float, ...] = Field((50, 250, 1000, 5000), description="employees at which a new size begins")
    events: EventNames = EventNames()
    contact_goal: int = Field(10, ge=1, description="contacts that should be engaged at an account (reach)")
    committee_size: int = Field(17, ge=1, description="people in a whole buying committee")
    required_roles: tuple[str, ...] = Field(
        ("decision_maker", "influencer", "user", "buyer"), description="buying roles that role_coverage asks for"
    )
    session_minutes: float = Field(30, gt=0, description="a visit after a longer pause begins a new web session")
    machine_open_seconds: float = Field(
        10, ge=0, description="an open within these seconds of the mail is a machine's (privacy proxy, scanner)"
    )
    sales_event_types: tuple[str, ...] = Field(
        ("meeting", "sales_conversation", "sql_created"),
        description="events of sales; every other one is a marketing touch",
    )
    lookback_days: int = Field(365, ge=1, description="how long before its close a touch may have influenced a deal")
    lifetime_years: float | None = Field(None, gt=0, description="customer lifetime; none: 1 ÷ annual churn")
    discount_rate: float | None = Field(None, ge=0, description="yearly, for CLV; none: not discounted")
    tam_basis: Literal["accounts", "customers"] = Field(
        "accounts",
        description="accounts = average contract value × accounts that fit the profile; customers = average "
        "selling price × current customers",
    )
    draws: int = Field(1000, ge=100, le=20_000, description="bootstrap draws of the intervals")
    anomaly_weeks: int = Field(26, ge=8, le=104, description="weeks of history against which the last one is held")
    anomaly_rate: float = Field(
        0.05, gt=0, lt=0.5, description="largest expected share of false alarms among the content items flagged"
    )


__all__ = ["EventNames", "Every", "KpiSpec"]
