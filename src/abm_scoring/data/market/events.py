"""The event log as it is delivered: dressed, with machines, unknown visitors, repeats and late arrivals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.contacts import Contacts
from abm_scoring.data.market.frames import DAY, canonical, ids, moments, pick, text
from abm_scoring.data.market.process import World
from abm_scoring.data.market.rates import chunks
from abm_scoring.data.market.sources import touches_of
from abm_scoring.data.market.streams import stream
from abm_scoring.data.market.touches import EVENT_TYPES, TYPE, Touches, campaign_ids

CHANNELS = (
    "organic_search",
    "direct",
    "referral",
    "paid_search",
    "organic_social",
    "email",
    "webinar",
    "sales",
    "phone",
    "event",
    "paid_social",
    "display",
)
_CHANNEL = {name: code for code, name in enumerate(CHANNELS)}
_SITE_SHARES = (0.36, 0.28, 0.10, 0.14, 0.12)
#: Channel of each type that is not a visit to the site.
_OWN_CHANNEL = {
    "webinar": "webinar",
    "social_engagement": "organic_social",
    "meeting": "sales",
    "sales_conversation": "phone",
    "event_attendance": "event",
    "email_sent": "email",
    "email_open": "email",
    "email_click": "email",
    "email_reply": "email",
    "ad_impression": "display",
    "ad_click": "display",
    "sql_created": "sales",
}
#: Mean minutes by type; 0 = the type has no duration.
_MINUTES = {"web_visit": 4, "content_download": 8, "webinar": 40, "meeting": 50, "sales_conversation": 14}
_MINUTES |= {"event_attendance": 180, "demo_request": 3, "form_fill": 2}
_SENTIMENT = ("social_engagement", "meeting", "sales_conversation", "email_reply")
_DEPTH = np.array([0.6, 0.9, 1.3, 1.7, 1.2, 1.6, 1.3, 1.0])
_BY_SALES = np.array([0.9, 0.85, 0.5, 0.3, 0.8, 0.4, 0.4, 0.4])
#: Machines come at this gap in seconds.
BOT_GAP = 600


def events_table(world: World, contacts: Contacts) -> pd.DataFrame:
    """The canonical table, in order of arrival (`known_at`)."""
    parts = [_dressed(world, touches_of(world, contacts, part), part) for part in chunks(world)]
    log = pd.concat([*parts, _bots(world)], ignore_index=True)
    del parts
    log = pd.concat([log, _anonymous(world, log)], ignore_index=True)
    log = log.sort_values(["second", "account", "type"], kind="stable", ignore_index=True)
    log["event"] = np.arange(len(log))
    return _canonical(world, _delivered(world, log), contacts)


def bot_accounts(world: World) -> np.ndarray:
    """Indices of the accounts whose site is visited by a machine (known from the start of the history)."""
    known = np.flatnonzero(world.population.arrived < world.spec.start_second)
    count = min(len(known), max(1, round(world.spec.bots * len(world.population)))) if world.spec.bots else 0
    return np.sort(stream(world.spec.seed, "bots").permutation(known)[:count])


def _dressed(world: World, touches: Touches, part: int) -> pd.DataFrame:
    """Channel, duration, depth, sentiment and direction of each touch; codes in narrow integers."""
    rng, size = stream(world.spec.seed, "dress", part), len(touches)
    names = np.array(EVENT_TYPES, dtype=object)[touches.kind]
    mean = np.array([_MINUTES.get(t, 0) for t in EVENT_TYPES], dtype=float)[touches.kind]
    visit = touches.kind == TYPE["web_visit"]
    minutes = np.round(mean * rng.gamma(2.0, 0.5, size) * np.where(visit, _DEPTH[touches.state], 1.0), 1)
    mood = 0.1 + 0.2 * world.population.satisfaction[touches.account] + rng.normal(0, 0.3, size)
    feels = np.isin(names, _SENTIMENT)
    by_sales = rng.random(size) < _BY_SALES[touches.state]
    talk = (touches.kind == TYPE["meeting"]) | (touches.kind == TYPE["sales_conversation"])
    pushed = (touches.kind == TYPE["email_sent"]) | (touches.kind == TYPE["ad_impression"]) | (talk & by_sales)
    return pd.DataFrame(
        {
            "second": touches.second,
            "account": touches.account.astype(np.int32),
            "contact": touches.contact.astype(np.int32),
            "type": touches.kind.astype(np.int8),
            "channel": _channels(world, rng, touches),
            "campaign": touches.campaign.astype(np.int8),
            "content": touches.content.astype(np.int8),
            "variant": touches.variant.astype(np.int8),
            "direction": np.where(touches.kind == TYPE["sql_created"], -1, pushed).astype(np.int8),
            "minutes": np.where(mean > 0, np.maximum(minutes, 0.1), np.nan),
            "pages": np.where(visit, 1 + rng.poisson(1.5 * _DEPTH[touches.state]), np.nan),
            "sentiment": np.where(feels, np.round(np.clip(mood, -1, 1), 2), np.nan),
        }
    )


def _channels(world: World, rng: np.random.Generator, touches: Touches) -> np.ndarray:
    """Visits come through one of the site's sources, all else through the type's or the campaign's channel."""
    own = np.array([_CHANNEL[_OWN_CHANNEL[t]] if t in _OWN_CHANNEL else -1 for t in EVENT_TYPES])[touches.kind]
    channel = np.where(own < 0, pick(rng, _SITE_SHARES, len(touches)), own)
    paid = [t.channel == "paid_social" for t in world.spec.trials] + [False, False, True, False, False]
    social = np.array(paid)[touches.campaign] & np.isin(touches.kind, [TYPE["ad_impression"], TYPE["ad_click"]])
    return np.where(social, _CHANNEL["paid_social"], channel).astype(np.int8)


def _bots(world: World) -> pd.DataFrame:
    """Machine-regular visits: about fifty times the events of an average account, one every ten minutes."""
    rng, account = stream(world.spec.seed, "bot visits"), bot_accounts(world)
    count = round(50 * world.spec.events_per_account)
    span = min(count * BOT_GAP, 86_400 * world.spec.days)
    first = world.spec.start_second + rng.integers(0, 86_400 * world.spec.days - span + 1, len(account))
    second = (first[:, None] + np.arange(span // BOT_GAP) * BOT_GAP).ravel()
    return _bare_visits(second, np.repeat(account, span // BOT_GAP), "direct")


def _anonymous(world: World, log: pd.DataFrame) -> pd.DataFrame:
    """Visits that nobody could match to an account, at the times at which others visit."""
    rng = stream(world.spec.seed, "unknown visitors")
    size = round(world.spec.anonymous * len(log) / max(1 - world.spec.anonymous, 1e-9))
    like = log["second"].to_numpy()[rng.integers(0, max(len(log), 1), size)]
    day = (like - world.spec.start_second) // DAY * DAY
    second = world.spec.start_second + day + (like + rng.integers(0, 7200, size)) % DAY
    return _bare_visits(second, np.full(size, -1), "organic_search")


def _bare_visits(second: np.ndarray, account: np.ndarray, channel: str) -> pd.DataFrame:
    """Visits of which little is known."""
    size = len(second)
    none = np.full(size, -1, dtype=np.int8)
    return pd.DataFrame(
        {
            "second": second,
            "account": account.astype(np.int32),
            "contact": np.full(size, -1, dtype=np.int32),
            "type": np.full(size, TYPE["web_visit"], dtype=np.int8),
            "channel": np.full(size, _CHANNEL[channel], dtype=np.int8),
            "campaign": none,
            "content": none,
            "variant": none,
            "direction": np.zeros(size, dtype=np.int8),
            "minutes": np.full(size, 0.1),
            "pages": np.ones(size),
            "sentiment": np.full(size, np.nan),
        }
    )


def _delivered(world: World, log: pd.DataFrame) -> pd.DataFrame:
    """Adds `known`, repeats some rows, leaves out what is known only after the end, sorts by arrival."""
    rng, size = stream(world.spec.seed, "delivery"), len(log)
    late = rng.random(size) < world.spec.late
    delay = np.where(late, rng.integers(DAY, 14 * DAY, size), rng.integers(0, 900, size))
    log["known"] = log["second"].to_numpy() + delay
    twice = np.flatnonzero(rng.random(size) < world.spec.duplicates)
    again = log.iloc[twice].assign(known=lambda rows: rows["known"] + rng.integers(3600, 3 * DAY, len(rows)))
    every = pd.concat([log, again], ignore_index=True)
    every = every[every["known"] < world.spec.end_second]
    return every.sort_values(["known", "event"], kind="stable", ignore_index=True)


def _canonical(world: World, log: pd.DataFrame, contacts: Contacts) -> pd.DataFrame:
    code = {name: log[name].to_numpy() for name in log}
    sizes = [len(titles) for titles in words.CONTENT_TITLES]
    stage_of = np.append(np.repeat(np.arange(3, dtype=np.int8), sizes), -1)
    return canonical(
        "events",
        {
            "occurred_at": moments(code["second"]),
            "event_type": text(code["type"], EVENT_TYPES),
            "account_id": text(code["account"], ids("A", len(world.population))),
            "event_id": text(code["event"], ids("E", int(code["event"].max(initial=-1)) + 1, 9)),
            "contact_id": text(code["contact"], ids("P", len(contacts.account))),
            "channel": text(code["channel"], CHANNELS),
            "campaign_id": text(code["campaign"], campaign_ids(world)),
            "content_id": text(code["content"], words.CONTENT_IDS),
            "variant_id": text(code["variant"], ("v1", "v2")),
            "funnel_stage": text(stage_of[code["content"]], words.STAGES),
            "minutes": code["minutes"],
            "value": code["pages"],
            "sentiment": code["sentiment"],
            "direction": text(code["direction"], ("inbound", "outbound")),
            "known_at": moments(code["known"]),
        },
    )
