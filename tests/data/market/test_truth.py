from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from abm_scoring.data.market import MarketSpec, Truth, World, simulate
from abm_scoring.data.market import process as law
from abm_scoring.errors import UsageError


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(MarketSpec(accounts=800, seed=2))


def test_probability_is_calibrated_in_total(quarters: pd.DataFrame) -> None:
    p, won = quarters["probability"], quarters["won"]
    standard_error = np.sqrt((p * (1 - p)).sum())
    assert abs(won.sum() - p.sum()) < 2 * standard_error


@pytest.mark.parametrize("by", ["decile", "month", "state", "seed"])
def test_probability_is_calibrated_in_every_part(quarters: pd.DataFrame, by: str) -> None:
    rows = quarters.assign(decile=pd.qcut(quarters["probability"].rank(method="first"), 10, labels=False))
    rows = rows.assign(variance=rows["probability"] * (1 - rows["probability"]))
    parts = rows.groupby(by)[["won", "probability", "variance"]].sum()
    z = (parts["won"] - parts["probability"]) / np.sqrt(parts["variance"].clip(lower=1e-9))
    assert z.abs().max() < 3.3, z.to_dict()
    assert (z**2).mean() < 2.5


def test_conversion_is_about_one_percent_a_quarter(quarters: pd.DataFrame) -> None:
    mean = quarters.groupby("seed")["probability"].mean()
    assert mean.between(0.008, 0.012).all(), mean.to_dict()


def test_own_auc_of_the_truth_lies_between_72_and_80_percent(quarters: pd.DataFrame) -> None:
    for seed, rows in quarters.groupby("seed"):
        assert 0.72 < roc_auc_score(rows["won"], rows["probability"]) < 0.80, seed


def dense_oracle(world: World, account: int, day: int, horizon: int) -> float:
    """One account's probability by carrying the whole chain, each remaining day of a sales cycle a state of its own."""
    spec, longest = world.spec, law.CYCLE_LONGEST
    fit = world.population.fit[account : account + 1]
    rate, wins, cycles = law.hazard(spec, fit)[0], law.win_share(fit)[0], law.cycle_shares()
    lost = (world.deals.account == account) & ~world.deals.won & (world.deals.closed > 0)
    lost &= world.deals.closed < spec.start_second + day * 86_400
    free = max([0, *((world.deals.closed[lost] - spec.start_second) // 86_400 + law.COOLDOWN)])
    size = 6 + longest + 1  # intents and spells, days left of a deal that will be won, won
    mass = np.zeros(size)
    mass[world.states[day, account]] = 1
    for today in range(day, day + horizon):
        step = np.zeros((size, size))
        factor = law.campaign_factor(spec, world.treated[account : account + 1], today)[0]
        season = law.season(spec, np.array([today]))[0]
        moves = law.intent_moves(season)
        chance = 1 - np.exp(-rate * factor * season * law.INTENT_RATIO) if today >= free else np.zeros(4)
        for intent in range(4):
            for target in range(4):
                step[intent, target] += moves[intent, target] * (1 - chance[target])
                step[intent, 4 if target < 2 else 5] += moves[intent, target] * chance[target]
        for spell, back in ((4, 1), (5, 2)):
            step[spell, spell] = 1 - law.OPENS - law.DROPS
            step[spell, back] += law.DROPS
            for days, share in enumerate(cycles):
                if days:
                    step[spell, 6 + days - 1] += law.OPENS * wins[spell - 4] * share
        step[6, -1] = 1  # its last day has come: it is signed today
        for left in range(1, longest):
            step[6 + left, 6 + left - 1] = 1
        step[-1, -1] = 1
        mass = mass @ step
    return float(mass[-1])


@pytest.mark.parametrize(("as_of", "horizon"), [("2024-03-01", 90), ("2025-06-01", 30), ("2026-01-01", 180)])
def test_forward_recursion_equals_the_dense_chain(world: World, as_of: str, horizon: int) -> None:
    truth = Truth(world)
    frame = truth.probability(as_of, horizon)
    day = truth.day(as_of)
    eligible = np.flatnonzero(frame["eligible"])
    lost_lately = np.intersect1d(eligible, world.deals.account[~world.deals.won])
    picked = {int(eligible[world.states[day, eligible] == s][0]) for s in np.unique(world.states[day, eligible])}
    for account in sorted(picked | set(lost_lately[:4].tolist())):
        assert frame["probability"][account] == pytest.approx(dense_oracle(world, account, day, horizon), abs=1e-12)


def test_longer_horizons_and_earlier_stages_are_likelier(world: World) -> None:
    truth = Truth(world)
    short, middle, long = (truth.probability("2025-01-01", h)["probability"].dropna() for h in (30, 90, 180))
    assert (short <= middle).all() and (middle <= long).all()
    opened = truth.probability("2025-01-01", 90, "opportunity")["probability"].dropna()
    assert (middle <= opened).all() and opened.max() <= 1


def test_the_past_decides_and_later_history_does_not() -> None:
    """A market cut off earlier has the same truth at a date that both contain."""
    # Arrivals and partnerships are spread over the whole history, so the two markets must do without them.
    spec = MarketSpec(accounts=300, seed=6, arriving=0.0, partners=0.0)
    late, early = simulate(spec), simulate(spec.model_copy(update={"end": spec.month(24), "months": 24}))
    both = [Truth(world).probability("2024-06-01") for world in (late, early)]
    pd.testing.assert_frame_equal(both[0], both[1])
    assert both[0]["eligible"].mean() > 0.7


def test_eligible_are_those_without_deal_customership_or_partnership(world: World) -> None:
    truth, day = Truth(world), pd.Timestamp("2025-04-01", tz="UTC")
    frame, deals = truth.probability(day), world.deals
    second = int(day.timestamp())
    expected = world.population.arrived < second
    expected &= ~((world.population.partner_from > 0) & (world.population.partner_from < second))
    is_open = (deals.created < second) & ((deals.closed < 0) | (deals.closed >= second))
    out = np.union1d(deals.account[is_open], deals.account[deals.won & (deals.closed < second)])
    expected[out] = False
    np.testing.assert_array_equal(frame["eligible"], expected)
    assert frame["probability"].notna().equals(frame["eligible"])


def test_amounts_spread_around_the_true_deal_value(worlds: list[World]) -> None:
    ratio = np.concatenate([w.deals.amount / w.population.deal_value[w.deals.account] for w in worlds])
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert np.log(ratio).std() == pytest.approx(0.35, abs=0.01)


def test_states_and_probabilities_come_by_month(world: World) -> None:
    truth = Truth(world)
    states, probabilities = truth.states(), truth.probabilities()
    assert states["as_of"].nunique() == world.spec.months + 1
    assert probabilities["as_of"].nunique() == world.spec.months
    assert (states["as_of"].dt.day == 1).all() and set(states["state"]) <= set(law.STATES)
    assert probabilities["probability"].between(0, 1).all()


@pytest.mark.parametrize(("as_of", "horizon"), [("2025-06-01 12:00", 90), ("2031-01-01", 90), ("2025-06-01", 181)])
def test_what_has_no_truth_is_refused(world: World, as_of: str, horizon: int) -> None:
    with pytest.raises(UsageError):
        Truth(world).probability(as_of, horizon)


def test_unknown_campaign_is_refused_with_the_known_ones(world: World) -> None:
    with pytest.raises(UsageError, match="camp-A"):
        Truth(world).effect("camp-newsletter")
