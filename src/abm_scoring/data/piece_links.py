"""Events linked to their accounts a piece at a time: what that takes, what it gives, and counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.linking import ContactIndex, Orphans, Spelling, attribute, lost, orphans
from abm_scoring.data.privacy import PrivacySpec, private
from abm_scoring.data.text_columns import text_of

#: What linking looks at and may change.
_LINKS = ("occurred_at", "account_id", "contact_id", "known_at")


@dataclass(frozen=True)
class Linked:
    """Events of known accounts, not yet taken out of the others.

    Attributes:
        told: What linking made of some columns, one row an event.
        events: All events, with the other columns.
        rows: int64, the place of each row of `told` among them.
    """

    told: pd.DataFrame
    events: pd.DataFrame
    rows: np.ndarray

    def frame(self, order: np.ndarray | None = None) -> pd.DataFrame:
        """All columns, in the order of the events or in another one.

        Args:
            order: Places in `told`.
        """
        told, rows = (self.told, self.rows) if order is None else (_at(self.told, order), self.rows[order])
        rest = self.events[[name for name in self.events if name not in told]]
        return pd.concat([told, _at(rest, rows)], axis=1)[list(dict.fromkeys((*self.events, *told)))]


@dataclass(frozen=True)
class LinkTally:
    """What linking counted; pieces add up.

    Attributes:
        accepted: Events of known accounts.
        attributed: Events that got their account from their contact.
        anonymous, orphans: Events of no account, and of unknown ones.
        late, future: Accepted events known only after they happened, and those at or after `as_of`.
        past, past_anonymous: Events before `as_of`, and those of them without account.
        newest: When the newest accepted event occurred; None without any.
        examples, hint: Unknown accounts, and why they may be unknown.
    """

    accepted: int = 0
    attributed: int = 0
    anonymous: int = 0
    orphans: int = 0
    late: int = 0
    future: int = 0
    past: int = 0
    past_anonymous: int = 0
    newest: pd.Timestamp | None = None
    examples: tuple[str, ...] = ()
    hint: str = ""

    def plus(self, other: LinkTally) -> LinkTally:
        """Both together."""
        added = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.type == "int"}
        return LinkTally(
            **added,
            newest=max((n for n in (self.newest, other.newest) if n is not None), default=None),
            examples=tuple(sorted({*self.examples, *other.examples})[:5]),
            hint=self.hint or other.hint,
        )


@dataclass(frozen=True)
class Linker:
    """What events are linked through, prepared once for all pieces.

    Attributes:
        find: Rows of events whose account is unknown.
        contacts: Through which events find their account.
        objecting: The contacts that objected; all that privacy asks of contacts here.
        privacy: What happens to contact ids and objections.
        as_of: See `load_tables`.
        index: Through which the contacts of some events are found, where there are many contacts.
    """

    find: Callable[[pd.DataFrame], Orphans]
    contacts: pd.DataFrame
    objecting: pd.DataFrame
    privacy: PrivacySpec
    as_of: datetime | None
    index: ContactIndex | None = None

    @classmethod
    def of(cls, frames: Mapping[str, pd.DataFrame], privacy: PrivacySpec, as_of: datetime | None) -> Linker:
        """From `accounts` and, where there are any, `contacts`, not yet made private."""
        accounts = frames["accounts"]
        contacts = frames.get("contacts", pd.DataFrame({"contact_id": pd.Series(dtype="str")}))
        said = contacts["objected_at"].notna() if "objected_at" in contacts else np.zeros(len(contacts), dtype=bool)
        return cls(lambda events: orphans(events, accounts), contacts, contacts[said], privacy, as_of)

    @classmethod
    def through(
        cls,
        owners: Callable[[pa.ChunkedArray], np.ndarray],
        hashes: Callable[[pa.ChunkedArray], np.ndarray],
        frames: Mapping[str, pd.DataFrame],
        privacy: PrivacySpec,
        as_of: datetime | None,
    ) -> Linker:
        """The same for many pieces: accounts and contacts are not gone through for each of them.

        Args:
            owners: The place of each account id, -1 for what is no account.
            hashes: uint64 of texts, 0 where there is none.
            frames, privacy, as_of: See `of`.
        """
        spelling = Spelling(frames["accounts"]["account_id"])

        def find(events: pd.DataFrame) -> Orphans:
            ids = events["account_id"]
            return lost(ids, ids.notna().to_numpy(dtype=bool) & (owners(text_of(ids)) < 0), spelling)

        linker = cls.of(frames, privacy, as_of)
        return replace(linker, find=find, index=ContactIndex.of(linker.contacts, hashes))

    def link(self, events: pd.DataFrame) -> tuple[pd.DataFrame, LinkTally]:
        """The events that have a known account, and counts."""
        found, counts = self.linked(events)
        return found.frame(), counts

    def linked(self, events: pd.DataFrame, but: np.ndarray | None = None) -> tuple[Linked, LinkTally]:
        """The same with all columns that linking does not look at left where they are.

        Args:
            events: Canonical events.
            but: Mask of events that are left aside; None = all are linked.
        """
        rows = np.arange(len(events)) if but is None or not but.any() else np.flatnonzero(~but)
        told = _at(events[[name for name in events if name in _LINKS]], rows)
        if "known_at" in self.contacts and "known_at" not in told:  # one piece may get dates that another does not
            told = told.assign(known_at=pd.Series(pd.NaT, told.index, "datetime64[us, UTC]"))
        told, attributed = attribute(told, self.contacts if self.index is None else self.index.those_of(told))
        nameless = told["account_id"].isna().to_numpy(dtype=bool)
        stray = self.find(told)
        past = _past(told, self.as_of)
        good = np.flatnonzero(~(nameless | stray.rows))
        told = private({"contacts": self.objecting, "events": _at(told, good)}, self.privacy)["events"]
        return Linked(told, events, rows[good]), LinkTally(
            accepted=len(told),
            attributed=attributed,
            anonymous=int(nameless.sum()),
            orphans=int(stray.rows.sum()),
            late=int((told["known_at"] > told["occurred_at"]).sum()) if "known_at" in told else 0,
            future=int((told["occurred_at"] >= pd.Timestamp(self.as_of)).sum()) if self.as_of is not None else 0,
            past=int(past.sum()),
            past_anonymous=int((past & nameless).sum()),
            newest=told["occurred_at"].max() if len(told) else None,
            examples=stray.examples,
            hint=stray.hint,
        )


def _at(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Some rows; the frame itself where these are all of them in their order."""
    whole = len(rows) == len(frame) and bool((rows == np.arange(len(rows))).all())
    return frame if whole else frame.take(rows).reset_index(drop=True)


def _past(events: pd.DataFrame, as_of: datetime | None) -> np.ndarray:
    """Events that happened and were known before a moment; all where none is given."""
    past = np.ones(len(events), dtype=bool)
    if as_of is not None:
        for column in (c for c in ("occurred_at", "known_at") if c in events):
            past &= ~(events[column] >= pd.Timestamp(as_of)).to_numpy(bool)
    return past
