"""Doctor: whether this machine, this configuration and these folders can carry a nightly run, and how to mend them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from abm_scoring.config import Config
from abm_scoring.errors import AbmError, BusyError
from abm_scoring.jobs.champion import champion
from abm_scoring.jobs.memory import available_memory_mb
from abm_scoring.jobs.workspace import Workspace, signing_key, source_files
from abm_scoring.publish.lock import LOCK, folder_lock
from abm_scoring.publish.staged import check_writable

#: Free space below which a night may not find room.
_LITTLE_MB = 1024
#: A core's worth of memory below which 20 000 accounts at a time are too many.
_LITTLE_MEMORY_MB = 2048


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        outcome: `ok`, `warning` (works, but look at it) or `failed`.
        exit_code: With which a run would end because of it; 0 where it would not.
    """

    name: str
    outcome: Literal["ok", "warning", "failed"]
    found: str
    fix: str = ""
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """One object of `doctor --json`; documented in docs/reference/json.md."""
        return asdict(self)


def examine_machine() -> list[Check]:
    """The installation: interpreter, libraries, memory, compile cache."""
    return [_python(), *_libraries(), _memory(), _compile_cache()]


def examine(workspace: Workspace) -> list[Check]:
    """The project: sources, folders, permissions, model, lock, disk, tracking, and what its engine needs."""
    config = workspace.config
    checks = [
        *_sources(workspace),
        _attempt("output folder", lambda: _writable(workspace.out)),
        *(_modes(folder) for folder in (workspace.models, workspace.runs) if folder.is_dir()),
        _attempt("model", lambda: f"version {champion(workspace).version}"),
        _attempt("signing key", lambda: "set" if signing_key() else "none is set, so models are not signed"),
        _lock(workspace.runs),
        _disk(workspace.out),
        _tracking(config, workspace.out),
        _java(config),
    ]
    return checks


def _python() -> Check:
    return Check("python", "ok", f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}")


def _libraries() -> Iterator[Check]:
    """Versions against what this package was built for."""
    try:
        needs = [r for r in metadata.requires("abm-scoring") or () if "extra ==" not in r]
    except metadata.PackageNotFoundError:
        yield Check("libraries", "warning", "the package is not installed, only on the path", "pip install abm-scoring")
        return
    missing = [n for n in (_distribution(r) for r in needs) if not _installed(n)]
    if missing:
        yield Check(
            "libraries", "failed", f"missing: {', '.join(missing)}", "make setup, or pip install abm-scoring", 70
        )
    else:
        yield Check("libraries", "ok", f"{len(needs)} are installed")


def _distribution(requirement: str) -> str:
    name = requirement
    for sign in "<>=!~;[ (":
        name = name.partition(sign)[0]
    return name


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _memory() -> Check:
    megabytes = available_memory_mb()
    if megabytes is None:
        return Check("memory", "ok", "this system does not say how much there is")
    if megabytes >= _LITTLE_MEMORY_MB:
        return Check("memory", "ok", f"{megabytes} MB available")
    return Check("memory", "warning", f"{megabytes} MB available", "lower engine.accounts_per_partition")


def _compile_cache() -> Check:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = next((p for p in (base / "abm-scoring", base, *base.parents) if p.exists()), base)
    if os.access(folder, os.W_OK):
        return Check("compile cache", "ok", str(base / "abm-scoring"))
    fix = "set XDG_CACHE_HOME to a folder of this user; without one every run compiles again"
    return Check("compile cache", "warning", f"{folder} is not writable", fix)


def _attempt(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", act())
    except AbmError as error:
        found = f"{error.where}: {error.what}" if error.where else error.what
        return Check(name, "failed", found, error.fix or "see the message", error.exit_code)
    except OSError as error:
        return Check(name, "failed", error.strerror or str(error), "check the path and its permissions", 77)


def _sources(workspace: Workspace) -> Iterator[Check]:
    for table, source in workspace.config.sources.items():

        def files(source: Any = source) -> str:
            found = source_files(source, workspace.data_root)
            unreadable = [str(f) for f in found if not os.access(f, os.R_OK)]
            if unreadable:
                raise PermissionError(0, f"cannot be read: {', '.join(unreadable)}")
            return f"{len(found)} files" if found else "not a file"

        yield _attempt(f"source {table}", files)


def _writable(folder: Path) -> str:
    check_writable(folder)
    return str(folder)


def _modes(folder: Path) -> Check:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IWOTH:
        return Check(
            f"permissions of {folder.parent.name}", "failed", f"{mode:04o}: anybody may write", f"chmod o-w {folder}"
        )
    return Check(f"permissions of {folder.parent.name}", "ok", f"{mode:04o}")


def _lock(runs: Path) -> Check:
    if not (runs / LOCK).is_file():
        return Check("lock", "ok", "no run has been here")
    try:
        with folder_lock(runs):
            return Check("lock", "ok", "free")
    except BusyError as error:
        return Check("lock", "warning", error.what, "wait until it ends", error.exit_code)
    except AbmError as error:
        return Check("lock", "failed", error.what, error.fix or "", error.exit_code)


def _disk(folder: Path) -> Check:
    place = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(place).free // 2**20
    if free >= _LITTLE_MB:
        return Check("disk", "ok", f"{free} MB free")
    return Check("disk", "warning", f"{free} MB free", "free space, or set retention.renderings")


def _tracking(config: Config, out: Path) -> Check:
    if config.tracking.kind == "none":
        return Check("tracking", "ok", "switched off")
    if config.tracking.uri is not None:
        return Check("tracking", "ok", "a server; it is asked when a model is trained, and its absence is only told")
    place = next(p for p in (out / "mlflow", out, *out.parents) if p.exists())
    if os.access(place, os.W_OK):
        return Check("tracking", "ok", str(out / "mlflow"))
    return Check("tracking", "warning", f"{place} is not writable", "training will not be tracked; scoring needs none")


def _java(config: Config) -> Check:
    if config.engine.kind == "local":
        return Check("java", "ok", "not needed by engine.kind: local")
    if config.engine.url is not None and config.engine.url.startswith("sc://"):
        return Check("java", "ok", "not needed for a Spark Connect server")
    java = shutil.which("java")
    if java is None:
        return Check("java", "failed", "not found", "install a Java 17 runtime", 66)
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    return Check("java", "ok", (done.stderr or done.stdout).splitlines()[0] if done.stderr or done.stdout else java)
