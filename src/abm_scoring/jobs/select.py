"""Select: a list of accounts by any of their facts, features, scores and activities, with or without a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.data.choosing import choose
from abm_scoring.data.schema import TABLES
from abm_scoring.errors import ConfigError
from abm_scoring.features.build import features_at, shared_context
from abm_scoring.features.history import History
from abm_scoring.jobs.ledger import FROZEN
from abm_scoring.jobs.workspace import Workspace, load
from abm_scoring.publish.csv_out import write_csv
from abm_scoring.publish.runs import LATEST, resolve_pointer
from abm_scoring.spec_problems import near

#: Columns of a run that a condition may name beside the account's own.
_OF_RUN = (
    "list",
    "status",
    "rank",
    "score",
    "score_percentile",
    "grade",
    "tier",
    "probability",
    "fit_score",
    "engagement_score",
    "mqa_status",
)


@dataclass(frozen=True)
class Selected:
    """A list of accounts.

    Attributes:
        chosen: The accounts that fit, by account_id, with their facts and, where there was a run, their scores.
        columns: Every column that a condition may name.
        of: How many accounts there are.
    """

    chosen: pd.DataFrame
    columns: tuple[str, ...]
    of: int

    def as_json(self) -> dict[str, Any]:
        """The object that `select --json` prints; documented in docs/reference/json.md."""
        return {"n": len(self.chosen), "of": self.of, "accounts": self.chosen["account_id"].tolist()}


def select(
    workspace: Workspace, as_of: pd.Timestamp, where: str, features: bool = True, limit: int | None = None
) -> Selected:
    """The accounts for which a condition holds.

    Args:
        workspace: Config and folders.
        as_of: The day that features are built for; nothing known at or after it is used.
        where: A condition in SQL, or the name of a list of the configuration.
        features: Whether features can be named; without them it is quicker.
        limit: Most accounts.

    Raises:
        ConfigError: The condition cannot be read, or names what there is not.
    """
    _, tables, _ = load(workspace, as_of, False)
    history = History.of(tables, until=as_of, timezone=workspace.config.project.timezone, noise=workspace.config.noise)
    rows = pd.DataFrame({"account_id": history.account_ids, "as_of": as_of.as_unit("us")})
    frame = pd.concat([rows[["account_id"]], _facts(history.at(rows).account())], axis=1)
    if features:
        context = shared_context(history, workspace.config.features, rows)
        built = features_at(history, rows, workspace.config.features, context)
        frame = pd.concat([frame, built[[c for c in built if c not in frame]].reset_index(drop=True)], axis=1)
    frame = _with_run(frame, workspace)
    visible = {name: _visible(tables[name], as_of) for name in tables if name != "accounts"}
    return Selected(choose(frame, condition(workspace, where), visible, limit), tuple(frame.columns), len(frame))


def condition(workspace: Workspace, where: str) -> str:
    """The condition itself: that of the list of this name, else what was written."""
    lists = workspace.config.lists
    if where in lists:
        return lists[where]
    if where.replace("-", "_").isidentifier() and " " not in where and (guess := near(where, lists)):
        raise ConfigError(f"there is no list {where!r}", where="lists", fix=guess)
    return where


def export(selected: Selected, path: Path) -> None:
    """Write the list as CSV: the account's facts and scores, without its features.

    Raises:
        FileExistsError: There is such a file.
    """
    facts = [c.name for c in TABLES["accounts"].columns]
    shown = [c for c in selected.chosen if c in facts or c in _OF_RUN]
    write_csv(selected.chosen[shown], path)


def _visible(frame: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows that were known before a moment and lie before it; a row without a date was always known."""
    for column in ("known_at", "occurred_at"):
        if column in frame:
            frame = frame[~(frame[column] >= as_of)]
    return frame


def _facts(facts: pd.DataFrame) -> pd.DataFrame:
    return facts.drop(columns=["account_id"], errors="ignore").reset_index(drop=True)


def _with_run(frame: pd.DataFrame, workspace: Workspace) -> pd.DataFrame:
    """Scores of the current run, where there is one."""
    run = resolve_pointer(workspace.runs, LATEST) if workspace.runs.is_dir() else None
    if run is None:
        return frame
    frozen = pd.read_parquet(run / FROZEN)
    kept = [c for c in _OF_RUN if c in frozen]
    return frame.merge(frozen[["account_id", *kept]], on="account_id", how="left", suffixes=("", "_of_run"))
