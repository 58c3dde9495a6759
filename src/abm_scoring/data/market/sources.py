"""Where events come from: visits, mailings, ads, campaigns, milestones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm_scoring.data.market import process as law
from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.answers import answers_to_ads, answers_to_mail
from abm_scoring.data.market.contacts import Contacts, contact_of
from abm_scoring.data.market.frames import DAY, pick, pick_by_row
from abm_scoring.data.market.process import World
from abm_scoring.data.market.rates import CHUNK, clock_times, daily_hits
from abm_scoring.data.market.streams import stream
from abm_scoring.data.market.touches import TYPE, Touches, campaign_code, joined, new_touches

#: Rates a day by state: what accounts do themselves, what is shown to them, what sales sends them.
_OWN = np.array([0.012, 0.060, 0.27, 0.66, 1.00, 1.20, 0.38, 0.05])
_RETARGETING = np.array([0.0005, 0.005, 0.020, 0.036, 0.020, 0.036, 0.020, 0.003])
_SOCIAL_ADS = np.array([0.0008, 0.004, 0.010, 0.014, 0.010, 0.014, 0.010, 0.002])
_OUTREACH = np.array([0.003, 0.003, 0.004, 0.004, 0.03, 0.03, 0.01, 0.003])
#: Touches a day of an account that gets a randomised campaign; the long programme is thinner.
_CAMPAIGN_TOUCHES, _PROGRAMME_TOUCHES = 0.07, 0.010
#: Events of an average account in the default history at exactly these rates.
_EVENTS_AT_THESE_RATES = 114
#: What an account's own activity is, by state (rows) over the first nine event types.
_OWN_MIX = np.array(
    [
        [0.870, 0.008, 0.030, 0.015, 0.070, 0.000, 0.002, 0.005, 0.000],
        [0.770, 0.020, 0.070, 0.040, 0.085, 0.001, 0.005, 0.008, 0.001],
        [0.660, 0.050, 0.140, 0.070, 0.040, 0.005, 0.015, 0.015, 0.005],
        [0.570, 0.085, 0.130, 0.055, 0.020, 0.035, 0.050, 0.020, 0.035],
        [0.350, 0.030, 0.050, 0.030, 0.010, 0.270, 0.240, 0.010, 0.010],
        [0.350, 0.040, 0.060, 0.030, 0.010, 0.260, 0.200, 0.010, 0.040],
        [0.330, 0.020, 0.060, 0.020, 0.010, 0.290, 0.250, 0.010, 0.010],
        [0.620, 0.020, 0.060, 0.050, 0.070, 0.060, 0.110, 0.010, 0.000],
    ]
)


def touches_of(world: World, contacts: Contacts, part: int) -> Touches:
    """All events of one chunk of accounts, with their contacts."""
    people, spec = world.population, world.spec
    sources = [_own(world, part), _mailings(world, part), _outreach(world, part), _milestones(world, part)]
    sources += [_roadshow(world, part), _onboarding(world, part)]
    sources += [_ads(world, part, "camp-retargeting", _RETARGETING), _ads(world, part, "camp-social", _SOCIAL_ADS)]
    sources += [_trial(world, part, column) for column in range(len(spec.trials))]
    touches = joined(sources)
    touches = touches.take((touches.second >= people.arrived[touches.account]) & (touches.second < spec.end_second))
    rng = stream(spec.seed, "who", part)
    touches = replace(touches, contact=_who(rng, contacts, touches), content=_what(rng, touches))
    touches = touches.take((touches.kind != TYPE["email_sent"]) | (touches.contact >= 0))
    every = joined([touches, answers_to_mail(world, part, touches), answers_to_ads(world, part, touches)])
    return every.take(every.second < spec.end_second)


def _scale(world: World) -> float:
    return world.spec.events_per_account / _EVENTS_AT_THESE_RATES


def _at(world: World, rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    return world.spec.start_second + day * DAY + clock_times(rng, len(day))


def _own(world: World, part: int) -> Touches:
    """What an account does itself; a site visit is often followed by more within the hour."""
    rng = stream(world.spec.seed, "own activity", part)
    factor = world.population.activity[part * CHUNK : (part + 1) * CHUNK] * _scale(world)
    account, day = daily_hits(rng, world, part, _OWN, factor)
    second = _at(world, rng, day)
    kind = pick_by_row(rng, _OWN_MIX, world.states[day + 1, account].astype(np.int64))
    visits = np.flatnonzero(kind == TYPE["web_visit"])
    again = np.repeat(visits, rng.geometric(0.88, len(visits)) - 1)
    later = second[again] + rng.integers(60, 3600, len(again))
    touches = new_touches(world, account, second, kind)
    return joined([touches, new_touches(world, account[again], later, kind[again])])


def _mailings(world: World, part: int) -> Touches:
    """The monthly newsletter, sent on one morning of each month."""
    rng, count = stream(world.spec.seed, "newsletter", part), _chunk_size(world, part)
    sent = rng.poisson(0.3 * _scale(world), (world.spec.months, count))
    month, account = np.nonzero(sent)
    many = sent[month, account]
    account, month = np.repeat(account, many) + part * CHUNK, np.repeat(month, many)
    day = np.array([world.spec.month_day(m) for m in range(world.spec.months)])[month] + 9
    second = world.spec.start_second + day * DAY + 7 * 3600 + rng.integers(0, 7200, len(day))
    return new_touches(
        world,
        account,
        second,
        TYPE["email_sent"],
        campaign_code(world, "camp-newsletter"),
        rng.integers(0, 2, len(day)),
    )


def _outreach(world: World, part: int) -> Touches:
    """Mails and calls by sales outside any campaign."""
    rng = stream(world.spec.seed, "outreach", part)
    account, day = daily_hits(rng, world, part, _OUTREACH, _scale(world))
    kind = np.where(rng.random(len(day)) < 0.75, TYPE["email_sent"], TYPE["sales_conversation"])
    return new_touches(world, account, _at(world, rng, day), kind)


def _ads(world: World, part: int, campaign_id: str, rates: np.ndarray) -> Touches:
    """Impressions of an always-on campaign, shown the more the more an account looks around."""
    rng = stream(world.spec.seed, campaign_id, part)
    account, day = daily_hits(rng, world, part, rates, _scale(world), workdays=False)
    campaign, variant = campaign_code(world, campaign_id), rng.integers(0, 2, len(day))
    return new_touches(world, account, _at(world, rng, day), TYPE["ad_impression"], campaign, variant)


def _trial(world: World, part: int, column: int) -> Touches:
    """Touches of a randomised campaign with the accounts that get it."""
    trial = world.spec.trials[column]
    rng = stream(world.spec.seed, f"touches {trial.campaign_id}", part)
    rate = _PROGRAMME_TOUCHES if trial.months > 12 else _CAMPAIGN_TOUCHES
    rates = np.full(len(law.STATES), rate)
    rates[law.CUSTOMER] = 0
    factor = world.treated[part * CHUNK : (part + 1) * CHUNK, column] * _scale(world)
    account, day = daily_hits(rng, world, part, rates, factor, law.trial_days(world.spec, trial))
    if trial.channel == "sales":
        kind = np.where(rng.random(len(day)) < 0.7, TYPE["email_sent"], TYPE["sales_conversation"])
    else:
        kind = np.full(len(day), TYPE["email_sent" if trial.channel == "email" else "ad_impression"])
    return new_touches(world, account, _at(world, rng, day), kind, column, rng.integers(0, 2, len(day)))


def _milestones(world: World, part: int) -> Touches:
    """Sales-qualified leads, and the first touch that made an account known."""
    rng = stream(world.spec.seed, "milestones", part)
    spells, people = world.qualifications, world.population
    mine = spells.account // CHUNK == part
    qualified = new_touches(world, spells.account[mine], spells.entered[mine], TYPE["sql_created"])
    fresh = np.flatnonzero(world.contacted_first[part * CHUNK : (part + 1) * CHUNK]) + part * CHUNK
    first = np.array([TYPE[t] for t in ("form_fill", "web_visit", "webinar", "event_attendance", "content_download")])
    kind = first[pick(rng, (0.35, 0.25, 0.15, 0.15, 0.10), len(fresh))]
    return joined([qualified, new_touches(world, fresh, people.arrived[fresh], kind)])


def _onboarding(world: World, part: int) -> Touches:
    """Meetings and calls in the two months after a deal is won."""
    rng, deals = stream(world.spec.seed, "onboarding", part), world.deals
    won = np.flatnonzero(deals.won & (deals.account // CHUNK == part) & (deals.closed >= world.spec.start_second))
    rows = np.repeat(won, rng.poisson(6 * min(_scale(world), 1.0), len(won)))
    second = deals.closed[rows] + DAY + (rng.random(len(rows)) * 60 * DAY).astype(np.int64)
    second = second // DAY * DAY + clock_times(rng, len(rows))
    inside = second < world.spec.end_second
    kind = np.where(rng.random(len(rows)) < 0.4, TYPE["meeting"], TYPE["sales_conversation"])
    return new_touches(world, deals.account[rows][inside], second[inside], kind[inside])


def _roadshow(world: World, part: int) -> Touches:
    """Guests of a roadshow: invited for their hidden intent and hidden fit, so that it looks effective and is not."""
    rng, count = stream(world.spec.seed, "roadshow", part), _chunk_size(world, part)
    account = np.arange(count) + part * CHUNK
    parts = []
    for month in range(4, world.spec.months, 6):
        day = world.spec.month_day(month) + 14
        state = world.states[day, account]
        pull = np.append(np.array([0.006, 0.02, 0.06, 0.12, 0.1, 0.15, 0.1, 0.04]), 0.0)[state]
        hidden = np.exp(2.5 * world.population.hidden_fit[account])
        guests = account[rng.random(count) < pull * np.minimum(hidden, 4)]
        second = world.spec.start_second + day * DAY + rng.integers(8 * 3600, 15 * 3600, len(guests))
        parts.append(
            new_touches(world, guests, second, TYPE["event_attendance"], campaign_code(world, "camp-roadshow"))
        )
    return joined(parts)


#: Share of events that name a contact, by type.
_NAMED = np.array([0.3, 1, 0.9, 1, 0.8, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0.9])


def _who(rng: np.random.Generator, contacts: Contacts, touches: Touches) -> np.ndarray:
    """The contact behind each touch, -1 where it names none."""
    chosen = contact_of(rng, contacts, touches.account, touches.second)
    return np.where(rng.random(len(touches)) < _NAMED[touches.kind], chosen, -1)


#: Share of events about a content item, by type; and of which funnel stage it is, by state.
_ABOUT = np.array([0.55, 0.9, 1, 1, 0.4, 0, 0, 0, 1, 0.9, 0, 0, 0, 0.9, 0, 0])
_STAGE_MIX = np.array(
    [
        [0.80, 0.17, 0.03],
        [0.65, 0.29, 0.06],
        [0.36, 0.49, 0.15],
        [0.18, 0.40, 0.42],
        [0.30, 0.40, 0.30],
        [0.15, 0.40, 0.45],
        [0.15, 0.35, 0.50],
        [0.50, 0.35, 0.15],
    ]
)


def _what(rng: np.random.Generator, touches: Touches) -> np.ndarray:
    """The content item of each touch, -1 for none; early items of a stage are the popular ones."""
    sizes = np.array([len(titles) for titles in words.CONTENT_TITLES])
    stage = np.where(touches.kind == TYPE["demo_request"], 2, pick_by_row(rng, _STAGE_MIX, touches.state))
    item = (np.cumsum(sizes) - sizes)[stage] + (sizes[stage] * rng.random(len(touches)) ** 1.5).astype(np.int64)
    return np.where(rng.random(len(touches)) < _ABOUT[touches.kind], item, -1)


def _chunk_size(world: World, part: int) -> int:
    return min(CHUNK, len(world.population) - part * CHUNK)
