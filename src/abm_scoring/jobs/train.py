"""Train: tables → snapshots → features → ladder → bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.engines.training import Prepared
from abm_scoring.engines.training_task import TrainingTask
from abm_scoring.features.families import FeatureSpec
from abm_scoring.jobs.delivery import Delivery, delivered
from abm_scoring.jobs.evaluation_report import Assessed, write_evaluation
from abm_scoring.jobs.workspace import Progress, Workspace, signing_key, silent
from abm_scoring.learning.bundle import Bundle, write_bundle
from abm_scoring.learning.hazard_ladder import Known, train_hazard
from abm_scoring.learning.intervals import Refits, fit_refits
from abm_scoring.learning.leakage import Finding, audit, audit_results, block, random_split_auc
from abm_scoring.learning.registry import Registry
from abm_scoring.learning.selection import Outcome, train_ladder
from abm_scoring.learning.shipping import make_bundle, results
from abm_scoring.learning.signing import SIGNATURE, is_signed, sign
from abm_scoring.learning.specs import ModelSpec, SplitSpec
from abm_scoring.learning.tracking import Tracked, track
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import train_value
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.pointers import remember
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder

#: Pointer to the model that scoring uses.
CHAMPION = "champion"

#: What becomes of a trained model: scoring uses it, or it is published for `models promote`, or it is not kept.
Ship = Literal["champion", "challenger", "nothing"]

#: Sections of the config that shape a model's rows and features.
MODEL_SECTIONS = ("cohort", "label", "snapshots", "profile", "noise", "features", "value")


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        bundle: The published folder; None where nothing was shipped.
        model_version: Its version.
        beside: What was found beside the probability: `value`, `intervals` and `leak_audit`, as JSON values.
        evaluation: Folder of the evaluation report.
    """

    outcome: Outcome
    beside: dict[str, Any]
    prepared: Prepared
    bundle: Path | None
    model_version: str | None
    tracked: Tracked
    warnings: tuple[str, ...]
    evaluation: Path | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that `train --json` prints; documented in docs/reference/json.md."""
        found, training = results(self.outcome), self.prepared.training
        return {
            "rung": self.outcome.rung,
            "reason": self.outcome.reason,
            "bundle": str(self.bundle) if self.bundle else None,
            "model_version": self.model_version,
            "features": [f.name for f in training.catalogue],
            "features_dropped": self.outcome.dropped,
            "n_rows": self.prepared.n_matured,
            "sample": self.prepared.sample,
            "n_train": self.outcome.n_train,
            "n_choose": self.outcome.n_choose,
            "n_test": self.outcome.n_test,
            "converted_accounts": self.outcome.converted_accounts,
            "choose_from": found["choose_from"],
            "test_from": found["test_from"],
            "embargo_days": found["embargo_days"],
            "candidates": found["candidates"],
            "test": self.outcome.test,
            "test_calibration": self.outcome.test_calibration,
            "test_horizons": self.outcome.test_horizons,
            "tuned_boosting": self.outcome.boosting,
            "opponents": self.outcome.opponents,
            **self.beside,
            "mlflow_run": self.tracked.run_id,
            "evaluation": str(self.evaluation) if self.evaluation else None,
            "warnings": list(self.warnings),
        }


def train(
    workspace: Workspace,
    as_of: pd.Timestamp,
    today: bool = False,
    progress: Progress = silent,
    ship: Ship = "champion",
) -> Trained:
    """Train from a config, publish the bundle that scoring will use, and write the evaluation report.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        today: Whether that is the real today.
        progress: Told of each step.
        ship: What becomes of the model; with `nothing`, the report also draws the learning curve.

    Raises:
        AbmError: Bad input, or the bundle cannot be written; what was published before stays.
    """
    config = workspace.config
    for level in (workspace.out, workspace.models.parent, workspace.models):
        make_output_folder(level)
    with folder_lock(workspace.models):
        check_writable(workspace.models)
        progress("reading tables", 0, 0)
        with delivered(workspace, as_of, today, once=True) as delivery:
            progress("building features", 0, 0)
            prepared = prepared_from(config, delivery, training_task(config, as_of), progress)
            delivery.spent()
        training = prepared.training
        findings = audit(training, config.model.leakage, prepared.after_outcome)
        block(findings)
        outcome = climb(training, prepared, config, config.split, progress)
        valued = train_value(training, outcome, prepared.source, prepared.recorded, config.model)
        refits = refits_of(outcome, training, config.model)
        beside = {
            "value": valued.results,
            "intervals": refits.results() if refits else None,
            "leak_audit": _audited(config, findings, training, outcome),
        }
        specs = bundle_specs(config, prepared.features)
        made = make_bundle(outcome, training, specs, refits, valued.value, beside) if outcome.model else None
        folder = None if ship == "nothing" else _publish(workspace, made, ship)
        said = [*delivery.warnings, *_suspicions(findings), *outcome.warnings, *valued.warnings]
        version = made.version if made and folder else None
        assessed = Assessed(outcome, training, beside, version, as_of, tuple(said), prepared.sample)
        report = write_evaluation(workspace, assessed, curve=ship == "nothing")
        tracked = Tracked(None, None, None)
        if ship != "nothing":
            tracked = _track(workspace, outcome, prepared, delivery.loaded, made, folder)
            told = _register(workspace, tracked, made, folder, report, ship)
            said += [text for text in (tracked.warning, told) if text]
    return Trained(outcome, beside, prepared, folder, version, tracked, tuple(said), report)


def refits_of(outcome: Outcome, training: TrainingSet, spec: ModelSpec) -> Refits | None:
    """What intervals come from; None where no probability is claimed."""
    if outcome.model is None or outcome.rung == "profile":
        return None
    return fit_refits(outcome.model, training, spec, outcome.rung == "prior")


def training_task(config: Config, as_of: pd.Timestamp) -> TrainingTask:
    """What a partition needs to know to give its rows of a config's training set."""
    model = config.model
    return TrainingTask(
        as_of=as_of.isoformat(),
        timezone=config.project.timezone,
        noise=config.noise,
        snapshots=config.snapshots,
        cohort=config.cohort,
        label=config.label,
        features=config.features,
        profile=config.profile,
        value=config.value,
        with_waiting=model.kind == "hazard",
        most=model.max_feature_rows,
        seed=model.seed,
        # Only where nobody has converted before does what follows the first conversion tell of the outcome.
        with_aftermath=config.cohort.motion == "new",
    )


def prepared_from(config: Config, delivery: Delivery, task: TrainingTask, progress: Progress = silent) -> Prepared:
    """The training set of a task, made by the config's engine."""
    # Each engine gets what its own sink took.
    given: Any = delivery.spill
    return config.engine.training(delivery.tables, given, task, lambda i, n: progress("building features", i, n))


def climb(
    training: TrainingSet, prepared: Prepared, config: Config, split: SplitSpec, progress: Progress = silent
) -> Outcome:
    """The ladder, or the hazard where the config asks for it.

    Args:
        training: The matured rows with their values.
        prepared: What was prepared with them.
        config: Its model and time zone.
        split: Parts in time.
        progress: Told of each step.
    """
    model, zone = config.model, config.project.timezone
    if model.kind != "hazard" or prepared.until is None or training.days is None:
        return train_ladder(training, split, model, zone, progress)
    known = Known.of(training, prepared.waiting, prepared.until, config.label.settle_days)
    return train_hazard(training, known, split, model, zone, progress)


def _audited(config: Config, findings: tuple[Finding, ...], training: TrainingSet, outcome: Outcome) -> dict[str, Any]:
    """The audit's results, with the AUC of a random split beside the forward one."""
    forward = (outcome.test or {}).get("auc")
    return {
        **audit_results(findings, training.catalogue, config.model.leakage),
        "forward_auc": forward,
        "random_split_auc": random_split_auc(training, outcome, config.model),
    }


def _suspicions(findings: tuple[Finding, ...]) -> list[str]:
    """What the audit found and did not block for, in words; findings of one kind about one event type are one."""
    said: dict[str, str] = {}
    for finding in findings:
        why = f" (allowed: {finding.allowed})" if finding.allowed is not None else ""
        said.setdefault(finding.sentence.partition(": ")[2], f"leak audit: {finding.sentence}{why}")
    return list(said.values())


def model_sections(config: Config) -> dict[str, Any]:
    """The sections that shape a model, as JSON; a bundle remembers them, so that scoring can tell what has changed."""
    whole = config.model_dump(mode="json")
    return {name: whole[name] for name in MODEL_SECTIONS}


def bundle_specs(config: Config, features: tuple[FeatureSpec, ...]) -> dict[str, Any]:
    """What a bundle remembers of the configuration."""
    return {
        "declared": model_sections(config),
        "features": [f.model_dump(mode="json") for f in features],
        "cohort": config.cohort.model_dump(mode="json"),
        "snapshots": config.snapshots.model_dump(mode="json"),
        "noise": config.noise.model_dump(mode="json"),
        "timezone": config.project.timezone,
        "currency": config.project.currency,
    }


def _publish(workspace: Workspace, bundle: Bundle | None, ship: Ship) -> Path | None:
    if bundle is None:
        return None
    key, champion = signing_key(), ship == "champion"

    def write(draft: Path) -> None:
        write_bundle(draft, bundle)
        if key is not None:
            sign(draft, key)

    if champion:
        remember(workspace.models, CHAMPION, bundle.version)
    folder = publish_folder(
        workspace.models, bundle.version, CHAMPION, write, champion, apart=(), optional=(SIGNATURE,)
    )
    if key is not None and not is_signed(folder, key):
        sign(folder, key)
    return folder


def registry_of(workspace: Workspace) -> Registry:
    """The project's place in MLflow's registry."""
    tracking = workspace.config.tracking
    return Registry(tracking, workspace.out / "mlflow", tracking.experiment or workspace.name)


def _register(
    workspace: Workspace, tracked: Tracked, bundle: Bundle | None, folder: Path | None, report: Path, ship: Ship
) -> str | None:
    """The report and the model beside the run; what went wrong, in words."""
    if tracked.run_id is None:
        return None
    registry = registry_of(workspace)
    told = registry.attach(tracked.run_id, report, "evaluation")
    if bundle is not None and folder is not None:
        told = registry.register(tracked.run_id, bundle, folder, ship == "champion") or told
    return told


def _track(
    workspace: Workspace,
    outcome: Outcome,
    prepared: Prepared,
    loaded: Loaded,
    bundle: Bundle | None,
    folder: Path | None,
) -> Tracked:
    config = workspace.config
    numbers = {name: value for name, value in (outcome.test or {}).items() if isinstance(value, float)}
    sizes = {"n_train": outcome.n_train, "n_choose": outcome.n_choose, "n_test": outcome.n_test}
    tags = {
        "rung": outcome.rung,
        "config_hash": workspace.config_hash,
        "model_version": bundle.version if bundle else "none",
        **{f"input.{table}": sha256 for table, sha256 in loaded.fingerprints.items()},
    }
    return track(
        config.tracking,
        workspace.out / "mlflow",
        config.tracking.experiment or config.project.name,
        {"model": config.model.model_dump(mode="json"), "features": len(prepared.training.catalogue)},
        {f"test.{name}": value for name, value in numbers.items()} | {k: float(v) for k, v in sizes.items()},
        tags,
        folder,
    )
