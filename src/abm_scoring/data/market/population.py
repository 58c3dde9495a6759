"""The companies of the market: what is known of them, and the latent fit, worth and liveliness behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, pick
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.market.streams import stream

_PAST_YEARS = 5


@dataclass(frozen=True)
class Population:
    """n accounts, one entry each; codes index the lists of `vocabulary`.

    Attributes:
        parent: Index of the parent account, -1 for none; parents have no parents.
        values: n × tags booleans.
        arrived: Second at which the account became known.
        partner_from: Second at which it became partner, `NEVER` for most.
        fit: Log hazard ratio of the account: what firmographics show plus a part that nothing shows.
        hidden_fit: That second part.
        activity: Factor on every rate of events, mean about 1.
        deal_value: Expected amount of a new deal, project currency.
        satisfaction: Standard normal; drives surveys, sentiment and further business of customers.
    """

    name: np.ndarray
    domain: np.ndarray
    parent: np.ndarray
    sector: np.ndarray
    country: np.ndarray
    region: np.ndarray
    employees: np.ndarray
    revenue: np.ndarray
    founded: np.ndarray
    values: np.ndarray
    arrived: np.ndarray
    partner_from: np.ndarray
    fit: np.ndarray
    hidden_fit: np.ndarray
    activity: np.ndarray
    deal_value: np.ndarray
    satisfaction: np.ndarray

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def family(self) -> np.ndarray:
        """Index of the account at the head of the family."""
        return np.where(self.parent < 0, np.arange(len(self)), self.parent)


def make_population(spec: MarketSpec) -> Population:
    """Draws the accounts of the market."""
    rng, count = stream(spec.seed, "population"), spec.accounts
    employees = np.clip(np.round(np.exp(rng.normal(np.log(260), 1.2, count))), 5, 60_000)
    sector = pick(rng, [s.share for s in words.SECTORS], count)
    country = pick(rng, [c.share for c in words.COUNTRIES], count)
    parent = _parents(rng, spec, employees)
    _follow_parent(rng, parent, employees, sector, country)
    return describe(rng, spec, parent, sector, country, employees, _arrivals(rng, spec))


def describe(
    rng: np.random.Generator,
    spec: MarketSpec,
    parent: np.ndarray,
    sector: np.ndarray,
    country: np.ndarray,
    employees: np.ndarray,
    arrived: np.ndarray,
) -> Population:
    """Fills in everything that follows from who the accounts are."""
    count = len(parent)
    tag_share = np.where(np.arange(len(words.VALUES)) < len(words.FITTING_VALUES), 0.3, 0.22)
    values = rng.random((count, len(words.VALUES))) < tag_share
    founded = np.round(spec.start.year - np.clip(rng.gamma(2.0, 18.0, count), 2, 180))
    hidden = rng.normal(0, spec.unobserved_fit, count)
    fit = observed_fit(sector, country, employees, founded, values, spec.start.year) + hidden
    per_head = np.array([s.revenue_per_employee for s in words.SECTORS])[sector]
    size = np.log(employees / 1_000)
    activity = np.exp(rng.normal(0.12 * size, spec.activity_spread)) * np.where(rng.random(count) < 0.02, 6.0, 1.0)
    name, domain = _names(rng, sector, country, parent)
    region_draw = rng.random(count)
    regions = np.array([len(c.regions) for c in words.COUNTRIES])[country]
    return Population(
        name=name,
        domain=domain,
        parent=parent,
        sector=sector,
        country=country,
        region=(region_draw * regions).astype(np.int64),
        employees=employees,
        revenue=np.round(employees * per_head * np.exp(rng.normal(0, 0.35, count)), -3),
        founded=founded,
        values=values,
        arrived=arrived,
        partner_from=_partners(rng, spec, arrived),
        fit=fit,
        hidden_fit=hidden,
        activity=activity / activity.mean(),
        deal_value=np.round(60_000 * np.exp(0.45 * size + rng.normal(0, 0.25, count) + 0.3 * (sector < 3)), 2),
        satisfaction=rng.normal(0, 1, count),
    )


def observed_fit(
    sector: np.ndarray,
    country: np.ndarray,
    employees: np.ndarray,
    founded: np.ndarray,
    values: np.ndarray,
    year: int,
) -> np.ndarray:
    """The part of fit that firmographics show.

    Log distance of size to `FITTING_EMPLOYEES` takes away; sector, country, young age and the fitting values add.
    """
    low, high = words.FITTING_EMPLOYEES
    away = np.maximum(np.log(low / employees), np.log(employees / high)).clip(0, np.log(8))
    return (
        np.array([s.fit for s in words.SECTORS])[sector]
        + np.array([c.fit for c in words.COUNTRIES])[country]
        + 0.20
        - 0.46 * away
        + 0.25 * (values[:, : len(words.FITTING_VALUES)].sum(axis=1) - 0.9)
        + 0.10 * ((year - founded) < 20)
    )


def _parents(rng: np.random.Generator, spec: MarketSpec, employees: np.ndarray) -> np.ndarray:
    """Index of each account's parent: some of the smaller accounts belong to one of the large ones."""
    parent = np.full(spec.accounts, -1)
    order = np.argsort(-employees, kind="stable")
    heads = order[: max(1, spec.accounts // 10)]
    children = rng.permutation(order[len(heads) :])[: round(spec.subsidiaries * spec.accounts)]
    parent[children] = heads[rng.integers(0, len(heads), len(children))]
    return parent


def _follow_parent(
    rng: np.random.Generator, parent: np.ndarray, employees: np.ndarray, sector: np.ndarray, country: np.ndarray
) -> None:
    """Makes subsidiaries resemble their parents: sector mostly, a part of its size, a branch often in DACH."""
    child = np.flatnonzero(parent >= 0)
    same = rng.random(len(child)) < 0.9
    sector[child] = np.where(same, sector[parent[child]], sector[child])
    employees[child] = np.maximum(5, np.round(employees[parent[child]] * rng.uniform(0.03, 0.3, len(child))))
    country[child] = np.where(rng.random(len(child)) < 0.5, rng.integers(0, 3, len(child)), country[child])


def _arrivals(rng: np.random.Generator, spec: MarketSpec) -> np.ndarray:
    """When each account became known: most before the history, the others on its working days, at working hours."""
    count = spec.accounts
    ago = np.ceil(np.clip(rng.exponential(500, count), 1, 365 * _PAST_YEARS)).astype(np.int64)
    before = spec.start_second - ago * DAY + rng.integers(7 * 3600, 17 * 3600, count)
    day = rng.integers(0, spec.days, count)
    weekday = (spec.start.weekday() + day) % 7
    day = np.where(weekday >= 5, np.maximum(day - 2, 0), day)
    during = spec.start_second + day * DAY + rng.integers(7 * 3600, 17 * 3600, count)
    return np.where(rng.random(count) < spec.arriving, during, before).astype(np.int64)


def _partners(rng: np.random.Generator, spec: MarketSpec, arrived: np.ndarray) -> np.ndarray:
    """When an account became partner. Partnership stops no deal; cohorts leave partners out."""
    first = np.maximum(arrived, spec.start_second - 400 * DAY)
    since = first + (rng.random(len(arrived)) * np.maximum(spec.end_second - first, 1)).astype(np.int64)
    return np.where(rng.random(len(arrived)) < spec.partners, since, NEVER)


def _names(
    rng: np.random.Generator, sector: np.ndarray, country: np.ndarray, parent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Unique names and domains; a subsidiary carries its parent's name and its country's."""
    roots = np.array([a + b + c for a in words.FIRST for b in words.MIDDLE for c in words.LAST])
    root = roots[rng.permutation(max(len(sector), len(roots)))[: len(sector)] % len(roots)]
    second = np.array([s.words for s in words.SECTORS])[sector, rng.integers(0, 3, len(sector))]
    stem = np.char.add(np.char.add(root, " "), second)
    head = np.where(parent < 0, np.arange(len(sector)), parent)
    english = np.array([c.english for c in words.COUNTRIES])[country]
    stem = np.where(parent < 0, stem, np.char.add(np.char.add(stem[head], " "), english))
    stem = _numbered(stem)
    legal = np.array([c.legal for c in words.COUNTRIES])[country]
    slug = np.char.lower(np.char.replace(stem, " ", "-"))
    slug = np.char.replace(slug, "â", "a")
    return np.char.add(np.char.add(stem, " "), legal), np.char.add(slug, ".example")


def _numbered(stem: np.ndarray) -> np.ndarray:
    """Adds a running number to names that occur before."""
    _, first, inverse = np.unique(stem, return_index=True, return_inverse=True)
    again = np.arange(len(stem)) != first[inverse]
    order = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[order], np.arange(len(first)))
    rank = np.empty(len(stem), dtype=np.int64)
    rank[order] = np.arange(len(stem)) - starts[inverse[order]]
    return np.where(again, np.char.add(np.char.add(stem, " "), (rank + 1).astype(str)), stem)
