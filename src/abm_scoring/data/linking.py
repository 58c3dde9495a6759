"""Rows of one table matched to those of another: events to accounts through contacts, and everything to accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from abm_scoring.data.text_columns import text_of

#: Tables whose rows are of no use without their account.
LINKED = ("contacts", "events", "opportunities", "invoices")
_ALWAYS = pd.Timestamp("1900-01-01", tz="UTC").as_unit("us")


@dataclass(frozen=True)
class Orphans:
    """Rows of a table whose account is not among the accounts.

    Attributes:
        rows: Boolean mask over the table.
        examples: Up to five of the unknown ids, sorted.
        hint: Why, where the ids would match but for leading zeros, a trailing `.0`, letter case or spaces.
    """

    rows: np.ndarray
    examples: tuple[str, ...]
    hint: str


def attribute(events: pd.DataFrame, contacts: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Give events without account the account of their contact.

    The contact's version known last when the event happened counts, else the one known first afterwards; versions
    without account do not. `known_at` becomes the later one of the event's and that version's, so that an attribution
    is never known before the contact was (empty = always known).

    Args:
        events: Canonical events.
        contacts: Canonical contacts.

    Returns:
        Events with `account_id`, and how many rows got theirs from a contact.
    """
    events = events.assign(account_id=_column(events, "account_id", "str"))
    if "contact_id" not in events or "account_id" not in contacts:
        return events, 0
    lone = np.flatnonzero(events["account_id"].isna() & events["contact_id"].notna())
    lone = lone[_among(events["contact_id"].iloc[lone], contacts["contact_id"])] if len(contacts) else lone[:0]
    if not len(lone):
        return events, 0
    found = _versions_at(events.iloc[lone][["contact_id", "occurred_at"]], contacts)
    account = events["account_id"].copy()
    account.iloc[lone] = found["account_id"].array
    events = events.assign(account_id=account)
    since = found["known_at"].where(found["known_at"] > _ALWAYS)
    if since.notna().any():
        known = _column(events, "known_at", "datetime64[us, UTC]").copy()
        both = pd.concat([known.iloc[lone].reset_index(drop=True), since], axis=1)
        known.iloc[lone] = both.max(axis=1).array
        events = events.assign(known_at=known)
    return events, int(found["account_id"].notna().sum())


def _versions_at(wanted: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """account_id and known_at of each contact's version, in the order of `wanted`; `_ALWAYS` where it has no date."""
    versions = contacts.loc[contacts["account_id"].notna(), ["contact_id", "account_id"]]
    versions = versions.assign(known_at=_column(contacts, "known_at", "datetime64[us, UTC]").fillna(_ALWAYS))
    versions = versions.sort_values(["known_at", "contact_id"])
    wanted = wanted.reset_index(drop=True).reset_index(names="at").sort_values("occurred_at", kind="stable")
    before, after = (
        pd.merge_asof(wanted, versions, left_on="occurred_at", right_on="known_at", by="contact_id", direction=way)
        .set_index("at")
        .sort_index()[["account_id", "known_at"]]
        for way in ("backward", "forward")
    )
    return before.where(before["account_id"].notna(), after)


def orphans(frame: pd.DataFrame, accounts: pd.DataFrame) -> Orphans:
    """Rows whose `account_id` no account has; rows without one are no orphans."""
    ids = frame["account_id"]
    rows = ids.notna().to_numpy(dtype=bool) & ~_among(ids, accounts["account_id"])
    return lost(ids, rows, Spelling(accounts["account_id"]))


def lost(ids: pd.Series, rows: np.ndarray, spelling: Spelling) -> Orphans:
    """What there is to say of the rows whose account is unknown.

    Args:
        ids: Accounts of all rows.
        rows: Mask of those that are unknown.
        spelling: Of the known ones.
    """
    if not rows.any():
        return Orphans(rows, (), "")
    unknown = ids[rows].drop_duplicates()
    return Orphans(rows, tuple(unknown.sort_values().head(5)), spelling.hint(unknown))


@dataclass(frozen=True)
class ContactIndex:
    """Contacts found by their id without going through all of them.

    Attributes:
        contacts: Canonical contacts.
        hash: uint64 of texts, 0 where there is none.
        keys, order: Hashes of the contacts' ids, ascending, and the rows that they belong to.
    """

    contacts: pd.DataFrame
    hash: Callable[[pa.ChunkedArray], np.ndarray]
    keys: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, contacts: pd.DataFrame, hash: Callable[[pa.ChunkedArray], np.ndarray]) -> ContactIndex:
        """Of all versions of contacts."""
        keys = hash(text_of(contacts["contact_id"]))
        order = np.argsort(keys, kind="stable").astype(np.int32 if len(keys) < 2**31 else np.int64)
        return cls(contacts, hash, keys[order], order)

    def those_of(self, events: pd.DataFrame) -> pd.DataFrame:
        """All versions of the contacts of the events that name no account, in their order; perhaps of a few others."""
        if "contact_id" not in events or not len(self.keys):
            return self.contacts.iloc[:0]
        own = events["contact_id"]
        own = own[events["account_id"].isna()] if "account_id" in events else own
        wanted = np.unique(self.hash(text_of(own)))
        wanted = wanted[wanted != 0]
        first, behind = (np.searchsorted(self.keys, wanted, side) for side in ("left", "right"))
        places = np.repeat(first - np.cumsum(behind - first) + behind - first, behind - first)
        return self.contacts.take(np.sort(self.order[places + np.arange(len(places))]))


def _among(texts: pd.Series, known: pd.Series) -> np.ndarray:
    """bool [n]: which texts are known; pandas would go through all of `known` text by text."""
    if not len(texts):
        return np.zeros(0, dtype=bool)
    return np.asarray(pc.is_in(text_of(texts), text_of(known)).to_numpy(), dtype=bool)


@dataclass(frozen=True)
class Spelling:
    """How known ids are written.

    Attributes:
        known: The ids.
    """

    known: pd.Series

    @cached_property
    def _by_plain(self) -> dict[str, str]:
        known = self.known.drop_duplicates()
        return dict(zip(_plain(known), known, strict=True))

    def hint(self, unknown: pd.Series) -> str:
        """Say so when at least half of some distinct unknown ids differ from known ones in their spelling only."""
        plain = _plain(unknown)
        near = np.fromiter((text in self._by_plain for text in plain), dtype=bool, count=len(plain))
        if not len(near) or near.mean() < 0.5:
            return ""
        theirs, ours = unknown[near].iloc[0], self._by_plain[plain[near].iloc[0]]
        return (
            f"{theirs!r} here is {ours!r} in accounts (leading zeros, .0, case or spaces): bring ids to one spelling; "
        )


def _plain(ids: pd.Series) -> pd.Series:
    return ids.str.strip().str.replace(r"\.0+$", "", regex=True).str.lstrip("0").str.lower()


def _column(frame: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(index=frame.index, dtype=dtype)
