"""Many nights of the state machine in a row, and what plain rules would have done on the same nights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.ranking.mqa import log
from abm_scoring.ranking.mqa.machine import decide
from abm_scoring.ranking.mqa.spec import MqaSpec


@dataclass(frozen=True)
class Night:
    """One night's candidates.

    Attributes:
        as_of: The night.
        scores: n candidates, see `machine.decide`.
        evidence: bool [n].
    """

    as_of: pd.Timestamp
    scores: pd.DataFrame
    evidence: np.ndarray


@dataclass(frozen=True)
class Replay:
    """What a policy does over many nights.

    Attributes:
        log: All transitions.
        status: For each night the status of its candidates after it, str objects [n].
        open: Open MQAs after each night, int64.
        tripped: Nights on which the breaker held.
    """

    log: pd.DataFrame
    status: tuple[np.ndarray, ...]
    open: np.ndarray
    tripped: int


def replay(nights: Iterable[Night], dispositions: pd.DataFrame, spec: MqaSpec) -> Replay:
    """Run the machine night by night, each on the state that the nights before it led to.

    Args:
        nights: In ascending order.
        dispositions: The canonical table; each night reads what was decided before it.
        spec: The policy.
    """
    state, logs, status, open_after, tripped = log.state_of(log.empty_log()), [], [], [], 0
    for night in nights:
        decision = decide(state, night.scores, night.evidence, dispositions, spec, night.as_of)
        state = decision.state
        held = state.set_index("account_id")["status"].reindex(night.scores["account_id"])
        logs.append(decision.transitions)
        status.append(held.fillna(log.NONE).to_numpy(object))
        open_after.append(int((state["status"] == log.MQA).sum()))
        tripped += decision.tripped
    return Replay(log.joined(logs), tuple(status), np.array(open_after, dtype=np.int64), tripped)


def nightly(nights: Sequence[Night], qualifies: Sequence[np.ndarray], rule: str) -> Replay:
    """A rule without memory: an account is an MQA on exactly the nights on which it qualifies.

    Args:
        nights: In ascending order.
        qualifies: bool [n] for each of them.
        rule: What transitions are named after; `left_list` where an MQA is no candidate any more.
    """
    status = tuple(np.where(q, log.MQA, log.NONE).astype(object) for q in qualifies)
    logs = list(_steps(nights, qualifies, rule))
    return Replay(log.joined(logs), status, np.array([int(q.sum()) for q in qualifies], dtype=np.int64), 0)


def _steps(nights: Sequence[Night], qualifies: Sequence[np.ndarray], rule: str) -> Iterator[pd.DataFrame]:
    held: pd.Index = pd.Index([], dtype="str")
    for night, flags in zip(nights, qualifies, strict=True):
        now = pd.Index(night.scores["account_id"][flags], dtype="str")
        entered, left = now.difference(held), held.difference(now)
        n, m = len(entered), len(left)
        steps = {
            "account_id": entered.append(left),
            "as_of": night.as_of.as_unit("us"),
            "from": [log.NONE] * n + [log.MQA] * m,
            "to": [log.MQA] * n + [log.NONE] * m,
            "rule": [rule] * n + ["left_list" if a else rule for a in ~left.isin(night.scores["account_id"])],
            "value": np.nan,
            "threshold": np.nan,
            "reason": None,
        }
        yield pd.DataFrame(steps).astype(log.LOG)
        held = now
