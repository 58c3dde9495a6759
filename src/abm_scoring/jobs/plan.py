"""Plan: which accounts of the last list to work in which tier with a given budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.features.history import History
from abm_scoring.jobs.decisions import RANKED
from abm_scoring.jobs.ledger import Link, chain, frozen_scores
from abm_scoring.jobs.lift import measured_lift, trials
from abm_scoring.jobs.realised import Outcomes, gather
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.value_sources import resolve_value
from abm_scoring.roi.budget import Plan, make_plan
from abm_scoring.roi.budget_market import Lift
from abm_scoring.roi.budget_spec import BudgetSpec
from abm_scoring.roi.lift_spec import LiftSpec
from abm_scoring.roi.predicted_spec import PredictedSpec


@dataclass(frozen=True)
class Planned:
    """A plan and the list it is about.

    Attributes:
        run_id, as_of: The run whose list it is.
        horizon_days: What the budget is for.
        plan: The plan.
        warnings: One sentence each.
    """

    run_id: str
    as_of: pd.Timestamp
    horizon_days: int | None
    plan: Plan
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `plan --json` prints; documented in docs/reference/json.md."""
        return {
            "run": self.run_id,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            **self.plan.as_json(),
            "warnings": list(self.warnings),
        }


def with_limits(
    spec: BudgetSpec, money: float | None, hours: float | None, contacts: float | None, goal: float | None
) -> BudgetSpec:
    """The budget of the config with what the command line says instead; a goal there is one of return.

    Where the config has a goal, `goal` changes its amount only.
    """
    given = {"money": money, "hours": hours, "contacts": contacts}
    changed = {**spec.model_dump(), **{name: value for name, value in given.items() if value is not None}}
    if goal is not None:
        changed["goal"] = {**(changed["goal"] or {}), "amount": goal}
    return BudgetSpec.model_validate(changed)


def plan(
    workspace: Workspace,
    spec: BudgetSpec,
    as_of: pd.Timestamp,
    today: bool = False,
    progress: Progress = silent,
    lift_spec: LiftSpec | None = None,
    predicted_spec: PredictedSpec | None = None,
) -> Planned:
    """Spend a budget on the last list.

    Args:
        workspace: Config and folders.
        spec: Budget and tiers.
        as_of: The last run at or before this moment is taken, and outcomes known before it.
        today: Whether `as_of` is the real today.
        progress: Told of each step.
        lift_spec, predicted_spec: How the holdout and the matured runs are read.

    Raises:
        MissingInputError: There is no run yet (66).
        BadDataError: Its model claims no probability, or nobody knows what a win is worth (65).
    """
    links = chain(workspace.runs, as_of + pd.Timedelta(microseconds=1))
    if not links:
        raise MissingInputError(
            "there is no list to plan with",
            where=str(workspace.runs),
            fix=f"make one: abm-scoring score {workspace.config_path}",
        )
    rows = list_rows(links[-1])
    lift, ratios, warnings = _learnt(
        workspace, links, spec, as_of, today, progress, lift_spec or LiftSpec(), predicted_spec or PredictedSpec()
    )
    progress("choosing accounts and tiers", 0, 0)
    made = make_plan(rows, spec, lift, ratios)
    manifest = links[-1].manifest
    return Planned(manifest.run_id, links[-1].as_of, manifest.horizon_days, made, (*warnings, *made.notes))


def list_rows(link: Link) -> pd.DataFrame:
    """The list of a run, in its order: `account_id`, `probability`, `worth`, `raw_score`.

    Raises:
        BadDataError: It has no probabilities or no values.
    """
    frozen = frozen_scores(link)
    assert frozen is not None
    rows = frozen[frozen["list"] == RANKED].sort_values("rank")
    for column, what in (("probability", "conversion probabilities"), ("expected_value", "expected values")):
        if column not in rows or rows[column].isna().all():
            raise BadDataError(
                f"the list has no {what}, so returns cannot be weighed against cost",
                where=str(link.folder),
                fix="train on more conversions"
                if column == "probability"
                else "tell what a conversion is worth (section value)",
            )
    worth = rows["expected_value"] / rows["probability"].where(rows["probability"] > 0)
    return rows[["account_id", "probability", "raw_score"]].assign(worth=worth).reset_index(drop=True)


def _learnt(
    workspace: Workspace,
    links: list[Link],
    spec: BudgetSpec,
    as_of: pd.Timestamp,
    today: bool,
    progress: Progress,
    lift_spec: LiftSpec,
    predicted_spec: PredictedSpec,
) -> tuple[Lift | None, np.ndarray | None, tuple[str, ...]]:
    """What matured runs and the holdout tell of lifts and of how amounts scatter; nothing while none has matured."""
    config = workspace.config
    wait = pd.Timedelta(days=config.label.horizon_days + config.label.settle_days)
    if links[0].as_of + wait > as_of:
        return None, None, ()
    progress("reading tables", 0, 0)
    _, tables, warnings = load(workspace, as_of, today)
    history = History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)
    source = resolve_value(config.value, config.label, history)
    outcomes = Outcomes(history, config.label, source, predicted_spec.cancellation_events)
    salt = config.scoring.holdout.salt if config.scoring.holdout else None
    assumed = float(np.mean([tier.lift for tier in spec.tiers.values()]))
    lift = measured_lift(trials(links, tables, outcomes, salt, lift_spec, {}), assumed) if salt else None
    found = gather(links, outcomes, tables["events"], config.scoring.sales_touches, predicted_spec)
    ratios = None
    if found is not None and "gross" in found[0]:
        won = found[0][found[0]["converted"] & (found[0]["gross"] > 0) & (found[0]["worth"] > 0)]
        ratios = (won["gross"] / won["worth"]).to_numpy("float64")
    return lift, ratios, warnings
