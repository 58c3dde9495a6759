"""Labels: what came of an account after a snapshot. The only code that looks at or beyond `as_of`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.errors import BadDataError
from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, NEVER, count_before, is_before, micros, moments
from abm_scoring.spec import Spec

OpportunityKind = Literal["new", "cross_sell", "upsell", "renewal"]


class _Label(Spec):
    """What all labels share: the window `[as_of, as_of + horizon)` and when its outcome can be taken as final."""

    horizon_days: int = Field(90, ge=1, description="length of the window that the probability speaks of")
    settle_days: int = Field(14, ge=0, description="days after the window before its outcome counts as final")

    def matured(self, as_of: np.ndarray, observed_until: pd.Timestamp) -> np.ndarray:
        """bool [n]: the window and the settling time lie wholly in what was observed."""
        end: np.ndarray = as_of + (self.horizon_days + self.settle_days) * DAY
        return end <= micros(observed_until)

    def converted(self, history: History, rows: pd.DataFrame) -> np.ndarray:
        """bool [n] for rows `account_id`, `as_of`: whether a conversion lies in the window."""
        end = moments(rows["as_of"], NEVER) + self.horizon_days * DAY
        found: np.ndarray = is_before(_first_after(*self._moments(history), history, rows), end)
        return found

    def days_to(self, history: History, rows: pd.DataFrame) -> np.ndarray:
        """float64 [n] for rows `account_id`, `as_of`: days to the first conversion known, +inf where there is none."""
        first = _first_after(*self._moments(history), history, rows)
        days = (first - moments(rows["as_of"], NEVER)) / DAY
        return np.where(first == NEVER, np.inf, days)

    def can_occur(self, event_types: Sequence[str]) -> bool:
        """Whether the data, with events of these types, can tell of a conversion."""
        return True

    def first(self, history: History) -> np.ndarray:
        """int64 [accounts]: moment of each account's first conversion, `NEVER` where there is none."""
        offsets, when = self._moments(history)
        found = np.full(len(history.account_ids), NEVER)
        np.minimum.at(found, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), when)
        return found

    def _moments(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        """Offsets of accounts, and when each of their facts converts them; `NEVER` where it does not."""
        raise NotImplementedError


class OpportunityWon(_Label):
    """Converted = an opportunity was won in the window."""

    kind: Literal["opportunity_won"] = "opportunity_won"
    kinds: tuple[OpportunityKind, ...] = Field((), description="kinds of opportunity that count; empty = all")

    def _moments(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        when = _opportunity_moments(history, "closed_at", self.kinds)
        won = history.facts["opportunities"].frame.get("is_won")
        if won is not None:
            when = np.where(won.fillna(False).astype(bool), when, NEVER)
        return history.facts["opportunities"].offsets, when


class OpportunityCreated(_Label):
    """Converted = an opportunity was opened in the window."""

    kind: Literal["opportunity_created"]
    kinds: tuple[OpportunityKind, ...] = Field((), description="kinds of opportunity that count; empty = all")

    def _moments(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        when = _opportunity_moments(history, "created_at", self.kinds)
        return history.facts["opportunities"].offsets, when


class EventOccurred(_Label):
    """Converted = an event of one of the types occurred in the window."""

    kind: Literal["event"]
    event_types: tuple[str, ...] = Field(min_length=1, description="event types that count as conversion")

    def can_occur(self, event_types: Sequence[str]) -> bool:
        """Whether any event has one of the label's types."""
        return not set(event_types).isdisjoint(self.event_types)

    def _moments(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        log = history.log
        wanted = [log.types.index(t) for t in self.event_types if t in log.types]
        if not wanted:
            raise BadDataError(
                f"no event has the type {' or '.join(self.event_types)}",
                where="label.event_types",
                fix=f"the events have: {', '.join(log.types[:12]) or 'none'}",
            )
        return log.offsets, np.where(np.isin(log.type_code, wanted), log.occurred, NEVER)


LabelSpec = Annotated[OpportunityWon | OpportunityCreated | EventOccurred, Field(discriminator="kind")]


def _opportunity_moments(history: History, column: str, kinds: tuple[str, ...]) -> np.ndarray:
    frame = history.facts["opportunities"].frame
    if column not in frame:
        return np.full(len(frame), NEVER)
    when = moments(frame[column], NEVER)
    if not kinds:
        return when
    kind = frame["kind"].fillna("new") if "kind" in frame else pd.Series("new", frame.index)
    return np.where(kind.isin(kinds), when, NEVER)


def _first_after(offsets: np.ndarray, when: np.ndarray, history: History, rows: pd.DataFrame) -> np.ndarray:
    """The first of the account's moments that is not before `as_of`; int64 [n], `NEVER` where there is none."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    moment = np.unique(when)
    # Account and rank of the moment in one sortable number, so that one binary search serves every row.
    key = owner * (len(moment) + 1) + np.searchsorted(moment, when)
    order = np.argsort(key, kind="stable")
    code, as_of = history.codes(rows["account_id"]), moments(rows["as_of"], NEVER)
    place = np.searchsorted(key[order], code * (len(moment) + 1) + count_before(moment, as_of))
    found = np.full(len(rows), NEVER)
    some = np.flatnonzero(place < offsets[code + 1])
    found[some] = when[order][place[some]]
    return found
