"""Campaigns, content, what all of it costs, and the visitors whom nobody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, text
from abm_scoring.data.market.pipeline import NEW, Book
from abm_scoring.data.market.process import World, season
from abm_scoring.data.market.rates import WEEKDAY
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.market.streams import stream

TRAFFIC_CHANNELS = ("organic_search", "direct", "referral", "paid_search", "organic_social", "display")
_TRAFFIC_SHARES = np.array([0.38, 0.22, 0.10, 0.14, 0.06, 0.10])
_HOURLY_RATE = 65.0


@dataclass(frozen=True)
class _Campaign:
    id: str
    name: str
    channel: str
    first_month: int
    after_month: int
    budget: float


def campaigns(spec: MarketSpec) -> tuple[_Campaign, ...]:
    """All campaigns in the order of their codes: randomised ones first, then those that only follow intent."""
    trials = tuple(
        _Campaign(t.campaign_id, t.campaign_name, t.channel, t.first_month, t.first_month + t.months, t.budget)
        for t in spec.trials
    )
    monthly = _size(spec) * spec.months
    return (
        *trials,
        _Campaign("camp-newsletter", "Newsletter", "email", 0, spec.months, 1_000 * monthly),
        _Campaign("camp-retargeting", "Retargeting", "display", 0, spec.months, 2_500 * monthly),
        _Campaign("camp-social", "Social presence", "paid_social", 0, spec.months, 2_000 * monthly),
        _Campaign("camp-roadshow", "Roadshow", "event", 4, spec.months, 4_000 * monthly),
    )


def _size(spec: MarketSpec) -> float:
    """How large the marketing department is, in terms of one that serves ten thousand accounts."""
    return max(spec.accounts / 10_000, 0.1)


def _second(spec: MarketSpec, month: int) -> int:
    return spec.start_second + spec.month_day(month) * DAY


def campaigns_table(world: World) -> pd.DataFrame:
    """The canonical table."""
    spec, every = world.spec, campaigns(world.spec)
    return canonical(
        "campaigns",
        {
            "campaign_id": [c.id for c in every],
            "campaign_name": [c.name for c in every],
            "budget": [c.budget for c in every],
            "from": moments(np.array([_second(spec, c.first_month) for c in every])),
            "to": moments(np.array([_second(spec, c.after_month) for c in every])),
            "channel": [c.channel for c in every],
        },
    )


def content_table() -> pd.DataFrame:
    """The canonical table."""
    titles = [(stage, title) for stage, of in zip(words.STAGES, words.CONTENT_TITLES, strict=True) for title in of]
    slugs = ["".join(x if x.isalnum() else "-" for x in title.lower()) for _, title in titles]
    return canonical(
        "content",
        {
            "content_id": list(words.CONTENT_IDS),
            "title": [title for _, title in titles],
            "funnel_stage": [stage for stage, _ in titles],
            "landing_page": [f"/{stage}/{slug}" for (stage, _), slug in zip(titles, slugs, strict=True)],
        },
    )


def costs_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: campaign media and hours, content production, and what no campaign is charged with."""
    rng = stream(world.spec.seed, "costs")
    parts = [
        *_campaign_costs(world, rng),
        _content_costs(world, rng),
        *_fixed_costs(world),
        *_account_costs(world, book),
    ]
    rows = pd.concat([p.reindex(columns=_COST_COLUMNS) for p in parts], ignore_index=True)
    rows = rows[rows["second"] < world.spec.end_second].sort_values(
        ["second", "kind"], kind="stable", ignore_index=True
    )
    hourly = np.where(rows["hours"].notna(), _HOURLY_RATE, np.nan)
    return canonical(
        "costs",
        {
            "incurred_on": moments(rows["second"].to_numpy("int64")),
            **{name: rows[name].astype("str") for name in ("kind", "campaign_id", "content_id")},
            "account_id": text(rows["account"].fillna(-1).to_numpy("int64"), ids("A", len(world.population))),
            "hours": rows["hours"].astype("float64"),
            "hourly_rate": hourly,
            "amount": np.round(np.where(rows["hours"].notna(), rows["hours"] * hourly, rows["amount"]), 2),
            "currency": ["EUR"] * len(rows),
        },
    )


_COST_COLUMNS = ["second", "kind", "campaign_id", "content_id", "account", "hours", "amount"]


def _campaign_costs(world: World, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Month by month: about nine tenths of the budget, media where the channel has any, the rest as hours."""
    parts = []
    for c in campaigns(world.spec):
        months = np.arange(c.first_month, c.after_month)
        spent = 0.9 * c.budget / len(months) * rng.uniform(0.8, 1.2, len(months))
        media = 0.75 if c.channel in ("display", "paid_social", "event") else 0.0
        second = np.array([_second(world.spec, int(m)) for m in months]) + 27 * DAY
        shared = {"second": second, "campaign_id": c.id}
        parts.append(
            pd.DataFrame({**shared, "kind": "hours", "hours": np.round((1 - media) * spent / _HOURLY_RATE, 1)})
        )
        if media:
            parts.append(pd.DataFrame({**shared, "kind": "media", "amount": media * spent}))
    return parts


def _content_costs(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Hours of production, an item after the other over the first two thirds of the history."""
    count = len(words.CONTENT_IDS)
    day = (rng.permutation(count) * (world.spec.days * 2 // 3)) // count
    second = world.spec.start_second + day * DAY
    hours = np.round(rng.gamma(4.0, 6.0, count) + 4, 1)
    return pd.DataFrame({"second": second, "content_id": list(words.CONTENT_IDS), "kind": "hours", "hours": hours})


def _fixed_costs(world: World) -> list[pd.DataFrame]:
    """Platform, salaries and overhead: monthly, for all campaigns together."""
    second = np.array([_second(world.spec, m) for m in range(world.spec.months)])
    size = _size(world.spec)
    monthly = {"platform": 1_200.0 * (1 + size), "salaries": 31_000.0 * size, "overhead": 5_500.0 * size}
    return [pd.DataFrame({"second": second, "kind": kind, "amount": amount}) for kind, amount in monthly.items()]


def _account_costs(world: World, book: Book) -> list[pd.DataFrame]:
    """Onboarding a month after a first deal, support each quarter of the first year."""
    won = np.flatnonzero((book.kind == NEW) & book.won & (book.closed >= world.spec.start_second - 365 * DAY))
    closed = book.closed[won] // DAY * DAY
    parts = []
    for wait, kind, share in [(30, "onboarding", 0.03), *((91 * q, "support", 0.008) for q in range(1, 5))]:
        rows = pd.DataFrame({"second": closed + wait * DAY, "kind": kind, "account": book.account[won]})
        rows["amount"] = share * book.amount[won]
        before = book.cancelled[won] == NEVER if kind == "support" else np.ones(len(won), dtype=bool)
        parts.append(rows[before & (rows["second"] >= world.spec.start_second)])
    return parts


def anonymous_traffic_table(world: World) -> pd.DataFrame:
    """The canonical table: sessions by day and channel, in step with weekday and season."""
    rng, spec = stream(world.spec.seed, "anonymous traffic"), world.spec
    day = np.arange(spec.days)
    volume = 0.02 * len(world.population) * WEEKDAY[(spec.start.weekday() + day) % 7] * season(spec, day)
    sessions = rng.poisson(volume[:, None] * _TRAFFIC_SHARES)
    return canonical(
        "anonymous_traffic",
        {
            "day": moments(np.repeat(spec.start_second + day * DAY, len(TRAFFIC_CHANNELS))),
            "sessions": sessions.ravel(),
            "channel": text(np.tile(np.arange(len(TRAFFIC_CHANNELS)), spec.days), TRAFFIC_CHANNELS),
        },
    )
