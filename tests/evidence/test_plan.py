"""What a plan truly returns on the demo market, against the best N by score and against spreading evenly."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm_scoring.data.market import Market, MarketSpec, make_market
from abm_scoring.data.market.market import write_market
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.ledger import chain
from abm_scoring.jobs.plan import list_rows
from abm_scoring.jobs.workspace import open_workspace
from abm_scoring.roi.budget import make_plan
from abm_scoring.roi.budget_spec import BudgetSpec
from tests.jobs.projects import quick, run_json

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "plan.md"
#: The page says how many there were.
SEEDS = int(os.environ.get("ABM_SCORING_EVIDENCE_SEEDS", "50"))
MARKET = MarketSpec(accounts=2_000, conversion=0.03, events_per_account=40)
DAY = "2025-09-01"
BUDGET = BudgetSpec(money=60_000, hours=600, contacts=500, hourly_rate=40, curve_points=3)
RULES = ("plan", "top by score", "spread evenly")

pytestmark = pytest.mark.evidence


def true_net(market: Market, chosen: pd.DataFrame) -> float:
    """Σ true p · lift · true deal value, less cost, of the accounts and tiers that a rule chose."""
    truth = market.truth.probability(DAY).merge(market.truth.deal_value(), on="account_id").set_index("account_id")
    own = truth.reindex(chosen["account_id"])
    tiers = [BUDGET.tiers[name] for name in chosen["tier"]]
    lift = np.array([tier.lift for tier in tiers])
    cost = sum(tier.money + tier.hours * BUDGET.hourly_rate for tier in tiers)
    p = np.nan_to_num(own["probability"].to_numpy("float64"))
    added = np.minimum(p * (1 + lift), 1.0) - p
    return float((added * own["deal_value"].to_numpy("float64")).sum() - cost)


def one_market(seed: int, folder: Path) -> dict[str, float]:
    """Train, score and plan on one market as a user would; what each rule's choice truly returns."""
    market = make_market(MARKET.model_copy(update={"seed": seed}))
    write_market(market, folder / "data")
    config = write_template("demo", folder / "abm.yaml", "plan")
    made = run_json("train", config, "--as-of", DAY, *quick())
    assert made["bundle"], made["reason"]
    run_json("score", config, "--as-of", DAY, *quick())
    plan = make_plan(list_rows(chain(open_workspace(config).runs)[-1]), BUDGET)
    return {rule: true_net(market, plan.rules_chosen[rule]) for rule in RULES} | {
        f"expected: {rule}": float(plan.rules.set_index("rule").loc[rule, "expected_net"]) for rule in RULES
    }


def test_the_plan_truly_returns_more_than_simple_rules(tmp_path: Path) -> None:
    found = pd.DataFrame([one_market(seed, tmp_path / str(seed)) for seed in range(SEEDS)])
    table = summary(found)
    write(found, table)
    for rule in RULES[1:]:
        assert table.loc[rule, "low"] > 0


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Mean true net return of each rule, and the plan's advantage with its 95 % interval over markets."""
    rows = []
    for rule in RULES:
        ahead = found["plan"] - found[rule]
        reach = stats.t.ppf(0.975, len(found) - 1) * ahead.std(ddof=1) / np.sqrt(len(found))
        rows.append(
            {
                "rule": rule,
                "true net return": found[rule].mean(),
                "expected": found[f"expected: {rule}"].mean(),
                "plan is ahead by": ahead.mean(),
                "low": ahead.mean() - reach,
                "high": ahead.mean() + reach,
                "plan ahead in": (ahead > 0).mean(),
            }
        )
    return pd.DataFrame(rows).set_index("rule")


def write(found: pd.DataFrame, table: pd.DataFrame) -> None:
    head = [f"| rule | {' | '.join(table.columns)} |", "|---" * (len(table.columns) + 1) + "|"]
    body = [
        f"| {rule} | {' | '.join(f'{v:,.0f}' for v in row.iloc[:-1])} | {row.iloc[-1]:.0%} |"
        for rule, row in table.iterrows()
    ]
    EVIDENCE.write_text(
        "# What a plan truly returns\n\n"
        f"{len(found)} demo markets of {MARKET.accounts} accounts; written by `make evidence` "
        "(tests/evidence/test_plan.py). In each, a model is trained and a list published "
        f"as of {DAY}, and a budget of {BUDGET.money:,.0f} money, {BUDGET.hours:,.0f} hours and "
        f"{BUDGET.contacts:,.0f} contacts is spent in three ways. True net return: true probability × the tier's "
        "lift × true deal value, less cost, over the accounts chosen. The market has no tiers, so the lifts "
        "that the budget assumes are taken to be true for every rule alike; what differs is whom and how.\n\n"
        + "\n".join([*head, *body])
        + "\n\n*Low* and *high*: 95 % interval of the plan's mean advantage over markets. *Expected* is what the model "
        "promised.\n",
        encoding="utf-8",
    )
