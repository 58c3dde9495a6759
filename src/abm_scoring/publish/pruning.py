"""Retention: renderings of old runs are removed; what a run decided, and its manifest, never are."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field

from abm_scoring.errors import MissingInputError
from abm_scoring.publish.disk import FILE_MODE, disk_errors, fsync_path
from abm_scoring.publish.manifest import MANIFEST
from abm_scoring.spec import Spec

#: In a pruned run: which files were removed. Written before they are, so that a kill in between is no damage.
PRUNED = "pruned.json"


class RetentionSpec(Spec):
    """How long lists, pages and reports are kept; what a run decided always is."""

    renderings: int | None = Field(
        None, ge=2, description="newest runs that keep theirs; none = all do. Frozen scores and decisions always stay"
    )
    reports: int | None = Field(
        None,
        ge=1,
        description="newest reports that stay of each kind (roi, kpis); none = all do. --as-of makes one again",
    )
    evaluations: int | None = Field(
        None,
        ge=1,
        description="newest evaluations of models that stay; none = all do. Those of the champion and its forerunner "
        "always stay",
    )


def pruned_files(folder: Path) -> frozenset[str]:
    """Names of the files that pruning removed from a run.

    Raises:
        MissingInputError: The record cannot be read (66).
    """
    path = folder / PRUNED
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(str(name) for name in json.loads(path.read_bytes())["removed"])
    except (ValueError, KeyError, TypeError):
        raise MissingInputError("the record of pruning is damaged", where=str(path), fix="restore the run") from None


def prune_run(folder: Path, renderings: Collection[str]) -> int:
    """Remove some files of a run, and record that; done again after a kill, it goes on where it stopped.

    Args:
        folder: A published run.
        renderings: Names of files, relative to it; never the manifest.

    Returns:
        Bytes that were freed.
    """
    removed = sorted({*renderings, *pruned_files(folder)} - {MANIFEST, PRUNED})
    if not removed:
        return 0
    with disk_errors(folder):
        if pruned_files(folder) != frozenset(removed):
            _record(folder, removed)
        present = [folder / name for name in removed if (folder / name).is_file()]
        freed = sum(path.stat().st_size for path in present)
        for path in present:
            path.unlink()
        if present:
            fsync_path(folder)
    return freed


def beyond(runs: Sequence[Path], keep: int, always: Collection[str]) -> list[Path]:
    """The folders that are no longer kept, or whose renderings are not.

    Args:
        runs: Folders of runs or reports, oldest first.
        keep: How many of the newest are kept.
        always: Names of those that are whatever their age.
    """
    return [run for run in runs[: max(len(runs) - keep, 0)] if run.name not in always]


def _record(folder: Path, removed: Sequence[str]) -> None:
    aside = folder / f".{PRUNED}"
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"removed": list(removed)}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, folder / PRUNED)
    fsync_path(folder)
