"""What the disk can do to a writer: errors turned into exit codes, and files that survive a power cut."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abm_scoring.errors import AbmError, DiskError, OutputError

FILE_MODE = 0o640
FOLDER_MODE = 0o750

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE})
_CREATE = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EXDEV,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EOPNOTSUPP,
    }
)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn an `OSError` raised while writing below `folder` into the error with the right exit code.

    Args:
        folder: The folder being written to; named in the message.

    Raises:
        DiskError: The disk is full, a quota or size limit is reached, or the device fails (74).
        OutputError: Something cannot be created there (73).
        OSError: Any other system error, or one about a file elsewhere, unchanged.
    """
    try:
        yield
    except OSError as error:
        known = _as_error(error, folder)
        if known is None:
            raise
        raise known from error


def _as_error(error: OSError, folder: Path) -> AbmError | None:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _DISK:
        return DiskError(
            f"writing failed: {reason}", where=str(folder), fix="free space or raise the limit, and re-run"
        )
    if error.errno in _CREATE and _about(error, folder):
        return OutputError(f"cannot write here: {reason}", where=str(folder), fix="check the path and its permissions")
    return None


def _about(error: OSError, folder: Path) -> bool:
    """True when the error names no file, or one that lies in `folder`; an input that is missing is another matter."""
    if error.filename is None or isinstance(error.filename, int):
        return True
    named, home = Path(os.path.abspath(os.fsdecode(error.filename))), Path(os.path.abspath(folder))
    return named == home or home in named.parents


def fsync_path(path: Path) -> None:
    """Force a file's bytes, or a folder's entries, to the device."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network mounts cannot sync folders
            raise
    finally:
        os.close(handle)


def seal(folder: Path) -> None:
    """Set the modes of everything below `folder` (files 0640, folders 0750) and fsync it, contents before containers.

    Raises:
        ValueError: A link stands in the folder; nothing published follows links.
    """
    for root, _, files in os.walk(folder, topdown=False):
        for name in files:
            _seal_one(Path(root, name), FILE_MODE)
        _seal_one(Path(root), FOLDER_MODE)


def _seal_one(path: Path, mode: int) -> None:
    if path.is_symlink():
        raise ValueError(f"a published folder holds no links: {path}")
    os.chmod(path, mode)
    fsync_path(path)
