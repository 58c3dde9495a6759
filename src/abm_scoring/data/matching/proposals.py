"""Accounts that may be one company, or one family: proposed for a person to judge, never merged by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.matching.domains import registrable
from abm_scoring.data.matching.names import name_keys
from abm_scoring.data.matching.similar import most_similar
from abm_scoring.data.tables import Tables

_COLUMNS = ["what", "from", "account_id", "reason", "confidence", "rows"]
#: More accounts than this on one domain are a provider, not a company.
_CROWD = 20
_SIMILAR = 95.0
#: Above this many accounts, near-same names are left to names that are equal.
_LARGE = 200_000


def account_proposals(tables: Tables) -> pd.DataFrame:
    """Duplicates and families among the accounts.

    A duplicate shares its domain, or has the same or nearly the same name in the same country; the account with the
    smaller id is kept. A subsidiary has a name that begins with another account's whole name.

    Returns:
        `what` (`account` = merge; `parent` = set parent_account_id), `from`, `account_id`, `reason`, `confidence`,
        `rows`; a line of `account` accepted into the mapping file merges the two. Accounts of one family are not
        proposed again.
    """
    latest = tables["accounts"].drop_duplicates("account_id", keep="last").sort_values("account_id", ignore_index=True)
    text = pd.Series(index=latest.index, dtype="str")
    known = pd.DataFrame(
        {
            "account_id": latest["account_id"],
            "family": latest["account_id"].map(families(tables["accounts"])),
            "domain": registrable(latest.get("domain", text)) if latest.get("domain", text).notna().any() else text,
            "name": name_keys(latest.get("account_name", text)),
            "country": latest.get("country", text).fillna(""),
        }
    )
    told = [
        *_same(known, ["domain"], "same domain", 0.9),
        *_same(known.dropna(subset=["name"]), ["name", "country"], "same name and country", 0.9),
    ]
    told += [*_similar(known.dropna(subset=["name"])), *_below(known.dropna(subset=["name"]))]
    frame = pd.DataFrame(told, columns=_COLUMNS).drop_duplicates(["from", "account_id"])
    return frame.sort_values(["what", "from", "account_id"], ignore_index=True)


def _same(known: pd.DataFrame, by: list[str], reason: str, sure: float) -> Iterator[tuple[object, ...]]:
    for _, group in known.dropna(subset=by).groupby(by, sort=True):
        if 1 < len(group) <= _CROWD:
            first, *others = group.to_dict("records")
            yield from (
                ("account", other["account_id"], first["account_id"], reason, sure, 1)
                for other in others
                if other["family"] != first["family"]
            )


def _similar(known: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    names = sorted(known["name"].unique())
    if len(names) > _LARGE:
        return
    owner = known.drop_duplicates("name").set_index("name")
    # Neighbours in the alphabet are put into different halves, again and again, so that each pair meets once or more.
    halves = [(names[i :: 2 ** (k + 1)], names[i + 2**k :: 2 ** (k + 1)]) for k in range(4) for i in range(2**k)]
    for ask, offer in halves:
        for query, choice, similarity, _ in most_similar(ask, offer, _SIMILAR).itertuples(index=False):
            one, two = sorted((owner.loc[ask[query]], owner.loc[offer[choice]]), key=lambda row: row["account_id"])
            if one["country"] == two["country"] and one["family"] != two["family"]:
                reason = f"names alike: {similarity:.0f} of 100"
                yield "account", two["account_id"], one["account_id"], reason, round(similarity / 100, 2), 1


def _below(known: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Names that begin with another account's whole name of at least six letters, e.g. `acme` and `acme france`."""
    owner = known.drop_duplicates("name").set_index("name")[["account_id", "family"]]
    heads = {str(n) for n in owner.index if len(str(n)) >= 6}
    for name in owner.index:
        words = str(name).split()
        head = next((h for k in range(1, len(words)) if (h := " ".join(words[:k])) in heads), None)
        if head and owner.loc[head, "family"] != owner.loc[name, "family"]:
            yield (
                "parent",
                owner.loc[name, "account_id"],
                owner.loc[head, "account_id"],
                "name begins with the other's",
                0.6,
                1,
            )
