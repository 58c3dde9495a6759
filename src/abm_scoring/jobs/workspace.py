"""Where a job reads and writes, and what it was told to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.config_file import config_hash, load_config
from abm_scoring.data.loading import AnySource, Loaded, load_tables
from abm_scoring.data.sources import StackSource
from abm_scoring.data.streaming import EventSink
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.features.moments import instant
from abm_scoring.jobs.scratch import scratch_folder
from abm_scoring.learning.signing import checked_key
from abm_scoring.paths import confine, project_folder

#: Environment variable that says where relative source paths start from.
DATA_ROOT = "ABM_SCORING_DATA_ROOT"

#: Environment variable with the key that signs models; without it, none is signed and none is asked for.
SIGNING_KEY = "ABM_SCORING_SIGNING_KEY"

#: Told what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def silent(step: str, done: int, of: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Workspace:
    """A configuration and the folders that belong to it.

    Attributes:
        config_path: The file, as given; for messages.
        data_root: Relative source paths start here.
        out: models/, runs/ and mlflow/ lie here.
    """

    config: Config
    config_path: Path
    data_root: Path
    out: Path

    @property
    def name(self) -> str:
        """The project's name."""
        return self.config.project.name

    @property
    def models(self) -> Path:
        """Where bundles are published."""
        return self.out / "models" / self.name

    @property
    def runs(self) -> Path:
        """Where runs are published."""
        return self.out / "runs" / self.name

    @property
    def config_hash(self) -> str:
        """Hash over every choice, default or written."""
        return config_hash(self.config)

    @property
    def fixed_day(self) -> str | None:
        """The day that the config stands on instead of today, if it does."""
        day = self.config.project.as_of
        return day.isoformat() if day else None

    def moment(self, day: str) -> pd.Timestamp:
        """The moment at which a day begins in the project's zone; a full timestamp is that moment."""
        return instant(day, self.config.project.timezone)


def open_workspace(
    config_path: Path, overrides: Sequence[str] = (), data_root: Path | None = None, out: Path | None = None
) -> Workspace:
    """Read the config and settle the folders.

    Args:
        config_path: The YAML file.
        overrides: `section.key=value`.
        data_root: Default: the environment variable ABM_SCORING_DATA_ROOT, else the project folder.
        out: Default: `outputs.folder` of the config.
    """
    config = load_config(config_path, overrides)
    root = project_folder(config_path)
    given = data_root or (Path(os.environ[DATA_ROOT]) if os.environ.get(DATA_ROOT) else None)
    if given is not None and not given.is_dir():
        raise MissingInputError("is no folder", where=str(given), fix=f"correct --data-root or {DATA_ROOT}")
    target = out if out is not None else confine(config.outputs.folder, root, "outputs.folder")
    return Workspace(config, config_path, (given or root).resolve(), target.resolve())


def source_files(source: AnySource, root: Path) -> list[Path]:
    """Every input file of a source, of its parts where it has some; none of a database."""
    if isinstance(source, StackSource):
        return [file for part in source.parts for file in source_files(part, root)]
    return source.files_in(root)


def signing_key() -> bytes | None:
    """The key that signs models, from the environment alone: no file, no manifest and no message holds it."""
    return checked_key(os.environ.get(SIGNING_KEY), SIGNING_KEY)


def load(
    workspace: Workspace, as_of: pd.Timestamp, today: bool, sink: EventSink | None = None
) -> tuple[Loaded, Tables, tuple[str, ...]]:
    """All tables with amounts in the project's currency, and what a reader should be warned of.

    Args:
        as_of: The day that the job stands on.
        today: True where that is the real today, so that events beyond it are a fault and not merely later.
        sink: Takes the events where they are too many to hold; None = they are held, however many they are.

    Raises:
        BadDataError: More events than `checks.max_future_share` lie in the future.
    """
    config = workspace.config
    if sink is not None:
        return _checked(workspace, _loaded(workspace, as_of, sink, False), as_of, today)
    with scratch_folder() as folder:
        reader = config.engine.sink(folder)
        try:
            return _checked(workspace, _loaded(workspace, as_of, reader, True), as_of, today)
        finally:
            reader.close()


def _loaded(workspace: Workspace, as_of: pd.Timestamp, sink: EventSink, hold_events: bool) -> Loaded:
    config, moment = workspace.config, as_of.to_pydatetime()
    given = config.sources, workspace.data_root, config.checks, moment, config.matching, config.privacy
    return load_tables(*given, sink, hold_events, config.project.currency)


def _checked(
    workspace: Workspace, loaded: Loaded, as_of: pd.Timestamp, today: bool
) -> tuple[Loaded, Tables, tuple[str, ...]]:
    config = workspace.config
    warnings = []
    events = loaded.reports.get("events")
    if today and events is not None and events.future:
        share = events.future / max(events.accepted, 1)
        text = f"{events.future} events ({share:.1%}) lie at or after {as_of:%Y-%m-%d %H:%M} UTC and are left out"
        if share > config.checks.max_future_share:
            raise BadDataError(text, where="events", fix="check the clock and the time zone, or give --as-of")
        warnings.append(text)
    for name, report in loaded.reports.items():
        if report.rejected:
            warnings.append(f"{name}: {report.rejected} of {report.rows_in} rows rejected")
        if report.orphans:
            warnings.append(f"{name}: {report.orphans} rows ({report.orphan_share:.1%}) belong to no known account")
    if loaded.undated:
        told = "rows without known_at are not used, because nobody can say when they became known"
        warnings.append(f"contacts: {loaded.undated} {told}")
    return loaded, loaded.tables, tuple(warnings)
