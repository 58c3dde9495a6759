"""What a conversion is worth: amounts that fell due to an account inside a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Discriminator, Field, Tag

from abm_scoring.features.history import History
from abm_scoring.features.moments import ALWAYS, DAY, NEVER, count_before, moments
from abm_scoring.features.seen import Seen
from abm_scoring.learning.labels import EventOccurred, LabelSpec, OpportunityKind, OpportunityWon
from abm_scoring.spec import Spec

_Facts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

#: Amounts are summed in this many parts of a unit of money, as integers, so that no sum depends on other accounts.
_PARTS = 10_000


@dataclass(frozen=True)
class Recorded:
    """The amounts that a source of values knows, apart from the history that they came from.

    Attributes:
        facts: By account_id, then as in the history: `account_id`, `when` (int64 microseconds, `NEVER` where it does
            not count), `visible` (when it was known), `amount` (float64); of opportunities also `deal`, `opened` and
            `comparable`, whether the amount says what a deal is worth, won or not.
    """

    facts: pd.DataFrame

    def amounts(self, rows: pd.DataFrame, horizon_days: int) -> np.ndarray:
        """Value of each row's account in `[as_of, as_of + horizon)`, float64 [n]; NaN where none is recorded."""
        return self._sums(self.facts["when"].to_numpy(), rows, (0, horizon_days * DAY))

    def past(self, rows: pd.DataFrame, days: int) -> np.ndarray:
        """The same in `[as_of − days, as_of)`, of what was known before `as_of`; 0 where there was nothing."""
        known = np.maximum(self.facts["when"].to_numpy(), self.facts["visible"].to_numpy())
        return np.nan_to_num(self._sums(known, rows, (-days * DAY, 0)))

    def typical(self, before: np.datetime64 | None) -> float | None:
        """Mean positive amount of all opportunities opened before a moment, lost and open ones included.

        None where the source knows nothing of the kind.
        """
        if "comparable" not in self.facts:
            return None
        kept = self.facts["comparable"].to_numpy(bool)
        if before is not None:
            kept = kept & (self.facts["opened"].to_numpy() < before.astype("datetime64[us]").astype(np.int64))
        return float(self.facts["amount"].to_numpy("float64")[kept].mean()) if kept.any() else None

    def _sums(self, when: np.ndarray, rows: pd.DataFrame, window: tuple[int, int]) -> np.ndarray:
        owner, accounts = pd.factorize(self.facts["account_id"])
        code = pd.Index(accounts).get_indexer(pd.Index(rows["account_id"]))
        amount = self.facts["amount"].to_numpy("float64")
        return _sums_within(owner, when, amount, code, moments(rows["as_of"], NEVER), window)


def put_together(parts: Sequence[Recorded]) -> Recorded:
    """The amounts of all partitions, as one history would tell them."""
    if len(parts) == 1:
        return parts[0]
    every = pd.concat([part.facts for part in parts], ignore_index=True)
    every = every.sort_values("account_id", kind="stable", ignore_index=True)
    if "deal" in every:
        # A deal that went to another account must not be counted once an account.
        every = every[~every["deal"].duplicated(keep="last")].reset_index(drop=True)
    return Recorded(every)


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

    def recorded(self, history: History) -> Recorded:
        """The amounts that a history holds; see `put_together` for those of partitions."""
        offsets, when, visible, amount = self._facts(history)
        kept = _counts(when, amount) | self._needed(history)
        owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[kept]
        columns = {"account_id": history.account_ids[owner], "when": when[kept], "visible": visible[kept]}
        more = {name: values[kept] for name, values in self._more(history).items()}
        return Recorded(pd.DataFrame({**columns, "amount": amount[kept], **more}).reset_index(drop=True))

    def _needed(self, history: History) -> np.ndarray | bool:
        """Which facts are needed though they are no amount that counts."""
        return False

    def _more(self, history: History) -> dict[str, np.ndarray]:
        """What else is told of each fact."""
        return {}

    def _facts(self, history: History) -> _Facts:
        """Offsets of accounts; when each fact happened (`NEVER` where it does not count), was known, and its amount."""
        raise NotImplementedError


class NoValue(_Value):
    """Conversions have no value in the data; no value is expected of anybody."""

    kind: Literal["none"] = "none"

    def recorded(self, history: History) -> Recorded:
        """Nothing."""
        return Recorded(pd.DataFrame({"account_id": pd.Series(dtype="str")}))


class WonAmount(_Value):
    """The amounts of the opportunities won in the horizon, before cancellations."""

    kind: Literal["won_amount"]
    kinds: tuple[OpportunityKind, ...] = Field((), description="kinds of opportunity that count; empty = all")

    def _needed(self, history: History) -> np.ndarray | bool:
        """Of every deal its last version: it may be comparable, or stand where a deal has gone to another account."""
        return _last_versions(history)

    def _more(self, history: History) -> dict[str, np.ndarray]:
        """The deal, when it was opened, and whether its amount says what a deal is worth, won or not."""
        frame = history.facts["opportunities"].frame
        return {
            "deal": frame["opportunity_id"].to_numpy(object),
            "opened": moments(frame["created_at"], NEVER),
            "comparable": _of_kinds(frame, self.kinds) & (_amount(frame, "amount") > 0),
        }

    def _facts(self, history: History) -> _Facts:
        facts = history.facts["opportunities"]
        frame = facts.frame
        if "closed_at" not in frame:
            return facts.offsets, np.full(len(frame), NEVER), facts.visible, _amount(frame, "amount")
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


def resolve_value(spec: ValueSpec, label: LabelSpec, seen: Seen) -> Source:
    """The source that `auto` stands for with this label and these data; any other is returned as it is."""
    if not isinstance(spec, AutoValue):
        return spec
    shared = spec.model_dump(exclude={"kind"})
    if isinstance(label, OpportunityWon) and seen.knows("opportunities", "amount"):
        return WonAmount(kind="won_amount", kinds=label.kinds, **shared)
    if isinstance(label, EventOccurred) and seen.knows("events", "value"):
        return EventValue(kind="event_value", event_types=label.event_types, **shared)
    return NoValue(**shared)


def asked_of(spec: ValueSpec, label: LabelSpec) -> tuple[tuple[str, str], ...]:
    """Tables and columns of which `resolve_value` must know whether they say anything."""
    if not isinstance(spec, AutoValue):
        return ()
    return (("events", "value"),) if isinstance(label, EventOccurred) else (("opportunities", "amount"),)


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


def _counts(when: np.ndarray, amount: np.ndarray) -> np.ndarray:
    counts: np.ndarray = (when != NEVER) & (when != ALWAYS) & ~np.isnan(amount)
    return counts


def _sums_within(
    owner: np.ndarray,
    when: np.ndarray,
    amount: np.ndarray,
    code: np.ndarray,
    as_of: np.ndarray,
    window: tuple[int, int],
) -> np.ndarray:
    """Σ amount of each row's account with `as_of + window[0] <= when < as_of + window[1]`; NaN without any amount.

    Args:
        owner, when, amount: Account, moment and amount of each fact.
        code, as_of: Account and moment of each row; -1 = an account without facts.
        window: Microseconds.
    """
    counts = _counts(when, amount)
    owner, when, amount = owner[counts], when[counts], amount[counts]
    moment = np.unique(when)
    # Account and rank of the moment in one sortable number, so that one binary search serves every row.
    key = owner * (len(moment) + 1) + np.searchsorted(moment, when)
    order = np.argsort(key, kind="stable")
    total = np.concatenate([[0], np.cumsum(np.round(amount[order] * _PARTS).astype(np.int64))])
    base = code * (len(moment) + 1)
    first, last = (np.searchsorted(key[order], base + count_before(moment, as_of + shift)) for shift in window)
    return np.where((last > first) & (code >= 0), (total[last] - total[first]) / _PARTS, np.nan)
