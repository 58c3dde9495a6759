"""The log of transitions, and the state that follows from it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

#: Status of an account without any transition, or whose cooldown is over.
NONE, MQA, ACCEPTED, REJECTED, RECYCLED, EXPIRED = "none", "mqa", "accepted", "rejected", "recycled", "expired"
STATUSES = (NONE, MQA, ACCEPTED, REJECTED, RECYCLED, EXPIRED)

#: Rules that a transition can name.
RULES = (
    "enter_threshold",
    "leave_threshold",
    "max_age",
    "left_list",
    "sales_accepted",
    "sales_rejected",
    "sales_recycled",
    "cooldown_over",
)

#: Column of the log → dtype.
LOG = {
    "account_id": "str",
    "as_of": "datetime64[us, UTC]",
    "from": "str",
    "to": "str",
    "rule": "str",
    "value": "float64",
    "threshold": "float64",
    "reason": "str",
}
#: Column of a state → dtype; one row an account that ever changed its status.
STATE = {
    "account_id": "str",
    "status": "str",
    "since": "datetime64[us, UTC]",
    "rule": "str",
    "value": "float64",
    "threshold": "float64",
    "reason": "str",
}


def empty_log() -> pd.DataFrame:
    """A log without transitions.

    Columns: `account_id`, `as_of` of the run that decided, statuses `from` and `to`, `rule` (one of `RULES`), `value`
    and `threshold` that it compared (NaN where it compared none), `reason` that sales gave (missing elsewhere).
    """
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in LOG.items()})


def joined(logs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several logs as one, by `as_of` and account_id."""
    parts = [log for log in logs if len(log)]
    if not parts:
        return empty_log()
    whole = pd.concat(parts, ignore_index=True)[list(LOG)].astype(LOG)
    return whole.sort_values(["as_of", "account_id"], ignore_index=True)


def state_of(log: pd.DataFrame, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """The state that a log leads to: the last transition of each account, by account_id.

    Args:
        log: Transitions in any order, at most one an account and `as_of`.
        as_of: Only decisions before this moment count; None: all.

    Returns:
        `account_id`, `status`, `since` (as_of of the transition), `rule`, `value`, `threshold`, `reason`.
    """
    past = log if as_of is None else log[log["as_of"] < as_of]
    last = past.sort_values(["account_id", "as_of"]).drop_duplicates("account_id", keep="last")
    return last.rename(columns={"to": "status", "as_of": "since"})[list(STATE)].reset_index(drop=True)
