"""Paths that a configuration names stay inside the project folder unless they are written out in full."""

from __future__ import annotations

import os
from pathlib import Path

from abm_scoring.errors import ConfigError


def project_folder(config_path: Path) -> Path:
    """The folder that relative paths of a configuration start from.

    It is the folder of the file, or the one above it where that is called `configs`. A link to the file is not
    followed: the project is where the user put the name.
    """
    folder = Path(os.path.abspath(config_path)).parent
    return folder.parent if folder.name == "configs" else folder


def confine(path: str, root: Path, what: str) -> Path:
    """The file or folder that a configuration means, links followed.

    Args:
        path: As written. An absolute path is taken as it is: whoever writes it out in full has declared it.
        root: Folder that a relative path starts from and must not leave, neither by `..` nor through a link.
        what: Key of the configuration, for the message.

    Raises:
        ConfigError: The path leaves the folder, or is no path.
    """
    fix = "keep it inside the project folder or write the full path"
    if not path.strip() or "\0" in path:
        raise ConfigError("is no path", where=what, fix="name a file or folder")
    if path.startswith("~"):
        raise ConfigError(f'"{path}" begins with ~, which is not expanded', where=what, fix=fix)
    if Path(path).is_absolute():
        return Path(path)
    try:
        inside, resolved = root.resolve(), (root / path).resolve()
    except (OSError, RuntimeError):
        raise ConfigError(f'"{path}" runs in a circle of links', where=what, fix="remove the links") from None
    if not resolved.is_relative_to(inside):
        raise ConfigError(f'"{path}" leaves the project folder', where=what, fix=fix)
    return resolved
