"""The mapping file: what a person decided about accounts, domains and names. Nothing else merges accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import resolve
from abm_scoring.data.matching.domains import registrable_domain
from abm_scoring.data.matching.names import name_key
from abm_scoring.errors import BadDataError

_LIMIT = 1 << 28
#: Columns that hold an account's id, in whatever table.
_IDS = ("account_id", "parent_account_id", "referrer_account_id")


@dataclass(frozen=True)
class Mapped:
    """Decisions by kind: account that is merged, domain or name → account."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def read_mapping(path: str, root: Path) -> Mapped:
    """Read the mapping file: CSV with `what` (account, domain, name), `from`, `account_id`; other columns are ignored.

    Raises:
        BadDataError: A column is missing, a line says something twice, or accounts are merged in a circle.
    """
    file = resolve(path, root)[0]
    header, table = read_csv(file, Dialect(), _LIMIT, lambda names: names)
    if not {"what", "from", "account_id"} <= set(header):
        raise BadDataError("lacks one of the columns what, from, account_id", where=file.name, fix="add it")
    frame = table.select(["what", "from", "account_id"]).to_pandas().astype("str")
    frame = frame[(frame != "").all(axis=1)]
    odd = frame[~frame["what"].isin(["account", "domain", "name"])]
    if len(odd):
        raise BadDataError(f"what is {odd['what'].iloc[0]!r}", where=file.name, fix="write account, domain or name")
    frame["key"] = [_key(what, text) for what, text in zip(frame["what"], frame["from"], strict=True)]
    frame = frame.drop(columns="from").drop_duplicates()
    twice = frame[frame.duplicated(["what", "key"])]
    if len(twice):
        what = f"{twice['what'].iloc[0]} {twice['key'].iloc[0]!r} stands there twice"
        raise BadDataError(what, where=file.name, fix="keep one line")
    by = {what: dict(zip(rows["key"], rows["account_id"], strict=True)) for what, rows in frame.groupby("what")}
    return Mapped(_followed(by.get("account", {}), file.name), by.get("domain", {}), by.get("name", {}))


def _key(what: str, text: str) -> str:
    if what == "domain":
        return registrable_domain(text) or text
    return name_key(text) if what == "name" else text


def _followed(merges: dict[str, str], file: str) -> dict[str, str]:
    """Each merged account with the one it ends in."""
    ends = {}
    for start in merges:
        at, seen = start, {start}
        while at in merges:
            at = merges[at]
            if at in seen:
                raise BadDataError(f"account {start!r} is merged into itself", where=file, fix="break the circle")
            seen.add(at)
        ends[start] = at
    return ends


def apply_merges(
    frames: Mapping[str, pd.DataFrame], mapping: Mapped
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """All tables with merged accounts under the id they are merged into; their own rows of `accounts` are dropped."""
    if not mapping.accounts:
        return dict(frames), ()
    known = set(frames["accounts"]["account_id"].dropna())
    lost = sorted(set(mapping.accounts.values()) - known)
    if lost:
        raise BadDataError(f"merges into {lost[0]!r}, which is no account", where="matching.mapping", fix="correct it")
    done = {}
    for name, frame in frames.items():
        if name == "accounts":
            frame = frame[~frame["account_id"].isin(list(mapping.accounts))].reset_index(drop=True)
        columns = [c for c in _IDS if c in frame]
        done[name] = frame.assign(**{c: frame[c].replace(mapping.accounts).astype("str") for c in columns})
    if "parent_account_id" in done["accounts"]:
        own = done["accounts"]["parent_account_id"] == done["accounts"]["account_id"]
        done["accounts"]["parent_account_id"] = done["accounts"]["parent_account_id"].mask(own)
    return done, tuple(sorted(set(mapping.accounts) & known))
