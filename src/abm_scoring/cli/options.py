"""The options that commands share, and how a command opens a project."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from abm_scoring.jobs.workspace import Workspace

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. scoring.reasons=3; repeatable.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Pretend that it is this day, e.g. 2026-01-31.")
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="Where relative source paths start. Default: $ABM_SCORING_DATA_ROOT, else the project folder.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for models/, runs/ and mlflow/.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def open_project(
    config: Path, overrides: list[str] | None, as_of: str | None, data_root: Path | None, out: Path | None
) -> tuple[Workspace, pd.Timestamp, bool]:
    """The workspace, the moment to stand on, and whether that is the real today."""
    from abm_scoring.jobs.workspace import open_workspace

    workspace = open_workspace(config, overrides or (), data_root, out)
    day = as_of or workspace.fixed_day
    return workspace, workspace.moment(day or today(workspace)), day is None


def today(workspace: Workspace) -> str:
    """Today's date in the project's zone, as ISO text."""
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo(workspace.config.project.timezone)).date().isoformat()
