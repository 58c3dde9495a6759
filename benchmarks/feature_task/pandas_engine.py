"""The task in pandas: a loop over dates and windows, with groupings inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from feature_task.columns import GROUPS, names
from feature_task.workload import COUNTED, HALF_LIVES, MOMENTUM, SUMMED, TYPES, WEIGHTS, WINDOWS


def run(events: Path, snapshots: Path) -> pd.DataFrame:
    """A frame of float32 in the order of the snapshots; snapshots lie on few common dates."""
    e = pd.read_parquet(events).sort_values("occurred_at")
    s = pd.read_parquet(snapshots)
    e["account"], ids = pd.factorize(e["account_id"])
    e["type"] = pd.Categorical(e["event_type"], TYPES).codes
    e["contact"] = pd.factorize(e["contact_id"])[0]
    e["chan"] = pd.factorize(e["channel"])[0]
    e["day"] = e["occurred_at"].dt.floor("D")
    e["weight"] = e["event_type"].map(WEIGHTS)
    place = pd.Index(ids).get_indexer(s["account_id"])
    out = np.zeros((len(s), len(names())), np.float32)
    columns = {name: i for i, name in enumerate(names())}
    for date in s["as_of"].unique():
        rows = np.flatnonzero((s["as_of"] == date).to_numpy())
        found = _at(e[e["occurred_at"] < date], date, len(ids))
        known = place[rows] >= 0
        for name, column in columns.items():
            values = np.full(len(rows), np.nan if name.endswith(("_recency", "_momentum")) else 0.0)
            values[known] = found[name][place[rows][known]]
            out[rows, column] = values
    return pd.DataFrame(out, columns=names())


def _at(past: pd.DataFrame, date: pd.Timestamp, n: int) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for w in WINDOWS:
        inside = past[past["occurred_at"] >= date - pd.Timedelta(days=w)]
        cells = inside["account"].to_numpy() * 12 + inside["type"].to_numpy()
        counts = np.bincount(cells, minlength=n * 12).reshape(n, 12)
        sums = np.bincount(cells, weights=inside["value"].fillna(0.0), minlength=n * 12).reshape(n, 12)
        found[f"any_count_{w}d"] = counts.sum(axis=1)
        for i, t in enumerate(TYPES):
            found[f"{t}_count_{w}d"] = counts[:, i]
            if t in SUMMED:
                found[f"{t}_value_{w}d"] = sums[:, i]
        for g in ("any", *COUNTED):
            own = inside if g == "any" else inside[inside["event_type"] == g]
            for what, column in (("contacts", "contact"), ("active_days", "day"), ("channels", "chan")):
                if what != "channels" or g == "any":
                    found[f"{g}_{what}_{w}d"] = (
                        own.groupby("account")[column].nunique().reindex(range(n), fill_value=0).to_numpy()
                    )
    for g in GROUPS:
        own = past if g == "any" else past[past["event_type"] == g]
        last = own.groupby("account")["occurred_at"].last().reindex(range(n))
        found[f"{g}_recency"] = ((date - last).dt.total_seconds() / 86_400).to_numpy()
        short, long = (found[f"{g}_count_{d}d"] for d in MOMENTUM)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[f"{g}_momentum"] = np.where(long > 0, short / long * (MOMENTUM[1] / MOMENTUM[0]), np.nan)
    age = (date - past["occurred_at"]).dt.total_seconds().to_numpy() / 86_400
    for h in HALF_LIVES:
        weight = past["weight"].to_numpy() * 2.0 ** (-age / h)
        found[f"any_decayed_{h:g}d"] = np.bincount(past["account"], weights=weight, minlength=n)
    return found
