"""Features in bounded memory: accounts in hash partitions of their families, one partition at a time."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.families import families, partition_of
from abm_scoring.data.tables import Tables
from abm_scoring.errors import ConfigError
from abm_scoring.features.build import catalogue, features_at, shared_context
from abm_scoring.features.columnar import Held, ParquetColumns, partitions_for
from abm_scoring.features.context import merged
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.text import TextIndex, arrow, distinct

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
    family = families(frames["accounts"])
    ids = distinct(frames["accounts"]["account_id"])
    n = _partitions(events, snapshots, specs, dtype, memory_mb)
    part = partition_of(family.reindex(ids), n) if n > 1 else np.zeros(len(ids), "int64")
    index = TextIndex.of(ids)
    with tempfile.TemporaryDirectory(prefix="abm-scoring-") as folder:
        pieces = _cut(events, index, part, n, Path(folder))
        own = {name: _owners(frame, index, part) for name, frame in frames.items()}
        row_part = part[index.codes(arrow(snapshots["account_id"]))]

        def history(p: int) -> History:
            tables = Tables({name: frame[own[name] == p] for name, frame in frames.items()})
            sealed = History.of(tables, until, timezone, pieces[p], noise)
            _report_large(sealed)
            return sealed

        context = None
        if n > 1 and any(spec.kind in ("peers", "category_rates", "value_fit") for spec in specs):
            context = merged([shared_context(history(p), specs, snapshots) for p in range(n)])
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


def _owners(frame: pd.DataFrame, index: TextIndex, part: np.ndarray) -> np.ndarray:
    """Partition of each row of a table; -1 where it belongs to no account."""
    if "account_id" not in frame:
        return np.full(len(frame), -1)
    code = index.codes(arrow(frame["account_id"]))
    return np.where(code >= 0, part[code], -1) if len(part) else code


def _cut(events: Held, index: TextIndex, part: np.ndarray, n: int, folder: Path) -> list[Held]:
    """The events by partition, in files of a folder that only this user can read; whole where there is but one."""
    if n == 1:
        return [events]
    paths = [folder / f"{p}.parquet" for p in range(n)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pq.ParquetWriter(path, events.schema, compression="lz4")) for path in paths]
        for batch in events.to_batches(max_chunksize=_STREAM_ROWS):
            code = index.codes(pa.chunked_array([batch.column("account_id")]))
            target = np.where(code >= 0, part[code], -1)
            for p in range(n):
                rows = np.flatnonzero(target == p)
                if len(rows):
                    writers[p].write_batch(batch.take(pa.array(rows)))
    return [ParquetColumns(path, "events") for path in paths]


def _report_large(history: History) -> None:
    sizes = np.diff(history.log.offsets)
    for code in np.flatnonzero(sizes > LARGE_ACCOUNT):
        _log.warning("account %s has %d events: a bot or a shared domain?", history.account_ids[int(code)], sizes[code])
