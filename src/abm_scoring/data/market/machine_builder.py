"""A small machine builder: nine customers, four wish accounts, two hundred prospects.

The customers' story is written by hand, so that its figures are known: from first touch to signature they took 63 days
in the median. No other account has won yet; what the truth says of these is about the time to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from abm_scoring.data.market import process as law
from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, pick, text
from abm_scoring.data.market.market import PROFILE, Market, tables_of
from abm_scoring.data.market.population import Population, describe
from abm_scoring.data.market.process import Deals, Qualifications, World
from abm_scoring.data.market.simulation import Walk, amounts, clocked, joined
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.market.streams import stream
from abm_scoring.data.market.truth import Truth


class _Company(NamedTuple):
    sector: str
    country: str
    employees: int
    parent: int = -1


#: First touch to signature in days (median and mean 63), and the month of signature.
_DAYS_TO_CLOSE = (60, 73, 52, 63, 84, 58, 65, 44, 68)
_SIGNED_IN_MONTH = (5, 8, 11, 14, 18, 21, 24, 28, 32)
_CUSTOMERS = (
    _Company("pharma", "AT", 1_200),
    _Company("medical_technology", "AT", 800),
    _Company("pharma", "AT", 2_100),
    _Company("pharma", "DE", 1_500),
    _Company("medical_technology", "DE", 950),
    _Company("pharma", "DE", 3_500),
    _Company("medical_technology", "DE", 1_100),
    _Company("pharma", "US", 2_600),
    _Company("medical_technology", "US", 1_800),
)
#: The third and the fourth wish account have their head office overseas and branches in DACH (the rows after them).
_WISHES = (
    _Company("pharma", "AT", 1_050),
    _Company("biotechnology", "CH", 900),
    _Company("pharma", "US", 9_500),
    _Company("biotechnology", "US", 4_200),
)
_BRANCHES = (
    _Company("pharma", "DE", 620, 2),
    _Company("pharma", "AT", 280, 2),
    _Company("biotechnology", "CH", 340, 3),
    _Company("biotechnology", "DE", 210, 3),
)
_PROSPECTS = 200

#: What the machine builder wants: reach in contacts, accounts with an SQL next quarter, days to close from 63 to 50.
MACHINE_BUILDER_TARGETS: Mapping[str, float] = MappingProxyType(
    {"reach": 10, "sql_accounts": 3, "days_to_close": 50, "days_to_close_before": 63}
)
#: The profile that it aims at: about a thousand employees, in pharma and biotechnology.
MACHINE_BUILDER_PROFILE: Mapping[str, object] = MappingProxyType(
    {**PROFILE, "sectors": ("pharma", "biotechnology"), "employee_count": 1_000}
)


def make_machine_builder(seed: int = 7) -> Market:
    """Draws the scenario: its tables, its truth and its profile. Accounts A0000001 to A0000009 are the customers."""
    world = _world(_spec(seed))
    tables = tables_of(world)
    tables = tables.replace(accounts=_named_in_full(world, tables["accounts"]), target_list=_target_list(world))
    return Market(tables, Truth(world), MACHINE_BUILDER_PROFILE)


def _spec(seed: int) -> MarketSpec:
    count = len(_CUSTOMERS) + len(_WISHES) + len(_BRANCHES) + _PROSPECTS
    return MarketSpec(accounts=count, seed=seed, conversion=0.0008, customers=0, partners=0, bots=0.005, trials=())


def _world(spec: MarketSpec) -> World:
    population = _population(spec)
    scripted = np.arange(len(_CUSTOMERS))
    nobody = np.zeros((len(population), 0), dtype=bool)
    walk = Walk(spec, population, scripted, nobody, np.zeros((len(population), 2)))
    states = walk.states()
    deals, spells = clocked(spec, population, walk.diary)
    signed = _customer_deals(spec, population)
    for account in scripted:
        states[:, account] = _story(spec, population.arrived[account], signed.created[account], signed.closed[account])
    won = Qualifications(scripted, signed.created - 6 * DAY, signed.created, np.ones(len(scripted), dtype=bool))
    names = Qualifications.__dataclass_fields__
    every = Qualifications(**{n: np.concatenate([getattr(won, n), getattr(spells, n)]) for n in names})
    first = np.arange(len(population)) < len(_CUSTOMERS)
    return World(spec, population, states, joined(deals, signed), every, nobody, nobody, first)


def _population(spec: MarketSpec) -> Population:
    """The named companies first, then prospects that more or less resemble them."""
    rng = stream(spec.seed, "machine builder")
    named = (*_CUSTOMERS, *_WISHES, *_BRANCHES)
    sectors, countries = [s.name for s in words.SECTORS], [c.code for c in words.COUNTRIES]
    likely = np.array([3.0, 2.5, 2.5, 1.5, 1.0, 0.7, 0.5, 0.7, 0.3, 0.3, 0.3, 0.3])
    sector = np.append([sectors.index(c.sector) for c in named], pick(rng, likely, _PROSPECTS))
    home = np.array([0.45, 0.22, 0.15, *([0.03] * 6)])
    country = np.append([countries.index(c.country) for c in named], pick(rng, home, _PROSPECTS))
    employees = np.append([c.employees for c in named], np.round(np.exp(rng.normal(np.log(650), 0.9, _PROSPECTS))))
    parent = np.full(len(sector), -1)
    for place, company in enumerate(named):
        if company.parent >= 0:
            parent[place] = len(_CUSTOMERS) + company.parent
    arrived = (
        spec.start_second - rng.integers(1, 900, len(sector)) * DAY + rng.integers(7 * 3600, 16 * 3600, len(sector))
    )
    arrived[: len(_CUSTOMERS)] = _signed(spec) - np.array(_DAYS_TO_CLOSE) * DAY
    people = describe(rng, spec, parent, sector, country, np.clip(employees, 20, 20_000).astype(float), arrived)
    # Lines for filling and packing cost more than what the large market sells.
    return replace(people, deal_value=np.round(4 * people.deal_value, 2))


def _signed(spec: MarketSpec) -> np.ndarray:
    """Seconds of signature: the third Tuesday or so of the month, at ten."""
    day = np.array([spec.month_day(month) + 14 for month in _SIGNED_IN_MONTH])
    weekday = (spec.start.weekday() + day) % 7
    return spec.start_second + (day + (1 - weekday) % 7) * DAY + 10 * 3600


def _customer_deals(spec: MarketSpec, population: Population) -> Deals:
    """One won deal each, opened after two fifths of the way."""
    account, closed = np.arange(len(_CUSTOMERS)), _signed(spec)
    created = closed - np.round(0.6 * np.array(_DAYS_TO_CLOSE)).astype(np.int64) * DAY - 3600
    amount = amounts(stream(spec.seed, "signed deals"), population.deal_value[account])
    yes = np.ones(len(account), dtype=bool)
    return Deals(account, created, closed, yes, yes, amount)


def _story(spec: MarketSpec, first: int, created: int, closed: int) -> np.ndarray:
    """States of a customer, one for each midnight: from first touch to signature, and since."""
    midnight = spec.start_second + np.arange(spec.days + 1) * DAY
    awake = first + (created - first) * np.array([0.3, 0.6])
    steps = np.array([first, awake[0], awake[1], created - 6 * DAY, created, closed])
    codes = np.array([law.UNBORN, law.AWARE, law.RESEARCHING, law.EVALUATING, law.QUALIFIED, law.OPEN, law.CUSTOMER])
    return codes[np.searchsorted(steps, midnight, side="left")].astype(np.int8)


def _named_in_full(world: World, accounts: pd.DataFrame) -> pd.DataFrame:
    """Leaves no gap in what is known of the named companies, and their headcount as it is."""
    people, row = world.population, accounts["account_id"].str[1:].astype("int64").to_numpy() - 1
    named = row < len(_CUSTOMERS) + len(_WISHES) + len(_BRANCHES)
    sector = text(people.sector[row], [s.name for s in words.SECTORS])
    employees = pd.Series(people.employees[row])
    return accounts.assign(
        sector=accounts["sector"].mask(named, sector),
        employee_count=accounts["employee_count"].mask(named, employees),
        domain=accounts["domain"].mask(named, text(row, people.domain)),
    )


def _target_list(world: World) -> pd.DataFrame:
    """The four wish accounts one to one, the nine customers one to few; on the list from the start or first touch."""
    wishes = np.arange(len(_WISHES)) + len(_CUSTOMERS)
    chosen = np.append(wishes, np.arange(len(_CUSTOMERS)))
    since = np.maximum(world.population.arrived[chosen], world.spec.start_second)
    return canonical(
        "target_list",
        {
            "account_id": text(chosen, ids("A", len(world.population))),
            "tier": text((chosen < len(_CUSTOMERS)).astype(np.int64), ("one-to-one", "one-to-few")),
            "from": moments(since),
            "to": moments(np.full(len(chosen), NEVER)),
        },
    )
