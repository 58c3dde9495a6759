"""What a run is called, and putting it where everybody reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from abm_scoring.data.loading import Loaded
from abm_scoring.jobs.run_files import Draft, write_run
from abm_scoring.jobs.workspace import Workspace
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.manifest import installed_versions
from abm_scoring.publish.runs import LATEST, run_id
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder


@contextmanager
def output_folder(workspace: Workspace, dry_run: bool = False) -> Iterator[None]:
    """Hold the folder of runs, made where it is missing and proved to be writable; a dry run touches nothing."""
    if dry_run:
        yield
        return
    for level in (workspace.out, workspace.runs.parent, workspace.runs):
        make_output_folder(level)
    with folder_lock(workspace.runs):
        check_writable(workspace.runs)
        yield


def publish(draft: Draft) -> Path:
    """Publishes the run; a retrospective one does not become current."""
    name = run_name(draft)
    return publish_folder(
        draft.workspace.runs,
        name,
        LATEST,
        lambda folder: write_run(draft, folder, name),
        move_pointer=not draft.retrospective,
    )


def run_name(draft: Draft) -> str:
    """Name of the run's folder: its day, and a hash of all that determines it."""
    return name_of(
        draft.workspace, draft.loaded, draft.bundle.version, draft.predecessor, draft.retrospective, draft.as_of
    )


def name_of(
    workspace: Workspace,
    loaded: Loaded,
    model_version: str,
    predecessor: str | None,
    retrospective: bool,
    as_of: pd.Timestamp,
) -> str:
    """The same before the run is computed: the same work has the same name."""
    determines = {
        "inputs": dict(loaded.fingerprints),
        "config": workspace.config_hash,
        "model": model_version,
        "package": installed_versions(()).package,
        "predecessor": predecessor,
        "retrospective": retrospective,
    }
    content = hashlib.sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()
    return run_id(_named_day(workspace, as_of).to_pydatetime(), content)


def _named_day(workspace: Workspace, as_of: pd.Timestamp) -> pd.Timestamp:
    """What the run is called after: the project's day where it stands on the midnight that begins one."""
    local = as_of.tz_convert(workspace.config.project.timezone)
    return local.tz_localize(None).tz_localize("UTC") if local == local.normalize() else as_of
