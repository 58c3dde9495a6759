"""Rows of accounts that are too many to hold beside each other: laid aside as they are read, put away when linked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from abm_scoring.data.checks import ChecksSpec, Conformed
from abm_scoring.data.currency import in_project_currency
from abm_scoring.data.linking import LINKED
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.privacy import PrivacySpec, private
from abm_scoring.data.reports import TableReport, linked
from abm_scoring.data.streaming import Shelf, without_rows
from abm_scoring.data.tables import Tables
from abm_scoring.data.violations import RulesBroken, Violation

#: Tables that go through files where events do: accounts, and what is linked to them by id.
LAID = frozenset({"accounts", *LINKED} - {"events"})
#: Columns of which families are made, and through which events find their account.
_FAMILIES = ("account_id", "parent_account_id")
_CONTACTS = ("contact_id", "account_id", "known_at", "objected_at")


@dataclass
class Put:
    """What is known of tables whose rows were put away.

    Attributes:
        frames: Their columns without rows; of accounts, what families are made of, with all rows.
        linking: What events are linked through, with all rows.
        reports: What was counted; accounts are counted with the tables that are held.
        lost: Tables with too many rows of unknown accounts.
        shapes: All columns of each.
        undated: Contacts without `known_at`.
    """

    frames: dict[str, pd.DataFrame]
    linking: dict[str, pd.DataFrame]
    reports: dict[str, TableReport]
    lost: list[Violation]
    shapes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    undated: int = 0


def laid(shelf: Shelf, name: str, done: Conformed) -> Conformed:
    """A table that was read, with its rows on the shelf; of accounts, what families are made of stays."""
    shelf.lay(name, done.frame)
    return replace(done, frame=_some(done.frame, _FAMILIES) if name == "accounts" else without_rows(done.frame))


def brought_back(shelf: Shelf, conformed: Mapping[str, Conformed]) -> dict[str, Conformed]:
    """All tables with their rows."""
    return {n: replace(c, frame=shelf.fetch(n)) if n in LAID else c for n, c in conformed.items()}


def put_away(
    shelf: Shelf,
    conformed: Mapping[str, Conformed],
    checks: ChecksSpec,
    privacy: PrivacySpec,
    as_of: datetime | None,
    currency: str | None,
) -> Put:
    """Link the tables on the shelf one after the other, so that one of them is held at a time, and put them away.

    Args:
        shelf: Has the rows of `LAID`.
        conformed: All tables but the events, those on the shelf as `laid` leaves them.
        checks, privacy, as_of, currency: See `load_tables`.

    Raises:
        BadDataError: An amount has no exchange rate, or contact ids are e-mail addresses and nothing hashes them.
        MissingInputError: There is no salt to hash them with.
    """
    accounts = conformed["accounts"].frame
    put = Put({"accounts": accounts}, {"accounts": accounts}, {}, [])
    for name in (n for n in conformed if n in LAID):
        rows = shelf.fetch(name)
        if name == "contacts":
            put.linking[name] = _some(rows, _CONTACTS)
        if name != "accounts":
            try:
                rows = _ready(name, rows, conformed, put, checks, privacy, as_of, currency)
            except RulesBroken as error:
                put.lost.extend(error.violations)
                continue
        if name == "contacts":
            put.undated = undated(rows)
        put.shapes[name] = tuple(map(str, rows))
        put.frames.setdefault(name, without_rows(rows))
        if "account_id" in rows:  # else nothing can be made of them
            shelf.put(name, rows, accounts)
        del rows
    return put


def _ready(
    name: str,
    rows: pd.DataFrame,
    conformed: Mapping[str, Conformed],
    put: Put,
    checks: ChecksSpec,
    privacy: PrivacySpec,
    as_of: datetime | None,
    currency: str | None,
) -> pd.DataFrame:
    """The rows of a table as partitions are given them; raises where too many have no account."""
    given = {"accounts": conformed["accounts"], name: replace(conformed[name], frame=rows)}
    known, counted, _ = linked(given, checks, MatchingSpec(), Path(), as_of)
    put.reports[name] = counted[name]
    frames = private({name: known[name]}, privacy)
    if currency is None:
        return frames[name]
    rates = {n: conformed[n].frame for n in ("exchange_rates",) if n in conformed}
    return in_project_currency(Tables(rates | frames), currency)[name]


def undated(contacts: pd.DataFrame) -> int:
    """Contacts of which nobody can say when they became known."""
    return int(contacts["known_at"].isna().sum()) if "known_at" in contacts else len(contacts)


def _some(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame[[name for name in names if name in frame]].copy()
