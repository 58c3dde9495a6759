"""Train: tables → snapshots → features → ladder → bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.engines.training import Prepared, prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.bundle import Bundle, write_bundle
from abm_scoring.learning.intervals import fit_refits
from abm_scoring.learning.leakage import Finding, audit, audit_results, block, events_after_outcome, random_split_auc
from abm_scoring.learning.selection import Outcome, train_ladder
from abm_scoring.learning.shipping import make_bundle, results
from abm_scoring.learning.tracking import Tracked, track
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import train_value, with_values
from abm_scoring.learning.value_sources import resolve_value
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.staged import check_writable, make_output_folder, publish_folder

#: Pointer to the model that scoring uses.
CHAMPION = "champion"

#: Sections of the config that shape a model's rows and features.
MODEL_SECTIONS = ("cohort", "label", "snapshots", "profile", "noise", "features", "value")


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        bundle: The published folder; None where nothing was shipped.
        model_version: Its version.
        beside: What was found beside the probability: `value`, `intervals` and `leak_audit`, as JSON values.
    """

    outcome: Outcome
    beside: dict[str, Any]
    prepared: Prepared
    bundle: Path | None
    model_version: str | None
    tracked: Tracked
    warnings: tuple[str, ...]

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
            "n_rows": len(training),
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
            "opponents": self.outcome.opponents,
            **self.beside,
            "mlflow_run": self.tracked.run_id,
            "warnings": list(self.warnings),
        }


def train(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, progress: Progress = silent) -> Trained:
    """Train from a config and publish the bundle that scoring will use.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        today: Whether that is the real today.
        progress: Told of each step.

    Raises:
        AbmError: Bad input, or the bundle cannot be written; what was published before stays.
    """
    config = workspace.config
    for level in (workspace.out, workspace.models.parent, workspace.models):
        make_output_folder(level)
    with folder_lock(workspace.models):
        check_writable(workspace.models)
        progress("reading tables", 0, 0)
        loaded, tables, warnings = load(workspace, as_of, today)
        history = History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)
        features = resolve(config.features, history, config.profile)
        progress("building features", 0, 0)
        prepared = prepare_training(tables, history, config.snapshots, config.cohort, config.label, features)
        source = resolve_value(config.value, config.label, history)
        training = with_values(prepared.training, source, history)
        findings = _audit(config, training, history)
        outcome = train_ladder(training, config.split, config.model, config.project.timezone, progress)
        valued = train_value(training, outcome, source, history, config.model)
        refits = fit_refits(outcome.model, training, config.model) if outcome.model else None
        beside = {
            "value": valued.results,
            "intervals": refits.results() if refits else None,
            "leak_audit": _audited(config, findings, training, outcome),
        }
        specs = bundle_specs(config, features)
        made = make_bundle(outcome, training, specs, refits, valued.value, beside) if outcome.model else None
        folder = _publish(workspace, made)
        tracked = _track(workspace, outcome, prepared, loaded, made, folder)
    said = [*warnings, *_suspicions(findings), *outcome.warnings, *valued.warnings]
    said += [tracked.warning] if tracked.warning else []
    return Trained(outcome, beside, prepared, folder, made.version if made else None, tracked, tuple(said))


def _audit(config: Config, training: TrainingSet, history: History) -> tuple[Finding, ...]:
    """The leak audit; raises where a finding blocks."""
    # Only where nobody has converted before does what follows the first conversion tell of the outcome.
    after = events_after_outcome(history, config.label) if config.cohort.motion == "new" else {}
    findings = audit(training, config.model.leakage, after)
    block(findings)
    return findings


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


def _publish(workspace: Workspace, bundle: Bundle | None) -> Path | None:
    if bundle is None:
        return None
    return publish_folder(
        workspace.models, bundle.version, CHAMPION, lambda draft: write_bundle(draft, bundle), apart=()
    )


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
