"""Part of the task in featuretools: counts, sums and distinct contacts; it has no decay, momentum or recency."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from feature_task.workload import COUNTED, SUMMED, TYPES, WINDOWS


def columns() -> list[str]:
    """What of the 143 columns it is asked for."""
    each = [f"{g}_count_{w}d" for g in ("any", *TYPES) for w in WINDOWS]
    each += [f"{t}_value_{w}d" for t in SUMMED for w in WINDOWS]
    return each + [f"{g}_contacts_{w}d" for g in ("any", *COUNTED) for w in WINDOWS]


def run(events: Path, snapshots: Path) -> pd.DataFrame:
    """A frame of float32 in the order of the snapshots."""
    import featuretools as ft

    e, s = pd.read_parquet(events), pd.read_parquet(snapshots)
    e["occurred_at"] = e["occurred_at"].dt.tz_localize(None)
    s["as_of"] = s["as_of"].dt.tz_localize(None)
    e["event_id"] = range(len(e))
    for t in TYPES:
        e[f"value_{t}"] = e["value"].where(e["event_type"] == t)
        e[f"contact_{t}"] = e["contact_id"].where(e["event_type"] == t)
        e[f"is_{t}"] = (e["event_type"] == t).astype("int64")
    accounts = pd.DataFrame({"account_id": sorted(s["account_id"].unique())})
    entities = ft.EntitySet("task")
    entities.add_dataframe(dataframe_name="accounts", dataframe=accounts, index="account_id")
    kinds = {c: "Categorical" for c in ("contact_id", *(f"contact_{t}" for t in TYPES))}
    entities.add_dataframe(
        dataframe_name="events", dataframe=e, index="event_id", time_index="occurred_at", logical_types=kinds
    )
    entities.add_relationship("accounts", "account_id", "events", "account_id")
    base = {c: ft.IdentityFeature(entities["events"].ww[c]) for c in e.columns if c not in ("account_id",)}
    wanted = {
        "any_count": ft.Feature(base["event_id"], parent_dataframe_name="accounts", primitive=ft.primitives.Count)
    }
    for t in TYPES:
        wanted[f"{t}_count"] = ft.Feature(
            base[f"is_{t}"], parent_dataframe_name="accounts", primitive=ft.primitives.Sum
        )
    for t in SUMMED:
        wanted[f"{t}_value"] = ft.Feature(
            base[f"value_{t}"], parent_dataframe_name="accounts", primitive=ft.primitives.Sum
        )
    for g in ("any", *COUNTED):
        source = base["contact_id" if g == "any" else f"contact_{g}"]
        wanted[f"{g}_contacts"] = ft.Feature(
            source, parent_dataframe_name="accounts", primitive=ft.primitives.NumUnique
        )
    cutoff = s.rename(columns={"as_of": "time"})[["account_id", "time"]]
    parts = {}
    for w in WINDOWS:
        found = ft.calculate_feature_matrix(
            list(wanted.values()),
            entities,
            cutoff_time=cutoff,
            training_window=f"{w} days",
            include_cutoff_time=False,
            cutoff_time_in_index=True,
            n_jobs=1,
        )
        found = found.reindex(pd.MultiIndex.from_frame(cutoff))
        for name, feature in wanted.items():
            parts[f"{name}_{w}d"] = found[feature.get_name()].fillna(0).to_numpy("float32")
    return pd.DataFrame(parts)[columns()]
