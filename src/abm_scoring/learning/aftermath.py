"""Events that follow the outcome: an event type that hardly comes before it is a consequence of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER
from abm_scoring.learning.labels import LabelSpec

#: Fewer accounts of either kind than this prove nothing.
MIN_ACCOUNTS = 5


@dataclass(frozen=True)
class Aftermath:
    """Events of one type; those of partitions add up.

    Attributes:
        events, accounts: How many there are, and of how many accounts.
        after: Events that come at or after their account's first conversion.
    """

    events: int
    accounts: int
    after: int


def aftermath(history: History, label: LabelSpec) -> dict[str, Aftermath]:
    """Event type → how many of its events follow the outcome."""
    log, first = history.log, label.first(history)
    owner = np.repeat(np.arange(len(log.offsets) - 1), np.diff(log.offsets))
    follows = (first[owner] != NEVER) & (log.occurred >= first[owner])
    counts = {}
    for code, name in enumerate(log.types):
        here = log.type_code == code
        counts[name] = Aftermath(int(here.sum()), len(np.unique(owner[here])), int(follows[here].sum()))
    return counts


def events_after_outcome(*parts: Mapping[str, Aftermath]) -> dict[str, float]:
    """Event type → share of its events that come at or after their account's first conversion.

    Only types with enough events and accounts to tell. Sensible for a cohort of accounts that have not converted yet;
    later business naturally follows the first.

    Args:
        parts: `aftermath` of every partition.
    """
    shares = {}
    for name in sorted({name for part in parts for name in part}):
        own = [part[name] for part in parts if name in part]
        events = sum(one.events for one in own)
        if events >= 4 * MIN_ACCOUNTS and sum(one.accounts for one in own) >= MIN_ACCOUNTS:
            shares[name] = sum(one.after for one in own) / events
    return shares
