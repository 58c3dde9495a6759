"""What is worth a look today: MQAs that came, went or are slipping, and scores that moved most."""

from __future__ import annotations

import pandas as pd

#: Statuses of accounts that are with sales or waiting for it.
OPEN = ("mqa", "accepted")
#: Points by which an MQA's score must have fallen since the previous run to be at risk.
FALLING = 5.0
#: Weeks without any activity after which an MQA is at risk.
SILENT_WEEKS = 4
_MOVERS = 20


def new_mqas(transitions: pd.DataFrame) -> pd.DataFrame:
    """Transitions into `mqa`, by account_id.

    Args:
        transitions: Those of one run, with `account_id`, `from` and `to`.
    """
    return transitions[transitions["to"] == "mqa"].sort_values("account_id", ignore_index=True)


def lost_mqas(transitions: pd.DataFrame) -> pd.DataFrame:
    """Transitions out of `mqa` or `accepted` to anything that is neither, by account_id."""
    gone = transitions["from"].isin(OPEN) & ~transitions["to"].isin(OPEN)
    return transitions[gone].sort_values("account_id", ignore_index=True)


def at_risk(ranked: pd.DataFrame, recent: pd.Series | None) -> pd.DataFrame:
    """MQAs whose score fell by `FALLING` points or more, or that were silent for `SILENT_WEEKS`, in list order.

    Args:
        ranked: n rows with `account_id` and `mqa_status`; `score_change` where there was a run before.
        recent: Inbound events in the last weeks, n numbers; None where they are not known.

    Returns:
        `account_id`, `score_change`, `falling` and `silent` (bool) of the accounts at risk.
    """
    change = ranked["score_change"] if "score_change" in ranked else pd.Series(0.0, ranked.index)
    falling = change <= -FALLING
    silent = pd.Series(False, ranked.index) if recent is None else (recent == 0).set_axis(ranked.index)
    found = pd.DataFrame(
        {"account_id": ranked["account_id"], "score_change": change, "falling": falling, "silent": silent}
    )
    return found[ranked["mqa_status"].isin(OPEN) & (falling | silent)].reset_index(drop=True)


def movers(ranked: pd.DataFrame, count: int = _MOVERS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The accounts whose scores rose and fell most since the previous run; ties go to the better rank.

    Args:
        ranked: n rows in list order with `account_id` and `score_change`.
        count: At most that many of each.
    """
    columns = [c for c in ("account_id", "score_change", "change_reason") if c in ranked]
    change = ranked["score_change"]
    rose = ranked[change > 0].sort_values("score_change", ascending=False, kind="stable").head(count)
    fell = ranked[change < 0].sort_values("score_change", kind="stable").head(count)
    return rose[columns].reset_index(drop=True), fell[columns].reset_index(drop=True)
