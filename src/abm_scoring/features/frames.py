"""Features for a data scientist: from tables or files, and the moments to look at, to one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.schema import TABLES
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.features.batches import batches, check_settled
from abm_scoring.features.build import catalogue, features_at, resolve
from abm_scoring.features.columnar import Held, ParquetColumns, as_table, read_columns
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.profile import ProfileSpec

#: A table: a frame, an Arrow table, or a Parquet file of which only the columns that are needed are read.
Given: TypeAlias = pd.DataFrame | pa.Table | str | Path


def build_features(
    tables: Tables | Mapping[str, Given],
    snapshots: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    *,
    timezone: str = "UTC",
    profile: ProfileSpec | None = None,
    noise: NoiseSpec | None = None,
    dtype: type = np.float64,
    memory_mb: int | None = None,
) -> pd.DataFrame:
    """Point-in-time features: for each account and moment what was known before that moment, and nothing else.

    Args:
        tables: Canonical tables by name. Without `accounts`, the accounts are those of the snapshots.
        snapshots: n rows `account_id` (text), `as_of` (timestamp with a zone), in any order.
        specs: Feature families; what they leave open is chosen from the data (see `resolve`).
        timezone: Zone in which dates begin.
        profile: The ideal customer, for fit features.
        noise: What to do about implausible activity; None = nothing.
        dtype: Of the measures of event history: float64, or float32 for half the memory.
        memory_mb: Work through partitions of accounts that take no more than this beside the result; None = all at
            once. Specs must then name their event types, and an events file is streamed.

    Returns:
        n × features frame with the index of `snapshots`; `feature_catalogue` tells what each column is.

    Raises:
        BadDataError: A snapshot names an unknown account, or a table lacks a required column.
        MissingInputError: A file is not there.

    Example:
        >>> engagement = EngagementSpec(windows_days=(7, 30), measures=("count", "recency"))
        >>> build_features({"events": "events.parquet"}, snapshots, [engagement])
    """
    if memory_mb is None:
        history = history_for(tables, snapshots, timezone, noise)
        resolved = resolve(specs, history, profile)
        return features_at(history, snapshots, resolved, dtype=dtype).set_axis(snapshots.index)
    parts = feature_batches(
        tables, snapshots, specs, memory_mb=memory_mb, timezone=timezone, profile=profile, noise=noise, dtype=dtype
    )
    columns: dict[str, np.ndarray] = {}
    text = set()
    for places, part in parts:
        for name in part:
            values = part[name].to_numpy()
            columns.setdefault(str(name), np.empty(len(snapshots), values.dtype))[places] = values
            if part[name].dtype == "str":
                text.add(str(name))
    return pd.DataFrame(columns, snapshots.index, copy=False).astype(dict.fromkeys(text, "str"))


def feature_batches(
    tables: Tables | Mapping[str, Given],
    snapshots: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    *,
    memory_mb: int,
    timezone: str = "UTC",
    profile: ProfileSpec | None = None,
    noise: NoiseSpec | None = None,
    dtype: type = np.float64,
) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
    """The rows of `build_features` partition by partition, for results that are larger than memory.

    Args:
        tables, snapshots, specs, timezone, profile, noise, dtype: As in `build_features`; specs name their event types.
        memory_mb: What the events and features of one partition may take.

    Yields:
        Places of the rows in `snapshots`, int64, and their features.
    """
    check_settled(specs)
    frames, events = _frames(tables)
    if "accounts" not in frames:
        frames["accounts"] = pd.DataFrame({"account_id": snapshots["account_id"].drop_duplicates()})
    if events is None:
        events = as_table(Tables(frames)["events"])
    frames.pop("events", None)
    # What specs take from tables other than events is small: it is settled on all accounts, without events.
    settled = resolve(
        specs, History.of(Tables(frames), snapshots["as_of"].max(), timezone, events.schema.empty_table()), profile
    )
    yield from batches(
        frames, events, snapshots, settled, memory_mb=memory_mb, timezone=timezone, noise=noise, dtype=dtype
    )


def feature_catalogue(specs: Sequence[FeatureSpec]) -> pd.DataFrame:
    """What each feature is: one row a column of `build_features`, indexed by name.

    Args:
        specs: Resolved families.
    """
    rows = [
        f.model_dump(include={"name", "topic", "kind", "unit", "meaning", "source", "part"}) for f in catalogue(specs)
    ]
    return pd.DataFrame(rows, columns=["name", "topic", "kind", "unit", "meaning", "source", "part"]).set_index("name")


def history_for(
    tables: Tables | Mapping[str, Given], snapshots: pd.DataFrame, timezone: str = "UTC", noise: NoiseSpec | None = None
) -> History:
    """All that the snapshots can ask about: what was known before the latest of them."""
    until = snapshots["as_of"].max() if len(snapshots) else pd.Timestamp(0, tz="UTC")
    frames, events = _frames(tables)
    if "accounts" not in frames:
        frames["accounts"] = pd.DataFrame({"account_id": snapshots["account_id"].drop_duplicates()})
    return History.of(Tables(frames), until, timezone, events, noise)


def _frames(tables: Tables | Mapping[str, Given]) -> tuple[dict[str, pd.DataFrame], Held | None]:
    """Every table but the events as a frame, and the events in Arrow, or as a file to stream, where given so."""
    frames: dict[str, pd.DataFrame] = {}
    events: Held | None = None
    for name in tables:
        if name not in TABLES:
            raise BadDataError(f"is no canonical table; there are {', '.join(TABLES)}", where=name, fix="rename it")
        given: Any = tables[name]
        if isinstance(given, str | Path):
            given = ParquetColumns(Path(given), name) if name == "events" else read_columns(Path(given), name)
        _check(name, list(given.columns if isinstance(given, pd.DataFrame) else given.column_names))
        if name == "events" and isinstance(given, pa.Table | ParquetColumns):
            events = given
        else:
            frames[name] = given if isinstance(given, pd.DataFrame) else given.to_pandas(types_mapper=_pandas_type)
    return frames, events


def _pandas_type(kind: pa.DataType) -> Any:
    return pd.StringDtype(na_value=np.nan) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


def _check(name: str, columns: Sequence[str]) -> None:
    missing = [c.name for c in TABLES[name].columns if c.required and c.name not in columns]
    if missing:
        raise BadDataError(f"has no column {', '.join(missing)}", where=name, fix="rename or add it")
