"""Pages on disk: each is safe before the next is asked for, and all become one file at once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm_scoring.data.pulls.pages import Client, Cursor, Page, Sleep, earlier, iso, patiently
from abm_scoring.data.pulls.spec import Pull
from abm_scoring.errors import BadDataError

#: Key of the Parquet metadata that holds the state of a pull.
_STATE = b"abm_scoring.pull"
#: Columns by which services mark deleted records.
_DELETED = "IsDeleted"


@dataclass(frozen=True)
class Pulled:
    """What a pull did.

    Attributes:
        name: As the configuration calls it.
        file: Where the records are.
        records: How many there are now.
        fetched: How many came in, changed ones again included.
        pages: Requests for records.
        resumed: Whether it went on where an earlier one broke off.
        since: The moment from which changes were asked for; None for everything.
    """

    name: str
    file: str
    records: int
    fetched: int
    pages: int
    resumed: bool
    since: str | None

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Mark:
    """State beside a page or a finished file: of which pull, from when on, and where to go on."""

    asked: str
    begun: str
    since: str | None
    next: Cursor | None


def pull(
    name: str, spec: Pull, client: Client, target: Path, now: datetime, full: bool, sleep: Sleep = time.sleep
) -> Pulled:
    """Bring a file up to date with a CRM.

    Pages are kept in a folder beside the file until the last has come; then all become the new file in one step. A pull
    that breaks off goes on with the page that it lacks. A record that came twice stands there once, as it was last.

    Args:
        name: As the configuration calls it.
        spec: What to pull.
        client: The CRM.
        target: The Parquet file.
        now: The clock, for where the next pull begins.
        full: Fetch everything anew, so that deleted records are gone too.
        sleep: How to wait.

    Raises:
        ServiceError: The service does not answer; what came is kept.
        BadDataError: The file is no file of a pull.
    """
    asked, work = _asked(spec), target.with_name(target.name + ".pages")
    finished = target.with_name(f".{target.name}.finished")
    shutil.rmtree(finished, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    since = None if full else _since(target, asked)
    pages = _pages(work, asked, full, since is None)
    mark = _read(pages[-1]) if pages else None
    state = mark or _Mark(asked, iso(now), since, client.first(since, now))
    n_before = len(pages)
    for number in range(n_before + 1, 10**9):
        if state.next is None:
            break
        cursor = state.next
        page = patiently(lambda at=cursor: client.page(at), spec.attempts, sleep, f"pulls.{name}")  # type: ignore[misc]
        state = _Mark(asked, state.begun, state.since, page.next)
        pages.append(work / f"{number:08d}.parquet")
        _write(_table(page), state, pages[-1])
    merged = _merged(target, pages, client, fresh=state.since is None)
    newest = pc.max(merged[client.modified_column]).as_py() if client.modified_column in merged.column_names else None
    # What changed while the pages came may be missing, and this machine's clock may be ahead of theirs.
    done = earlier(min(newest, state.begun) if newest else state.begun)
    fetched = sum(pq.read_metadata(p).num_rows for p in pages)
    _write(merged, _Mark(asked, state.begun, done, None), target)
    work.rename(finished)  # in one step: a folder that lost some pages must not be taken for a pull to go on with
    shutil.rmtree(finished)
    return Pulled(name, target.name, len(merged), fetched, len(pages), n_before > 0, state.since)


def _asked(spec: Pull) -> str:
    """Hash of what is asked for; with other fields everything has to be fetched anew."""
    asked = spec.model_dump(mode="json", exclude={"attempts", "timeout_seconds", "page_size", "to"})
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _since(target: Path, asked: str) -> str | None:
    if not target.exists():
        return None
    mark = _read(target)
    if mark is None:
        raise BadDataError("is no file of a pull", where=target.name, fix="choose another name under `to`")
    return mark.since if mark.asked == asked else None


def _pages(work: Path, asked: str, full: bool, fresh: bool) -> list[Path]:
    """Pages of a pull that broke off, where it is the one that is asked for; others are thrown away."""
    pages = sorted(work.glob("*.parquet"))
    mark = _read(pages[-1]) if pages else None
    fits = mark is not None and mark.asked == asked and (mark.since is None) >= (full or fresh)
    for page in [] if fits else pages:
        page.unlink()
    return pages if fits else []


def _table(page: Page) -> pa.Table:
    names = list(dict.fromkeys(name for row in page.rows for name in row))
    return pa.table({name: pa.array([row.get(name) for row in page.rows], pa.string()) for name in names})


def _merged(target: Path, pages: Sequence[Path], client: Client, fresh: bool) -> pa.Table:
    """The records of the file and of the pages, each as it was last, by id; deleted ones are left out."""
    tables = [t for t in _tables([] if fresh else [target], pages) if client.id_column in t.column_names]
    if not tables:
        return pa.table({client.id_column: pa.array([], pa.string())})
    every = pa.concat_tables(tables, promote_options="default")
    every = every.append_column("order", pa.array(range(len(every)), pa.int64()))
    changed = every[client.modified_column] if client.modified_column in every.column_names else None
    nothing = pa.array([""] * len(every), pa.string())
    every = every.append_column("changed", nothing if changed is None else pc.fill_null(changed, ""))
    by = [(client.id_column, "ascending"), ("changed", "ascending"), ("order", "ascending")]
    ordered = every.take(pc.sort_indices(every, by))
    ids = ordered[client.id_column].combine_chunks()
    last = pa.concat_arrays([pc.not_equal(ids[1:], ids[:-1]), pa.array([True] * min(len(ids), 1))])
    kept = ordered.filter(last).drop_columns(["order", "changed"])
    if _DELETED in kept.column_names:
        kept = kept.filter(pc.not_equal(pc.fill_null(kept[_DELETED], "false"), "true"))
    return kept


def _tables(*groups: Sequence[Path]) -> Iterator[pa.Table]:
    for group in groups:
        for file in group:
            if file.exists():
                yield pq.read_table(file).replace_schema_metadata(None)


def _write(table: pa.Table, mark: _Mark, file: Path) -> None:
    """Write a file so that it is there whole or not at all; only its owner may read it."""
    partial = file.with_name(f".{file.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        pq.write_table(table.replace_schema_metadata({_STATE: json.dumps(asdict(mark)).encode()}), stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)


def _read(file: Path) -> _Mark | None:
    try:
        found = pq.read_metadata(file).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise BadDataError("is no intact Parquet file", where=file.name, fix="remove it and pull again") from error
    return _Mark(**json.loads(found[_STATE])) if _STATE in found else None
