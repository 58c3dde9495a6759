from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market import Market, MarketSpec, Truth, World, simulate
from abm_scoring.data.market.process import trial_days

DAY = 86_400


def opened_within(world: World, day: int, horizon: int) -> np.ndarray:
    deals, start = world.deals, world.spec.start_second + day * DAY
    hit = (deals.created >= start) & (deals.created < start + horizon * DAY)
    return np.bincount(deals.account[hit], minlength=len(world.population)) > 0


def compared(worlds: list[World], campaign: str, horizon: int = 120) -> tuple[float, float, float]:
    """Difference in opened deals between the arms over all markets, its standard error, and the true effect."""
    treated, control, effects = [], [], []
    for world in worlds:
        column = [t.campaign_id for t in world.spec.trials].index(campaign)
        truth = Truth(world).effect(campaign, horizon, "opportunity")
        row = truth["account_id"].str[1:].astype("int64").to_numpy() - 1
        hit = opened_within(world, trial_days(world.spec, world.spec.trials[column])[0], horizon)[row]
        hit &= truth["eligible"].to_numpy()
        treated.append(hit[truth["treated"]])
        control.append(hit[~truth["treated"]])
        effects.append(truth["probability_treated"] - truth["probability_control"])
    a, b = np.concatenate(treated), np.concatenate(control)
    error = np.sqrt(a.var() / len(a) + b.var() / len(b))
    return a.mean() - b.mean(), error, float(pd.concat(effects).mean())


def test_campaign_a_shows_in_its_randomised_arms(worlds: list[World]) -> None:
    difference, error, true = compared(worlds, "camp-A")
    assert difference > 3 * error
    assert abs(difference - true) < 2 * error


def test_campaign_b_has_its_true_effect(worlds: list[World]) -> None:
    difference, error, true = compared(worlds, "camp-B")
    assert true > 0.005 and abs(difference - true) < 2 * error


def test_campaign_c_does_nothing(worlds: list[World]) -> None:
    for world in worlds:
        difference, error, true = compared([world], "camp-C")
        assert true == 0 and abs(difference) < 2 * error
    difference, error, _ = compared(worlds, "camp-C")
    assert abs(difference) < 3 * error


def test_estimates_scatter_around_the_truth_as_their_errors_say() -> None:
    z = []
    for seed in range(10):
        world = simulate(MarketSpec(accounts=600, seed=seed))
        for trial in world.spec.trials:
            difference, error, true = compared([world], trial.campaign_id)
            z.append((difference - true) / error)
    assert abs(np.mean(z)) < 2 / np.sqrt(len(z))
    assert np.std(z) == pytest.approx(1, abs=0.25)


def test_the_roadshow_looks_effective_and_is_not(market: Market, worlds: list[World]) -> None:
    """Its guests win more because they were chosen for hidden intent; no hazard knows the campaign."""
    assert "camp-roadshow" not in [t.campaign_id for t in market.truth.world.spec.trials]
    guests = market.tables["events"].query("campaign_id == 'camp-roadshow'").drop_duplicates("event_id")
    world = market.truth.world
    won, other = [], []
    for day, part in guests.groupby(guests["occurred_at"].dt.floor("D")):
        index = market.truth.day(day)
        hit, eligible = opened_within(world, index, 90), market.truth.eligible(index)
        row = part["account_id"].str[1:].astype("int64").to_numpy() - 1
        is_guest = np.zeros(len(hit), dtype=bool)
        is_guest[row] = True
        won.append(hit[is_guest & eligible])
        other.append(hit[~is_guest & eligible])
    assert np.concatenate(won).mean() > 1.5 * np.concatenate(other).mean()


def test_families_share_their_arm(worlds: list[World]) -> None:
    world = worlds[0]
    child = np.flatnonzero(world.population.parent >= 0)
    head = world.population.parent[child]
    for column in range(len(world.spec.trials)):
        both = world.invited[child, column] & world.invited[head, column]
        assert both.any()
        assert (world.treated[child[both], column] == world.treated[head[both], column]).all()


def test_the_holdout_gets_no_randomised_campaign(worlds: list[World]) -> None:
    for world in worlds:
        held = world.invited[:, 0] & ~world.treated[:, 0]
        assert 0.07 < held.mean() < 0.16
        assert not world.invited[held, 1:].any() and not world.treated[held].any()


def test_only_the_treated_are_touched_by_a_campaign(market: Market) -> None:
    arms = market.tables["experiments"].set_index(["campaign_id", "account_id"])["arm"]
    events = market.tables["events"]
    for trial in market.truth.world.spec.trials:
        touched = set(events.loc[events["campaign_id"] == trial.campaign_id, "account_id"])
        treated = arms[trial.campaign_id]
        assert touched and touched <= set(treated.index[treated == "treatment"])
        first = events.loc[events["campaign_id"] == trial.campaign_id, "occurred_at"].min()
        assert first >= pd.Timestamp(market.truth.world.spec.month(trial.first_month), tz="UTC")


def test_true_effects_are_summed_up(market: Market) -> None:
    effects = market.truth.campaign_effects().set_index("campaign_id")
    assert effects.loc["camp-C", "win_effect"] == 0
    assert 0 < effects.loc["camp-A", "win_effect"] < effects.loc["camp-A", "opportunity_effect"]
    assert effects["participants"].to_dict() == market.tables["experiments"]["campaign_id"].value_counts().to_dict()


def test_arms_are_balanced_in_fit_and_intent(worlds: list[World]) -> None:
    z = []
    for world in worlds:
        for column, trial in enumerate(world.spec.trials):
            day = trial_days(world.spec, trial)[0]
            a, b = (world.invited[:, column] & (world.treated[:, column] == arm) for arm in (True, False))
            for value in (world.population.fit, world.states[day].astype(float)):
                error = np.sqrt(value[a].var() / a.sum() + value[b].var() / b.sum())
                z.append((value[a].mean() - value[b].mean()) / error)
    assert np.abs(z).max() < 3.5 and np.std(z) == pytest.approx(1, abs=0.35)
