"""Tiny tables for KPIs, written as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from abm_scoring.data.schema import DTYPES, TABLES
from abm_scoring.data.tables import Tables
from abm_scoring.roi.metrics.catalogue import BY_ID
from abm_scoring.roi.metrics.compute import figures
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.past import as_known
from abm_scoring.roi.periods import current

#: The day of all these reports: the first quarter of 2026 is complete.
TODAY = pd.Timestamp("2026-04-01", tz="UTC").as_unit("us")


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A canonical table of rows; columns that no row names are left out."""
    types = {c.name: DTYPES[c.type] for c in TABLES[name].columns}
    columns = [c for c in types if any(c in row for row in rows)]
    frame = pd.DataFrame([{c: row.get(c) for c in columns} for row in rows], columns=columns)
    for c in columns:
        if types[c].startswith("datetime"):
            frame[c] = pd.to_datetime(frame[c], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        else:
            frame[c] = frame[c].astype(types[c])
    return frame


def tables(n: int = 3, **rows: Sequence[Mapping[str, Any]]) -> Tables:
    """Accounts a, b, c … and the tables given."""
    accounts = [{"account_id": chr(97 + i)} for i in range(n)]
    return Tables({name: table(name, given) for name, given in {"accounts": accounts, **rows}.items()})


def event(account: str, day: str, kind: str = "web_visit", **more: Any) -> dict[str, Any]:
    """An event of an account."""
    return {"account_id": account, "occurred_at": day, "event_type": kind, "direction": "inbound", **more}


def deal(account: str, created: str, closed: str | None = None, won: bool | None = None, **more: Any) -> dict[str, Any]:
    """An opportunity of an account."""
    number = f"{account}-{created}"
    return {
        "opportunity_id": number,
        "account_id": account,
        "created_at": created,
        "closed_at": closed,
        "is_won": won,
        **more,
    }


def measure(given: Tables, metric: str, view: str = "total", **about: Any) -> dict[str, dict[str, Any]]:
    """Figures of one metric in the first quarter of 2026, by figure (by `figure/group` in other views)."""
    spec = KpiSpec(draws=200, **about.pop("spec", {}))
    data = Prepared.of(as_known(given, TODAY), spec, **about)
    found = figures(data, current("quarter", TODAY, "UTC"), views=(view,), metrics=(BY_ID[metric],))
    rows = found.to_dict("records")
    return {r["figure"] if view == "total" else f"{r['figure']}/{r['group']}": r for r in rows}  # type: ignore[misc]
