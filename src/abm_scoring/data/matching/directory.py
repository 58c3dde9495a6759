"""The accounts by domain and by name: who answers to what, and what to do where several do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.matching.domains import email_domains, host_of, registrable
from abm_scoring.data.matching.mapping import Mapped
from abm_scoring.data.matching.names import name_keys
from abm_scoring.data.matching.similar import most_similar, one_error_apart
from abm_scoring.data.matching.spec import MatchingSpec

_COLUMNS = ("what", "from", "account_id", "reason", "confidence", "rows")
#: Similarity points below the limit down to which a name is still proposed.
_PROPOSED = 8


@dataclass(frozen=True)
class Directory:
    """Distinct pairs of accounts with what they are known by.

    Attributes:
        domains: `domain` (registrable), `host`, `account_id`, `name` (key), over all versions.
        names: `name` (key), `account_id`, over all versions.
        root: account_id → the root of its family.
    """

    domains: pd.DataFrame
    names: pd.DataFrame
    root: pd.Series
    mapping: Mapped
    spec: MatchingSpec

    @classmethod
    def of(cls, accounts: pd.DataFrame, mapping: Mapped, spec: MatchingSpec) -> Directory:
        """The directory of canonical accounts."""
        ids = accounts["account_id"]
        text = pd.Series(index=accounts.index, dtype="str")
        written, name = accounts.get("domain", text), name_keys(accounts.get("account_name", text))
        known = pd.DataFrame({"domain": registrable(written, spec.shared_domains), "account_id": ids, "name": name})
        known["host"] = written.map({a: host_of(str(a)) for a in written.dropna().unique()}).astype("str")
        return cls(
            known.dropna(subset=["domain"]).drop_duplicates(ignore_index=True),
            known[["name", "account_id"]].dropna().drop_duplicates(ignore_index=True),
            families(accounts),
            mapping,
            spec,
        )

    def by_domain(self, addresses: pd.Series, names: pd.Series, way: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Accounts of e-mail or web addresses.

        Where several accounts share a registrable domain: the one whose full host the address has, else the one that
        the row names, else the head of their family if they are one family, else none, and all are proposed.

        Returns:
            `account_id` and `way` by the index of `addresses`, and proposals.
        """
        shared = self.spec.shared_domains
        domain = email_domains(addresses, shared) if way == "email" else registrable(addresses, shared)
        fixed = domain.map(self.mapping.domains).astype("str")
        owners = self.domains.groupby("domain")["account_id"].unique()
        single = {d: a[0] for d, a in owners.items() if len(a) == 1}
        found = domain.map(single).astype("str")
        several = {d: a for d, a in owners.items() if len(a) > 1}
        rows = domain.isin(list(several)) & fixed.isna()
        if rows.any():
            found = found.where(~rows, self._tie(addresses[rows], domain[rows], names[rows]).reindex(found.index))
        lost = domain[rows & found.isna()].value_counts().sort_index()
        told: list[tuple[object, ...]] = [
            ("domain", d, a, f"{len(several[d])} accounts share this domain", 0.5, int(n))
            for d, n in lost.items()
            for a in sorted(several[d])
        ]
        account = fixed.where(fixed.notna(), found)
        return _found(account, np.where(fixed.notna(), "mapping", way)), _proposals(told)

    def _tie(self, addresses: pd.Series, domain: pd.Series, names: pd.Series) -> pd.Series:
        text = addresses.str.rpartition("@")[2]
        asked = pd.DataFrame({"domain": domain, "host": text.map({a: host_of(str(a)) for a in text.dropna().unique()})})
        asked["name"] = name_keys(names)
        distinct = asked.drop_duplicates()
        chosen = {tuple(row): self._choose(*row) for row in distinct.itertuples(index=False)}
        return pd.Series([chosen[tuple(r)] for r in asked.itertuples(index=False)], asked.index, dtype="str")

    def _choose(self, domain: str, host: object, name: object) -> str | None:
        known = self.domains[self.domains["domain"] == domain]
        for column, value in (("host", host), ("name", name)):
            same = known.loc[known[column] == value, "account_id"].unique()
            if len(same) == 1:
                return str(same[0])
        heads = self.root.reindex(known["account_id"]).unique()
        return str(heads[0]) if len(heads) == 1 and heads[0] in self.root.index else None

    def by_name(self, names: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Accounts of company names: by equal keys, else by those one typing error away that lead clearly.

        Returns:
            `account_id` and `way` by the index of `names`, and proposals.
        """
        key = name_keys(names)
        fixed = key.map(self.mapping.names).astype("str")
        owners = self.names.groupby("name")["account_id"].unique()
        equal = key.map({n: self._one_of(a) for n, a in owners.items()}).astype("str")
        rest = key[fixed.isna() & equal.isna() & key.notna()]
        similar, told = self._similar(rest.value_counts().sort_index(), owners)
        near = key.map(similar).astype("str").where(fixed.isna() & equal.isna())
        account = fixed.where(fixed.notna(), equal.where(equal.notna(), near))
        way = np.where(fixed.notna(), "mapping", np.where(equal.notna(), "name", "similar_name"))
        return _found(account, way), _proposals(told)

    def _one_of(self, accounts: np.ndarray) -> str | None:
        """The only account, or the head of their family; None where there are several."""
        if len(accounts) == 1:
            return str(accounts[0])
        heads = self.root.reindex(accounts).unique()
        return str(heads[0]) if len(heads) == 1 and heads[0] in set(accounts) else None

    def _similar(self, asked: pd.Series, owners: pd.Series) -> tuple[dict[str, str], list[tuple[object, ...]]]:
        queries, choices = [str(n) for n in asked.index], [str(n) for n in owners.index]
        unknown = [q for q in queries if q not in owners.index]
        near = most_similar(unknown, choices, self.spec.name_similarity - _PROPOSED)
        sure: dict[str, str] = {}
        told: list[tuple[object, ...]] = [
            ("name", q, a, f"{len(owners[q])} accounts have this name", 0.5, int(asked[q]))
            for q in queries
            if q in owners.index
            for a in sorted(owners[q])
        ]
        for query, choice, similarity, lead in near.itertuples(index=False):
            account = self._one_of(owners[choices[choice]])
            clear = similarity >= self.spec.name_similarity and lead >= self.spec.name_margin
            if account and clear and one_error_apart(unknown[query], choices[choice]):
                sure[unknown[query]] = account
            else:
                reason, rows = f"similar to {choices[choice]}", int(asked[unknown[query]])
                ids = sorted(owners[choices[choice]])
                told += [("name", unknown[query], a, reason, round(similarity / 100, 2), rows) for a in ids]
        return sure, told


def _found(account: pd.Series, way: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"account_id": account.astype("str"), "way": way}, index=account.index)


def _proposals(told: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(told, columns=list(_COLUMNS))
