"""The data of the task: skewed accounts, bots, missing values, and events planted exactly on window edges."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = 86_400_000_000
WINDOWS = (7, 30, 90, 180, 365)
TYPES = tuple(f"type_{i:02d}" for i in range(12))
CHANNELS = tuple(f"channel_{i}" for i in range(8))
#: Types whose values are summed, and types whose contacts and days are counted on their own.
SUMMED, COUNTED = TYPES[:3], TYPES[:2]
HALF_LIVES = (14.0, 60.0)
WEIGHTS = {t: 1.0 + i / 2 for i, t in enumerate(TYPES)}
MOMENTUM = (30, 90)

_EPOCH = np.datetime64("2024-01-01", "us").astype("int64")


@dataclass(frozen=True)
class Size:
    """How much data; `dates` snapshots an account, `every` days apart: the same of all, or of each its own."""

    name: str
    accounts: int
    events: int
    dates: int
    every: float = 30.0
    irregular: bool = False

    @property
    def snapshots(self) -> int:
        return self.accounts * self.dates


SIZES = {
    s.name: s
    for s in (
        Size("XS", 1_000, 50_000, 12),
        Size("S", 10_000, 1_000_000, 12),
        Size("M", 100_000, 10_000_000, 12),
        Size("L", 1_000_000, 30_000_000, 1),
    )
}


def make(size: Size, folder: Path) -> tuple[Path, Path]:
    """Writes `events.parquet` and `snapshots.parquet` of a size into a folder, once; the seed is fixed."""
    target = folder / f"{size.name}-{size.accounts}-{size.events}-{size.dates}-{size.every:g}{'-own' * size.irregular}"
    files = target / "events.parquet", target / "snapshots.parquet"
    if not target.exists():
        aside = folder / f".{target.name}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _write(size, aside)
        aside.rename(target)
    return files


def _write(size: Size, folder: Path) -> None:
    r = np.random.default_rng(20_261)
    dates = _dates(size)
    account = _accounts(r, size)
    ts = _EPOCH + r.integers(0, 730 * DAY, size.events)
    planted = np.flatnonzero(r.random(size.events) < 0.005)
    edge = np.array([0, *WINDOWS]) * DAY
    ts[planted] = dates[r.integers(0, len(dates), len(planted))] - edge[r.integers(0, len(edge), len(planted))]
    # About five contacts an account; one event in a hundred is by somebody whom other accounts know as well.
    contact = account * 5 + r.integers(0, 5, size.events)
    shared = r.random(size.events) < 0.01
    contact[shared] = 5 * size.accounts + r.integers(0, 1 + size.accounts // 100, int(shared.sum()))
    value = np.round(r.lognormal(3.0, 1.0, size.events), 2)
    events = pa.table(
        {
            "account_id": _ids("A", account),
            "occurred_at": pa.array(ts, pa.timestamp("us", tz="UTC")),
            "event_type": pa.array(np.array(TYPES, object)[r.integers(0, 12, size.events)], pa.string()),
            "channel": pa.array(np.array(CHANNELS, object)[r.integers(0, 8, size.events)], pa.string()),
            "contact_id": _ids("C", contact),
            "value": pa.array(value, mask=r.random(size.events) < 0.3),
        }
    )
    pq.write_table(events, folder / "events.parquet", row_group_size=250_000)
    as_of = np.tile(dates, size.accounts)
    if size.irregular:
        as_of = as_of - r.integers(0, 10 * DAY, len(as_of))
    asked = pa.table(
        {
            "account_id": _ids("A", np.repeat(np.arange(size.accounts), len(dates))),
            "as_of": pa.array(as_of, pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(asked, folder / "snapshots.parquet", row_group_size=250_000)


def _dates(size: Size) -> np.ndarray:
    """Ascending snapshots that end with the data, at 06:30 so that no window begins at midnight."""
    last = _EPOCH + 729 * DAY + 390 * 60_000_000
    return last - (np.arange(size.dates)[::-1] * size.every * DAY).astype("int64")


def _accounts(r: np.random.Generator, size: Size) -> np.ndarray:
    """Account of each event: zipf-like, and one account in a thousand is a bot with 100 times the mean."""
    n, bots = size.accounts, max(1, size.accounts // 1000)
    of_bots = min(size.events // 4, bots * 100 * (size.events // n))
    weight = np.arange(1, n + 1) ** -0.6
    place = np.searchsorted(np.cumsum(weight / weight.sum()), r.random(size.events - of_bots))
    name = r.permutation(n)
    drawn = np.concatenate([name[np.minimum(place, n - 1)], name[r.integers(n - bots, n, of_bots)]])
    return r.permutation(drawn)


def _ids(prefix: str, codes: np.ndarray) -> pa.Array:
    """`A00001234`: ids as text, as exports have them."""
    distinct = pa.array([f"{prefix}{i:08d}" for i in range(int(codes.max(initial=0)) + 1)], pa.string())
    return distinct.take(pa.array(codes))
