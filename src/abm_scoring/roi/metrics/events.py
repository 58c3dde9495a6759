"""Events in ascending time, as columns that metrics read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from abm_scoring.features.moments import NEVER, moments
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.periods import Period


@dataclass(frozen=True)
class Events:
    """Events in ascending time, as columns.

    Attributes:
        frame: The rows in that order.
        at: int64 microseconds.
        account: int32 codes.
        kind: Code of the type, `kinds` their names.
    """

    frame: pd.DataFrame
    at: np.ndarray
    account: np.ndarray
    kind: np.ndarray
    kinds: tuple[str, ...]
    of_contacts: pd.DataFrame
    spec: KpiSpec
    _kinds: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, frame: pd.DataFrame, ids: pd.Index, contacts: pd.DataFrame, spec: KpiSpec) -> Events:
        """Sort and code.

        Args:
            frame: Canonical events.
            ids: Sorted account ids; the place of an id is its code.
            contacts: Those that are known, by contact_id.
            spec: What counts as what.
        """
        at = moments(frame["occurred_at"], NEVER)
        if len(at) > 1 and (np.diff(at) < 0).any():
            order = np.argsort(at, kind="stable")
            frame, at = frame.take(order).reset_index(drop=True), at[order]
        else:
            frame = frame.reset_index(drop=True)
        account = ids.get_indexer(pd.Index(frame["account_id"])).astype(np.int32)
        kind, kinds = pd.factorize(frame["event_type"])
        return cls(frame, at, account, kind.astype(np.int16), tuple(map(str, kinds)), contacts, spec)

    def __len__(self) -> int:
        return len(self.at)

    def during(self, period: Period) -> slice:
        """Rows of a period."""
        return slice(*np.searchsorted(self.at, [period.begin, period.stop]).tolist())

    def is_kind(self, *types: str) -> np.ndarray:
        """bool [events]: of one of these types."""
        if types not in self._kinds:
            table = np.array([name in types for name in self.kinds], dtype=bool)
            self._kinds[types] = table[self.kind] if len(table) else np.zeros(0, bool)
        return self._kinds[types]

    def knows(self, *types: str) -> bool:
        """Whether there is any event of these types."""
        return any(name in types for name in self.kinds)

    @cached_property
    def touch(self) -> np.ndarray:
        """bool: a contact with the brand, which a recorded qualification is not."""
        return ~self.is_kind(*self.spec.events.sql)

    @cached_property
    def marketing(self) -> np.ndarray:
        """bool: a touch that is not sales'."""
        return ~self.is_kind(*self.spec.sales_event_types) & self.touch

    @cached_property
    def inbound(self) -> np.ndarray:
        """bool: begun by the account; where the direction is not given, everything but what a business sends."""
        sent = self.spec.events
        pushed = self.is_kind(*sent.email_sent, *sent.email_delivered, *sent.email_bounce, *sent.ad_impression)
        if "direction" not in self.frame:
            return ~pushed & self.touch
        told = self.frame["direction"].to_numpy(object)
        return np.where(self.frame["direction"].isna(), ~pushed, told == "inbound").astype(bool) & self.touch

    @cached_property
    def contact(self) -> np.ndarray:
        """int64 codes of contacts, -1 = none; those of the contacts table first, in its order."""
        return self._coded("contact_id", self.of_contacts.index)

    @cached_property
    def contents(self) -> tuple[np.ndarray, pd.Index]:
        """Codes of content items, -1 = none, and their ids."""
        return self._factorised("content_id")

    @cached_property
    def campaigns(self) -> tuple[np.ndarray, pd.Index]:
        """Codes of campaigns, -1 = none, and their ids."""
        return self._factorised("campaign_id")

    @cached_property
    def channels(self) -> tuple[np.ndarray, pd.Index]:
        """Codes of channels, -1 = none, and their names."""
        return self._factorised("channel")

    @cached_property
    def variants(self) -> tuple[np.ndarray, pd.Index]:
        """Codes of variants, -1 = none, and their ids."""
        return self._factorised("variant_id")

    def number(self, name: str) -> np.ndarray:
        """A column of numbers; NaN where the table has none."""
        if name not in self.frame:
            return np.full(len(self), np.nan)
        return self.frame[name].to_numpy(float, na_value=np.nan)

    def _factorised(self, name: str) -> tuple[np.ndarray, pd.Index]:
        if name not in self.frame:
            return np.full(len(self), -1), pd.Index([], dtype=object)
        codes, found = pd.factorize(self.frame[name], sort=True)
        return codes.astype(np.int64), pd.Index(found)

    def _coded(self, name: str, known: pd.Index) -> np.ndarray:
        codes, found = self._factorised(name)
        place = known.get_indexer(found)
        strangers = place < 0
        place[strangers] = len(known) + np.arange(strangers.sum())
        return np.append(place, -1)[codes]
