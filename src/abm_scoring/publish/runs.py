"""What is known of published run folders: names, the pointer, manifests, and whether a run is still what it was."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from abm_scoring.errors import ConfigError, MissingInputError
from abm_scoring.publish.hashing import FileHash, hash_file
from abm_scoring.publish.manifest import MANIFEST, Manifest
from abm_scoring.publish.pruning import PRUNED, pruned_files

#: Name of the link to the current run, or model.
LATEST = "latest"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_HASH_DIGITS = 12


def check_name(name: str) -> None:
    """Refuse a name that could lead out of its folder or hide in it.

    Raises:
        ValueError: It is not made of letters, digits, `.`, `_` and `-`, or starts with a sign.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain file name: {name!r}")


def run_id(as_of: datetime, content_hash: str) -> str:
    """Name of a run: its date and the first 12 digits of a hash of what determines it (inputs, config, model).

    Names sort by `as_of`. A time of day is added unless it is midnight UTC: `2026-11-21-0a1b2c3d4e5f`,
    `2026-11-21T063000Z-0a1b2c3d4e5f`.

    Args:
        as_of: A moment with a time zone.
        content_hash: At least 12 hexadecimal digits.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    if not re.fullmatch(r"[0-9a-f]{12,}", content_hash):
        raise ValueError(f"not a hexadecimal hash: {content_hash!r}")
    moment = as_of.astimezone(UTC)
    day = f"{moment:%Y-%m-%d}"
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        day += f"{moment:T%H%M%S}" + (f".{moment.microsecond:06d}" if moment.microsecond else "") + "Z"
    return f"{day}-{content_hash[:_HASH_DIGITS]}"


def read_link(link: Path) -> str | None:
    """Target of a pointer as it is written; None when there is no pointer.

    Raises:
        ConfigError: Something that is not a link has the pointer's name.
    """
    if not os.path.lexists(link):
        return None
    if not link.is_symlink():
        raise ConfigError("is no link to a run", where=str(link), fix="move it away, or choose another output folder")
    return os.readlink(link)


def resolve_pointer(parent: Path, pointer: str = LATEST) -> Path | None:
    """The folder that a pointer names; None when nothing was published yet.

    Only what publishing writes is followed: the plain name of a real folder beside the link.

    Raises:
        ConfigError: The link leads elsewhere: absolute, through another folder, or to another link (78).
        MissingInputError: The folder that it names is gone (66).
    """
    link = parent / pointer
    target = read_link(link)
    if target is None:
        return None
    folder = parent / target
    if not _NAME.fullmatch(target) or folder.is_symlink():
        raise ConfigError(f"leads out of its folder, to {target!r}", where=str(link), fix="remove the link and re-run")
    if not folder.is_dir():
        raise MissingInputError(f"names {target}, which is gone", where=str(link), fix="restore it, or remove the link")
    return folder


def list_runs(parent: Path) -> list[Path]:
    """Complete run folders, oldest `as_of` first, retrospective runs included; links and private folders are not."""
    if not parent.is_dir():
        return []
    folders = (p for p in parent.iterdir() if _NAME.fullmatch(p.name) and not p.is_symlink())
    return sorted(p for p in folders if (p / MANIFEST).is_file())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run.

    Raises:
        MissingInputError: It is missing, damaged, or of a version that this program does not know (66).
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise MissingInputError("this folder holds no run", where=str(path), fix="name a run folder") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise MissingInputError(
            f"the manifest cannot be used ({place}: {first['msg']})",
            where=str(path),
            fix="restore the run from a backup, or upgrade if a newer version wrote it",
        ) from None


def verify(folder: Path) -> list[str]:
    """Hash a run again and compare it with its manifest; what pruning removed is no problem.

    Returns:
        One sentence for each problem, sorted by file; empty when the run is what was published.

    Raises:
        MissingInputError: There is no manifest that can be read.
    """
    manifest, pruned = read_manifest(folder), pruned_files(folder)
    problems = [] if manifest.run_id == folder.name else [f"the manifest belongs to run {manifest.run_id}"]
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()}
    gone = {name for name in pruned if name in manifest.files and name not in present}
    for name in sorted((present | manifest.files.keys()) - {MANIFEST, PRUNED} - gone):
        problem = _problem(folder / name, manifest.files.get(name))
        if problem:
            problems.append(f"{name}: {problem}")
    return problems


def _problem(path: Path, expected: FileHash | None) -> str | None:
    if expected is None:
        return "is not in the manifest"
    if path.is_symlink() or not path.is_file():
        return "is missing" if not os.path.lexists(path) else "is not a file"
    if path.stat().st_size != expected.bytes:
        return f"has {path.stat().st_size} bytes instead of {expected.bytes}"
    return None if hash_file(path) == expected else "has other content than was published"
