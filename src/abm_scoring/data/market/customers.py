"""What customers answer and whom they refer, and what sales says to qualified accounts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, text
from abm_scoring.data.market.pipeline import Book, first_wins
from abm_scoring.data.market.process import World
from abm_scoring.data.market.rates import chunks, clock_times, daily_hits
from abm_scoring.data.market.streams import stream

_ANSWERS = ("accepted", "rejected", "recycled")
#: Daily rate at which sales looks at an account that it has not qualified, and declines, by state.
_DECLINED = np.array([0.0, 0.0003, 0.0015, 0.003, 0.0, 0.0, 0.0, 0.0])


def surveys_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: every half year about a third of the customers answer."""
    rng, spec = stream(world.spec.seed, "surveys"), world.spec
    since = first_wins(world, book)[0]
    parts = []
    for month in range(2, spec.months, 6):
        day = spec.month_day(month)
        asked = np.flatnonzero((since != NEVER) & (since < spec.start_second + (day - 60) * DAY))
        parts.append(np.stack([asked, np.full(len(asked), day)])[:, rng.random(len(asked)) < 0.35])
    account, day = np.concatenate([np.empty((2, 0), dtype=np.int64), *parts], axis=1)
    second = spec.start_second + (day + rng.integers(0, 14, len(day))) * DAY + clock_times(rng, len(day))
    order = np.argsort(second, kind="stable")
    mood = world.population.satisfaction[account] + rng.normal(0, 0.7, len(account))
    return canonical(
        "surveys",
        {
            "account_id": text(account[order], ids("A", len(world.population))),
            "answered_at": moments(second[order]),
            "nps": np.clip(np.round(7.6 + 1.5 * mood), 0, 10)[order].astype(np.int64),
            "sentiment": np.round(np.clip(0.2 + 0.3 * mood + rng.normal(0, 0.2, len(mood)), -1, 1), 2)[order],
        },
    )


def referrals_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: accounts that arrived on the word of someone who was a customer then."""
    rng, people, spec = stream(world.spec.seed, "referrals"), world.population, world.spec
    since = first_wins(world, book)[0]
    order = np.argsort(np.where(since == NEVER, np.iinfo(np.int64).max, since), kind="stable")
    customers = order[: int((since != NEVER).sum())]
    fresh = np.flatnonzero((people.arrived >= spec.start_second) & (rng.random(len(people)) < 0.06))
    # Satisfied customers refer: of three customers drawn, the most satisfied one did.
    were = np.searchsorted(since[customers], people.arrived[fresh])
    fresh, were = fresh[were > 0], were[were > 0]
    drawn = customers[(rng.random((3, len(fresh))) * were).astype(np.int64)]
    referrer = drawn[np.argmax(people.satisfaction[drawn], axis=0), np.arange(len(fresh))]
    place = np.argsort(people.arrived[fresh], kind="stable")
    return canonical(
        "referrals",
        {
            "referrer_account_id": text(referrer[place], ids("A", len(people))),
            "account_id": text(fresh[place], ids("A", len(people))),
            "referred_at": moments(people.arrived[fresh][place]),
        },
    )


def dispositions_table(world: World) -> pd.DataFrame:
    """The canonical table: what sales made of accounts handed over, told in the moment it was decided.

    Qualified accounts end accepted (an opportunity) or not; besides, sales looks at some interested ones and declines.
    """
    rng, spells = stream(world.spec.seed, "dispositions"), world.qualifications
    ended = np.flatnonzero(spells.left != NEVER)
    looked = [daily_hits(rng, world, part, _DECLINED) for part in chunks(world)]
    day = np.concatenate([d for _, d in looked])
    account = np.concatenate([spells.account[ended], *(a for a, _ in looked)])
    second = np.concatenate([spells.left[ended], world.spec.start_second + day * DAY + clock_times(rng, len(day))])
    accepted = np.append(spells.opened[ended], np.zeros(len(day), dtype=bool))
    known = np.flatnonzero(second >= world.population.arrived[account])
    order = known[np.lexsort((account[known], second[known]))]
    account, second, accepted = account[order], second[order], accepted[order]
    answer = np.where(accepted, 0, np.where(rng.random(len(order)) < 0.6, 1, 2))
    reason = rng.integers(0, len(words.REJECTION_REASONS), len(order))
    return canonical(
        "dispositions",
        {
            "account_id": text(account, ids("A", len(world.population))),
            "decided_at": moments(second),
            "disposition": text(answer, _ANSWERS),
            "reason": text(np.where(answer == 0, -1, reason), words.REJECTION_REASONS),
        },
    )
