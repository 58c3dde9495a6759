"""How completely each account is known, and what to fill in first."""

from __future__ import annotations

import pandas as pd

from abm_scoring.data.tables import Tables

#: What is worth knowing of an account, with its weight; what a project has no data for at all does not count.
WEIGHTS: dict[str, float] = {
    "sector": 2,
    "employee_count": 2,
    "annual_revenue": 1,
    "country": 2,
    "region": 0.5,
    "domain": 2,
    "account_name": 1,
    "owner_id": 0.5,
    "founded_year": 0.5,
    "values": 0.5,
    "contacts": 3,
    "buying_roles": 2,
    "events": 3,
}


def completeness(tables: Tables) -> pd.DataFrame:
    """Completeness of every account: the weighted share of facts that are there, 0 to 1.

    Returns:
        `account_id`, `completeness`, `fix_first` (the missing fact of the greatest weight; empty where there is none),
        `missing` (all of them, joined by `;`), ordered by completeness and account_id.
    """
    latest = tables["accounts"]
    if "known_at" in latest:
        latest = latest.sort_values("known_at", na_position="first", kind="stable")
    latest = latest.drop_duplicates("account_id", keep="last").set_index("account_id").sort_index()
    known = pd.DataFrame({f: latest[f].notna() for f in WEIGHTS if f in latest}, index=latest.index)
    contacts = tables["contacts"]
    if len(contacts):
        known["contacts"] = latest.index.isin(contacts["account_id"])
        named = contacts[contacts["buying_role"].notna()] if "buying_role" in contacts else contacts.iloc[:0]
        known["buying_roles"] = latest.index.isin(named["account_id"])
    if len(tables["events"]):
        known["events"] = latest.index.isin(tables["events"]["account_id"])
    known = known.loc[:, known.any()]
    weight = pd.Series(WEIGHTS).reindex(known.columns)
    share = (known * weight).sum(axis=1) / weight.sum() if len(weight) else pd.Series(0.0, known.index)
    order = weight.sort_values(ascending=False, kind="stable").index
    lacking = [[f for f in order if not row[f]] for row in known.to_dict("records")]
    frame = pd.DataFrame(
        {
            "account_id": known.index.astype("str"),
            "completeness": share.round(4).to_numpy(),
            "fix_first": [m[0] if m else "" for m in lacking],
            "missing": [";".join(m) for m in lacking],
        }
    )
    return frame.sort_values(["completeness", "account_id"], ignore_index=True)
