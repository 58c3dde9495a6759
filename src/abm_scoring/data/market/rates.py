"""Counting processes whose daily rate follows the hidden state."""

from __future__ import annotations

import numpy as np

from abm_scoring.data.market.process import World, season

#: Accounts that are drawn together: each chunk has its own random streams, so that memory stays bounded.
CHUNK = 5_000
#: Monday first; the mean is 1.
WEEKDAY = np.array([1.32, 1.38, 1.37, 1.30, 1.15, 0.20, 0.28])
#: Share of activity by hour of the day (UTC).
HOURS = np.array([1, 1, 1, 1, 2, 5, 18, 55, 85, 95, 90, 70, 75, 90, 85, 70, 45, 25, 18, 15, 12, 8, 4, 2], dtype=float)


def chunks(world: World) -> range:
    """Numbers of the chunks of accounts."""
    return range(-(-len(world.population) // CHUNK))


def daily_hits(
    rng: np.random.Generator,
    world: World,
    part: int,
    rate_by_state: np.ndarray,
    factor: np.ndarray | float = 1.0,
    days: tuple[int, int] | None = None,
    workdays: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a Poisson number of hits on each day of each account of a chunk.

    Args:
        rng: Random stream.
        world: The market.
        part: Number of the chunk.
        rate_by_state: Rate a day in each of the 8 states.
        factor: Factor on the rate of each account of the chunk.
        days: First day and the one after the last; default: the whole history.
        workdays: Whether the rate follows weekday and season.

    Returns:
        Account index and day of each hit, by day.
    """
    first, after = days or (0, world.spec.days)
    after = min(after, world.spec.days)
    if first >= after:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    # The state after the day's move is what the day was lived in; the last rate is for accounts not yet known.
    state = world.states[first + 1 : after + 1, part * CHUNK : (part + 1) * CHUNK]
    active = np.flatnonzero(np.broadcast_to(factor, state.shape[1]))
    rate = np.append(rate_by_state, 0.0)[state[:, active]] * np.broadcast_to(factor, state.shape[1])[active]
    if workdays:
        day = np.arange(first, after)
        rate *= (WEEKDAY[(world.spec.start.weekday() + day) % 7] * season(world.spec, day))[:, None]
    counts = rng.poisson(rate)
    day, account = np.nonzero(counts)
    many = counts[day, account]
    return np.repeat(active[account], many) + part * CHUNK, np.repeat(day, many) + first


def clock_times(rng: np.random.Generator, size: int) -> np.ndarray:
    """Seconds into the day, by the shares of `HOURS`."""
    edges = np.cumsum(HOURS / HOURS.sum())
    hour = np.minimum(np.searchsorted(edges, rng.random(size), side="right"), 23)
    return hour * 3600 + rng.integers(0, 3600, size)
