"""The 143 columns: names and order that every engine must give."""

from __future__ import annotations

from feature_task.workload import COUNTED, SUMMED, TYPES, WINDOWS

GROUPS = ("any", *TYPES)


def names(windows: tuple[int, ...] = WINDOWS) -> list[str]:
    """Column names, by kind."""
    spans = [f"{w}d" for w in windows]
    columns = [f"{g}_count_{s}" for g in GROUPS for s in spans]
    columns += [f"{t}_value_{s}" for t in SUMMED for s in spans]
    columns += [f"{g}_contacts_{s}" for g in ("any", *COUNTED) for s in spans]
    columns += [f"{g}_active_days_{s}" for g in ("any", *COUNTED) for s in spans]
    columns += [f"any_channels_{s}" for s in spans]
    columns += [f"{g}_recency" for g in GROUPS]
    columns += [f"{g}_momentum" for g in GROUPS]
    return [*columns, "any_decayed_14d", "any_decayed_60d"]
