"""Policies side by side with plain rules, on the same past nights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from abm_scoring.ranking.mqa.evidence import evident
from abm_scoring.ranking.mqa.outcomes import PolicyOutcome, outcome
from abm_scoring.ranking.mqa.replay import Night, Replay, nightly, replay
from abm_scoring.ranking.mqa.spec import MqaSpec

#: The default of a widespread vendor: an MQA from this score, or from these engagement minutes in three months.
VENDOR_SCORE, VENDOR_MINUTES = 85.0, 100.0


def compare(
    rows: pd.DataFrame, policies: Mapping[str, MqaSpec], dispositions: pd.DataFrame, every_days: float
) -> dict[str, PolicyOutcome]:
    """Outcomes of policies, of the first one without hysteresis, and of plain rules, on the same nights.

    Args:
        rows: Candidates of all nights, as `score_nights` gives them, with `family_id`.
        policies: Name → policy; the first one is compared with the plain rules.
        dispositions: The canonical table. Sales' answers were given to what was handed over then; they are honoured by
            every policy, and by the plain rules not at all.
        every_days: Days between nights.

    Returns:
        The policies, `no_hysteresis`, `rule_points` (hand-set points, as many MQAs as the policy's capacity, or as it
        has open on average) and `vendor_default` (`VENDOR_SCORE` or `VENDOR_MINUTES`), as far as the rows allow.
    """
    spec = next(iter(policies.values()))
    runs: dict[str, Replay] = {}
    nights = as_nights(rows, spec)
    for name, policy in {**policies, "no_hysteresis": spec.without_hysteresis()}.items():
        runs[name] = replay(as_nights(rows, policy), dispositions, policy)
    room = spec.capacity or max(1, round(float(runs[next(iter(policies))].open.mean())))
    if "points" in rows:
        runs["rule_points"] = nightly(nights, [best(n.scores, "points", room) for n in nights], "rule_points")
    runs["vendor_default"] = nightly(nights, [vendor_default(n.scores) for n in nights], "vendor_default")
    return {name: outcome(nights, done, every_days) for name, done in runs.items()}


def as_nights(rows: pd.DataFrame, spec: MqaSpec) -> list[Night]:
    """The rows of all nights, one `Night` each, ascending."""
    return [
        Night(part["night"].iloc[0], part, evident(part, spec.evidence))
        for part in (p.reset_index(drop=True) for _, p in rows.groupby("night", sort=True))
    ]


def best(scores: pd.DataFrame, column: str, n: int) -> np.ndarray:
    """bool: the n accounts with the highest value; ties go to the smaller account_id."""
    order = scores.sort_values([column, "account_id"], ascending=[False, True], kind="stable").index[:n]
    return np.isin(np.arange(len(scores)), order)


def vendor_default(scores: pd.DataFrame) -> np.ndarray:
    """bool: score or engagement minutes reach the vendor's default; minutes that no event states count as none."""
    high = (scores["score"] >= VENDOR_SCORE).to_numpy(bool)
    if "engagement_minutes" in scores:
        high = high | (scores["engagement_minutes"] >= VENDOR_MINUTES).to_numpy(bool)
    return high
