"""One run at a time in an output folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abm_scoring.errors import BusyError
from abm_scoring.publish.disk import FILE_MODE, disk_errors

LOCK = ".lock"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder, or fail at once.

    The file `.lock` stays in place, since removing it would let two processes lock two files of one name. It is the
    kernel's lock that counts, never the file's presence or text: a killed run leaves nothing to clean up.

    Args:
        folder: An existing folder.

    Raises:
        BusyError: Another run holds it (75); the message names its process id.
        OutputError: The lock file cannot be created (73).
    """
    with disk_errors(folder):
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        _take(handle, folder)
        try:
            yield
        finally:
            # Explicitly, not by closing alone: a child that was forked meanwhile shares the lock and may outlive us.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise BusyError(
            f"another run (process {pid}) is writing here",
            where=str(folder),
            fix="wait until it ends, or stop it, then re-run",
        ) from None
    with disk_errors(folder):
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
