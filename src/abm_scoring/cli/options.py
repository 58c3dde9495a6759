"""The options that commands share, and how a command opens a project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from abm_scoring.cli.output import warn

if TYPE_CHECKING:
    import pandas as pd

    from abm_scoring.jobs.workspace import Progress, Workspace

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


class HasWarnings(Protocol):
    """What a job comes to."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence each."""


Done = TypeVar("Done", bound=HasWarnings)


def open_project(
    config: Path, overrides: list[str] | None, as_of: str | None, data_root: Path | None, out: Path | None
) -> tuple[Workspace, pd.Timestamp, bool]:
    """The workspace, the moment to stand on, and whether that is the real today."""
    from abm_scoring.jobs.workspace import open_workspace

    workspace = open_workspace(config, overrides or (), data_root, out)
    day = as_of or workspace.fixed_day
    return workspace, workspace.moment(day or today(workspace)), day is None


def work(
    job: Callable[[Workspace, pd.Timestamp, bool, Progress], Done],
    config: Path,
    overrides: list[str] | None,
    as_of: str | None,
    data_root: Path | None,
    out: Path | None,
) -> Done:
    """Open a project, do a job on it under a progress bar, and print the job's warnings."""
    from abm_scoring.terminal import progress_bar

    workspace, day, is_today = open_project(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        done = job(workspace, day, is_today, progress)
    warn(done.warnings)
    return done


def today(workspace: Workspace) -> str:
    """Today's date in the project's zone, as ISO text."""
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo(workspace.config.project.timezone)).date().isoformat()
