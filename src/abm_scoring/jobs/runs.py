"""Published runs: what there is, whether it still is what was published, and what need not be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abm_scoring.errors import BadDataError, UsageError
from abm_scoring.jobs.ledger import KEPT, chain
from abm_scoring.jobs.workspace import Workspace
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.manifest import Manifest
from abm_scoring.publish.pruning import beyond, prune_run, pruned_files
from abm_scoring.publish.runs import LATEST, list_runs, read_manifest, resolve_pointer, verify

#: Beside the runs: the last one that was published for its own day, and when.
LAST_SUCCESS = "last_success"


@dataclass(frozen=True)
class RunLine:
    """One run in a list.

    Attributes:
        place: `latest`, `chain`, `replaced` (off the chain) or `retrospective`.
        pruned: Whether its renderings are gone.
    """

    manifest: Manifest
    place: str
    pruned: bool

    def as_json(self) -> dict[str, Any]:
        """One object of `runs list --json`; documented in docs/reference/json.md."""
        m = self.manifest
        return {
            "run": m.run_id,
            "as_of": m.as_of.isoformat(),
            "place": self.place,
            "predecessor": m.predecessor,
            "model_version": m.model_version,
            "n_ranked": m.counts.ranked,
            "n_withheld": m.counts.withheld,
            "n_not_scored": m.counts.not_scored,
            "mqa_open": m.mqa.open if m.mqa else None,
            "expected_conversions": m.expected_conversions,
            "gates_warned": [gate.name for gate in m.gates if gate.outcome in ("warned", "accepted")],
            "pruned": self.pruned,
        }


@dataclass(frozen=True)
class Pruned:
    """What pruning did: runs whose renderings went, and the bytes that this freed."""

    runs: tuple[str, ...]
    freed_bytes: int

    def as_json(self) -> dict[str, Any]:
        """The object that `runs prune --json` prints."""
        return {"runs": list(self.runs), "freed_bytes": self.freed_bytes}


def run_lines(workspace: Workspace) -> list[RunLine]:
    """All runs of a project, newest first."""
    latest = resolve_pointer(workspace.runs, LATEST) if workspace.runs.is_dir() else None
    on_chain = {link.folder.name for link in chain(workspace.runs)}
    lines = []
    for folder in reversed(list_runs(workspace.runs)):
        manifest = read_manifest(folder)
        place = "retrospective" if manifest.retrospective else "chain" if folder.name in on_chain else "replaced"
        place = LATEST if latest is not None and folder.name == latest.name else place
        lines.append(RunLine(manifest, place, bool(pruned_files(folder))))
    return lines


def find_run(workspace: Workspace, name: str) -> Path:
    """The folder of a run by its name, the beginning of its name, or `latest`.

    Raises:
        UsageError: There is none, or several begin like this (64).
    """
    if name == LATEST:
        latest = resolve_pointer(workspace.runs, LATEST)
        if latest is not None:
            return latest
    found = [folder for folder in list_runs(workspace.runs) if folder.name.startswith(name)]
    exact = [folder for folder in found if folder.name == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    what = f"{len(found)} runs begin with {name!r}" if found else f"there is no run {name!r}"
    raise UsageError(what, where=str(workspace.runs), fix="name one of: abm-scoring runs list CONFIG")


def verify_runs(workspace: Workspace, names: Sequence[str] = ()) -> dict[str, list[str]]:
    """Hash runs again; all of them, and the chain that they form, unless some are named.

    Returns:
        Run → what is wrong with it, one sentence each; every run that was looked at is there.

    Raises:
        MissingInputError: A manifest, or a run of the chain, is gone or cannot be read (66).
    """
    folders = [find_run(workspace, name) for name in names] or list_runs(workspace.runs)
    if not names:
        chain(workspace.runs)
    return {folder.name: verify(folder) for folder in folders}


def refuse_altered(found: dict[str, list[str]]) -> None:
    """Raise where a run is not what was published.

    Raises:
        BadDataError: With every problem (65).
    """
    wrong = [f"{run}/{problem}" for run, problems in found.items() for problem in problems]
    if wrong:
        raise BadDataError("; ".join(wrong), where="runs", fix="restore these runs from a backup")


def prune(workspace: Workspace, keep: int | None = None) -> Pruned:
    """Remove renderings of old runs; frozen scores, transitions, arms and manifests stay.

    Args:
        workspace: Config and folders.
        keep: How many of the newest runs keep their renderings; None = `retention.renderings`.

    Raises:
        BusyError: A run is being published (75).
    """
    if not workspace.runs.is_dir():
        return Pruned((), 0)
    with folder_lock(workspace.runs):
        return prune_runs(workspace, keep)


def prune_runs(workspace: Workspace, keep: int | None = None) -> Pruned:
    """The same for whoever holds the lock of the folder."""
    keep = workspace.config.retention.renderings if keep is None else keep
    if keep is None:
        return Pruned((), 0)
    latest = resolve_pointer(workspace.runs, LATEST)
    # The predecessor holds what the next run's CRM files are compared with.
    always = {latest.name, read_manifest(latest).predecessor or ""} if latest else set()
    freed, done = 0, []
    for folder in beyond(list_runs(workspace.runs), keep, always):
        before = freed
        freed += prune_run(folder, read_manifest(folder).files.keys() - KEPT)
        done += [folder.name] if freed > before else []
    return Pruned(tuple(done), freed)
