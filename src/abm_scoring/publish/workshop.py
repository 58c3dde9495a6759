"""Private folders of a run in a shared place: gone with the run, also where it was killed.

The process holds an flock on its folder; the kernel lets go of it however the process ends, so whoever can take the
lock of a folder knows that its owner is dead. A process id alone could not tell: ids are used again, and in containers
nearly every run has the same one.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def workshop(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder `<prefix><pid>-<random>` that only this user can read, removed when the block ends."""
    folder, handle = _opened(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def sweep(parent: Path, prefix: str) -> int:
    """Remove the workshops that dead processes of this user left in a folder; those of living ones stay.

    Where the file system knows no flock on folders (some network mounts), nothing is removed.

    Returns:
        Number of workshops removed.
    """
    removed, name = 0, re.compile(re.escape(prefix) + r"\d+-\w+")
    for left in sorted(parent.glob(f"{prefix}*")):
        if not name.fullmatch(left.name):
            continue
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(handle).st_uid == os.geteuid():
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left)
                    removed += 1
            finally:
                os.close(handle)
    return removed


def _opened(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a private folder and hold its lock; again, should a sweeper come between the two."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
        with suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            if _lock_if_known(handle) and folder.exists():
                return folder, handle
            os.close(handle)


def _lock_if_known(handle: int) -> bool:
    """Lock a folder; False when a sweeper holds it, True also where the file system has no locks on folders."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
