from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market import DEFAULT_SEEDS, Market, MarketSpec, Truth, World, make_market, simulate

DAY = 86_400
SMALL = MarketSpec(accounts=1_500, seed=3, events_per_account=60, bots=0.004)


@pytest.fixture(scope="session")
def market() -> Market:
    return make_market(SMALL)


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    """The markets of the default seeds, at their default size, without tables."""
    return [simulate(MarketSpec(seed=seed)) for seed in DEFAULT_SEEDS]


def wins(world: World, day: int, horizon: int = 90) -> np.ndarray:
    """Which accounts won a first deal within the horizon from a day on."""
    deals, start = world.deals, world.spec.start_second + day * DAY
    hit = deals.won & (deals.closed >= start) & (deals.closed < start + horizon * DAY)
    return np.bincount(deals.account[hit], minlength=len(world.population)) > 0


@pytest.fixture(scope="session")
def quarters(worlds: list[World]) -> pd.DataFrame:
    """True probability and outcome of every eligible account at non-overlapping dates of all default markets."""
    parts = []
    for world in worlds:
        for month in range(3, world.spec.months - 2, 3):
            frame = Truth(world).probability(world.spec.month(month)).assign(month=month, seed=world.spec.seed)
            day = world.spec.month_day(month)
            frame = frame.assign(won=wins(world, day), state=world.states[day])
            parts.append(frame[frame["eligible"]])
    return pd.concat(parts, ignore_index=True)
