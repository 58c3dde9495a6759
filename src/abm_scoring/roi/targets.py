"""Targets: a goal for a metric in a period, and how far it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field

from abm_scoring.roi.periods import Every
from abm_scoring.spec import Spec

Status = Literal["met", "on track", "missed", "no data"]
_TEXT = re.compile(
    r"(?P<goal>-?\d+(?:\.\d+)?)\s*(?P<percent>%)?\s*(?P<unit>contacts|days|accounts|months|points)?"
    r"(?:\s+(?:this|in all|over)\s*(?P<period>month|quarter|year|time)?)?"
    r"(?:,?\s+was\s+(?P<was>-?\d+(?:\.\d+)?)\s*%?)?"
)


class TargetSpec(Spec):
    """A goal. In short: `3 this quarter`, `10 contacts`, `50 this year, was 63`, `40 %`, or a number."""

    goal: float = Field(description="what the metric's main figure should reach, in its unit; a share between 0 and 1")
    was: float | None = Field(None, description="where it started; empty: measured in the baseline period")
    period: Every | None = Field(None, description="period the goal is for; empty: that of roi.kpis, all = all time")
    figure: str | None = Field(
        None, description="another figure of the metric, e.g. reach_contacts; empty: the main one"
    )
    budget: float | None = Field(
        None, ge=0, description="money that is left for it; empty: budgets of campaigns minus what they cost so far"
    )


def parsed(given: Any) -> Any:
    """The fields of a target that was written in short.

    Raises:
        ValueError: The text is no target.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return given
    found = _TEXT.fullmatch(str(given).strip())
    if found is None:
        raise ValueError(
            f"{given!r} is no target; write e.g. '3 this quarter', '10 contacts' or '50 this year, was 63'"
        )
    scale = 0.01 if found["percent"] else 1.0
    target: dict[str, Any] = {"goal": float(found["goal"]) * scale}
    if found["was"] is not None:
        target["was"] = float(found["was"]) * scale
    if found["period"] is not None:
        target["period"] = "all" if found["period"] == "time" else found["period"]
    if found["unit"] == "contacts":
        target["figure"] = "reach_contacts"
    return target


Target = Annotated[TargetSpec, BeforeValidator(parsed)]


@dataclass(frozen=True)
class Progress:
    """What is compared with a goal.

    Attributes:
        value, low, high: The figure in the period; NaN where unknown.
        baseline: Where it started; NaN where unknown.
        adds_up: Whether the figure grows through the period, as counts and sums do.
        elapsed: Share of the period that is over.
        better: Direction.
    """

    value: float
    low: float
    high: float
    baseline: float
    adds_up: bool
    elapsed: float
    better: Literal["higher", "lower"]


def status(goal: float, now: Progress) -> tuple[Status, str]:
    """How far a goal is, and one clause why.

    Met: the figure has reached it (what adds up cannot fall back; other figures of a running period can, and are on
    track). On track, while the period runs: at this pace a count reaches it, or the interval of a rate holds it.
    Missed: neither; while the period runs, the clause says that it is not over.
    """
    if now.value != now.value:
        return "no data", "the figure is unknown"
    reached = now.value >= goal if now.better == "higher" else now.value <= goal
    running = now.elapsed < 1
    if now.adds_up and running:
        pace = now.value / now.elapsed if now.elapsed > 0 else float("nan")
        if now.better == "higher" and reached:
            return "met", "reached before the period's end"
        likely = pace >= goal if now.better == "higher" else pace <= goal
        return ("on track" if likely else "missed"), f"at this pace {pace:.3g} at the period's end, which is not over"
    if running:
        held = reached or (now.low <= goal <= now.high)
        return ("on track" if held else "missed"), "the period is not over"
    if reached:
        return "met", ""
    inside = now.low <= goal <= now.high
    return "missed", "though the interval holds the goal" if inside else ""


def reachable(
    goal: float, now: Progress, spent: float | None, budget_left: float | None
) -> dict[str, float | str | None]:
    """Whether what is missing can be bought at the observed cost per result.

    Args:
        goal: Of something that adds up.
        now: The figure; its interval carries over to the cost per result.
        spent: What it took so far in the period; None = unknown.
        budget_left: What may still be spent; None = unknown.

    Returns:
        `cost_per_result`, `cost_low`, `cost_high`, `needed`, `budget_left`, `reachable` (yes, no, cannot tell, or why
        not asked).
    """
    none: dict[str, float | str | None] = dict.fromkeys(("cost_per_result", "cost_low", "cost_high", "needed"))
    none |= {"budget_left": budget_left}
    if not now.adds_up or now.better == "lower":
        return none | {"reachable": "n/a: not a count"}
    if spent is None or not spent > 0:
        return none | {"reachable": "n/a: no cost is known in the period"}
    if not now.value > 0:
        return none | {"reachable": "cannot tell: no result yet"}
    cost = {
        "cost_per_result": spent / now.value,
        "cost_low": _over(spent, now.high),
        "cost_high": _over(spent, now.low),
    }
    missing = max(goal - now.value, 0.0)
    needed = missing * cost["cost_per_result"]  # type: ignore[operator]
    return none | cost | {"needed": needed, "reachable": _verdict(missing, cost, budget_left)}


def _over(spent: float, results: float) -> float | None:
    return spent / results if results > 0 else None


def _verdict(missing: float, cost: Mapping[str, float | None], left: float | None) -> str:
    if missing == 0:
        return "yes: reached"
    if left is None:
        return "n/a: no budget is known"
    low, high = cost["cost_low"], cost["cost_high"]
    if high is not None and missing * high <= left:
        return "yes"
    if low is not None and missing * low > left:
        return "no"
    return "cannot tell"


def as_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Targets as a table, one row each, in the order of the config."""
    names = (
        "metric", "figure", "period", "unit", "baseline", "baseline_from", "value", "low", "high", "method", "n",
        "goal", "status", "why", "cost_per_result", "cost_low", "cost_high", "needed", "budget_left", "reachable",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=list(names))
