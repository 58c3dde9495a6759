"""Runs the hidden process day by day."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from abm_scoring.data.market import process as law
from abm_scoring.data.market.frames import DAY, NEVER, pick
from abm_scoring.data.market.population import Population, make_population
from abm_scoring.data.market.process import Deals, Qualifications, World
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.market.streams import stream

AMOUNT_SPREAD = 0.35
_OPENED_AT, _OPENED_UNTIL = 8 * 3600, 17 * 3600


def simulate(spec: MarketSpec) -> World:
    """Draws a market's accounts and what happens to them, without any table: 10 000 accounts take about a second."""
    population = make_population(spec)
    past = past_deals(spec, population)
    invited, treated = law.assign(spec, population)
    states, log = _walk(spec, population, past.account[past.won], treated)
    first = (population.arrived >= spec.start_second) & (stream(spec.seed, "first touch").random(len(population)) < 0.6)
    deals, qualifications = _clocked(spec, population, log)
    return World(spec, population, states, joined(past, deals), qualifications, treated, invited, first)


def joined(first: Deals, second: Deals) -> Deals:
    """Deals of both, in order of creation."""
    names = Deals.__dataclass_fields__
    columns = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    order = np.lexsort((columns["account"], columns["created"]))
    return Deals(**{name: column[order] for name, column in columns.items()})


def amounts(rng: np.random.Generator, deal_value: np.ndarray) -> np.ndarray:
    """Contract values, log-normal with the given means."""
    spread = rng.normal(0, AMOUNT_SPREAD, len(deal_value))
    return np.round(deal_value * np.exp(spread - AMOUNT_SPREAD**2 / 2), 2)


def past_deals(spec: MarketSpec, population: Population) -> Deals:
    """Deals closed before the history: they made today's customers, or were lost longer ago than the cooldown."""
    rng, count = stream(spec.seed, "past deals"), len(population)
    old = np.flatnonzero((population.arrived < spec.start_second - 450 * DAY) & (population.partner_from == NEVER))
    # Gumbel noise turns sorting into drawing without replacement in proportion to exp(fit).
    drawn = old[np.argsort(-(population.fit[old] + rng.gumbel(size=len(old))), kind="stable")]
    customers, losers = round(spec.customers * count), round(0.03 * count)
    account = drawn[: customers + losers]
    won = np.arange(len(account)) < customers
    cycle = pick(rng, law.cycle_shares(), len(account)) * DAY
    latest = spec.start_second - np.where(won, 0, law.COOLDOWN * DAY) - cycle - DAY
    earliest = population.arrived[account] + 10 * DAY
    created = (earliest + rng.random(len(account)) * (latest - earliest)).astype(np.int64)
    created = created // DAY * DAY + rng.integers(_OPENED_AT, _OPENED_UNTIL, len(account))
    closed = (created + cycle) // DAY * DAY + rng.integers(_OPENED_AT, _OPENED_UNTIL, len(account))
    amount = amounts(rng, population.deal_value[account])
    return Deals(account, created, closed, won, rng.random(len(account)) < 0.7, amount)


@dataclass
class _Log:
    """What the walk writes down: arrays of one day each, joined at the end."""

    entered: list[np.ndarray] = field(default_factory=list)
    left: list[np.ndarray] = field(default_factory=list)
    deals: list[np.ndarray] = field(default_factory=list)

    def note(self, kind: str, *columns: np.ndarray) -> None:
        getattr(self, kind).append(np.stack([np.broadcast_to(c, columns[0].shape) for c in columns]).astype(np.int64))

    def table(self, kind: str, columns: int) -> np.ndarray:
        return np.concatenate([np.empty((columns, 0), dtype=np.int64), *getattr(self, kind)], axis=1)


def _walk(
    spec: MarketSpec, population: Population, customers: np.ndarray, treated: np.ndarray
) -> tuple[np.ndarray, _Log]:
    """Moves every account day by day: (days + 1) × n states, and the log of qualifications and deals."""
    rng, count, log = stream(spec.seed, "process"), len(population), _Log()
    arrives = (population.arrived - spec.start_second) // DAY
    rate, wins, shares = law.hazard(spec, population.fit), law.win_share(population.fit), law.cycle_shares()
    seasons = law.season(spec, np.arange(spec.days))
    state = np.where(arrives < 0, pick(rng, law.resting_intent(), count), law.UNBORN).astype(np.int8)
    state[customers] = law.CUSTOMER
    free_from, closes_on = np.zeros(count, dtype=np.int64), np.full(count, -1)
    will_win, came_hot = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    states = np.empty((spec.days + 1, count), dtype=np.int8)
    states[0] = state
    for day in range(spec.days):
        move, fate = rng.random((2, count))
        intent = (state >= 0) & (state < law.PROSPECTED)
        qualified = (state == law.PROSPECTED) | (state == law.QUALIFIED)
        closing, born = (state == law.OPEN) & (closes_on == day), arrives == day
        new = state.copy()
        edges = np.cumsum(law.intent_moves(seasons[day]), axis=1)[:, :3]
        new[intent] = (move[intent, None] >= edges[state[intent]]).sum(axis=1)

        factor = law.campaign_factor(spec, treated, day)
        ratio = law.INTENT_RATIO[np.where(intent, new, 0)]
        chosen = intent & (day >= free_from) & (fate < law.qualifies(rate, factor, seasons[day], ratio))
        new[chosen] = np.where(new[chosen] >= law.RESEARCHING, law.QUALIFIED, law.PROSPECTED)
        log.note("entered", np.flatnonzero(chosen), np.array(day))

        opened = qualified & (fate < law.OPENS)
        dropped = qualified & ~opened & (fate < law.OPENS + law.DROPS)
        came_hot[opened] = state[opened] == law.QUALIFIED
        new[dropped] = np.where(state[dropped] == law.QUALIFIED, law.RESEARCHING, law.AWARE)
        log.note("left", np.flatnonzero(opened | dropped), np.array(day), opened[opened | dropped])
        who = np.flatnonzero(opened)
        closes_on[who] = day + pick(rng, shares, len(who))
        will_win[who] = rng.random(len(who)) < wins[who, came_hot[who].astype(int)]
        log.note("deals", who, np.array(day), closes_on[who], will_win[who], came_hot[who])
        new[who] = law.OPEN

        new[closing] = np.where(will_win[closing], law.CUSTOMER, law.DORMANT)
        free_from[closing & ~will_win] = day + law.COOLDOWN
        new[born] = pick(rng, law.FIRST_INTENT, int(born.sum()))
        states[day + 1] = state = new
    return states, log


def _clocked(spec: MarketSpec, population: Population, log: _Log) -> tuple[Deals, Qualifications]:
    """Gives the days of the log a time of day, and the deals an amount."""
    rng = stream(spec.seed, "clock")

    def second(days: np.ndarray) -> np.ndarray:
        return spec.start_second + days * DAY + rng.integers(_OPENED_AT, _OPENED_UNTIL, len(days))

    account, created_on, closes_on, won, hot = log.table("deals", 5)
    created, closed = second(created_on), second(closes_on)
    ended = closes_on < spec.days
    deals = Deals(
        account,
        created,
        np.where(ended, closed, NEVER),
        (won == 1) & ended,
        hot == 1,
        amounts(rng, population.deal_value[account]),
    )
    spell_account, entered_on = log.table("entered", 2)
    left_account, left_on, opened = log.table("left", 3)
    # A spell ends before the account's next one begins, so both logs pair up in order within an account.
    spells = np.lexsort((entered_on, spell_account))
    ends = np.lexsort((left_on, left_account))
    left, became = np.full(len(spells), NEVER), np.zeros(len(spells), dtype=bool)
    place = np.searchsorted(spell_account[spells], left_account[ends]) + _rank(left_account[ends])
    left[place], became[place] = second(left_on[ends]), opened[ends] == 1
    entered = second(entered_on[spells])
    left[became] = _deal_seconds(account, created, spell_account[spells], became)
    return deals, Qualifications(spell_account[spells], entered, left, became)


def _rank(sorted_codes: np.ndarray) -> np.ndarray:
    """0, 1, 2, … within each run of equal codes."""
    return np.arange(len(sorted_codes)) - np.searchsorted(sorted_codes, sorted_codes)


def _deal_seconds(
    account: np.ndarray, created: np.ndarray, spell_account: np.ndarray, became: np.ndarray
) -> np.ndarray:
    """The k-th spell of an account that became a deal ends in the second in which its k-th deal was created."""
    order = np.lexsort((created, account))
    place = np.searchsorted(account[order], spell_account[became]) + _rank(spell_account[became])
    return created[order][place]
