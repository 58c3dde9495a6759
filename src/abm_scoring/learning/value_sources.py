"""What a conversion is worth: amounts that fell due to an account inside a window."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Discriminator, Field, Tag

from abm_scoring.features.history import History
from abm_scoring.features.moments import ALWAYS, DAY, NEVER, count_before, moments
from abm_scoring.learning.labels import EventOccurred, LabelSpec, OpportunityKind, OpportunityWon
from abm_scoring.spec import Spec

_Facts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

#: Amounts are summed in this many parts of a unit of money, as integers, so that no sum depends on other accounts.
_PARTS = 10_000


class _Value(Spec):
    """What all sources share: how the value is fitted and what of it is earned."""

    gross_margin_rate: float = Field(
        1.0, gt=0, le=1, description="share of the value that is gross margin; 1 = expected value is revenue"
    )
    cap_quantile: float = Field(
        0.99, gt=0.5, le=1, description="conversions worth more than this quantile of them are read as that quantile"
    )
    min_wins: int = Field(
        60, ge=2, description="with fewer converted accounts of known value, all get one shrunken mean value"
    )

    def amounts(self, history: History, rows: pd.DataFrame, horizon_days: int) -> np.ndarray:
        """Value of each row's account in `[as_of, as_of + horizon)`, float64 [n]; NaN where none is recorded."""
        offsets, when, _, amount = self._facts(history)
        return _sums_within(offsets, when, amount, history, rows, (0, horizon_days * DAY))

    def past(self, history: History, rows: pd.DataFrame, days: int) -> np.ndarray:
        """The same in `[as_of − days, as_of)`, of what was known before `as_of`; 0 where there was nothing."""
        offsets, when, visible, amount = self._facts(history)
        known = np.maximum(when, visible)
        return np.nan_to_num(_sums_within(offsets, known, amount, history, rows, (-days * DAY, 0)))

    def typical(self, history: History, before: np.datetime64 | None) -> float | None:
        """Mean of what comparable things are worth, won or not; None where the source knows nothing of the kind."""
        return None

    def _facts(self, history: History) -> _Facts:
        """Offsets of accounts; when each fact happened (`NEVER` where it does not count), was known, and its amount."""
        raise NotImplementedError


class NoValue(_Value):
    """Conversions have no value in the data; no value is expected of anybody."""

    kind: Literal["none"] = "none"


class WonAmount(_Value):
    """The amounts of the opportunities won in the horizon, before cancellations."""

    kind: Literal["won_amount"]
    kinds: tuple[OpportunityKind, ...] = Field((), description="kinds of opportunity that count; empty = all")

    def typical(self, history: History, before: np.datetime64 | None) -> float | None:
        """Mean positive amount of all opportunities opened before a moment, lost and open ones included."""
        frame = history.facts["opportunities"].frame
        if "amount" not in frame:
            return None
        opened = moments(frame["created_at"], NEVER)
        kept = _of_kinds(frame, self.kinds) & _last_versions(history) & (frame["amount"] > 0).to_numpy()
        if before is not None:
            kept &= opened < before.astype("datetime64[us]").astype(np.int64)
        return float(frame["amount"].to_numpy("float64")[kept].mean()) if kept.any() else None

    def _facts(self, history: History) -> _Facts:
        facts = history.facts["opportunities"]
        frame = facts.frame
        if not {"amount", "closed_at"} <= set(frame):
            return facts.offsets, np.full(len(frame), NEVER), facts.visible, np.full(len(frame), np.nan)
        counts = _of_kinds(frame, self.kinds) & _last_versions(history)
        if "is_won" in frame:
            counts &= frame["is_won"].fillna(False).to_numpy(bool)
        when = np.where(counts, moments(frame["closed_at"], NEVER), NEVER)
        return facts.offsets, when, facts.visible, _amount(frame, "amount")


class Invoiced(_Value):
    """What was invoiced in the horizon, less credit notes."""

    kind: Literal["invoiced"]

    def _facts(self, history: History) -> _Facts:
        facts = history.facts["invoices"]
        when = moments(facts.frame["invoiced_on"], NEVER)
        return facts.offsets, when, facts.visible, _amount(facts.frame, "amount")


class EventValue(_Value):
    """The sum of `value` of events in the horizon."""

    kind: Literal["event_value"]
    event_types: tuple[str, ...] = Field(min_length=1, description="event types whose `value` counts")

    def _facts(self, history: History) -> _Facts:
        log = history.log
        wanted = [log.types.index(t) for t in self.event_types if t in log.types]
        when = np.where(np.isin(log.type_code, wanted), log.occurred, NEVER)
        return log.offsets, when, log.visible, log.numbers("value")


class AutoValue(_Value):
    """What the label's own table says: amounts of won opportunities, or the `value` of the label's events."""

    kind: Literal["auto"] = "auto"


Source = NoValue | WonAmount | Invoiced | EventValue


def _kind(given: object) -> str:
    return str(given.get("kind", "auto") if isinstance(given, dict) else getattr(given, "kind", "auto"))


ValueSpec = Annotated[
    Annotated[AutoValue, Tag("auto")]
    | Annotated[NoValue, Tag("none")]
    | Annotated[WonAmount, Tag("won_amount")]
    | Annotated[Invoiced, Tag("invoiced")]
    | Annotated[EventValue, Tag("event_value")],
    Discriminator(_kind),
]


def resolve_value(spec: ValueSpec, label: LabelSpec, history: History) -> Source:
    """The source that `auto` stands for with this label and these data; any other is returned as it is."""
    if not isinstance(spec, AutoValue):
        return spec
    shared = spec.model_dump(exclude={"kind"})
    if isinstance(label, OpportunityWon) and _any(history.facts["opportunities"].frame, "amount"):
        return WonAmount(kind="won_amount", kinds=label.kinds, **shared)
    if isinstance(label, EventOccurred) and not np.isnan(history.log.numbers("value")).all():
        return EventValue(kind="event_value", event_types=label.event_types, **shared)
    return NoValue(**shared)


def _any(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _of_kinds(frame: pd.DataFrame, kinds: tuple[OpportunityKind, ...]) -> np.ndarray:
    kind = frame["kind"].fillna("new") if "kind" in frame else pd.Series("new", frame.index)
    return kind.isin(kinds).to_numpy(bool) if kinds else np.ones(len(frame), bool)


def _last_versions(history: History) -> np.ndarray:
    """Which rows are the last known version of their opportunity; a deal must not be counted once a version."""
    facts = history.facts["opportunities"]
    last: np.ndarray = ~facts.frame["opportunity_id"].duplicated(keep="last").to_numpy()
    return last


def _amount(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy("float64", na_value=np.nan) if column in frame else np.full(len(frame), np.nan)


def _sums_within(
    offsets: np.ndarray,
    when: np.ndarray,
    amount: np.ndarray,
    history: History,
    rows: pd.DataFrame,
    window: tuple[int, int],
) -> np.ndarray:
    """Σ amount of each row's account with `as_of + window[0] <= when < as_of + window[1]`; NaN without any amount."""
    counts = (when != NEVER) & (when != ALWAYS) & ~np.isnan(amount)
    owner, when, amount = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[counts], when[counts], amount[counts]
    moment = np.unique(when)
    # Account and rank of the moment in one sortable number, so that one binary search serves every row.
    key = owner * (len(moment) + 1) + np.searchsorted(moment, when)
    order = np.argsort(key, kind="stable")
    total = np.concatenate([[0], np.cumsum(np.round(amount[order] * _PARTS).astype(np.int64))])
    base, as_of = history.codes(rows["account_id"]) * (len(moment) + 1), moments(rows["as_of"], NEVER)
    first, last = (np.searchsorted(key[order], base + count_before(moment, as_of + shift)) for shift in window)
    return np.where(last > first, (total[last] - total[first]) / _PARTS, np.nan)
