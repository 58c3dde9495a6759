"""The time door: the only way from tables to features, cut at `as_of` for every row.

A `History` holds the tables. It hands out a `View` for rows of (account, as_of), and a view answers questions about
each row's account from nothing but what was known before that row's `as_of`. Feature families see views, never tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.features.events import EventLog, event_log
from abm_scoring.features.facts import RULES, Facts, became_customer, mask, sealed_facts
from abm_scoring.features.moments import ALWAYS, NEVER, is_before, micros, moments, timestamps
from abm_scoring.features.noise_spec import NoiseSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from abm_scoring.features.columnar import ParquetColumns
    from abm_scoring.features.measures import Dimension
    from abm_scoring.features.text import TextIndex


@dataclass(frozen=True)
class History:
    """All that is known of all accounts before one moment, `until`.

    Attributes:
        account_ids: Sorted account ids; an account's code is its place here.
        until: Nothing at or after this moment is in here.
        observed_from, observed_until: First event, and the moment up to which facts have been seen.
        timezone: Zone in which dates begin.
        facts, log: The tables and the events; for this module, the context stage and the kernel.
        family: int64 [accounts], code of the widest family an account ever belongs to.
        family_offsets, family_members: Account codes of each such family, in compressed sparse rows.
        index: Lookup of account ids.
    """

    account_ids: pd.Index
    until: pd.Timestamp
    observed_from: pd.Timestamp
    observed_until: pd.Timestamp
    timezone: str
    facts: Mapping[str, Facts]
    log: EventLog
    family: np.ndarray
    family_offsets: np.ndarray
    family_members: np.ndarray
    index: TextIndex

    @classmethod
    def of(
        cls,
        tables: Tables,
        until: pd.Timestamp,
        timezone: str = "UTC",
        events: pa.Table | ParquetColumns | None = None,
        noise: NoiseSpec | None = None,
    ) -> History:
        """Seal tables at `until`: what could not be known before it is left out for good.

        Args:
            tables: The canonical tables.
            until: Nothing at or after this moment is taken in.
            timezone: Zone in which dates begin.
            events: The events where they are held in Arrow, or lie in a file, instead of in `tables`.
            noise: What to do about implausible activity; None = nothing.
        """
        from abm_scoring.features.noise import without_noise
        from abm_scoring.features.text import TextIndex, distinct

        ids = distinct(tables["accounts"]["account_id"])
        index, limit = TextIndex.of(ids), micros(until)
        facts = {name: sealed_facts(name, tables[name], index, limit) for name in RULES}
        log = event_log(tables["events"] if events is None else events, index, limit)
        if noise is not None:
            log = without_noise(log, noise)
        seen = observed(*dated_span(facts, log), limit)
        return cls(ids, until, *seen, timezone, facts, log, *_family_index(tables["accounts"], ids), index)

    @property
    def event_types(self) -> tuple[str, ...]:
        """Types of events seen, sorted."""
        return self.log.types

    def columns(self, table: str) -> frozenset[str]:
        """Columns of a table."""
        return frozenset(map(str, self.log.source if table == "events" else self.facts[table].frame))

    def frequencies(self, dimension: Dimension) -> dict[str, int]:
        """How many events have each value of a dimension; of seniority, how many contacts."""
        if dimension == "seniority":
            levels = self.facts["contacts"].frame.get("seniority", pd.Series(dtype="str")).dropna()
            return {str(level): int(n) for level, n in levels.value_counts().items()}
        codes, names = self.log.categories(dimension)
        return dict(zip(names, np.bincount(codes[codes >= 0], minlength=len(names)).tolist(), strict=True))

    def knows(self, table: str, column: str) -> bool:
        """Whether any row of a table says something in a column; of events, in a column of numbers."""
        if table == "events":
            return not np.isnan(self.log.numbers(column)).all()
        frame = self.facts[table].frame
        return column in frame and bool(frame[column].notna().any())

    def codes(self, account_id: pd.Series) -> np.ndarray:
        """Codes of account ids, int64.

        Raises:
            BadDataError: An id is not an account.
        """
        from abm_scoring.data.text_columns import text_of

        code = self.index.codes(text_of(account_id)).astype("int64")
        if (code < 0).any():
            unknown = account_id[code < 0].iloc[0]
            raise BadDataError(f"no account has the id {unknown!r}", fix="ask only for rows of accounts in the table")
        return code

    def creations(self) -> np.ndarray:
        """int64 [accounts]: when each account was first known; `ALWAYS` where the table does not say."""
        accounts = self.facts["accounts"]
        first = np.full(len(self.account_ids), NEVER)
        np.minimum.at(first, _owner(accounts.offsets), accounts.visible)
        return first

    def first_events(self) -> np.ndarray:
        """int64 [accounts]: when the first event of each account could be known; `NEVER` where there is none."""
        first = np.full(len(self.account_ids), NEVER)
        some = np.flatnonzero(np.diff(self.log.offsets))
        if len(some):
            first[some] = np.minimum.reduceat(self.log.visible, self.log.offsets[some])
        return first

    def customer_since(self) -> np.ndarray:
        """int64 [accounts]: when each account was first known to be a customer; `NEVER` for those who are not.

        The first of: the stated `customer_since`, a won opportunity, an invoice that is no credit note.
        """
        since = np.full(len(self.account_ids), NEVER)
        for table, column in (("accounts", "customer_since"), ("opportunities", "closed_at"), ("invoices", None)):
            facts = self.facts[table]
            np.minimum.at(since, _owner(facts.offsets), became_customer(facts, column))
        return since

    def existing(self, dates: Sequence[pd.Timestamp]) -> pd.DataFrame:
        """Rows `account_id`, `as_of`: every account that is known before each date; by date, then account."""
        created = self.creations()
        parts = []
        for date in dates:
            as_of = date.as_unit("us")
            ids = self.account_ids[is_before(created, micros(as_of))]
            parts.append(pd.DataFrame({"account_id": ids, "as_of": as_of}))
        if not parts:
            return pd.DataFrame({"account_id": pd.Series(dtype="str"), "as_of": timestamps(np.empty(0, "int64"))})
        return pd.concat(parts, ignore_index=True)

    def at(self, rows: pd.DataFrame, dtype: type = np.float64) -> View:
        """The view of the past for rows `account_id`, `as_of`; `dtype` is that of measures taken from it."""
        as_of = moments(rows["as_of"], NEVER)
        asked = rows[["account_id", "as_of"]].reset_index(drop=True)
        return View(asked, self.codes(rows["account_id"]), as_of, self, dtype)


@dataclass(frozen=True)
class View:
    """The past of each row's account before the row's `as_of`, and nothing else.

    Attributes:
        rows: `account_id`, `as_of`; every answer is aligned with it.
        code: int64 [n], account codes.
        as_of: int64 [n], microseconds.
        dtype: Type of the numbers that are measured: float64 or float32.
    """

    rows: pd.DataFrame
    code: np.ndarray
    as_of: np.ndarray
    _history: History
    dtype: type = np.float64

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def timezone(self) -> str:
        """Zone in which dates begin."""
        return self._history.timezone

    def account(self) -> pd.DataFrame:
        """The last known version of each row's account; n rows, empty where nothing was known yet."""
        return self.known("accounts").set_index("row").reindex(np.arange(len(self)))

    def known(self, table: str) -> pd.DataFrame:
        """What was known of each row's account in a table: a column `row` (place in `rows`) and the table's columns.

        Of versions of one thing, the last known one. What a row says about a later moment is blanked.
        """
        facts, rule = self._history.facts[table], RULES[table]
        row, fact = _pairs(facts.offsets, self.code)
        past = is_before(facts.visible[fact], self.as_of[row])
        row, fact = row[past], fact[past]
        if facts.entity is not None and len(row):
            entity = facts.entity[fact]
            last = np.concatenate([(np.diff(row) != 0) | (np.diff(entity) != 0), [True]])
            row, fact = row[last], fact[last]
        frame = facts.frame.take(fact).reset_index(drop=True)
        frame.insert(0, "row", row)
        return mask(frame, rule, self.as_of[row])

    def first_event(self) -> np.ndarray:
        """int64 [n]: when the account's first event could be known; `NEVER` where there is none."""
        return self._history.first_events()[self.code]

    def customer_since(self) -> np.ndarray:
        """int64 [n]: when the account was first known to be a customer, `NEVER` where that is not past."""
        since = self._history.customer_since()[self.code]
        return np.where(is_before(since, self.as_of), since, NEVER)

    def sites(self) -> pd.DataFrame:
        """The accounts of each row's family, as known before its `as_of`: `row` and the columns of accounts.

        A family is everything under the same topmost parent that was known then; the account itself is one of them.
        """
        history = self._history
        row, member = _pairs(history.family_offsets, history.family[self.code])
        code = history.family_members[member]
        rows = self.rows.take(row).assign(account_id=history.account_ids[code])
        known = history.at(rows).account()
        known["row"] = row
        known = known[known["account_id"].notna()].reset_index(drop=True)
        own = pd.DataFrame({"row": np.arange(len(self)), "account_id": self.rows["account_id"]})
        top = _topmost(known)
        mine = own.assign(own_top=_topmost_of(own, known, top))[["row", "own_top"]]
        both = known.assign(top=top).merge(mine, on="row", how="left")
        return both[both["top"] == both["own_top"]].drop(columns=["top", "own_top"]).reset_index(drop=True)

    def relatives(self) -> tuple[np.ndarray, View]:
        """The other accounts of each row's family: place of the row, int64, and their own view at the row's `as_of`."""
        history = self._history
        family = history.family[self.code]
        some = np.flatnonzero(np.diff(history.family_offsets)[family] > 1)
        part = history.at(self.rows.take(some), self.dtype)
        sites = part.sites()
        row = sites["row"].to_numpy("int64")
        other = sites["account_id"].to_numpy() != part.rows["account_id"].to_numpy()[row]
        rows = pd.DataFrame(
            {
                "account_id": sites["account_id"][other].to_numpy(),
                "as_of": part.rows["as_of"].take(row[other]).to_numpy(),
            }
        )
        rows = rows.astype({"account_id": "str", "as_of": part.rows["as_of"].dtype})
        return some[row[other]], history.at(rows, self.dtype)

    @property
    def contact_facts(self) -> Facts:
        """All versions of all contacts, for attributes of events, which apply the time rule themselves."""
        return self._history.facts["contacts"]

    @property
    def log(self) -> EventLog:
        """The events, for the kernel, which applies the time rule to each of them."""
        return self._history.log


def _pairs(offsets: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (row, fact) of rows and the facts of their accounts, as two index arrays."""
    counts = offsets[code + 1] - offsets[code]
    row = np.repeat(np.arange(len(code)), counts)
    start = np.repeat(offsets[code] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return row, start + np.arange(len(row))


def _owner(offsets: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def dated_span(facts: Mapping[str, Facts], log: EventLog) -> tuple[int | None, int | None, int | None]:
    """When the first event, the first dated fact and the last one could be known, microseconds; None without any."""
    dated = [f.visible[(f.visible != ALWAYS) & (f.visible != NEVER)] for f in facts.values()]
    closed = facts["opportunities"].frame.get("closed_at")
    dated.append(log.visible)
    if closed is not None:
        dated.append(moments(closed.dropna(), NEVER))
    ends = [(int(d.min()), int(d.max())) for d in dated if len(d)]
    if not ends:
        return None, None, None
    event = int(log.visible.min()) if len(log.visible) else None
    return event, min(low for low, _ in ends), max(high for _, high in ends)


def observed(
    first_event: int | None, first_fact: int | None, last_fact: int | None, limit: int
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Where observation begins (the first event, or the first dated fact where there are no events) and ends.

    It ends one microsecond after the last fact, at most at `until`. Masters often hold dates from long before any event
    was recorded, such as `customer_since`; snapshots of those years would see accounts that seem to do nothing.

    Args:
        first_event, first_fact, last_fact: From `dated_span`.
        limit: `until` in microseconds.
    """
    first, last = (limit, limit) if first_fact is None or last_fact is None else (first_fact, last_fact + 1)
    begin = first if first_event is None else first_event
    start, end = timestamps(np.array([begin, min(last, limit)], "int64"))
    return start, end


def _family_index(accounts: pd.DataFrame, ids: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if "parent_account_id" not in accounts or accounts["parent_account_id"].isna().all():
        alone = np.arange(len(ids) + 1)
        return alone[:-1], alone, alone[:-1]
    family = pd.factorize(families(accounts).reindex(ids), sort=True)[0]
    members = np.argsort(family, kind="stable")
    offsets = np.searchsorted(family[members], np.arange(family.max(initial=-1) + 2)).astype("int64")
    return family, offsets, members


def _topmost(known: pd.DataFrame) -> pd.Series:
    """The topmost known parent of each (row, account), climbing at most ten levels; a loop ends the climb."""
    top = known["account_id"]
    if "parent_account_id" not in known:
        return top
    parent = known.set_index(["row", "account_id"])["parent_account_id"]
    for _ in range(10):
        found = parent.reindex(pd.MultiIndex.from_arrays([known["row"], top])).to_numpy()
        above = pd.Series(found, known.index, dtype="str")
        # A parent that is no account itself is still a common top for its children.
        climbed = above.where(above.notna(), top)
        if (climbed == top).all():
            break
        top = climbed
    return top


def _topmost_of(own: pd.DataFrame, known: pd.DataFrame, top: pd.Series) -> np.ndarray:
    index = pd.MultiIndex.from_frame(known[["row", "account_id"]])
    found: np.ndarray = pd.Series(top.to_numpy(), index).reindex(pd.MultiIndex.from_frame(own)).to_numpy()
    return found
