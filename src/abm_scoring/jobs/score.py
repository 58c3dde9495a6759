"""Score: champion bundle and today's tables → ranked list, not-scored list, frozen decisions, in one published run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.data.tables import Tables
from abm_scoring.engines.scoring import ScoringTask
from abm_scoring.errors import MissingInputError
from abm_scoring.features.build import shared_context
from abm_scoring.features.history import History
from abm_scoring.jobs.decisions import Decisions, decide_run, silent_topics
from abm_scoring.jobs.ledger import Link, chain
from abm_scoring.jobs.run_files import Draft, holdout_record, mqa_record, noise_record, write_run
from abm_scoring.jobs.train import CHAMPION, model_sections
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.bundle import TRAIN_FIRST, Bundle, read_bundle
from abm_scoring.publish.lists import not_scored_list, ranked_list
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.manifest import HoldoutRecord, MqaRecord, installed_versions
from abm_scoring.publish.outputs import LEFT_OUT
from abm_scoring.publish.runs import LATEST, read_manifest, resolve_pointer, run_id
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder
from abm_scoring.publish.words import Words
from abm_scoring.ranking.columns import NOT_SCORED, RANKED


@dataclass(frozen=True)
class Scored:
    """One published run.

    Attributes:
        run: Its folder.
        ranked: The ranked list as published.
        not_scored: The second list.
        n_withheld: Accounts of the holdout, which stand on neither.
        mqa, holdout: What the run changed and what its holdout can tell; None without them.
    """

    run: Path
    as_of: pd.Timestamp
    retrospective: bool
    ranked: pd.DataFrame
    not_scored: pd.DataFrame
    n_withheld: int
    mqa: MqaRecord | None
    holdout: HoldoutRecord | None
    main_file: str
    model_version: str
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `score --json` prints; documented in docs/reference/json.md."""
        return {
            "run": str(self.run),
            "list": str(self.run / self.main_file),
            "not_scored": str(self.run / LEFT_OUT),
            "n_ranked": len(self.ranked),
            "n_withheld": self.n_withheld,
            "n_not_scored": len(self.not_scored),
            "as_of": self.as_of.isoformat(),
            "retrospective": self.retrospective,
            "model_version": self.model_version,
            "mqa": self.mqa.model_dump(mode="json") if self.mqa else None,
            "holdout": self.holdout.model_dump(mode="json") if self.holdout else None,
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
        earlier, retrospective = chain(workspace.runs, as_of), _is_past(workspace.runs, as_of)
        bundle, of_then = _model_of_then(workspace, earlier) if retrospective and earlier else (bundle, ())
        progress("reading tables", 0, 0)
        loaded, tables, warnings = load(workspace, as_of, today)
        read = time.monotonic()
        task = scoring_task(workspace.config, bundle, as_of)
        history = History.of(tables, until=as_of, timezone=task.timezone, noise=task.noise)
        context = shared_context(history, task.features, task.rows(history))
        rows = workspace.config.engine.score(tables, context, bundle, task, lambda i, n: progress("scoring", i, n))
        scored = time.monotonic()
        decisions = _decide(workspace.config, rows, tables, loaded, history, bundle, earlier, as_of)
        warnings = (*warnings, *bundle.warnings, *_changed(workspace.config, bundle), *of_then, *decisions.warnings)
        ranked, left_out = _lists(workspace, bundle, decisions, as_of)
        progress("publishing", 0, 0)
        timings = {"reading": read - begun, "scoring": scored - read, "lists": time.monotonic() - scored}
        draft = Draft(
            workspace,
            bundle,
            loaded,
            decisions,
            ranked,
            left_out,
            earlier,
            retrospective,
            as_of,
            now,
            warnings,
            timings,
            noise_record(history, task.noise),
        )
        folder = _publish(draft)
    counts = mqa_record(decisions), holdout_record(decisions)
    return Scored(
        folder,
        as_of,
        retrospective,
        ranked,
        left_out,
        decisions.n_withheld,
        *counts,
        workspace.config.outputs.main_file,
        model_version=bundle.version,
        warnings=warnings,
    )


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


def scoring_task(config: Config, bundle: Bundle, as_of: pd.Timestamp) -> ScoringTask:
    """What a partition is told: the model's own cohort, snapshots and features, and how the list is made."""
    specs = bundle.about.specs
    return ScoringTask(
        as_of=as_of.isoformat(),
        timezone=specs["timezone"],
        noise=specs.get("noise"),
        cohort=specs["cohort"],
        snapshots=specs["snapshots"],
        features=tuple(specs["features"]),
        horizon_days=bundle.about.horizon_days,
        reasons=config.scoring.reasons,
        negative_reasons=config.scoring.negative_reasons,
        sales_touches=config.scoring.sales_touches,
        minutes_days=config.scoring.minutes_days,
    )


def _is_past(runs: Path, as_of: pd.Timestamp) -> bool:
    """Whether a day lies before the current run's: such a run is retrospective."""
    current = resolve_pointer(runs, LATEST)
    return current is not None and as_of < pd.Timestamp(read_manifest(current).as_of)


def _model_of_then(workspace: Workspace, earlier: Sequence[Link]) -> tuple[Bundle, tuple[str, ...]]:
    """The model of the last run before a past day; today's, with a warning, where that one is gone."""
    version = earlier[-1].manifest.model_version
    folder = workspace.models / version
    if folder.is_dir():
        return read_bundle(folder), ()
    return champion(workspace), (f"the model of that time, {version}, is gone; today's scores this past day",)


def _changed(config: Config, bundle: Bundle) -> list[str]:
    declared, now = bundle.about.specs["declared"], model_sections(config)
    changed = [name for name in now if now[name] != declared.get(name)]
    if not changed:
        return []
    return [f"{', '.join(changed)} changed since the model was trained; the model's are used until you train again"]


def _decide(
    config: Config,
    rows: pd.DataFrame,
    tables: Tables,
    loaded: Loaded,
    history: History,
    bundle: Bundle,
    earlier: Sequence[Link],
    as_of: pd.Timestamp,
) -> Decisions:
    predecessor = earlier[-1] if earlier else None
    accepted = {name: report.accepted for name, report in loaded.reports.items()}
    quiet = silent_topics(history, as_of, bundle.about.catalogue, accepted, predecessor)
    same_model = predecessor is not None and predecessor.manifest.model_version == bundle.version
    decisions = decide_run(rows, tables, config.scoring, earlier, as_of, same_model, quiet)
    if not quiet:
        return decisions
    told = f"no news of {', '.join(sorted(quiet))} for nearly everybody: a source may have stopped"
    return replace(decisions, warnings=(*decisions.warnings, told))


def _lists(
    workspace: Workspace, bundle: Bundle, decisions: Decisions, as_of: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    config, words = workspace.config, Words(workspace.config.project.language)
    constants: dict[str, str | int] = {
        "rung": bundle.about.rung,
        "horizon_days": bundle.about.horizon_days,
        "data_as_of": as_of.tz_convert(config.project.timezone).date().isoformat(),
        "model_version": bundle.version,
        "config_hash": workspace.config_hash,
    }
    return (
        ranked_list(decisions.ranked, bundle.about.catalogue, [c.name for c in RANKED], words, constants),
        not_scored_list(decisions.left_out, [c.name for c in NOT_SCORED], words),
    )


def _publish(draft: Draft) -> Path:
    """Publishes the run; a retrospective one does not become current."""
    name = run_id(_named_day(draft).to_pydatetime(), _content(draft))
    return publish_folder(
        draft.workspace.runs,
        name,
        LATEST,
        lambda folder: write_run(draft, folder, name),
        move_pointer=not draft.retrospective,
    )


def _named_day(draft: Draft) -> pd.Timestamp:
    """What the run is called after: the project's day where it stands on the midnight that begins one."""
    local = draft.as_of.tz_convert(draft.workspace.config.project.timezone)
    return local.tz_localize(None).tz_localize("UTC") if local == local.normalize() else draft.as_of


def _content(draft: Draft) -> str:
    """Hash of all that determines a run, so that the same work has the same name."""
    determines = {
        "inputs": dict(draft.loaded.fingerprints),
        "config": draft.workspace.config_hash,
        "model": draft.bundle.version,
        "package": installed_versions(()).package,
        "predecessor": draft.predecessor,
        "retrospective": draft.retrospective,
    }
    return hashlib.sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()
