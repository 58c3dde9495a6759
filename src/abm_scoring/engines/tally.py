"""What a run must know of all its events together, counted by partition and added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, is_before, micros, timestamps

#: A type of event is silent when a week holds at most this part of what the eight weeks before let expect …
_SILENT_SHARE, _WEEKS_BEFORE = 0.05, 8
#: … and they let expect at least this many.
_EXPECTED = 20
#: Accounts with most flagged events that are named.
_NAMED = 10


@dataclass(frozen=True)
class EventTally:
    """Counts of events known before a moment; those of partitions add up to those of all accounts.

    Attributes:
        newest: When the newest event occurred, microseconds; None without events.
        last_week: Event type → events of the last seven days.
        weeks_before: Event type → events of the eight weeks before these.
        flagged: Rule of the noise gate → events that it flagged; None where there was no gate.
        left_out: Events that the noise gate left out.
        noisy: Account → flagged events, of the ten accounts with most.
    """

    newest: int | None = None
    last_week: Mapping[str, int] = field(default_factory=dict)
    weeks_before: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] | None = None
    left_out: int = 0
    noisy: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, history: History, as_of: pd.Timestamp) -> EventTally:
        """The counts of one partition's events."""
        log, now = history.log, micros(as_of)
        known = is_before(log.visible, now)
        last = known & (log.occurred >= now - 7 * DAY)
        before = known & ~last & (log.occurred >= now - (1 + _WEEKS_BEFORE) * 7 * DAY)
        found = log.noise
        return cls(
            newest=int(log.occurred.max()) if len(log.occurred) else None,
            last_week=_by_type(log.type_code[last], log.types),
            weeks_before=_by_type(log.type_code[before], log.types),
            flagged=dict(found.flagged) if found is not None else None,
            left_out=found.left_out if found is not None else 0,
            noisy={str(history.account_ids[code]): n for code, n in found.accounts.items()} if found else {},
        )

    @property
    def newest_event(self) -> pd.Timestamp | None:
        """`newest` as a moment."""
        return None if self.newest is None else pd.Timestamp(timestamps(np.array([self.newest]))[0])

    def silent_types(self) -> tuple[str, ...]:
        """Event types that stopped for everybody in the last week: hardly any, where the weeks before had many."""
        expected = {name: n / _WEEKS_BEFORE for name, n in self.weeks_before.items()}
        return tuple(
            sorted(
                name
                for name, n in expected.items()
                if n >= _EXPECTED and self.last_week.get(name, 0) <= _SILENT_SHARE * n
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `EventTally(**values)` is the way back."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}


def summed(tallies: Iterable[EventTally]) -> EventTally:
    """All partitions as one."""
    return reduce(_both, tallies, EventTally())


def _both(a: EventTally, b: EventTally) -> EventTally:
    newest = max((x for x in (a.newest, b.newest) if x is not None), default=None)
    noisy = sorted({**a.noisy, **b.noisy}.items(), key=lambda pair: (-pair[1], pair[0]))[:_NAMED]
    gated = a.flagged is not None or b.flagged is not None
    return EventTally(
        newest,
        _added(a.last_week, b.last_week),
        _added(a.weeks_before, b.weeks_before),
        _added(a.flagged or {}, b.flagged or {}) if gated else None,
        a.left_out + b.left_out,
        dict(noisy),
    )


def _added(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(a) + Counter(b))


def _by_type(codes: np.ndarray, types: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(types))
    return {name: int(n) for name, n in zip(types, counts, strict=True) if n}
