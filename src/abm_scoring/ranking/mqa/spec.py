"""What a team chooses about MQAs: when an account becomes one, what it takes, how long it stays, and how many fit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from abm_scoring.ranking.mqa.evidence import Evidence
from abm_scoring.spec import Spec


class FixedThreshold(Spec):
    """Enter and leave at fixed scores (0 to 100, stable over time)."""

    kind: Literal["fixed"] = "fixed"
    enter: float = Field(90.0, ge=0, le=100, description="score from which an account may become an MQA")
    leave: float = Field(75.0, ge=0, le=100, description="score below which an MQA ends; below `enter`")

    @model_validator(mode="after")
    def _apart(self) -> FixedThreshold:
        if self.leave > self.enter:
            raise ValueError(f"leave ({self.leave:g}) must not lie above enter ({self.enter:g})")
        return self


class CapacityThreshold(Spec):
    """Enter within the best `mqa.capacity` of today's candidates; leave beyond a multiple of it."""

    kind: Literal["capacity"]
    leave_factor: float = Field(2.0, ge=1, description="an MQA ends beyond this many times the capacity")


class ExpectedProfitThreshold(Spec):
    """Enter where the expected gross margin pays for working the account; leave where it pays for a part of it only.

    Expected gross margin = conversion probability × deal value × gross margin rate, which is the model's
    `expected_value`; or probability × `deal_gross_margin` where one figure stands for all.
    """

    kind: Literal["expected_profit"]
    cost_per_account: float = Field(gt=0, description="cost of working one MQA, project currency")
    deal_gross_margin: float | None = Field(
        None, gt=0, description="gross margin of an average won deal; none: the model's expected value is used"
    )
    enter_return: float = Field(1.0, gt=0, description="times the cost that the expected gross margin must reach")
    leave_return: float = Field(0.6, gt=0, description="times the cost below which an MQA ends")

    @model_validator(mode="after")
    def _apart(self) -> ExpectedProfitThreshold:
        if self.leave_return > self.enter_return:
            raise ValueError("leave_return must not lie above enter_return")
        return self


Threshold = Annotated[FixedThreshold | CapacityThreshold | ExpectedProfitThreshold, Field(discriminator="kind")]


class CooldownSpec(Spec):
    """Days during which an account that is no longer an MQA cannot become one again, by how it ended."""

    accepted: int = Field(180, ge=0, description="after sales accepted it")
    rejected: int = Field(90, ge=0, description="after sales rejected it")
    recycled: int = Field(30, ge=0, description="after sales sent it back to marketing")
    expired: int = Field(14, ge=0, description="after it left by its score, its age, or the list")

    def days(self, rule: str) -> int:
        """Days after a transition by a rule; 0 for rules that end nothing."""
        if rule.startswith("sales_"):
            return int(getattr(self, rule.removeprefix("sales_")))
        return self.expired if rule in ("leave_threshold", "max_age", "left_list") else 0


class MqaSpec(Spec):
    """When an account becomes a marketing-qualified account, and when it stops being one.

    Its status changes at most once a night. What sales decided comes first, then leaving, then entering.
    """

    threshold: Threshold = Field(FixedThreshold(), description="how high an account must stand")
    evidence: tuple[Evidence, ...] = Field(
        (), description="what an account must show besides to become an MQA; all of it"
    )
    min_days: int = Field(14, ge=0, description="days before an MQA may end by its score")
    max_days: int | None = Field(90, ge=1, description="days after which an unanswered MQA expires; null: never")
    cooldown_days: CooldownSpec = Field(CooldownSpec(), description="days before an account can become an MQA again")
    capacity: int | None = Field(None, ge=1, description="most MQAs open at once; null: no limit")
    capacity_per_owner: int | None = Field(None, ge=1, description="most MQAs open at once of one sales owner")
    max_flip_share: float = Field(
        0.5,
        gt=0,
        description="a run in which scores or the list would end or begin more MQAs than this share of the open ones "
        "changes none, except by what sales decided",
    )
    breaker_from: int = Field(20, ge=1, description="open MQAs from which max_flip_share applies")

    @model_validator(mode="after")
    def _consistent(self) -> MqaSpec:
        if isinstance(self.threshold, CapacityThreshold) and self.capacity is None:
            raise ValueError(
                "threshold {kind: capacity} needs mqa.capacity, the number of accounts that sales can work"
            )
        if self.max_days is not None and self.max_days < self.min_days:
            raise ValueError(f"max_days ({self.max_days}) must not be below min_days ({self.min_days})")
        return self

    def without_hysteresis(self) -> MqaSpec:
        """The same policy decided anew every night: one threshold, no dwell, no cooldown but that after sales' answers.

        For comparison. The breaker is off, because such a policy flips by design.
        """
        t = self.threshold
        if isinstance(t, FixedThreshold):
            update: dict[str, object] = {"leave": t.enter}
        elif isinstance(t, CapacityThreshold):
            update = {"leave_factor": 1.0}
        else:
            update = {"leave_return": t.enter_return}
        return self.model_copy(
            update={
                "threshold": t.model_copy(update=update),
                "min_days": 0,
                "cooldown_days": self.cooldown_days.model_copy(update={"expired": 0}),
                "max_flip_share": float("inf"),
            }
        )
