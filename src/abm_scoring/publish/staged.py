"""Atomic publication: a folder is written aside, sealed, and made public by one pointer swap.

Everything private to a publication lives in one workshop `.tmp-<pid>-<random>` inside the target folder, so that each
step that makes something public is a rename on one device.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from abm_scoring.errors import OutputError
from abm_scoring.publish.disk import FILE_MODE, FOLDER_MODE, disk_errors, fsync_path, seal
from abm_scoring.publish.hashing import hash_files
from abm_scoring.publish.manifest import MANIFEST
from abm_scoring.publish.pruning import PRUNED, pruned_files
from abm_scoring.publish.runs import check_name, read_link
from abm_scoring.publish.workshop import sweep, workshop

_PREFIX = ".tmp-"


def make_output_folder(folder: Path) -> None:
    """Create an output folder (0750) unless it stands already.

    Only the last level is made: a missing parent is a typing error or a disk that is not mounted, and filling the
    mount point instead would look like success.

    Raises:
        OutputError: It cannot be created, or something else has its name.
    """
    with disk_errors(folder):
        try:
            os.mkdir(folder, FOLDER_MODE)
        except FileExistsError:
            if not folder.is_dir():
                raise OutputError("is not a folder", where=str(folder), fix="name another output folder") from None
        else:
            fsync_path(folder.parent)


def check_writable(folder: Path) -> None:
    """Prove, before anything is computed, that files can be created in an output folder.

    Tries it: permission bits do not tell about read-only mounts, quotas or the rights of root.

    Raises:
        OutputError: The folder is missing, no folder, or read-only (73).
        DiskError: The disk is full (74).
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "the output folder does not exist"
        raise OutputError(what, where=str(folder), fix="create it, or name another with --out")
    with disk_errors(folder), workshop(folder, _PREFIX):
        pass


def publish_folder(
    parent: Path,
    name: str,
    pointer: str,
    write: Callable[[Path], None],
    move_pointer: bool = True,
    *,
    apart: Collection[str] = (MANIFEST,),
    optional: Collection[str] = (),
) -> Path:
    """Write a folder aside and make it public as `parent/name`, then let `parent/pointer` name it.

    The folder appears complete or not at all, and readers of the pointer see the old run or the new one. When
    `parent/name` stands already with the same files and the same content, it is kept and only the pointer moves: a
    second run of a day changes nothing. Files named in `apart` may differ in content, because a manifest holds times.

    After any failure, the public files and the pointer are as before and the private folder is gone; after SIGKILL the
    next call sweeps it away. A kill between the two renames leaves a complete run that the pointer does not name yet;
    running again moves the pointer.

    Args:
        parent: Folder that holds the published folders; must exist.
        name: Name of the new folder.
        pointer: Name of the link, e.g. `latest`.
        write: Writes everything into the empty folder that it is given.
        move_pointer: False for what is kept but never becomes current, e.g. a backfill.
        apart: Files whose content is not compared with that of a folder which stands already.
        optional: Files that are not compared at all, e.g. a signature.

    Returns:
        `parent/name`.

    Raises:
        OutputError: Something cannot be created, or `parent/name` stands with different content (73). Names carry a
            hash of what made them, so a difference means that the published folder was altered.
        DiskError: The disk is full or fails (74).
    """
    check_name(name)
    check_name(pointer)
    sweep(parent, _PREFIX)
    check_writable(parent)
    read_link(parent / pointer)
    with disk_errors(parent), workshop(parent, _PREFIX) as private:
        draft = private / name
        draft.mkdir()
        write(draft)
        seal(draft)
        _make_public(draft, parent / name, parent / pointer if move_pointer else None, apart, optional)
    return parent / name


def remove_folders(parent: Path, folders: Collection[Path]) -> None:
    """Remove published folders whole; a reader sees each complete or not at all, whenever this is killed.

    Args:
        parent: Folder that holds them; its lock must be held.
        folders: Folders in it that no pointer names.

    Raises:
        OutputError: One cannot be removed (73).
        DiskError: The disk fails (74).
    """
    if not folders:
        return
    with disk_errors(parent), workshop(parent, _PREFIX) as private:
        for folder in folders:
            os.rename(folder, private / folder.name)
        fsync_path(parent)


def write_mark(path: Path, text: str) -> None:
    """Write a small public file beside the published folders, in one step that readers cannot see halfway.

    Raises:
        OutputError: It cannot be created (73).
        DiskError: The disk is full or fails (74).
    """
    parent = path.parent
    with disk_errors(parent), workshop(parent, _PREFIX) as private:
        aside = private / path.name
        aside.write_text(text, encoding="utf-8")
        os.chmod(aside, FILE_MODE)
        fsync_path(aside)
        os.replace(aside, path)
        fsync_path(parent)


def _make_public(
    draft: Path, final: Path, link: Path | None, apart: Collection[str], optional: Collection[str]
) -> None:
    fresh = not os.path.lexists(final)
    if not fresh:
        _refuse_difference(draft, final, apart, optional)
    before = read_link(link) if link else None
    try:
        if fresh:
            os.rename(draft, final)
            fsync_path(final.parent)
        if link and before != final.name:
            _point(link, final.name, spare=draft.parent / "pointer")
            fsync_path(link.parent)
    except BaseException:
        with suppress(OSError):
            _take_back(draft, final, link, before, fresh)
        raise


def _refuse_difference(draft: Path, final: Path, apart: Collection[str], optional: Collection[str]) -> None:
    if not final.is_symlink() and final.is_dir():
        # What pruning removed was there, and is not compared.
        pruned = pruned_files(final)
        old, new = hash_files(final, apart=(PRUNED,)), hash_files(draft)
        same_names = new.keys() - old.keys() <= {*pruned, *optional} and old.keys() - new.keys() <= {*optional}
        if same_names and all(old[n] == new[n] for n in new.keys() & old if n not in apart and n not in optional):
            return
    raise OutputError(
        "stands already and differs from what was just computed, so it was altered after publication",
        where=str(final),
        fix="restore it, or move it out of this folder and re-run",
    )


def _point(link: Path, target: str, *, spare: Path) -> None:
    """Let a link name its target, in one step that readers cannot see halfway."""
    os.symlink(target, spare)
    os.replace(spare, link)


def _take_back(draft: Path, final: Path, link: Path | None, before: str | None, fresh: bool) -> None:
    """Restore the pointer, and then the absence of the folder: never a pointer to nothing."""
    if link and read_link(link) != before:
        if before is None:
            link.unlink()
        else:
            _point(link, before, spare=draft.parent / "undo")
    if fresh and not draft.exists():
        os.rename(final, draft)
