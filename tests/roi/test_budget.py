"""The budget: optimal on what can be enumerated, within its limits, bounded, and better than simple rules."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm_scoring.roi.allocation import Choices, allocate
from abm_scoring.roi.budget import make_plan
from abm_scoring.roi.budget_market import Lift
from abm_scoring.roi.budget_spec import BudgetSpec, GoalSpec, TierCost

TIERS = {
    "one-to-one": TierCost(money=500, hours=20, contacts=8, lift=0.6),
    "one-to-few": TierCost(money=80, hours=3, contacts=4, lift=0.25),
    "one-to-many": TierCost(money=5, hours=0.1, contacts=2, lift=0.06),
}
SPEC = BudgetSpec(money=20_000, hours=600, contacts=400, hourly_rate=50, tiers=TIERS, curve_points=3)


def accounts(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 15, n)
    worth = np.exp(rng.normal(9.5, 0.8, n))
    order = np.argsort(-p)
    ids = [f"a{i:06d}" for i in range(n)]
    frame = pd.DataFrame({"probability": p[order], "worth": worth[order], "raw_score": p[order]})
    return frame.assign(account_id=ids)


def enumerated(choices: Choices, capacity: np.ndarray) -> float:
    best = 0.0
    for plan in product(range(-1, len(choices.use)), repeat=len(choices.gain)):
        tier = np.array(plan)
        if (choices.used(tier) <= capacity + 1e-9).all():
            best = max(best, choices.brings(tier))
    return best


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_no_enumerated_plan_is_better_and_none_exceeds_the_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    choices = Choices(rng.normal(1, 2, (6, 2)).round(2), rng.uniform(0, 3, (2, 2)).round(1))
    capacity = np.array([rng.uniform(0, 8), np.inf if seed % 3 == 0 else rng.uniform(0, 8)])
    found = allocate(choices, capacity)
    best = enumerated(choices, capacity)
    assert found.total == pytest.approx(best, rel=1e-4, abs=1e-6)
    assert found.bound >= best - 1e-6 and (choices.used(found.tier) <= capacity + 1e-6).all()


def test_equal_accounts_are_filled_up_to_the_limit() -> None:
    choices = Choices(np.full((50, 1), 2.0), np.array([[1.0, 3.0]]))
    found = allocate(choices, np.array([np.inf, 100.0]))
    assert (found.tier >= 0).sum() == 33 and found.total == 66.0


def test_a_plan_keeps_every_limit_and_adds_up() -> None:
    spec = SPEC.model_copy(
        update={"tiers": {**TIERS, "one-to-few": TIERS["one-to-few"].model_copy(update={"at_most": 7})}}
    )
    plan = make_plan(accounts(), spec)
    totals, chosen = plan.totals, plan.chosen
    assert totals["cost"] is not None and totals["cost"] <= 20_000 and totals["gap"] is not None
    assert totals["hours"] is not None and totals["hours"] <= 600
    assert totals["contacts"] is not None and totals["contacts"] <= 400
    assert chosen["account_id"].is_unique and (chosen["tier"] == "one-to-few").sum() <= 7
    assert chosen["cost"].sum() == pytest.approx(totals["cost"])
    assert chosen["expected_net"].sum() == pytest.approx(totals["expected_net"])
    assert plan.by_tier["cost"].sum() == pytest.approx(totals["cost"]) and totals["gap"] < 0.05
    assert (chosen["expected_net"] > 0).all()


def test_an_account_that_costs_more_than_it_brings_is_not_worked() -> None:
    rows = accounts(20).assign(worth=1.0)
    plan = make_plan(rows, SPEC)
    assert plan.chosen.empty and plan.totals["cost"] == 0 and "no account is expected" in plan.notes[1]


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_is_expected_to_bring_at_least_what_simple_rules_bring(seed: int) -> None:
    rules = make_plan(accounts(seed=seed), SPEC).rules.set_index("rule")
    assert rules["expected_net"].idxmax() == "plan"
    assert rules.loc["plan", "expected_net"] > rules.loc["spread evenly", "expected_net"]
    assert (rules["cost"] <= 20_000 + 1e-6).all() and (rules["contacts"] <= 400 + 1e-6).all()


def test_the_curve_climbs_ever_less_and_its_knee_lies_on_it() -> None:
    plan = make_plan(accounts(), BudgetSpec(hourly_rate=50, tiers=TIERS, curve_points=8))
    curve = plan.curve
    assert curve["expected_net"].is_monotonic_increasing and (curve["cost"] <= curve["money"] + 1e-6).all()
    assert curve["marginal"].is_monotonic_decreasing and curve["marginal"].iloc[-1] == pytest.approx(0, abs=1e-6)
    assert plan.knee in curve["money"].tolist() and 0 < plan.knee < curve["money"].iloc[-1]


def test_money_beyond_what_pays_stays_unspent() -> None:
    plan = make_plan(accounts(), SPEC.model_copy(update={"money": 1e9, "hours": None, "contacts": None}))
    assert plan.totals["cost"] is not None and plan.totals["cost"] < 1e8
    assert any("stays unspent" in note for note in plan.notes)


def test_a_lower_goal_is_likelier_and_what_is_needed_reaches_it() -> None:
    chances = []
    for amount in (1_000, 40_000):
        goal = make_plan(accounts(), SPEC.model_copy(update={"goal": GoalSpec(amount=amount)})).goal
        assert goal is not None and 0 <= goal["probability"] <= goal["probability_at_most"] + 0.02
        chances.append(goal["probability"])
    assert chances[0] > chances[1]
    assert goal is not None and not goal["reachable"] and goal["needed"]["money"] > 20_000
    assert goal["needed_probability"] >= 0.8


def test_a_goal_beyond_everything_is_out_of_reach() -> None:
    goal = make_plan(accounts(50), SPEC.model_copy(update={"goal": GoalSpec(amount=1e12)})).goal
    assert goal is not None and goal["needed"] is None and goal["probability"] < 1e-6


def test_the_probability_of_a_goal_is_that_of_simulated_futures() -> None:
    rows, rng = accounts(200), np.random.default_rng(0)
    spec = SPEC.model_copy(update={"goal": GoalSpec(amount=16, of="wins")})
    plan = make_plan(rows, spec, Lift(1.0, 0.5, "assumed"))
    assert plan.goal is not None
    lifts = plan.chosen["tier"].map({name: tier.lift for name, tier in TIERS.items()}).to_numpy()
    added = np.zeros(200)
    place = rows.reset_index().set_index("account_id").loc[plan.chosen["account_id"], "index"].to_numpy()
    hits = []
    for factor in np.maximum(rng.normal(1, 0.5, 3000), 0):
        added[place] = rows["probability"].to_numpy()[place] * lifts * factor
        hits.append((rng.random(200) < rows["probability"] + added).sum() >= 16)
    # A continuous distribution stands for a count: half a win either way.
    assert plan.goal["probability"] == pytest.approx(np.mean(hits), abs=0.08)


def test_a_measured_lift_scales_the_assumed_ones() -> None:
    half = make_plan(accounts(), SPEC, Lift(0.5, 0.1, "holdout"))
    assert half.by_tier["lift"].tolist() == pytest.approx([0.3, 0.125, 0.03])
    assert not any("assumed" in note for note in half.notes)
    assert make_plan(accounts(), SPEC).notes[0].startswith("the tiers' lifts are assumed")


def test_a_hundred_thousand_accounts_take_seconds() -> None:
    rows = accounts(100_000)
    spec = SPEC.model_copy(update={"money": 2e6, "hours": 6e4, "contacts": 4e4, "curve_points": 3})
    begun = time.process_time()
    plan = make_plan(rows, spec)
    assert time.process_time() - begun < 15
    assert plan.totals["gap"] is not None and plan.totals["gap"] < 1e-4 and len(plan.chosen) > 1000


def test_a_tier_for_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="without cost or limit"):
        BudgetSpec(tiers={"all": TierCost(lift=0.1)})
    with pytest.raises(ValidationError, match="at least one tier"):
        BudgetSpec(tiers={})


def test_the_same_list_gives_the_same_plan() -> None:
    assert make_plan(accounts(), SPEC).as_json() == make_plan(accounts(), SPEC).as_json()
