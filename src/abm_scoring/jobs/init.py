"""Init and the templates behind it: a commented configuration to start from."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from abm_scoring.errors import OutputError, UsageError

FILE_NAME = "abm.yaml"


def init(folder: Path, name: str) -> Path:
    """Write `abm.yaml` into a folder, which is created where it does not exist.

    Raises:
        UsageError: The name cannot name a project.
        OutputError: There is an `abm.yaml` already; it is not touched.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UsageError(f"{name!r} cannot name a project", fix="use a-z, 0-9, - and _")
    folder.mkdir(parents=True, exist_ok=True)
    return write_template("starter", folder / FILE_NAME, name)


def write_template(template: str, path: Path, name: str) -> Path:
    """Write a template of this package as a new file, with the project's name in it.

    Raises:
        OutputError: The file exists.
    """
    text = (resources.files("abm_scoring.jobs") / "templates" / f"{template}.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text.replace("PROJECT_NAME", name))
    except FileExistsError:
        raise OutputError("exists already", where=str(path), fix="move it away, or choose another folder") from None
    return path
