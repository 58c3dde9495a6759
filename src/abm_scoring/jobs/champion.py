"""The model that scoring uses, and what it asks of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.engines.scoring import ScoringTask
from abm_scoring.errors import MissingInputError
from abm_scoring.jobs.gates import learnt_until
from abm_scoring.jobs.ledger import Link
from abm_scoring.jobs.train import CHAMPION, model_sections
from abm_scoring.jobs.workspace import Workspace, signing_key
from abm_scoring.learning.bundle import TRAIN_FIRST, Bundle, read_bundle
from abm_scoring.learning.signing import prove
from abm_scoring.publish.runs import resolve_pointer


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
    return proved_bundle(folder)


def proved_bundle(folder: Path) -> Bundle:
    """A bundle that is what was written and, where a key is set, signed with it.

    Raises:
        MissingInputError: It is not (66).
    """
    prove(folder, signing_key())
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


def then_model(workspace: Workspace, bundle: Bundle, earlier: Sequence[Link]) -> tuple[Bundle, tuple[str, ...]]:
    """The model of the last run before a past day; today's, with a warning, where that one is gone or never was."""
    if not earlier:
        known = learnt_until(bundle)
        told = f", which knows outcomes until {known:%Y-%m-%d}" if known is not None else ""
        return bundle, (f"no earlier run says which model there was: today's{told} scores this past day",)
    version = earlier[-1].manifest.model_version
    folder = workspace.models / version
    if version == bundle.version:
        return bundle, ()
    if folder.is_dir():
        return proved_bundle(folder), ()
    return bundle, (f"the model of that time, {version}, is gone; today's scores this past day",)


def changed_since(config: Config, bundle: Bundle) -> list[str]:
    """A warning where sections that shape a model are no longer those it was trained with."""
    declared, now = bundle.about.specs["declared"], model_sections(config)
    changed = [name for name in now if now[name] != declared.get(name)]
    if not changed:
        return []
    return [f"{', '.join(changed)} changed since the model was trained; the model's are used until you train again"]
