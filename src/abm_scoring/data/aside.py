"""Rows of accounts that are too many to hold beside each other: laid aside as they are read, put away when linked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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

#: Columns of which families are made, and through which events find their account.
_FAMILIES = ("account_id", "parent_account_id")
_CONTACTS = ("contact_id", "account_id", "known_at", "objected_at")


@dataclass(frozen=True)
class Put:
    """What is known of tables whose rows were put away.

    Attributes:
        frames: Their columns without rows; of accounts, what families are made of, with all rows.
        shapes: The same with all columns, without rows.
        linking: What events are linked through, with all rows.
        reports: What was counted; accounts are counted with the other tables.
        lost: Tables with too many rows of unknown accounts.
        undated: Contacts without `known_at`.
    """

    frames: Mapping[str, pd.DataFrame]
    shapes: Mapping[str, pd.DataFrame]
    linking: Mapping[str, pd.DataFrame]
    reports: Mapping[str, TableReport]
    lost: tuple[Violation, ...]
    undated: int


def laid(shelf: Shelf, name: str, done: Conformed) -> Conformed:
    """A table that was read, with its rows on the shelf."""
    shelf.lay(name, done.frame)
    return replace(done, frame=without_rows(done.frame))


def brought_back(shelf: Shelf, conformed: Mapping[str, Conformed]) -> dict[str, Conformed]:
    """All tables with their rows."""
    return {n: replace(c, frame=shelf.fetch(n)) if n in LINKED else c for n, c in conformed.items()}


def put_away(
    shelf: Shelf,
    conformed: dict[str, Conformed],
    checks: ChecksSpec,
    privacy: PrivacySpec,
    as_of: datetime | None,
    currency: str | None,
) -> Put:
    """Link the tables on the shelf one after the other, so that one of them is held at a time, and put them away.

    Args:
        shelf: Has the rows of the tables that are linked by `account_id`.
        conformed: All tables but the events; `accounts` is left with what families are made of.
        checks, privacy, as_of, currency: See `load_tables`.

    Raises:
        BadDataError: An amount has no exchange rate, or contact ids are e-mail addresses and nothing hashes them.
        MissingInputError: There is no salt to hash them with.
    """
    accounts, rates = conformed["accounts"], conformed.get("exchange_rates")
    beside = {"exchange_rates": rates.frame} if rates is not None else {}
    narrow = _some(accounts.frame, _FAMILIES)
    frames, linking = {"accounts": narrow}, {"accounts": narrow}
    shapes = {"accounts": without_rows(accounts.frame)}
    reports: dict[str, TableReport] = {}
    lost: list[Violation] = []
    undated = 0
    for name in (n for n in conformed if n in LINKED):
        done = replace(conformed[name], frame=shelf.fetch(name))
        if name == "contacts":
            linking[name] = _some(done.frame, _CONTACTS)
        try:
            given = {"accounts": replace(accounts, frame=narrow), name: done}
            known, counted, _ = linked(given, checks, MatchingSpec(), Path(), as_of)
        except RulesBroken as error:
            lost += error.violations
            continue
        frame = private({name: known[name]}, privacy)[name]
        if currency is not None:
            frame = in_project_currency(Tables({**beside, name: frame}), currency)[name]
        if name == "contacts":
            undated = int(frame["known_at"].isna().sum()) if "known_at" in frame else len(frame)
        if "account_id" in frame:  # else nothing can be made of its rows
            shelf.put(name, frame, narrow)
        frames[name] = shapes[name] = without_rows(frame)
        reports[name] = counted[name]
    shelf.put("accounts", accounts.frame, narrow)
    conformed["accounts"] = replace(accounts, frame=narrow)
    return Put(frames, shapes, linking, reports, tuple(lost), undated)


def _some(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame[[name for name in names if name in frame]].copy()
