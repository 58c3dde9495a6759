"""The event log: all events, sorted once by account and time, as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.features.moments import ALWAYS, moments

#: Types that the brand begins where the events do not say: contacts with the brand, but not engagement.
OUTBOUND_TYPES = frozenset({"email_sent", "ad_impression"})

#: Event columns whose distinct values and sums can be measured.
CODE_COLUMNS = ("contact_id", "channel", "content_id", "campaign_id")
NUMBER_COLUMNS = ("minutes", "value")


@dataclass(frozen=True)
class EventLog:
    """Events in compressed sparse rows, in a total order (account, occurred_at, content of the row).

    Attributes:
        frame: The events as given, in that order.
        offsets: int64 [accounts + 1].
        occurred, visible: int64 [events], microseconds; visible is never before occurred.
        type_code: int16 [events], index into `types`.
        types: Event types, sorted.
        inbound: bool [events], False for what the brand began.
        contact: int32 [events], index into `contacts`; -1 = none.
        contacts: Contact ids that occur.
    """

    frame: pd.DataFrame
    offsets: np.ndarray
    occurred: np.ndarray
    visible: np.ndarray
    type_code: np.ndarray
    types: tuple[str, ...]
    inbound: np.ndarray
    contact: np.ndarray
    contacts: pd.Index


def event_log(events: pd.DataFrame, account_code: np.ndarray, n_accounts: int) -> EventLog:
    """Sort events into compressed sparse rows.

    Args:
        events: Canonical events.
        account_code: int64 [events], index of the account; rows with -1 are left out.
        n_accounts: Number of accounts.
    """
    kept = account_code >= 0
    events, account_code = events[kept].reset_index(drop=True), account_code[kept]
    occurred = moments(events["occurred_at"], ALWAYS)
    order = _total_order(events, account_code, occurred)
    frame = events.take(order).reset_index(drop=True)
    occurred = occurred[order]
    known = moments(frame["known_at"], ALWAYS) if "known_at" in frame else occurred
    types = sorted(frame["event_type"].unique())
    type_code = pd.Categorical(frame["event_type"], categories=types).codes.astype("int16")
    contact, contacts = (
        pd.factorize(frame["contact_id"])
        if "contact_id" in frame
        else (np.full(len(frame), -1), pd.Index([], dtype="str"))
    )
    return EventLog(
        frame=frame,
        offsets=np.searchsorted(account_code[order], np.arange(n_accounts + 1)).astype("int64"),
        occurred=occurred,
        visible=np.maximum(occurred, known),
        type_code=type_code,
        types=tuple(types),
        inbound=_inbound(frame),
        contact=contact.astype("int32"),
        contacts=contacts,
    )


def _total_order(events: pd.DataFrame, account_code: np.ndarray, occurred: np.ndarray) -> np.ndarray:
    """Order by account, time and, for ties, a hash of the row: sums of floats then never depend on the input order."""
    order = np.lexsort((occurred, account_code))
    same = (np.diff(account_code[order]) == 0) & (np.diff(occurred[order]) == 0)
    tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
    if len(tied) == 0:
        return order
    rows = order[tied]
    content = sorted(set(events.columns) - {"occurred_at", "known_at"})
    digest = pd.util.hash_pandas_object(events[content].iloc[rows], index=False).to_numpy()
    known = moments(events["known_at"].iloc[rows], ALWAYS) if "known_at" in events else digest
    order[tied] = rows[np.lexsort((known, digest, occurred[rows], account_code[rows]))]
    return order


def _inbound(frame: pd.DataFrame) -> np.ndarray:
    outbound = frame["event_type"].isin(OUTBOUND_TYPES)
    if "direction" in frame:
        stated = frame["direction"]
        outbound = (stated == "outbound").where(stated.notna(), outbound)
    return ~outbound.to_numpy(bool)
