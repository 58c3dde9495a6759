"""Finding input files under the data root, and knowing their bytes."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from abm_scoring.errors import AccessError, BadDataError, BusyError, DiskError, MissingInputError
from abm_scoring.paths import confine
from abm_scoring.spec_problems import near


def resolve(path: str, root: Path) -> list[Path]:
    """The files that a path in the config names, sorted.

    Args:
        path: Relative to `root`, or absolute; may hold the wildcards `*`, `?`, `[…]` and `**`.
        root: The data root.

    Returns:
        At least one regular file. Relative paths stay under the root, symbolic links followed.

    Raises:
        ConfigError: The path leads out of the root without being absolute.
        MissingInputError: There is no such file.
    """
    base = root / path
    with file_errors(base):
        found = [base] if base.exists() or not glob.has_magic(path) else _matches(base)
    if not found:
        raise MissingInputError(f"no file matches {path}", where=str(root), fix="check the path or --data-root")
    for file in found:
        if not Path(path).is_absolute():
            confine(str(file.relative_to(root)), root, "path")
        _must_be_file(file)
    return found


def _matches(pattern: Path) -> list[Path]:
    return [p for p in (Path(m) for m in sorted(glob.glob(str(pattern), recursive=True))) if p.is_file()]


def _must_be_file(file: Path) -> None:
    if file.is_dir():
        raise MissingInputError("is a folder", where=str(file), fix="write a wildcard such as folder/*.parquet")
    if file.is_file():
        return
    if file.exists():
        raise MissingInputError("is not a regular file", where=str(file), fix="export to a file first")
    try:
        beside = sorted(os.listdir(file.parent))
    except OSError:
        beside = []
    fix = near(file.name, beside) or "check the path or --data-root"
    raise MissingInputError("no such file", where=str(file), fix=fix)


def fingerprint(files: Sequence[Path]) -> str:
    """SHA-256 of the input bytes: of one file its own, of several that of the lines `digest  name`."""
    digests = [_sha256(f) for f in files]
    if len(files) == 1:
        return digests[0]
    listing = "".join(f"{d}  {f.name}\n" for d, f in zip(digests, files, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file_errors(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[None]:
    """Refuse to go on when a file was written to while the block read it."""
    before = [_state(f) for f in files]
    yield
    for file, then in zip(files, before, strict=True):
        if _state(file) != then:
            raise BusyError("was written to while it was read", where=str(file), fix="try again when it is complete")


def _state(file: Path) -> tuple[int, int, int]:
    with file_errors(file):
        stat = file.stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns


@contextmanager
def file_errors(file: Path) -> Iterator[None]:
    """Turn the operating system's errors about a file into ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingInputError("no such file", where=str(file), fix="check the path or --data-root") from error
    except PermissionError as error:
        raise AccessError("may not be read", where=str(file), fix="give this user read permission") from error
    except EOFError as error:
        raise BadDataError("ends too early; the file is truncated", where=str(file), fix="export it again") from error
    except OSError as error:
        if error.errno is None:  # raised by a decoder, not by the system
            raise BadDataError(f"is damaged ({error})", where=str(file), fix="export it again") from error
        raise DiskError(f"reading failed: {error.strerror or error}", where=str(file)) from error
