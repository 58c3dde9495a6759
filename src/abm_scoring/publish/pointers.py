"""Moving the pointer to what is current, and remembering what was."""

from __future__ import annotations

import os
from pathlib import Path

from abm_scoring.errors import MissingInputError
from abm_scoring.publish.disk import disk_errors, fsync_path
from abm_scoring.publish.runs import check_name, read_link, resolve_pointer


def before(pointer: str) -> str:
    """Name of the link to what was current before."""
    return f"{pointer}-before"


def remember(parent: Path, pointer: str, coming: str) -> None:
    """Keep what is current under the name of what was, unless `coming` is current already.

    To be called, under the folder's lock, before the pointer moves; a kill between the two leaves both links at the
    same folder, and then there is nothing to go back to.
    """
    current = read_link(parent / pointer)
    if current is not None and current != coming:
        _point(parent, before(pointer), current)


def move_pointer(parent: Path, pointer: str, name: str) -> str | None:
    """Let a pointer name another published folder, in one step that readers cannot see halfway.

    Args:
        parent: Folder that holds the published folders; its lock must be held.
        pointer: Name of the link.
        name: A folder in `parent`.

    Returns:
        What was current; None where nothing was.

    Raises:
        MissingInputError: There is no such folder.
    """
    check_name(name)
    folder = parent / name
    if folder.is_symlink() or not folder.is_dir():
        raise MissingInputError("is not published", where=str(folder), fix="name one that is")
    current = read_link(parent / pointer)
    remember(parent, pointer, name)
    if current != name:
        _point(parent, pointer, name)
    return current


def current_and_before(parent: Path, pointer: str) -> tuple[str | None, str | None]:
    """Names of the folders that are and were current; a pointer to nothing raises as `resolve_pointer` says."""
    current = resolve_pointer(parent, pointer)
    target = read_link(parent / before(pointer))
    gone = target is None or not (parent / target).is_dir() or (current is not None and target == current.name)
    return current.name if current else None, None if gone else target


def _point(parent: Path, link: str, target: str) -> None:
    with disk_errors(parent):
        # The folder's lock is held, so that a link of this name is what a killed process left.
        spare = parent / f".{link}-next"
        spare.unlink(missing_ok=True)
        os.symlink(target, spare)
        try:
            os.replace(spare, parent / link)
        except BaseException:
            spare.unlink(missing_ok=True)
            raise
        fsync_path(parent)
