"""The evaluation report of a training: figures as JSON, and the page made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.jobs.evaluation_page import evaluation_page
from abm_scoring.jobs.workspace import Workspace
from abm_scoring.learning.appraisal import appraise, importance, learning_curve
from abm_scoring.learning.bundle_files import parse, to_json
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.registry import CHAMPION
from abm_scoring.learning.shipping import results
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.weights import mean_of
from abm_scoring.publish.pointers import current_and_before
from abm_scoring.publish.pruning import beyond
from abm_scoring.publish.report import write_report
from abm_scoring.publish.staged import publish_folder, remove_folders

#: Pointer, beside the models, to the latest evaluation; its files.
EVALUATION = "evaluation"
JSON, PAGE = "evaluation.json", "evaluation.html"
#: Groups with fewer conversions than this are not judged, and features missing more often than this are named.
FEW, OFTEN = 10, 0.5


@dataclass(frozen=True)
class Assessed:
    """A training as its evaluation sees it.

    Attributes:
        outcome: What training came to.
        training: The rows that its windows speak of.
        beside: What was found beside the probability.
        model_version: Of the bundle; None where nothing was shipped.
        as_of: The day that training stood on.
        warnings: What a reader must know.
        sample: Rows that features were built for and the matured rows that they stand for; None where these are all.
    """

    outcome: Outcome
    training: TrainingSet
    beside: dict[str, Any]
    model_version: str | None
    as_of: pd.Timestamp
    warnings: tuple[str, ...]
    sample: dict[str, int] | None = None


def write_evaluation(workspace: Workspace, assessed: Assessed, curve: bool) -> Path:
    """Publish the report beside the models; the folder's lock must be held.

    Where `retention.evaluations` says so, the oldest are removed.

    Args:
        workspace: Config and folders.
        assessed: The training.
        curve: Whether to draw the learning curve, which costs about two more fits.

    Returns:
        The folder: `evaluation.json` and `evaluation.html`. Its name carries a hash of the figures.
    """
    found = figures(workspace, assessed, curve)
    text = to_json(found)

    def write(draft: Path) -> None:
        (draft / JSON).write_bytes(text)
        write_report(evaluation_page(found), draft / PAGE)

    name = f"evaluation-{hashlib.sha256(text).hexdigest()[:12]}"
    made = publish_folder(workspace.models, name, EVALUATION, write, apart=(PAGE,))
    if workspace.config.retention.evaluations is not None:
        prune_evaluations(workspace.models, workspace.config.retention.evaluations, made)
    return made


def prune_evaluations(models: Path, keep: int, made: Path) -> None:
    """Remove evaluations of the oldest days, but for the latest and those of the champion and of the one before.

    Args:
        models: Folder of the bundles; its lock must be held.
        keep: How many of the newest stay.
        made: The latest.
    """
    found = []
    for folder in sorted(models.glob(f"{EVALUATION}-*")):
        if folder.is_dir() and not folder.is_symlink() and (folder / JSON).is_file():
            about = parse((folder / JSON).read_bytes())
            # Of one day, several: the time of writing tells which came last.
            found.append(((about["as_of"], folder.stat().st_mtime_ns, folder.name), folder, about["model_version"]))
    found.sort(key=lambda one: one[0])
    in_use = {version for version in current_and_before(models, CHAMPION) if version}
    always = {made.name, *(folder.name for _, folder, version in found if version in in_use)}
    remove_folders(models, beyond([folder for _, folder, _ in found], keep, always))


def figures(workspace: Workspace, assessed: Assessed, curve: bool) -> dict[str, Any]:
    """All figures of the report, as JSON values; documented in docs/how-to/evaluation.md."""
    config, outcome, training = workspace.config, assessed.outcome, assessed.training
    kept, spec = results(outcome), config.model
    appraised = appraise(outcome, training, _capacity(workspace, assessed), spec.bootstrap, spec.seed)
    audit = assessed.beside.get("leak_audit") or {}
    return {
        "project": workspace.name,
        "language": config.project.language,
        "as_of": assessed.as_of.isoformat(),
        "model_version": assessed.model_version,
        "rung": outcome.rung,
        "reason": outcome.reason,
        "horizon_days": training.horizon_days,
        "sample": assessed.sample,
        "rows": {"train": outcome.n_train, "choose": outcome.n_choose, "test": outcome.n_test},
        "converted_accounts": outcome.converted_accounts,
        "choose_from": kept["choose_from"],
        "test_from": kept["test_from"],
        "embargo_days": kept["embargo_days"],
        "test": outcome.test,
        "test_calibration": outcome.test_calibration,
        "candidates": kept["candidates"],
        "opponents": outcome.opponents,
        "forward_auc": audit.get("forward_auc"),
        "random_split_auc": audit.get("random_split_auc"),
        "leak_audit": audit,
        "appraisal": appraised,
        "importance": importance(outcome, training),
        "learning_curve": learning_curve(outcome, training, spec) if curve else None,
        "unknowable": unknowable(outcome, training, appraised),
        "warnings": list(assessed.warnings),
    }


def unknowable(outcome: Outcome, training: TrainingSet, appraised: dict[str, Any] | None) -> list[str]:
    """What these figures cannot tell, one sentence each."""
    said = [
        "What left no trace in the tables moves no score: a talk at a fair, a budget, a change of mind.",
        "Contributions are associations. Whether marketing caused a conversion, only a randomised holdout tells.",
        f"A probability looks {training.horizon_days} days ahead; what comes later counts as no conversion.",
    ]
    if appraised is None:
        said.append("Quality was not measured: there were no untouched rows to measure it on.")
    else:
        months = [row["group"] for row in appraised["months"]]
        if 0 < len(months) < 12:
            said.append(f"The test covers {months[0]} to {months[-1]}; how it does in other seasons is unseen.")
        groups = [row for rows in appraised["segments"].values() for row in rows]
        few = sum(row["conversions"] < FEW for row in groups)
        if few:
            said.append(f"{few} of {len(groups)} segments hold fewer than {FEW} conversions: their figures are noise.")
    missing = {
        f.name: mean_of(training.features[f.name].isna().to_numpy(), training.weight) for f in training.catalogue
    }
    scarce = sorted((name for name, share in missing.items() if share > OFTEN), key=lambda name: (-missing[name], name))
    if scarce:
        more = f" and {len(scarce) - 5} more" if len(scarce) > 5 else ""
        said.append(f"Unknown for more than half of the rows: {', '.join(scarce[:5])}{more}.")
    if outcome.dropped:
        said.append(f"{len(outcome.dropped)} features are not used; `train --json` names each with the reason.")
    return said


def _capacity(workspace: Workspace, assessed: Assessed) -> float:
    """Share of a day's accounts that sales can work on; a tenth where the config does not say."""
    mqa, test = workspace.config.scoring.mqa, assessed.outcome.windows.test
    if mqa is None or mqa.capacity is None or not test.any() or len(test) != len(assessed.training):
        return 0.1
    a_day = assessed.training.count(test) / len(np.unique(assessed.training.as_of[test]))
    return float(min(1.0, mqa.capacity / max(a_day, 1.0)))
