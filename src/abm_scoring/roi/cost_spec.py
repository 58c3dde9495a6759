"""How costs are priced, and by which rule shared costs reach campaigns and content."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from abm_scoring.spec import Spec

CostKind = Literal["hours", "media", "platform", "salaries", "overhead", "onboarding", "support", "other"]


class CostSpec(Spec):
    """Prices of hours, and what becomes of costs that no campaign was charged with."""

    hourly_rate: float | None = Field(
        None, ge=0, description="price of an hour where a row has none; empty: such hours stay without a price, visibly"
    )
    shared: tuple[CostKind, ...] = Field(
        ("platform",),
        description="kinds of cost without campaign, content or account that campaigns share month by month",
    )
    share_by: Literal["spend", "touches", "evenly", "none"] = Field(
        "spend",
        description="how campaigns share them: by what was booked to each in that month, by its touches in that month, "
        "evenly over the campaigns that ran in it, or not at all",
    )
    content_by_use: bool = Field(
        True, description="charge campaigns with the making of a content item by its touches in each of them"
    )
