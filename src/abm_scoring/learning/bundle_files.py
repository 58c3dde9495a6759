"""The files of a bundle: strict JSON, hashes, and the proof that they are what was written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abm_scoring.errors import MissingInputError

FORMAT = 1
MANIFEST = "manifest.json"
_NAME = re.compile(r"[a-z0-9_]+\.(json|txt)")


def write_files(folder: Path, files: Mapping[str, bytes], about: dict[str, Any]) -> None:
    """Write files and the manifest that names and hashes them into an existing, empty folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = hash_files(files)
    manifest = {"format": FORMAT, "version": content_version(about, hashes), "files": hashes, "about": about}
    (folder / MANIFEST).write_bytes(to_json(manifest))


def read_files(folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files and the manifest's `about`, every byte proved by its hash before anything parses it.

    Raises:
        MissingInputError: A file is missing or is not what was written.
    """
    manifest = _manifest(folder)
    return {name: _checked(folder, name, sha256) for name, sha256 in manifest["files"].items()}, manifest["about"]


def read_stated(folder: Path) -> tuple[str, dict[str, Any]]:
    """The version and `about` of a manifest, proved by that version; the files beside it are not looked at.

    Raises:
        MissingInputError: The manifest is not what was written.
    """
    manifest = _manifest(folder)
    return str(manifest["version"]), manifest["about"]


def unusable(where: Path, what: str) -> MissingInputError:
    """The error for a bundle that must not be used."""
    return MissingInputError(what, where=str(where), fix="restore the folder, or train again")


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest, after its own version has proved it."""
    try:
        manifest = parse((folder / MANIFEST).read_bytes())
        written, version = manifest["format"], content_version(manifest["about"], dict(manifest["files"]))
    except (ValueError, KeyError, TypeError) as error:
        raise unusable(folder / MANIFEST, "the model's manifest cannot be read") from error
    if written != FORMAT:
        raise unusable(folder / MANIFEST, f"the model has format {written!r}, this version reads {FORMAT}")
    if manifest.get("version") != version:
        raise unusable(folder / MANIFEST, "the model's manifest is not what was written")
    return dict(manifest)


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    """The bytes of a file beside the manifest, if they have this hash."""
    if not _NAME.fullmatch(name):
        raise unusable(folder / MANIFEST, f"the model names a file that no model has: {name!r}")
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise unusable(path, "a file of the model is missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise unusable(path, "a file of the model is not what was written")
    return content


def hash_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name → SHA-256, hexadecimal."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def content_version(about: dict[str, Any], hashes: dict[str, str]) -> str:
    """12 hexadecimal digits of a hash over all content."""
    return hashlib.sha256(to_json({"about": about, "files": hashes})).hexdigest()[:12]


def to_json(content: object) -> bytes:
    """Strict JSON with sorted keys and one newline at the end."""
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse(content: bytes) -> Any:
    """Strict JSON: NaN and Infinity are refused."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(content.decode("utf-8"), parse_constant=refuse)
