"""Every measure of one row by a loop over raw events: slow, and plain enough to be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import fmean
from typing import Any

import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.features.engagement import EngagementSpec

DAY = pd.Timedelta(days=1)
SUMS = {"minutes": "minutes", "value": "value"}
DISTINCTS = {"contacts": "contact_id", "channels": "channel", "contents": "content_id", "campaigns": "campaign_id"}
PREFIX = {"channel": "channel", "funnel_stage": "stage", "campaign_id": "campaign", "seniority": "from"}
Event = dict[str, Any]


def records(frame: pd.DataFrame) -> list[Event]:
    """Rows as dicts, None where missing."""
    plain = frame.astype(object)
    return plain.where(plain.notna(), None).to_dict("records")


def oracle(tables: Tables, spec: EngagementSpec, account: str, as_of: pd.Timestamp) -> dict[str, float]:
    """Name → value of every measure that a resolved spec declares, but first touches."""
    own = [e for e in records(tables["events"]) if e["account_id"] == account]
    contacts = records(tables["contacts"])
    every = [{**e, "seen": max(e["occurred_at"], e["known_at"] or e["occurred_at"])} for e in own]
    past = [{**e, "age": (as_of - e["occurred_at"]) / DAY} for e in every if e["seen"] < as_of]
    for e in past:
        e["seniority"] = seniority(contacts, e)
        e["reply"] = not outbound(e) and any(answers(e, touch) for touch in every)
    engagement = [e for e in past if not outbound(e) and e["event_type"] in spec.event_types]
    found = group_measures("any", engagement, engagement, spec.measures, spec)
    for t in spec.event_types:
        measures = (*spec.measures_by_type, *spec.measures_for.get(t, ()))
        found |= group_measures(t, [e for e in past if e["event_type"] == t], engagement, measures, spec)
    lists = {
        "channel": spec.measures_by_channel,
        "funnel_stage": spec.measures_by_stage,
        "campaign_id": spec.measures_by_campaign,
        "seniority": spec.measures_by_seniority,
    }
    for group in spec.groups:
        rows = [e for e in engagement if e[group.dimension] == group.value]
        found |= group_measures(
            f"{PREFIX[group.dimension]}_{group.value}", rows, engagement, lists[group.dimension], spec
        )
    return found


def outbound(event: Mapping[str, Any]) -> bool:
    """Whether the brand began it."""
    return event["direction"] == "outbound" or (event["direction"] is None and event["event_type"] == "email_sent")


def answers(event: Event, touch: Event) -> bool:
    """Whether an event is a reply to a touch of the brand."""
    gap = event["occurred_at"] - touch["occurred_at"]
    same = event["contact_id"] is None or touch["contact_id"] is None or event["contact_id"] == touch["contact_id"]
    return outbound(touch) and timedelta(0) < gap <= timedelta(days=7) and touch["seen"] <= event["seen"] and same


def seniority(contacts: Sequence[Event], event: Event) -> str | None:
    """The level of the contact as known when the event became known."""
    known = [
        c
        for c in contacts
        if (c["contact_id"], c["account_id"]) == (event["contact_id"], event["account_id"])
        and c["known_at"] is not None
        and c["known_at"] <= event["seen"]
    ]
    return max(known, key=lambda c: c["known_at"])["seniority"] if known else None


def group_measures(
    stem: str, rows: list[Event], engagement: list[Event], measures: Sequence[str], spec: EngagementSpec
) -> dict[str, float]:
    """The measures of one group of events."""
    ages = [e["age"] for e in rows]
    found: dict[str, float] = {}
    for measure in measures:
        name = f"{stem}_{measure}"
        if measure == "recency":
            found[name] = min(ages, default=math.nan)
        elif measure == "first_seen":
            found[name] = max(ages, default=math.nan)
        elif measure == "momentum":
            found[name] = pace(ages, *spec.momentum_days)
        elif measure == "burst":
            found[name] = ratio(sum(a <= 7 for a in ages) / 7, sum(7 < a <= 98 for a in ages) / 91)
        elif measure == "streak_weeks":
            found[name] = next(w for w in range(1000) if not any(7 * w < a <= 7 * w + 7 for a in ages))
        elif measure == "decayed":
            for half in spec.half_lives_days:
                weighted = [spec.weights.get(e["event_type"], 1.0) * 0.5 ** (e["age"] / half) for e in rows]
                found[f"{name}_{half:g}d"] = math.fsum(weighted)
        else:
            for days in spec.windows_days:
                inside = [e for e in rows if e["age"] <= days]
                everything = [e for e in engagement if e["age"] <= days]
                found[f"{name}_{days}d"] = float(windowed(measure, inside, everything))
    return found


def pace(ages: list[float], short: int, long: int) -> float:
    """Pace in a short window over that in a long one."""
    return ratio(sum(a <= short for a in ages) / short, sum(a <= long for a in ages) / long)


def ratio(above: float, below: float) -> float:
    """NaN where there is nothing below."""
    return above / below if below else math.nan


def windowed(measure: str, rows: list[Event], everything: list[Event]) -> float:
    """One measure of the events of a window."""
    if measure == "count":
        return len(rows)
    if measure == "share":
        return ratio(len(rows), len(everything))
    if measure == "replies":
        return sum(e["reply"] for e in rows)
    if measure == "active_days":
        return len({e["occurred_at"].date() for e in rows})
    if measure == "active_weeks":
        return len({e["occurred_at"].isocalendar()[:2] for e in rows})
    if measure in DISTINCTS:
        return len({e[DISTINCTS[measure]] for e in rows} - {None})
    if measure in ("gap_mean", "gap_regularity"):
        return gaps(measure, sorted(e["age"] for e in rows))
    column, _, kind = measure.partition("_")
    values = [e[SUMS[column]] for e in rows if e[SUMS[column]] is not None]
    if not kind:
        return math.fsum(values)
    return {"mean": fmean, "min": min, "max": max}[kind](values) if values else math.nan


def gaps(measure: str, ages: list[float]) -> float:
    """Mean of the gaps between events, or their spread over the mean."""
    steps = [b - a for a, b in pairwise(ages)]
    if measure == "gap_mean":
        return fmean(steps) if steps else math.nan
    mean = fmean(steps) if steps else 0.0
    if len(steps) < 2 or mean == 0:
        return math.nan
    return math.sqrt(fmean([(s - mean) ** 2 for s in steps])) / mean
