"""Features in bounded memory: accounts in hash partitions of their families, one partition at a time."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from abm_scoring.data.tables import Tables
from abm_scoring.data.text_columns import text_of
from abm_scoring.errors import ConfigError
from abm_scoring.features.build import catalogue, features_at, looks_across, looks_at_events, shared_context
from abm_scoring.features.columnar import Held, partitions_for
from abm_scoring.features.context import merged
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.partition_files import Division, PartitionFiles

#: Rows of a Parquet file that are in memory while it is cut into partitions.
_STREAM_ROWS = 262_144
#: An account with more events than this is named in the log.
LARGE_ACCOUNT = 1_000_000

_log = logging.getLogger(__name__)


def batches(
    frames: Mapping[str, pd.DataFrame],
    events: Held,
    snapshots: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    *,
    memory_mb: int,
    timezone: str = "UTC",
    noise: NoiseSpec | None = None,
    dtype: type = np.float64,
) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
    """Features of all snapshots, one partition of account families after the other.

    Args:
        frames: The tables but the events; `accounts` is one of them.
        events: Events in Arrow, or a Parquet file, which is then streamed and never held whole.
        snapshots: Rows `account_id`, `as_of`.
        specs: Families with nothing left open: the event types named, or taken from a trained model.
        memory_mb: Memory that a partition's events and features may take. The largest account sets the least.
        timezone, noise, dtype: As in `build_features`.

    Yields:
        Places of the rows in `snapshots`, int64, and their features; each row once.

    Raises:
        ConfigError: A spec leaves its event types open, which nobody can settle from one partition.
    """
    check_settled(specs)
    until = snapshots["as_of"].max()
    n = _partitions(events, snapshots, specs, dtype, memory_mb)
    with tempfile.TemporaryDirectory(prefix="abm-scoring-") as folder:
        files = PartitionFiles(Path(folder), Division(frames["accounts"], n))
        if n > 1:
            files.write(events.schema.empty_table())  # so that there are files even where there are no events
            for batch in events.to_batches(max_chunksize=_STREAM_ROWS):
                files.write(pa.Table.from_batches([batch]))
            files.close()
        own = {name: _owners(frame, files) for name, frame in frames.items()}
        row_part = files.division.owners(text_of(snapshots["account_id"]))

        def history(p: int, with_events: bool = True) -> History:
            tables = Tables({name: frame[own[name] == p] for name, frame in frames.items()})
            held = None if not with_events else events if n == 1 else files.columns(p, "events")
            sealed = History.of(tables, until, timezone, held, noise)
            _report_large(sealed)
            return sealed

        context = None
        if n > 1 and looks_across(specs):
            seen = looks_at_events(specs)
            context = merged([shared_context(history(p, seen), specs, snapshots) for p in range(n)])
        for p in range(n):
            places = np.flatnonzero(row_part == p)
            if len(places):
                yield places, features_at(history(p), snapshots.take(places), specs, context, dtype)


def check_settled(specs: Sequence[FeatureSpec]) -> None:
    """Refuses specs that need all events to be settled.

    Raises:
        ConfigError: A spec leaves its event types, or the groups that it measures, open.
    """
    for spec in specs:
        open_groups = spec.kind == "engagement" and spec.groups_wanted and not spec.groups
        if getattr(spec, "event_types", ()) == "all" or open_groups:
            raise ConfigError(
                f"features: {spec.kind} leaves its event types or groups open, which one partition cannot settle",
                fix="name event_types (and groups), or use the specs of a trained model",
            )


def _partitions(
    events: Held, snapshots: pd.DataFrame, specs: Sequence[FeatureSpec], dtype: type, memory_mb: int
) -> int:
    """How many partitions keep one of them within the budget, with a quarter in reserve for uneven ones."""
    width = len(catalogue(specs)) * np.dtype(dtype).itemsize + 64
    return partitions_for(events.num_rows, events.nbytes, len(snapshots) * width, memory_mb)


def _owners(frame: pd.DataFrame, files: PartitionFiles) -> np.ndarray:
    """Partition of each row of a table; -1 where it belongs to no account."""
    return files.division.owners(text_of(frame["account_id"])) if "account_id" in frame else np.full(len(frame), -1)


def _report_large(history: History) -> None:
    sizes = np.diff(history.log.offsets)
    for code in np.flatnonzero(sizes > LARGE_ACCOUNT):
        _log.warning("account %s has %d events: a bot or a shared domain?", history.account_ids[int(code)], sizes[code])
