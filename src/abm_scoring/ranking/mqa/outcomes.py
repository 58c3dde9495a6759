"""What a policy came to: volume, stability, precision, and the share of conversions that it held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.ranking.mqa import log
from abm_scoring.ranking.mqa.replay import Night, Replay
from abm_scoring.spec import Spec

#: Mean length of a month in days.
MONTH = 30.4375
#: Statuses in which somebody works the account.
HELD = (log.MQA, log.ACCEPTED)


class PolicyOutcome(Spec):
    """What one policy would have done over the simulated nights. Intervals are 95 %, over account families."""

    entered: int = Field(description="accounts that became an MQA, repeats counted")
    mqas_a_week: float = Field(description="the same a week")
    open_mean: float = Field(description="open MQAs on an average night")
    open_most: int = Field(description="open MQAs on the fullest night")
    changes_per_account_month: float = Field(description="MQAs that begin or end ÷ (candidate accounts × months)")
    flips_per_account_month: float = Field(
        description="of these, those of MQAs that ended by score or age: on and off again without an answer of sales, "
        "and without leaving the list for an opportunity or a deal"
    )
    tripped: int = Field(description="nights on which the breaker held back")
    precision: float | None = Field(
        description="share of new MQAs that convert within the horizon; null: there are none"
    )
    precision_ci: tuple[float, float] | None = Field(description="its interval")
    conversions_held: float | None = Field(
        description="of the account-nights whose horizon holds a conversion, the share spent as MQA or accepted"
    )
    conversions_held_ci: tuple[float, float] | None = Field(description="its interval")


def outcome(
    nights: Sequence[Night], done: Replay, every_days: float, rounds: int = 1000, seed: int = 0
) -> PolicyOutcome:
    """Measure a replay against what came of its candidates.

    Args:
        nights: The nights; their scores also have `converted` (bool: converts within the horizon of the night) and
            `family_id`.
        done: What the policy did on them.
        every_days: Days from one night to the next.
        rounds: Bootstrap rounds over families.
        seed: Of the bootstrap.
    """
    rows = pd.concat([n.scores[["account_id", "family_id", "converted"]].assign(as_of=n.as_of) for n in nights])
    rows = rows.assign(held=np.isin(np.concatenate([*done.status, np.empty(0, object)]), HELD))
    moves = done.log[done.log["as_of"] >= nights[0].as_of]
    entered = moves[moves["to"] == log.MQA].merge(rows, on=["account_id", "as_of"])
    weeks = len(nights) * every_days / 7
    account_months = len(rows) * every_days / MONTH
    ended = moves[moves["from"] == log.MQA]
    worked = (ended["rule"].str.startswith("sales_") | (ended["rule"] == "left_list")).to_numpy(bool)
    precision, precision_ci = ratio(
        entered["converted"].to_numpy(), np.ones(len(entered)), entered["family_id"], rounds, seed
    )
    positive = rows[rows["converted"].to_numpy(bool)]
    held, held_ci = ratio(positive["held"].to_numpy(), np.ones(len(positive)), positive["family_id"], rounds, seed)
    return PolicyOutcome(
        entered=len(entered),
        mqas_a_week=len(entered) / weeks,
        open_mean=float(done.open.mean()),
        open_most=int(done.open.max()),
        changes_per_account_month=(int((moves["to"] == log.MQA).sum()) + len(ended)) / account_months,
        flips_per_account_month=2 * int((~worked).sum()) / account_months,
        tripped=done.tripped,
        precision=precision,
        precision_ci=precision_ci,
        conversions_held=held,
        conversions_held_ci=held_ci,
    )


def ratio(
    numerator: np.ndarray, denominator: np.ndarray, family: pd.Series, rounds: int, seed: int
) -> tuple[float | None, tuple[float, float] | None]:
    """Ratio of two sums with its 95 % interval: families are drawn anew with Poisson(1) weights, percentiles taken.

    Returns:
        None for both where the denominator is 0.
    """
    if not denominator.sum() > 0:
        return None, None
    sums = pd.DataFrame({"a": numerator.astype("float64"), "b": denominator.astype("float64")})
    sums = sums.groupby(family.to_numpy(object), sort=True).sum()
    a, b = sums["a"].to_numpy(), sums["b"].to_numpy()
    weights = np.random.default_rng(seed).poisson(1.0, (rounds, len(a)))
    below = weights @ b
    drawn = (weights @ a)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return float(a.sum() / b.sum()), (float(low), float(high))
