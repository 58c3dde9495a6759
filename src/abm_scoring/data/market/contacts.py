"""People at the accounts: they become known one by one, faster while an account is interested or in a deal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, pick, pick_by_row, text
from abm_scoring.data.market.process import World
from abm_scoring.data.market.rates import CHUNK, chunks, daily_hits
from abm_scoring.data.market.streams import stream

MOST_CONTACTS = 15
#: New contacts a day of an account of average size, by state.
_ARRIVALS = np.array([0.0008, 0.002, 0.004, 0.007, 0.03, 0.03, 0.05, 0.003])


@dataclass(frozen=True)
class Contacts:
    """c contacts, sorted by account and by when they became known.

    Attributes:
        account, known: Index of the account, second at which the contact became known.
        role, seniority, stance: Codes of `vocabulary`; stance -1 is unknown.
        first: n + 1 offsets: the contacts of account i are those from `first[i]` to `first[i + 1]`.
    """

    account: np.ndarray
    known: np.ndarray
    role: np.ndarray
    seniority: np.ndarray
    stance: np.ndarray
    first: np.ndarray


def make_contacts(world: World) -> Contacts:
    """Draws the contacts of all accounts."""
    accounts, seconds = zip(*(_arrivals(world, part) for part in chunks(world)), strict=True)
    account, known = np.concatenate(accounts), np.concatenate(seconds)
    order = np.lexsort((known, account))
    account, known = account[order], known[order]
    place = np.arange(len(account)) - np.searchsorted(account, account)
    keep = (place < MOST_CONTACTS) & (known < world.spec.end_second)
    account, known = account[keep], known[keep]
    rng = stream(world.spec.seed, "contact traits")
    role = pick(rng, words.ROLE_SHARES, len(account))
    stance = np.where(rng.random(len(account)) < 0.5, pick(rng, words.STANCE_SHARES, len(account)), -1)
    return Contacts(
        account=account,
        known=known,
        role=role,
        seniority=pick_by_row(rng, np.array(words.SENIORITY_SHARES), role),
        stance=stance,
        first=np.searchsorted(account, np.arange(len(world.population) + 1)),
    )


def _arrivals(world: World, part: int) -> tuple[np.ndarray, np.ndarray]:
    """Account and second of each contact of one chunk of accounts: some with the account, others later."""
    rng, people = stream(world.spec.seed, "contacts", part), world.population
    block = slice(part * CHUNK, (part + 1) * CHUNK)
    size = np.clip((people.employees[block] / 260) ** 0.25, 0.4, 2.5)
    at_once = np.repeat(np.arange(len(size)), rng.poisson(0.9 * size)) + block.start
    account, day = daily_hits(rng, world, part, _ARRIVALS, size)
    second = world.spec.start_second + day * DAY + rng.integers(7 * 3600, 17 * 3600, len(day))
    later = second >= people.arrived[account]
    return (
        np.concatenate([at_once, account[later]]),
        np.concatenate([people.arrived[at_once], second[later]]),
    )


def contact_of(rng: np.random.Generator, contacts: Contacts, account: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A contact of each account that is known at the second; early ones are more active. -1 where none is known."""
    # One sorted key of account and time finds for all rows at once how many contacts were known.
    span = int(max(contacts.known.max(initial=0), second.max(initial=0))) + 1
    floor = int(min(contacts.known.min(initial=0), second.min(initial=0)))
    key = contacts.account.astype(np.int64) * (span - floor) + (contacts.known - floor)
    upto = np.searchsorted(key, account.astype(np.int64) * (span - floor) + (second - floor), side="right")
    known = upto - contacts.first[account]
    chosen = contacts.first[account] + (known * rng.random(len(account)) ** 1.6).astype(np.int64)
    return np.where(known > 0, chosen, -1)


def contacts_table(world: World, contacts: Contacts) -> pd.DataFrame:
    """The canonical table: a second row where the stance changed, a further one where a contact objected."""
    rng, count, end = stream(world.spec.seed, "contacts table"), len(contacts.account), world.spec.end_second
    wait = (1 + rng.random((2, count)) * 300) * DAY
    turned = contacts.known + wait[0].astype(np.int64)
    objected = contacts.known + wait[1].astype(np.int64)
    turned = np.where((rng.random(count) < 0.08) & (turned < end), turned, NEVER)
    objected = np.where((rng.random(count) < 0.015) & (objected < end), objected, NEVER)
    new_stance = pick(rng, words.STANCE_SHARES, count)

    everyone = np.arange(count)
    rows = np.concatenate([everyone, everyone[turned != NEVER], everyone[objected != NEVER]])
    known = np.concatenate([contacts.known, turned[turned != NEVER], objected[objected != NEVER]])
    order = np.lexsort((known, rows))
    rows, known = rows[order], known[order]
    has_turned = (turned[rows] != NEVER) & (turned[rows] <= known)
    has_objected = (objected[rows] != NEVER) & (objected[rows] <= known)
    return canonical(
        "contacts",
        {
            "contact_id": text(rows, ids("P", count)),
            "account_id": text(contacts.account[rows], ids("A", len(world.population))),
            "buying_role": text(np.where(rng.random(count) < 0.07, -1, contacts.role)[rows], words.ROLES),
            "stance": text(np.where(has_turned, new_stance[rows], contacts.stance[rows]), words.STANCES),
            "seniority": text(contacts.seniority[rows], words.SENIORITIES),
            "department": text(contacts.role[rows], words.DEPARTMENTS),
            "known_at": moments(known),
            "objected_at": moments(np.where(has_objected, objected[rows], NEVER)),
        },
    )
