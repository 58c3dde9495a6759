"""Score: champion bundle and today's tables → ranked list, not-scored list, frozen scores, in one published run."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.engines.scoring import ScoringTask
from abm_scoring.errors import MissingInputError
from abm_scoring.features.cohort import ELIGIBLE
from abm_scoring.features.context import customer_context
from abm_scoring.features.history import History
from abm_scoring.jobs.train import CHAMPION, model_sections
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.bundle import TRAIN_FIRST, Bundle, read_bundle
from abm_scoring.publish.csv_out import write_csv
from abm_scoring.publish.hashing import hash_files
from abm_scoring.publish.lists import not_scored_list, ranked_list
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.manifest import Counts, InputRecord, Manifest, installed_versions, write_manifest
from abm_scoring.publish.parquet_out import write_parquet
from abm_scoring.publish.runs import LATEST, read_manifest, resolve_pointer, run_id
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder
from abm_scoring.publish.words import Words
from abm_scoring.ranking.columns import NOT_SCORED, RANKED
from abm_scoring.ranking.ranking import rank

LIST, LEFT_OUT, FROZEN, REJECTS = "target_accounts.csv", "not_scored.csv", "scores.parquet", "rejects.csv"
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Scored:
    """One published run.

    Attributes:
        run: Its folder.
        ranked: The ranked list as published.
        not_scored: The second list.
    """

    run: Path
    as_of: pd.Timestamp
    retrospective: bool
    ranked: pd.DataFrame
    not_scored: pd.DataFrame
    model_version: str
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `score --json` prints; documented in docs/reference/json.md."""
        return {
            "run": str(self.run),
            "list": str(self.run / LIST),
            "not_scored": str(self.run / LEFT_OUT),
            "n_ranked": len(self.ranked),
            "n_withheld": 0,
            "n_not_scored": len(self.not_scored),
            "as_of": self.as_of.isoformat(),
            "retrospective": self.retrospective,
            "model_version": self.model_version,
            "warnings": list(self.warnings),
        }


def score(
    workspace: Workspace, as_of: pd.Timestamp, now: datetime, today: bool = False, progress: Progress = silent
) -> Scored:
    """Score every account as of a day and publish the run.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        now: The clock, for the manifest only.
        today: Whether `as_of` is the real today.
        progress: Told of each step.

    Raises:
        MissingInputError: There is no model, or it is damaged (66).
        AbmError: Bad input, or the run cannot be written; what was published before stays.
    """
    begun = time.monotonic()
    bundle = champion(workspace)
    for level in (workspace.out, workspace.runs.parent, workspace.runs):
        make_output_folder(level)
    with folder_lock(workspace.runs):
        check_writable(workspace.runs)
        progress("reading tables", 0, 0)
        loaded, tables, warnings = load(workspace, as_of, today)
        warnings = (*warnings, *bundle.warnings, *_changed(workspace.config, bundle))
        read = time.monotonic()
        context = customer_context(History.of(tables, until=as_of, timezone=workspace.config.project.timezone))
        rows = workspace.config.engine.score(
            tables, context, bundle, _task(workspace.config, bundle, as_of), lambda i, n: progress("scoring", i, n)
        )
        scored = time.monotonic()
        ranked, left_out = _lists(workspace, bundle, rows, as_of)
        progress("publishing", 0, 0)
        timings = {"reading": read - begun, "scoring": scored - read, "lists": time.monotonic() - scored}
        draft = _Draft(workspace, bundle, loaded, rows, ranked, left_out, as_of, now, warnings, timings)
        folder, retrospective = _publish(draft)
    return Scored(folder, as_of, retrospective, ranked, left_out, bundle.version, warnings)


def champion(workspace: Workspace) -> Bundle:
    """The model that scoring uses.

    Raises:
        MissingInputError: There is none, or it is damaged.
    """
    folder = resolve_pointer(workspace.models, CHAMPION) if workspace.models.is_dir() else None
    if folder is None:
        raise MissingInputError(
            "there is no model",
            where=str(workspace.models),
            fix=TRAIN_FIRST.replace("CONFIG", str(workspace.config_path)),
        )
    return read_bundle(folder)


def _task(config: Config, bundle: Bundle, as_of: pd.Timestamp) -> ScoringTask:
    specs = bundle.about.specs
    return ScoringTask(
        as_of=as_of.isoformat(),
        timezone=specs["timezone"],
        cohort=specs["cohort"],
        snapshots=specs["snapshots"],
        features=tuple(specs["features"]),
        horizon_days=bundle.about.horizon_days,
        reasons=config.scoring.reasons,
        negative_reasons=config.scoring.negative_reasons,
    )


def _changed(config: Config, bundle: Bundle) -> list[str]:
    declared, now = bundle.about.specs["declared"], model_sections(config)
    changed = [name for name in now if now[name] != declared.get(name)]
    if not changed:
        return []
    return [f"{', '.join(changed)} changed since the model was trained; the model's are used until you train again"]


def _lists(
    workspace: Workspace, bundle: Bundle, rows: pd.DataFrame, as_of: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    config, words = workspace.config, Words(workspace.config.project.language)
    constants: dict[str, str | int] = {
        "rung": bundle.about.rung,
        "horizon_days": bundle.about.horizon_days,
        "data_as_of": as_of.tz_convert(config.project.timezone).date().isoformat(),
        "model_version": bundle.version,
        "config_hash": workspace.config_hash,
    }
    ranked = rank(rows[rows["status"] == ELIGIBLE], config.scoring)
    left_out = rows[rows["status"] != ELIGIBLE]
    return (
        ranked_list(ranked, bundle.about.catalogue, [c.name for c in RANKED], words, constants),
        not_scored_list(left_out, [c.name for c in NOT_SCORED], words),
    )


@dataclass(frozen=True)
class _Draft:
    """Everything that a run publishes."""

    workspace: Workspace
    bundle: Bundle
    loaded: Loaded
    rows: pd.DataFrame
    ranked: pd.DataFrame
    left_out: pd.DataFrame
    as_of: pd.Timestamp
    now: datetime
    warnings: tuple[str, ...]
    timings: dict[str, float]


def _publish(draft: _Draft) -> tuple[Path, bool]:
    """Publishes the run; a day before the current run's is retrospective and does not become current."""
    runs = draft.workspace.runs
    current = resolve_pointer(runs, LATEST)
    latest = read_manifest(current) if current else None
    retrospective = latest is not None and draft.as_of < latest.as_of
    name = run_id(_named_day(draft).to_pydatetime(), _content(draft))
    predecessor = latest.run_id if latest and not retrospective and latest.run_id != name else None
    folder = publish_folder(
        runs, name, LATEST, lambda d: _write(draft, d, name, predecessor, retrospective), move_pointer=not retrospective
    )
    return folder, retrospective


def _named_day(draft: _Draft) -> pd.Timestamp:
    """What the run is called after: the project's day where it stands on the midnight that begins one."""
    local = draft.as_of.tz_convert(draft.workspace.config.project.timezone)
    return local.tz_localize(None).tz_localize("UTC") if local == local.normalize() else draft.as_of


def _content(draft: _Draft) -> str:
    """Hash of all that determines a run, so that the same work has the same name."""
    determines = {
        "inputs": dict(draft.loaded.fingerprints),
        "config": draft.workspace.config_hash,
        "model": draft.bundle.version,
        "package": installed_versions(()).package,
    }
    return hashlib.sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()


def _write(draft: _Draft, folder: Path, name: str, predecessor: str | None, retrospective: bool) -> None:
    outputs = draft.workspace.config.outputs
    decimals = {c.name: c.decimals for c in RANKED if c.decimals is not None}

    def csv(frame: pd.DataFrame, file: str) -> None:
        floats = {c: d for c, d in decimals.items() if c in frame and frame[c].dtype == "float64"}
        stamps = [str(c) for c in frame if str(frame[c].dtype).startswith("datetime64")]
        write_csv(
            frame,
            folder / file,
            delimiter=outputs.csv_delimiter,
            decimal=outputs.csv_decimal,
            decimals=floats,
            dates=stamps,
        )

    csv(draft.ranked, LIST)
    csv(draft.left_out, LEFT_OUT)
    if len(draft.loaded.rejects):
        csv(draft.loaded.rejects, REJECTS)
    write_parquet(draft.rows, folder / FROZEN)
    write_manifest(folder, _manifest(draft, folder, name, predecessor, retrospective))


def _manifest(draft: _Draft, folder: Path, name: str, predecessor: str | None, retrospective: bool) -> Manifest:
    probability, score = draft.rows.get("probability"), draft.rows.get("score")
    known = probability.dropna() if probability is not None else pd.Series(dtype="float64")
    quantiles = score.dropna().quantile(list(_QUANTILES)) if score is not None else pd.Series(dtype="float64")
    return Manifest(
        run_id=name,
        as_of=draft.as_of.to_pydatetime(),
        scored_at=draft.now.astimezone(UTC),
        timings={stage: round(seconds, 3) for stage, seconds in draft.timings.items()},
        retrospective=retrospective,
        predecessor=predecessor,
        model_version=draft.bundle.version,
        config_hash=draft.workspace.config_hash,
        rung=draft.bundle.about.rung,
        horizon_days=draft.bundle.about.horizon_days,
        inputs=_inputs(draft.loaded),
        counts=Counts(ranked=len(draft.ranked), withheld=0, not_scored=len(draft.left_out)),
        files=hash_files(folder),
        versions=installed_versions(),
        warnings=draft.warnings,
        score_quantiles={f"{q:g}": float(v) for q, v in quantiles.items() if v == v},
        expected_conversions=float(known.sum()) if len(known) else None,
    )


def _inputs(loaded: Loaded) -> dict[str, InputRecord]:
    records = {}
    for name, report in loaded.reports.items():
        other = {"orphan": report.orphans, "anonymous": report.anonymous, "late": report.late}
        records[name] = InputRecord(
            sha256=loaded.fingerprints[name],
            rows_in=report.rows_in,
            rows_accepted=report.accepted,
            rows_rejected=report.rejected,
            duplicates=report.duplicates,
            other={k: v for k, v in {**other, "future": report.future or 0}.items() if v},
        )
    return records
