"""The accounts table with its versions, and the lists that accounts stand on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.data.market import process as law
from abm_scoring.data.market import vocabulary as words
from abm_scoring.data.market.frames import DAY, NEVER, canonical, ids, moments, text, text_of
from abm_scoring.data.market.pipeline import Book, first_wins
from abm_scoring.data.market.process import World
from abm_scoring.data.market.streams import stream
from abm_scoring.data.market.truth import participants

OWNERS = 24
_TIERS = ("one-to-one", "one-to-few", "one-to-many")


def accounts_table(world: World, book: Book) -> pd.DataFrame:
    """The canonical table: a row when known, more when headcount is corrected, or on becoming customer or partner."""
    people, spec, size = world.population, world.spec, len(world.population)
    rng = stream(spec.seed, "accounts table")
    since, since_known = first_wins(world, book)
    growth = np.exp(rng.normal(0.06, 0.15, size))
    seen = np.maximum(people.arrived, spec.start_second)
    counted = seen + DAY + (rng.random(size) * np.maximum(spec.end_second - seen - DAY, 0)).astype(np.int64)
    counted = np.where(rng.random(size) < 0.25, counted, NEVER)
    partner = people.partner_from

    known = np.concatenate([people.arrived, counted, since_known, np.maximum(partner, people.arrived)])
    known[3 * size :][partner == NEVER] = NEVER
    row = np.tile(np.arange(size), 4)
    keep = (known != NEVER) & (known < spec.end_second)
    # Two changes in one second are one version.
    row, known = np.unique(np.stack([row[keep], known[keep]]), axis=1)
    recounted = (counted[row] != NEVER) & (counted[row] <= known)
    missing = _missing(world, rng)
    employees = np.where(missing["employee_count"][row] & ~recounted, np.nan, people.employees[row])
    return canonical(
        "accounts",
        {
            "account_id": text(row, ids("A", size)),
            "account_name": text(row, people.name),
            "domain": text(np.where(missing["domain"], -1, np.arange(size))[row], people.domain),
            "parent_account_id": text(people.parent[row], ids("A", size)),
            "sector": text(np.where(missing["sector"], -1, people.sector)[row], [s.name for s in words.SECTORS]),
            "employee_count": np.where(recounted, np.round(employees * growth[row]), employees),
            "annual_revenue": np.where(missing["annual_revenue"], np.nan, people.revenue)[row],
            "country": text(people.country[row], [c.code for c in words.COUNTRIES]),
            "region": _regions(world, missing["region"], row),
            "founded_year": np.where(missing["founded_year"], np.nan, people.founded)[row],
            "values": _tags(world, missing["values"])[row].reset_index(drop=True),
            "owner_id": text(_owners(world)[row], ids("U", OWNERS, 3)),
            "customer_since": moments(_since(since, since_known, row, known)),
            "partner_since": moments(_since(partner, partner, row, known)),
            "known_at": moments(known),
        },
    )


def _since(second: np.ndarray, told: np.ndarray, row: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The second where the version already tells it, else `NEVER`."""
    return np.where((told[row] != NEVER) & (told[row] <= known), second[row], NEVER)


def _missing(world: World, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Which fields are empty: more often at small companies and outside the home countries, never by what happens."""
    people = world.population
    scarce = np.where(people.employees < 100, 1.8, 0.8) * np.where(people.country < 3, 0.8, 1.5)
    shares = {
        "domain": 0.01,
        "sector": 0.025,
        "employee_count": 0.03,
        "annual_revenue": 0.20,
        "region": 0.05,
        "founded_year": 0.12,
        "values": 0.08,
    }
    return {name: rng.random(len(people)) < share * scarce for name, share in shares.items()}


def _regions(world: World, missing: np.ndarray, row: np.ndarray) -> pd.Series:
    names = [r for c in words.COUNTRIES for r in c.regions]
    first = np.cumsum([0, *(len(c.regions) for c in words.COUNTRIES)])
    code = first[world.population.country] + world.population.region
    return text(np.where(missing, -1, code)[row], names)


def _tags(world: World, missing: np.ndarray) -> pd.Series:
    """Values as tags separated by `;`; an account without any tag is as unknown as one whose tags are missing."""
    held = world.population.values
    patterns, code = np.unique(held, axis=0, return_inverse=True)
    joined = [";".join(np.array(words.VALUES)[p]) for p in patterns]
    return text(np.where(missing | ~held.any(axis=1), -1, code.ravel()), joined)


def _owners(world: World) -> np.ndarray:
    """Owners look after neighbouring regions."""
    people = world.population
    return (people.country * 5 + people.region * 2 + people.family % 2) % OWNERS


def target_list_table(world: World) -> pd.DataFrame:
    """The canonical table: what marketing believes to fit best, in three tiers; a few were taken off again."""
    rng, people, spec = stream(world.spec.seed, "target list"), world.population, world.spec
    count = max(4, round(0.08 * len(people)))
    belief = people.fit - people.hidden_fit + rng.normal(0, 0.5, len(people))
    chosen = np.argsort(-belief, kind="stable")[:count]
    tier = np.searchsorted(np.array([0.05, 0.30]) * count, np.arange(count), side="right")
    listed = np.maximum(people.arrived[chosen], spec.start_second) // DAY * DAY + DAY
    listed += rng.choice([0, 30, 90, 180], count) * DAY
    off = listed + rng.integers(120, 700, count) * DAY
    off = np.where((rng.random(count) < 0.1) & (off < spec.end_second), off, NEVER)
    keep = np.sort(np.flatnonzero(listed < spec.end_second))
    order = keep[np.argsort(chosen[keep])]
    return canonical(
        "target_list",
        {
            "account_id": text(chosen[order], ids("A", len(people))),
            "tier": text(tier[order], _TIERS),
            "from": moments(listed[order]),
            "to": moments(off[order]),
        },
    )


def experiments_table(world: World) -> pd.DataFrame:
    """The canonical table: every participant of every trial that began before the end, with its arm."""
    parts = []
    for column, trial in enumerate(world.spec.trials):
        day = law.trial_days(world.spec, trial)[0]
        if day >= world.spec.days:
            continue
        rows = participants(world, column)
        size = len(rows)
        parts.append(
            {
                "experiment_id": text(np.zeros(size, dtype=np.int64), [trial.experiment_id]),
                "account_id": text(rows, ids("A", len(world.population))),
                "arm": text(world.treated[rows, column].astype(np.int64), ("control", "treatment")),
                "assigned_at": moments(np.full(size, world.spec.start_second + day * DAY)),
                "campaign_id": text(np.zeros(size, dtype=np.int64), [trial.campaign_id]),
            }
        )
    names = ("experiment_id", "account_id", "arm", "assigned_at", "campaign_id")
    if not parts:
        parts = [{n: moments(np.empty(0, np.int64)) if n == "assigned_at" else text_of([]) for n in names}]
    return canonical("experiments", {n: pd.concat([p[n] for p in parts], ignore_index=True) for n in names})
