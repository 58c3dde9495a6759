"""Hashes of files and folders: how a run proves that it is what was published."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import Field

from abm_scoring.spec import Spec


class FileHash(Spec):
    """Size and fingerprint of one file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes, hexadecimal")
    bytes: int = Field(ge=0, description="size in bytes")


def hash_file(path: Path) -> FileHash:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileHash(sha256=digest, bytes=file.tell())


def hash_files(folder: Path, *, apart: Collection[str] = ()) -> dict[str, FileHash]:
    """Hash every regular file below a folder.

    Args:
        folder: The folder; links in it are skipped, never followed.
        apart: Relative names to leave out, e.g. the manifest that will hold the hashes.

    Returns:
        Hashes by relative name with `/`, sorted by name.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    named = ((path.relative_to(folder).as_posix(), path) for path in files)
    return {name: hash_file(path) for name, path in sorted(named) if name not in apart}


def content_hash(files: Mapping[str, FileHash]) -> str:
    """One SHA-256 over names, sizes and hashes, whatever the order of the mapping."""
    lines = (f"{name}\0{h.bytes}\0{h.sha256}\n" for name, h in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
