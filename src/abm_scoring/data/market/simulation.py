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
    walk = Walk(spec, population, past.account[past.won], treated, law.win_share(population.fit))
    states = walk.states()
    first = (population.arrived >= spec.start_second) & (stream(spec.seed, "first touch").random(len(population)) < 0.6)
    deals, qualifications = clocked(spec, population, walk.diary)
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
class Diary:
    """What a walk writes down: arrays of one day each, joined when read."""

    entered: list[np.ndarray] = field(default_factory=list)
    left: list[np.ndarray] = field(default_factory=list)
    deals: list[np.ndarray] = field(default_factory=list)

    def note(self, kind: str, *columns: np.ndarray) -> None:
        """Adds rows; columns of one value are repeated."""
        getattr(self, kind).append(np.stack([np.broadcast_to(c, columns[0].shape) for c in columns]).astype(np.int64))

    def table(self, kind: str, columns: int) -> np.ndarray:
        """All rows of a kind as columns × rows."""
        return np.concatenate([np.empty((columns, 0), dtype=np.int64), *getattr(self, kind)], axis=1)


class Walk:
    """Moves all accounts through the process, a day at a time."""

    def __init__(
        self, spec: MarketSpec, population: Population, customers: np.ndarray, treated: np.ndarray, wins: np.ndarray
    ) -> None:
        count = len(population)
        self.spec, self.treated, self.wins, self.diary = spec, treated, wins, Diary()
        self.rng = stream(spec.seed, "process")
        self.arrives = (population.arrived - spec.start_second) // DAY
        self.rate, self.cycles = law.hazard(spec, population.fit), law.cycle_shares()
        self.seasons = law.season(spec, np.arange(spec.days))
        resting = pick(self.rng, law.resting_intent(), count)
        self.state = np.where(self.arrives < 0, resting, law.UNBORN).astype(np.int8)
        self.state[customers] = law.CUSTOMER
        self.free_from, self.closes_on = np.zeros(count, dtype=np.int64), np.full(count, -1)
        self.will_win, self.hot = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)

    def states(self) -> np.ndarray:
        """Walks to the end of the history: (days + 1) × n states."""
        states = np.empty((self.spec.days + 1, len(self.state)), dtype=np.int8)
        states[0] = self.state
        for day in range(self.spec.days):
            states[day + 1] = self.state = self._next(day)
        return states

    def _next(self, day: int) -> np.ndarray:
        """States at the end of a day; every change starts from the states of the day before."""
        move, fate = self.rng.random((2, len(self.state)))
        new = self.state.copy()
        self._move_intent(day, new, move, fate)
        self._resolve_qualified(day, new, fate)
        closing = (self.state == law.OPEN) & (self.closes_on == day)
        new[closing] = np.where(self.will_win[closing], law.CUSTOMER, law.DORMANT)
        self.free_from[closing & ~self.will_win] = day + law.COOLDOWN
        born = (self.arrives == day) & (self.state == law.UNBORN)
        new[born] = pick(self.rng, law.FIRST_INTENT, int(born.sum()))
        return new

    def _move_intent(self, day: int, new: np.ndarray, move: np.ndarray, fate: np.ndarray) -> None:
        intent = (self.state >= 0) & (self.state < law.PROSPECTED)
        edges = np.cumsum(law.intent_moves(self.seasons[day]), axis=1)[:, :3]
        new[intent] = (move[intent, None] >= edges[self.state[intent]]).sum(axis=1)
        ratio = law.INTENT_RATIO[np.where(intent, new, 0)]
        factor = law.campaign_factor(self.spec, self.treated, day)
        chance = law.qualifies(self.rate, factor, self.seasons[day], ratio)
        chosen = intent & (day >= self.free_from) & (fate < chance)
        new[chosen] = np.where(new[chosen] >= law.RESEARCHING, law.QUALIFIED, law.PROSPECTED)
        self.diary.note("entered", np.flatnonzero(chosen), np.array(day))

    def _resolve_qualified(self, day: int, new: np.ndarray, fate: np.ndarray) -> None:
        qualified = (self.state == law.PROSPECTED) | (self.state == law.QUALIFIED)
        opened = qualified & (fate < law.OPENS)
        dropped = qualified & ~opened & (fate < law.OPENS + law.DROPS)
        new[dropped] = np.where(self.state[dropped] == law.QUALIFIED, law.RESEARCHING, law.AWARE)
        self.diary.note("left", np.flatnonzero(opened | dropped), np.array(day), opened[opened | dropped])
        who = np.flatnonzero(opened)
        self.hot[who] = self.state[who] == law.QUALIFIED
        self.closes_on[who] = day + pick(self.rng, self.cycles, len(who))
        self.will_win[who] = self.rng.random(len(who)) < self.wins[who, self.hot[who].astype(int)]
        self.diary.note("deals", who, np.array(day), self.closes_on[who], self.will_win[who], self.hot[who])
        new[who] = law.OPEN


def clocked(spec: MarketSpec, population: Population, diary: Diary) -> tuple[Deals, Qualifications]:
    """Gives the days of a diary a time of day, and the deals an amount."""
    rng = stream(spec.seed, "clock")

    def second(days: np.ndarray) -> np.ndarray:
        return spec.start_second + days * DAY + rng.integers(_OPENED_AT, _OPENED_UNTIL, len(days))

    account, created_on, closes_on, won, hot = diary.table("deals", 5)
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
    spell_account, entered_on = diary.table("entered", 2)
    left_account, left_on, opened = diary.table("left", 3)
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
