"""The models of a project: list, show, promote, roll back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.jobs.champion import proved_bundle
from abm_scoring.jobs.delivery import Delivery, delivered
from abm_scoring.jobs.train import CHAMPION, prepared_from, registry_of, training_task
from abm_scoring.jobs.workspace import Workspace
from abm_scoring.learning.bundle import TRAIN_FIRST, About, Bundle, read_about
from abm_scoring.learning.bundle_files import MANIFEST
from abm_scoring.learning.promotion import Comparison, compare
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value_sources import NoValue
from abm_scoring.publish.lock import folder_lock
from abm_scoring.publish.pointers import current_and_before, move_pointer

_VERSION = re.compile(r"[0-9a-f]{12}")
_FEATURES: TypeAdapter[tuple[FeatureSpec, ...]] = TypeAdapter(tuple[FeatureSpec, ...])
#: What of a test is shown in the list.
_TESTED = ("auc", "log_loss", "log_loss_constant", "lift_at_10pct")


@dataclass(frozen=True)
class Moved:
    """What a promotion or a rollback came to.

    Attributes:
        promoted: Whether the champion is now another one.
        champion, before: Versions: now, and before the command.
        comparison: Champion and challenger on the same rows; None where none was made.
    """

    promoted: bool
    champion: str | None
    before: str | None
    comparison: Comparison | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `models promote --json` and `models rollback --json` print."""
        return {
            "promoted": self.promoted,
            "champion": self.champion,
            "before": self.before,
            "comparison": self.comparison.as_json() if self.comparison else None,
            "warnings": list(self.warnings),
        }


def list_models(workspace: Workspace) -> list[dict[str, Any]]:
    """Every published bundle, by the last day of its training rows; the files are not proved, `show` does that."""
    champion, earlier = current_and_before(workspace.models, CHAMPION) if workspace.models.is_dir() else (None, None)
    rows = []
    for folder in _bundles(workspace.models):
        version, about = read_about(folder)
        rows.append({**_summary(version, about), "champion": version == champion, "before": version == earlier})
    return sorted(rows, key=lambda row: (row["last_as_of"] or "", row["version"]))


def show_model(workspace: Workspace, version: str | None = None) -> dict[str, Any]:
    """All that is known of one model, after proving it: its files, its signature where a key is set, its golden rows.

    Args:
        workspace: Config and folders.
        version: Its version or the beginning of one; None = the champion.

    Raises:
        MissingInputError: There is no such model, or it is damaged (66).
    """
    champion, earlier = current_and_before(workspace.models, CHAMPION) if workspace.models.is_dir() else (None, None)
    folder = find(workspace, version or champion)
    bundle = proved_bundle(folder)
    about = bundle.about
    return {
        **_summary(bundle.version, about),
        "champion": bundle.version == champion,
        "before": bundle.version == earlier,
        "folder": str(folder),
        "features": [feature.name for feature in about.catalogue],
        "training": about.training,
        "calibration": about.calibration.model_dump(mode="json"),
        "results": {name: value for name, value in about.results.items() if name != "reference"},
        "versions": about.versions,
        "warnings": list(bundle.warnings),
    }


def promote(workspace: Workspace, version: str, as_of: pd.Timestamp, today: bool = False, force: bool = False) -> Moved:
    """Make a model the champion if it is better on matured rows that neither it nor the champion was fitted on.

    Args:
        workspace: Config and folders.
        version: The challenger's version or the beginning of it.
        as_of: Outcomes known before this moment count.
        today: Whether that is the real today.
        force: Promote without comparing.

    Raises:
        MissingInputError: There is no such model, or it is damaged (66).
        BadDataError: There are no rows to compare on (65).
    """
    folder = find(workspace, version)
    with folder_lock(workspace.models):
        challenger = proved_bundle(folder)
        current, _ = current_and_before(workspace.models, CHAMPION)
        if current == folder.name:
            return Moved(False, current, current, None, ())
        found, warnings = None, tuple[str, ...]()
        if current is not None and not force:
            found, warnings = _compared(workspace, proved_bundle(workspace.models / current), challenger, as_of, today)
        if found is not None and not found.better:
            return Moved(False, current, current, found, warnings)
        move_pointer(workspace.models, CHAMPION, folder.name)
    told = registry_of(workspace).promote(folder.name)
    return Moved(True, folder.name, current, found, (*warnings, *([told] if told else [])))


def rollback(workspace: Workspace) -> Moved:
    """Make the earlier champion the champion again; a second rollback undoes the first.

    Raises:
        MissingInputError: There is no earlier one, or it is damaged (66).
    """
    if not workspace.models.is_dir():
        raise _no_model(workspace)
    with folder_lock(workspace.models):
        current, earlier = current_and_before(workspace.models, CHAMPION)
        if earlier is None:
            raise MissingInputError(
                "there is no earlier champion", where=str(workspace.models), fix="see `abm-scoring models list CONFIG`"
            )
        proved_bundle(workspace.models / earlier)
        move_pointer(workspace.models, CHAMPION, earlier)
    told = registry_of(workspace).promote(earlier)
    return Moved(True, earlier, current, None, (told,) if told else ())


def find(workspace: Workspace, version: str | None) -> Path:
    """The folder of the one model whose version begins so.

    Raises:
        MissingInputError: There is none, or there are several (66).
    """
    folders = _bundles(workspace.models)
    if version is None or not folders:
        raise _no_model(workspace)
    found = [folder for folder in folders if folder.name.startswith(version)]
    if len(found) != 1:
        several = "several models begin with" if found else "there is no model"
        raise MissingInputError(
            f"{several} {version!r}", where=str(workspace.models), fix="see `abm-scoring models list CONFIG`"
        )
    return found[0]


def _bundles(models: Path) -> list[Path]:
    if not models.is_dir():
        return []
    named = (p for p in models.iterdir() if _VERSION.fullmatch(p.name) and not p.is_symlink())
    return sorted(p for p in named if (p / MANIFEST).is_file())


def _summary(version: str, about: About) -> dict[str, Any]:
    test = about.results.get("test") or {}
    return {
        "version": version,
        "rung": about.rung,
        "horizon_days": about.horizon_days,
        "rows": about.training["rows"],
        "converted_rows": about.training["converted_rows"],
        "first_as_of": about.training["first_as_of"],
        "last_as_of": about.training["last_as_of"],
        "test": {name: test.get(name) for name in _TESTED} if test else None,
    }


def _compared(
    workspace: Workspace, champion: Bundle, challenger: Bundle, as_of: pd.Timestamp, today: bool
) -> tuple[Comparison, tuple[str, ...]]:
    """Both models on the rows that neither has seen, an embargo of one horizon after both."""
    for bundle in (champion, challenger):
        if not bundle.about.claims_probability:
            raise BadDataError(
                f"the model {bundle.version} claims no probability, so that nothing can be compared",
                where="models promote",
                fix="promote with --force",
            )
    with delivered(workspace, as_of, today) as delivery:
        sets = [_rows_for(workspace, bundle, delivery, as_of) for bundle in (champion, challenger)]
    keys = [pd.MultiIndex.from_arrays([rows.as_of, rows.account_id]) for rows in sets]
    both = keys[0].intersection(keys[1], sort=False)
    old, new = (rows.take(key.get_indexer(both)) for rows, key in zip(sets, keys, strict=True))
    from_moment = _free_from(champion, challenger)
    unseen = old.as_of >= from_moment
    old, new = old.take(unseen), new.take(unseen)
    if not old.converted.any() or old.converted.all():
        raise BadDataError(
            f"{len(old)} matured rows from {str(from_moment)[:10]} on, {int(old.converted.sum())} of them converted: "
            "nothing to compare the models on, because both were trained on what was before",
            where="models promote",
            fix="wait until outcomes have matured, or promote with --force",
        )
    share = _capacity_share(workspace, old)
    before, after = champion.score(old.features)["probability"], challenger.score(new.features)["probability"]
    seed, weight = workspace.config.model.seed, old.weight
    found = compare(before.to_numpy(), after.to_numpy(), old.converted, old.family, share, seed=seed, weight=weight)
    return found, delivery.warnings


def _rows_for(workspace: Workspace, bundle: Bundle, delivery: Delivery, as_of: pd.Timestamp) -> TrainingSet:
    """The config's matured rows with the features of a bundle."""
    config, specs = workspace.config, bundle.about.specs
    as_trained = {
        "noise": NoiseSpec.model_validate(specs["noise"]),
        "timezone": specs["timezone"],
        "features": _FEATURES.validate_python(tuple(specs["features"])),
        "settled": True,
        "value": NoValue(),
        "with_waiting": False,
        "with_aftermath": False,
    }
    task = training_task(config, as_of).model_copy(update=as_trained)
    return replace(prepared_from(config, delivery, task).training, days=None)


def _free_from(*bundles: Bundle) -> np.datetime64:
    """First moment at which no model has seen an outcome's window."""
    ends = [pd.Timestamp(b.about.training["last_as_of"]) + pd.Timedelta(days=b.about.horizon_days) for b in bundles]
    return max(ends).tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]")


def _capacity_share(workspace: Workspace, rows: TrainingSet) -> float:
    """Share of the accounts of a day that sales can work on; a tenth where the config does not say."""
    mqa = workspace.config.scoring.mqa
    if mqa is None or mqa.capacity is None:
        return 0.1
    a_day = rows.size / max(len(np.unique(rows.as_of)), 1)
    return float(min(1.0, mqa.capacity / max(a_day, 1)))


def _no_model(workspace: Workspace) -> MissingInputError:
    fix = TRAIN_FIRST.replace("CONFIG", str(workspace.config_path))
    return MissingInputError("there is no model", where=str(workspace.models), fix=fix)
