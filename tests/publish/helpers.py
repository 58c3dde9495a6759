"""What the publishing tests share: a run to publish, a look at what is public, and children to be killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from abm_scoring.publish.hashing import hash_files
from abm_scoring.publish.manifest import Counts, InputRecord, Manifest, Versions, write_manifest

AS_OF = datetime(2026, 11, 21, tzinfo=UTC)


def a_manifest(name: str, folder: Path | None = None, **changes: object) -> Manifest:
    """A manifest of a small run, with the hashes of what stands in `folder`."""
    fields: dict[str, object] = {
        "run_id": name,
        "as_of": AS_OF,
        "scored_at": datetime(2026, 11, 21, 4, 30, tzinfo=UTC),
        "model_version": "m1",
        "config_hash": "c1",
        "rung": "average",
        "inputs": {"accounts": InputRecord(sha256="0" * 64, rows_in=3, rows_accepted=3)},
        "counts": Counts(ranked=2, withheld=0, not_scored=1),
        "files": hash_files(folder) if folder else {},
        "versions": Versions(python="3.11", package="0", libraries={}),
    }
    return Manifest.model_validate({**fields, **changes})


def writer(name: str, *, size: int = 2_000, **changes: object) -> Callable[[Path], None]:
    """Writes a run whose bytes follow from its name: two files, one of them in a folder, and a manifest."""

    def write(folder: Path) -> None:
        (folder / "list.csv").write_bytes(name.encode() * size)
        (folder / "frozen").mkdir()
        (folder / "frozen" / "scores.bin").write_bytes(name.encode()[::-1] * size)
        write_manifest(folder, a_manifest(name, folder, **changes))

    return write


def public(parent: Path) -> dict[str, object]:
    """Everything that a reader can see: bytes of files and targets of links; private names start with a dot."""
    seen: dict[str, object] = {}
    for path in sorted(parent.rglob("*")):
        name = path.relative_to(parent).as_posix()
        if name.startswith("."):
            continue
        seen[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
    return seen


def private(parent: Path) -> list[str]:
    """Temporary names that are left."""
    return sorted(p.name for p in parent.iterdir() if p.name.startswith(".tmp"))


def fork(act: Callable[[], None]) -> int:
    """Start `act` in a child that exits 0, with the error's own exit code, or 70; gives the child's process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        act()
        code = 0
    except Exception as error:
        code = getattr(error, "exit_code", 70)
    finally:
        os._exit(code)


def outcome(pid: int) -> int:
    """Exit code of a child, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
