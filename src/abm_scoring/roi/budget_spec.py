"""What a budget may be spent on, and what is assumed that it brings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from abm_scoring.spec import Spec


class TierCost(Spec):
    """What it takes to work one account in a tier for one horizon, and what that is assumed to do."""

    money: float = Field(0.0, ge=0, description="money an account, hours excluded")
    hours: float = Field(0.0, ge=0, description="hours of people an account")
    contacts: float = Field(0.0, ge=0, description="contacts approached an account")
    lift: float = Field(
        gt=-1,
        description="assumed relative effect on the probability of conversion; scaled by a holdout where one tells",
    )
    at_most: int | None = Field(None, ge=0, description="most accounts in this tier")


class GoalSpec(Spec):
    """What is to be reached within the horizon."""

    amount: float = Field(gt=0, description="how much")
    of: Literal["return", "wins"] = Field(
        "return", description="return: gross margin that the plan causes; wins: all wins of the list, caused or not"
    )
    probability: float = Field(0.8, gt=0, lt=1, description="with which probability it should be reached")


class BudgetSpec(Spec):
    """Money, hours and contacts that can be spent on the list within one horizon, and on what."""

    money: float | None = Field(None, ge=0, description="money; empty: no limit")
    hours: float | None = Field(None, ge=0, description="hours; empty: no limit")
    contacts: float | None = Field(None, ge=0, description="contacts that can be approached; empty: no limit")
    hourly_rate: float = Field(0.0, ge=0, description="money that an hour costs; counted as cost and against money")
    tiers: dict[str, TierCost] = Field(
        {
            "one-to-one": TierCost(money=2500, hours=40, contacts=8, lift=0.6),
            "one-to-few": TierCost(money=400, hours=6, contacts=4, lift=0.25),
            "one-to-many": TierCost(money=30, hours=0.2, contacts=2, lift=0.06),
        },
        description="tier → cost and assumed lift; most intensive first",
    )
    lift_error: float = Field(
        0.5, ge=0, description="standard error of the assumed lifts, as a share of them, where no holdout measured one"
    )
    goal: GoalSpec | None = Field(None, description="what is to be reached; empty: only the best use is looked for")
    curve_points: int = Field(12, ge=3, le=100, description="budgets on the return curve")

    @field_validator("tiers")
    @classmethod
    def _some(cls, tiers: dict[str, TierCost]) -> dict[str, TierCost]:
        if not tiers or any(not name.strip() for name in tiers):
            raise ValueError("name at least one tier, e.g. {'one-to-few': {'money': 400, 'lift': 0.25}}")
        if any(t.money == t.hours == t.contacts == 0 and t.at_most is None for t in tiers.values()):
            raise ValueError("a tier without cost or limit would be given to everybody; say what it takes")
        return tiers
