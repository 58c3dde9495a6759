"""Rows of all tables → accounts; what is not certain is proposed, never done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from abm_scoring.data.linking import attribute
from abm_scoring.data.matching.directory import Directory
from abm_scoring.data.matching.mapping import Mapped, apply_merges, read_mapping
from abm_scoring.data.matching.networks import accounts_of_addresses
from abm_scoring.data.matching.spec import CONFIDENCE, MatchingSpec
from abm_scoring.data.schema import MATCH_KEYS

#: Tables whose rows may be matched, contacts first: events go through them.
MATCHED = ("contacts", "opportunities", "invoices", "events")
KEYS = tuple(c.name for c in MATCH_KEYS)
#: When a row of any of them happened, and since when it is known.
_TIMES = ("occurred_at", "created_at", "invoiced_on", "known_at")
#: What a proposal says: in the order of the mapping file, so that accepting it is moving its line there.
PROPOSAL = ("what", "from", "account_id", "reason", "confidence", "rows")


@dataclass(frozen=True)
class Matches:
    """What matching did.

    Attributes:
        counts: Table → way → rows matched that way; `none` = rows that could not be matched.
        confidence: account_id → mean confidence of the rows that it got, those with its own id included.
        anonymous_share: Events without account ÷ all events; None without events.
        proposals: Columns `PROPOSAL`, for a person to judge.
        merged: Accounts that the mapping file merged into another one.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    confidence: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    anonymous_share: float | None = None
    proposals: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PROPOSAL)))
    merged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "counts": {table: dict(ways) for table, ways in self.counts.items()},
            "anonymous_share": self.anonymous_share,
            "merged": len(self.merged),
            "proposals": len(self.proposals),
        }


def matched(
    frames: Mapping[str, pd.DataFrame], spec: MatchingSpec, root: Path, as_of: datetime | None = None
) -> tuple[dict[str, pd.DataFrame], Matches, int]:
    """Give every row its account where that is certain, and drop what it was found by.

    Args:
        frames: Conformed tables; may hold the columns of `schema.MATCH_KEYS`.
        spec: Ways and limits.
        root: Folder that relative paths start from.
        as_of: Rows of this moment and later do not count for confidence and the anonymous share; None: all do.

    Returns:
        The frames with `account_id` and without match keys, what was done, and how many events got their account from
        their contact.
    """
    mapping = read_mapping(spec.mapping, root) if spec.mapping else Mapped()
    frames, merged = apply_merges(frames, mapping)
    keyed = [t for t in MATCHED if t in frames and set(KEYS) & set(frames[t])]
    directory = Directory.of(frames["accounts"], mapping, spec) if keyed else None
    ways: dict[str, np.ndarray] = {}
    proposals: list[pd.DataFrame] = []
    attributed = 0
    for table in (t for t in MATCHED if t in frames):
        frame = frames[table]
        if table == "events":
            frame = _with_contacts(frame, frames.get("contacts"))
            before = frame["account_id"].notna() if "account_id" in frame else pd.Series(False, frame.index)
            contacts = frames.get("contacts", pd.DataFrame({"contact_id": pd.Series(dtype="str")}))
            frame, attributed = attribute(frame, contacts)
            ways[table] = _ways_so_far(frame, before)
        if directory is not None and table in keyed:
            own = ways.get(table, _ways_so_far(frame))
            frame, ways[table], told = _matched_by_keys(frame, own, directory, spec, root)
            proposals.append(told)
        frames[table] = frame
    told = pd.concat(proposals, ignore_index=True) if proposals else pd.DataFrame(columns=list(PROPOSAL))
    done = Matches(
        {table: _counted(way) for table, way in ways.items()} if keyed else {},
        _confidence(frames, ways, as_of) if keyed else pd.Series(dtype="float64"),
        _anonymous(frames, as_of),
        told,
        merged,
    )
    return (
        {n: f.drop(columns=[k for k in KEYS if k in f]) if n in MATCHED else f for n, f in frames.items()},
        done,
        attributed,
    )


def _ways_so_far(frame: pd.DataFrame, own: pd.Series | None = None) -> np.ndarray:
    """`id` where a row named its account, `contact` where its contact did, empty elsewhere."""
    known = frame["account_id"].notna().to_numpy(bool) if "account_id" in frame else np.zeros(len(frame), dtype=bool)
    named = known if own is None else own.to_numpy(bool)
    return np.where(named, "id", np.where(known, "contact", "")).astype(object)


def _with_contacts(events: pd.DataFrame, contacts: pd.DataFrame | None) -> pd.DataFrame:
    """Events that name an e-mail address and no contact get the contact of that address."""
    if contacts is None or "email" not in events or "email" not in contacts:
        return events
    known = contacts[["email", "contact_id"]].dropna()
    known = (
        known.assign(email=known["email"].str.strip().str.lower()).sort_values("contact_id").drop_duplicates("email")
    )
    found = events["email"].str.strip().str.lower().map(known.set_index("email")["contact_id"]).astype("str")
    own = events["contact_id"] if "contact_id" in events else pd.Series(index=events.index, dtype="str")
    return events.assign(contact_id=own.where(own.notna(), found))


def _matched_by_keys(
    frame: pd.DataFrame, way: np.ndarray, directory: Directory, spec: MatchingSpec, root: Path
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    account = (
        frame["account_id"].astype(object).to_numpy() if "account_id" in frame else np.full(len(frame), None, object)
    )
    account, way = account.copy(), way.copy()
    proposals = []
    for step in spec.by:
        open_rows = np.flatnonzero(way == "")
        if not len(open_rows) or step == "contact":
            continue
        found, told = _one_way(step, frame.iloc[open_rows], directory, spec, root)
        proposals.append(told)
        hit = found["account_id"].notna().to_numpy(bool)
        account[open_rows[hit]], way[open_rows[hit]] = (
            found["account_id"].to_numpy(object)[hit],
            found["way"].to_numpy(object)[hit],
        )
    ids = pd.Series(account, index=frame.index, dtype="str")
    told = pd.concat(proposals, ignore_index=True) if proposals else pd.DataFrame(columns=list(PROPOSAL))
    return frame.assign(account_id=ids), way, told


def _one_way(
    step: str, rows: pd.DataFrame, directory: Directory, spec: MatchingSpec, root: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    nothing = pd.DataFrame({"account_id": pd.Series(index=rows.index, dtype="str"), "way": ""}, index=rows.index)
    none = pd.DataFrame(columns=list(PROPOSAL))
    names = rows["company_name"] if "company_name" in rows else pd.Series(index=rows.index, dtype="str")
    if step == "email" and "email" in rows:
        return directory.by_domain(rows["email"], names, "email")
    if step == "domain" and "web_domain" in rows:
        return directory.by_domain(rows["web_domain"], names, "domain")
    if step == "name" and "company_name" in rows:
        return directory.by_name(names)
    if step == "ip" and "ip_address" in rows and spec.ip_ranges:
        found = accounts_of_addresses(rows["ip_address"], spec.ip_ranges, root)
        return nothing.assign(account_id=found, way="ip"), none
    return nothing, none


def _counted(way: np.ndarray) -> dict[str, int]:
    counts = pd.Series(way).replace("", "none").value_counts()
    return {str(name): int(count) for name, count in counts.sort_index().items()}


def _confidence(
    frames: Mapping[str, pd.DataFrame], ways: Mapping[str, np.ndarray], as_of: datetime | None
) -> pd.Series:
    """Mean confidence of each account's matched rows; accounts without any are left out."""
    parts = [
        pd.DataFrame({"account_id": frames[t]["account_id"].array, "sure": pd.Series(way).map(CONFIDENCE).to_numpy()})[
            _past(frames[t], as_of)
        ]
        for t, way in ways.items()
    ]
    rows = pd.concat(parts, ignore_index=True).dropna()
    return rows.groupby("account_id")["sure"].mean().round(6)


def _anonymous(frames: Mapping[str, pd.DataFrame], as_of: datetime | None) -> float | None:
    if "events" not in frames:
        return None
    nameless = frames["events"].loc[_past(frames["events"], as_of), "account_id"].isna()
    return float(nameless.mean()) if len(nameless) else None


def _past(frame: pd.DataFrame, as_of: datetime | None) -> np.ndarray:
    """Rows that happened and were known before a moment; undated ones always were."""
    past = np.ones(len(frame), dtype=bool)
    if as_of is not None:
        for column in (c for c in _TIMES if c in frame):
            past &= ~(frame[column] >= pd.Timestamp(as_of)).to_numpy(bool)
    return past
