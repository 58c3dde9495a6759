"""Opportunities as the CRM shows them, further business of customers, and what is billed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from abm_scoring.data.market import process as law
from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, pick, text
from abm_scoring.data.market.process import World
from abm_scoring.data.market.rates import clock_times
from abm_scoring.data.market.simulation import amounts
from abm_scoring.data.market.streams import stream

KINDS = ("new", "cross_sell", "upsell", "renewal")
NEW, CROSS_SELL, UPSELL, RENEWAL = range(len(KINDS))
CURRENCIES = ("EUR", "USD", "CHF")
_STAGES = ("qualification", "proposal", "won", "lost")
_MONTH = 30 * DAY
#: Gross margin rate by sector: what is sold to pharma needs more engineering and earns more.
_MARGIN = np.array([0.62, 0.60, 0.60, 0.52, 0.48, 0.45, 0.45, 0.48, 0.42, 0.40, 0.40, 0.50])


@dataclass(frozen=True)
class Book:
    """All opportunities, in order of creation; codes index `KINDS`.

    Attributes:
        account, created, closed, won, amount: As in `process.Deals`; renewals and further business included.
        kind: Code of the kind.
        months: Length of the contract.
        cancelled: Second of cancellation, `NEVER` for most.
        booked: Second at which the CRM knows the outcome; a tenth are booked days late.
    """

    account: np.ndarray
    created: np.ndarray
    closed: np.ndarray
    won: np.ndarray
    amount: np.ndarray
    kind: np.ndarray
    months: np.ndarray
    cancelled: np.ndarray
    booked: np.ndarray


def make_book(world: World) -> Book:
    """First deals as they happened, then renewals, cross- and upsells of those who became customers."""
    first = _first_deals(world)
    parts = [first, _further_business(world, first)]
    renewing = first
    for turn in range(6):
        renewing = _renewals(world, renewing, turn)
        parts.append(renewing)
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Book)}
    order = np.lexsort((columns["kind"], columns["account"], columns["created"]))
    return Book(**{name: column[order] for name, column in columns.items()})


def first_wins(world: World, book: Book) -> tuple[np.ndarray, np.ndarray]:
    """When each account became customer and when the business knew: n seconds each, `NEVER` for the others."""
    since = np.full((2, len(world.population)), NEVER)
    won = (book.kind == NEW) & book.won
    since[0, book.account[won]], since[1, book.account[won]] = book.closed[won], book.booked[won]
    return since[0], since[1]


def _first_deals(world: World) -> Book:
    deals, rng = world.deals, stream(world.spec.seed, "booking")
    size = len(deals.account)
    months = np.array([12, 24, 36])[pick(rng, (0.45, 0.3, 0.25), size)]
    wait = (30 + rng.random(size) * 300) * DAY
    cancelled = deals.closed + np.where(deals.won, wait, 0).astype(np.int64)
    is_cancelled = (rng.random(size) < 0.06) & deals.won & (cancelled < deals.closed + months * _MONTH)
    is_cancelled &= cancelled < world.spec.end_second
    return Book(
        account=deals.account,
        created=deals.created,
        closed=deals.closed,
        won=deals.won,
        amount=deals.amount,
        kind=np.full(size, NEW),
        months=months,
        cancelled=np.where(is_cancelled, cancelled, NEVER),
        booked=_booked(rng, deals.closed),
    )


def _booked(rng: np.random.Generator, closed: np.ndarray) -> np.ndarray:
    late = rng.random(len(closed)) < 0.1
    lag = np.where(late, rng.integers(DAY, 10 * DAY, len(closed)), rng.integers(0, 3600, len(closed)))
    return np.where(closed == NEVER, NEVER, closed + np.where(closed == NEVER, 0, lag))


def _further_business(world: World, first: Book) -> Book:
    """Cross- and upsells: about one in two years, more from satisfied customers."""
    rng, people, end = stream(world.spec.seed, "further business"), world.population, world.spec.end_second
    won = np.flatnonzero(first.won & (first.cancelled == NEVER))
    starts = first.closed[won] + 120 * DAY
    years = np.maximum(end - starts, 0) / (365 * DAY)
    mood = people.satisfaction[first.account[won]]
    rows = np.repeat(np.arange(len(won)), rng.poisson(0.5 * years * np.exp(0.6 * mood - 0.18)))
    account = first.account[won][rows]
    created = starts[rows] + (rng.random(len(rows)) * (end - starts[rows])).astype(np.int64)
    kind = np.where(rng.random(len(rows)) < 0.5, CROSS_SELL, UPSELL)
    chance = 1 / (1 + np.exp(-(0.2 + 0.6 * people.satisfaction[account])))
    value = 0.4 * people.deal_value[account]
    return _closed_book(world, rng, account, created, kind, chance, value, np.full(len(rows), 12))


def _renewals(world: World, book: Book, turn: int) -> Book:
    """One renewal of each won contract that runs out before the end: opened two months ahead."""
    rng, end = stream(world.spec.seed, "renewals", turn), world.spec.end_second
    created = book.closed + np.where(book.won, book.months * _MONTH - 60 * DAY, 0)
    rows = np.flatnonzero(book.won & (book.cancelled == NEVER) & (created < end))
    account = book.account[rows]
    chance = 1 / (1 + np.exp(-(2.0 + 0.7 * world.population.satisfaction[account])))
    kind = np.full(len(rows), RENEWAL)
    return _closed_book(world, rng, account, created[rows], kind, chance, book.amount[rows], book.months[rows])


def _closed_book(
    world: World,
    rng: np.random.Generator,
    account: np.ndarray,
    created: np.ndarray,
    kind: np.ndarray,
    chance: np.ndarray,
    value: np.ndarray,
    months: np.ndarray,
) -> Book:
    """Opportunities of customers: half the usual sales cycle, won with the given chance."""
    created = created // DAY * DAY + clock_times(rng, len(account))
    closed = created + (1 + pick(rng, law.cycle_shares(), len(account)) // 2) * DAY
    ended = closed < world.spec.end_second
    won = (rng.random(len(account)) < chance) & ended
    closed = np.where(ended, closed, NEVER)
    keep = created < world.spec.end_second
    columns = (account, created, closed, won, amounts(rng, value), kind, months, np.full(len(account), NEVER))
    return Book(*(c[keep] for c in (*columns, _booked(rng, closed))))


def currency_of(world: World, account: np.ndarray) -> np.ndarray:
    """Code of the currency in which an account buys: its country's, dollars and francs included."""
    code = np.array([CURRENCIES.index(c.currency) for c in words.COUNTRIES])
    return code[world.population.country[account]]


def rate_months(world: World) -> np.ndarray:
    """Seconds from which exchange rates hold: month starts from before the oldest deal to the end."""
    first = np.datetime64(world.spec.start, "M") - 72
    return np.arange(first, np.datetime64(world.spec.end, "M")).astype("datetime64[s]").astype(np.int64)


def rates(world: World) -> np.ndarray:
    """Months × currencies: what one unit is worth in EUR; slow, and drawn back to its mean."""
    count = len(rate_months(world))
    steps = stream(world.spec.seed, "exchange rates").normal(0, 0.012, (count, 2))
    lag = np.arange(count)[:, None] - np.arange(count)
    walk = np.exp(np.where(lag >= 0, 0.97 ** np.maximum(lag, 0), 0.0) @ steps)
    return np.round(np.column_stack([np.ones(count), 0.92 * walk[:, 0], 1.04 * walk[:, 1]]), 4)


def in_currency(world: World, amount: np.ndarray, account: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Amounts in EUR as amounts in the account's currency at the rate of that time."""
    month = np.searchsorted(rate_months(world), second, side="right") - 1
    return np.round(amount / rates(world)[np.maximum(month, 0), currency_of(world, account)], 2)


def opportunities_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: a row at creation, one at the proposal, one when booked, one when cancelled."""
    rng, end, size = stream(world.spec.seed, "opportunity versions"), world.spec.end_second, len(book.account)
    until = np.where(book.closed == NEVER, end, book.closed)
    proposal = book.created + ((until - book.created) * rng.uniform(0.3, 0.7, size)).astype(np.int64)
    has_proposal = rng.random(size) < 0.6
    guess = np.exp(rng.normal(0, 0.25, (2, size)))
    known = np.concatenate([book.created, np.where(has_proposal, proposal, NEVER), book.booked, book.cancelled])
    row, step = np.tile(np.arange(size), 4), np.repeat(np.arange(4), size)
    order = np.lexsort((step, row))
    order = order[(known[order] != NEVER) & (known[order] < end)]
    known, row, step = known[order], row[order], step[order]
    over = step >= 2
    account, won = book.account[row], book.won[row]
    amount = in_currency(world, book.amount, book.account, book.created)[row]
    amount = np.where(over, amount, np.round(amount * guess[np.minimum(step, 1), row], -2))
    stage = np.where(over, np.where(won, 2, 3), step)
    is_won = pd.array(won, dtype="boolean")
    is_won[~over] = pd.NA
    return canonical(
        "opportunities",
        {
            "opportunity_id": text(row, ids("O", size)),
            "account_id": text(account, ids("A", len(world.population))),
            "created_at": moments(book.created[row]),
            "kind": text(book.kind[row], KINDS),
            "stage": text(stage, _STAGES),
            "closed_at": moments(np.where(over, book.closed[row], NEVER)),
            "is_won": is_won,
            "amount": amount,
            "gross_margin": np.round(amount * _MARGIN[world.population.sector[account]], 2),
            "currency": text(currency_of(world, account), CURRENCIES),
            "contract_months": np.where(over & won, book.months[row], np.nan),
            "cancelled_at": moments(np.where(step == 3, book.cancelled[row], NEVER)),
            "known_at": moments(known),
        },
    )


def invoices_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: won contracts billed by the quarter, and a credit note for the last bill when cancelled."""
    end = world.spec.end_second
    won = np.flatnonzero(book.won)
    bills = book.months[won] // 3
    row = np.repeat(won, bills)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(bills) - bills, bills)
    second = book.closed[row] // DAY * DAY + 14 * DAY + turn * 91 * DAY
    stop = np.where(book.cancelled[row] == NEVER, end, book.cancelled[row])
    sent = second < stop
    row, second = row[sent], second[sent]
    amount = np.round(in_currency(world, book.amount, book.account, book.created)[row] / (book.months[row] // 3), 2)
    last = np.append(row[1:] != row[:-1], True) & (book.cancelled[row] != NEVER)
    credit = book.cancelled[row[last]] // DAY * DAY + 5 * DAY
    row, second = np.concatenate([row, row[last]]), np.concatenate([second, credit])
    amount = np.concatenate([amount, -amount[last]])
    order = np.lexsort((row, second))
    order = order[second[order] < end]
    row, second, amount = row[order], second[order], amount[order]
    return canonical(
        "invoices",
        {
            "account_id": text(book.account[row], ids("A", len(world.population))),
            "invoiced_on": moments(second),
            "invoice_id": text(np.arange(len(row)), ids("I", len(row))),
            "amount": amount,
            "currency": text(currency_of(world, book.account[row]), CURRENCIES),
            "opportunity_id": text(row, ids("O", len(book.account))),
            "known_at": moments(np.minimum(second + 8 * 3600, end - 1)),
        },
    )


def exchange_rates_table(world: World) -> pd.DataFrame:
    """The canonical table: monthly rates of dollar and franc."""
    months, rate = rate_months(world), rates(world)
    return canonical(
        "exchange_rates",
        {
            "valid_from": moments(np.repeat(months, 2)),
            "currency": text(np.tile([1, 2], len(months)), CURRENCIES),
            "rate": rate[:, 1:].ravel(),
        },
    )
