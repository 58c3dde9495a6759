"""The task with this package, through its public face."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
from feature_task.workload import COUNTED, HALF_LIVES, MOMENTUM, SUMMED, TYPES, WEIGHTS, WINDOWS

from abm_scoring.features.build import features_at, resolve
from abm_scoring.features.columnar import read_columns
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.frames import build_features, history_for


def spec(windows: tuple[int, ...] = WINDOWS) -> EngagementSpec:
    """The 143 columns in one declaration."""
    extra = {t: ("value",) * (t in SUMMED) + ("contacts", "active_days") * (t in COUNTED) for t in SUMMED}
    return EngagementSpec(
        windows_days=windows,
        event_types=TYPES,
        measures=("count", "contacts", "active_days", "channels", "recency", "momentum", "decayed"),
        measures_by_type=("count", "recency", "momentum"),
        measures_for=extra,
        half_lives_days=HALF_LIVES,
        weights=WEIGHTS,
        momentum_days=MOMENTUM,
    )


def run(events: Path, snapshots: Path) -> pd.DataFrame:
    """One float32 row a snapshot."""
    rows = pd.read_parquet(snapshots)
    return build_features({"events": events}, rows, [spec()], dtype=np.float32)


def run_windows(events: Path, snapshots: Path) -> pd.DataFrame:
    """The same with twice as many windows."""
    doubled = (3, 7, 14, 30, 60, 90, 120, 180, 270, 365)
    return build_features({"events": events}, pd.read_parquet(snapshots), [spec(doubled)], dtype=np.float32)


def shares(events: Path, snapshots: Path) -> dict[str, float]:
    """CPU seconds of the stages: reading the file, hashing and sorting, and the kernel."""
    rows = pd.read_parquet(snapshots)
    begun = time.process_time()
    given = read_columns(events, "events")
    read = time.process_time()
    history = history_for({"events": given}, rows)
    sorted_at = time.process_time()
    features_at(history, rows, resolve([spec()], history), dtype=np.float32)
    done = time.process_time()
    return {"read_s": read - begun, "hash_and_sort_s": sorted_at - read, "kernel_s": done - sorted_at}
