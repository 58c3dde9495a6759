"""MQA simulation: what a policy would have done on past nights, beside today's policy and plain rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.engines.nights import score_nights
from abm_scoring.engines.training import held, prepare
from abm_scoring.errors import ConfigError, MissingInputError, UsageError
from abm_scoring.features.history import History
from abm_scoring.jobs.champion import champion, scoring_task
from abm_scoring.jobs.train import bundle_specs, climb, training_task
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.bundle import Bundle
from abm_scoring.ranking.mqa.compare import compare
from abm_scoring.ranking.mqa.outcomes import PolicyOutcome
from abm_scoring.ranking.mqa.spec import MqaSpec

ModelChoice = Literal["refit", "champion"]


@dataclass(frozen=True)
class Simulated:
    """What policies would have done.

    Attributes:
        nights: The simulated nights, ascending.
        every_days: Days between them.
        accounts: Mean number of candidates a night.
        model: Which model scored, and what it had seen.
        policies: Name → outcome.
        warnings: One sentence each.
    """

    nights: tuple[pd.Timestamp, ...]
    every_days: int
    accounts: float
    model: dict[str, str | bool]
    policies: dict[str, PolicyOutcome]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `mqa simulate --json` prints; documented in docs/reference/json.md."""
        return {
            "nights": len(self.nights),
            "first": self.nights[0].isoformat(),
            "last": self.nights[-1].isoformat(),
            "every_days": self.every_days,
            "accounts": self.accounts,
            "model": self.model,
            "policies": {name: found.model_dump(mode="json") for name, found in self.policies.items()},
            "warnings": list(self.warnings),
        }


def simulate(
    workspace: Workspace,
    today_policy: MqaSpec | None,
    as_of: pd.Timestamp,
    weeks: int = 26,
    every_days: int = 7,
    model: ModelChoice = "refit",
    today: bool = False,
    progress: Progress = silent,
) -> Simulated:
    """Replay the policy of a config on past nights whose outcome is known, and measure it.

    Args:
        workspace: Config with the policy to try.
        today_policy: The policy that stands today, for comparison; None or equal: shown once.
        as_of: What is known; the last simulated night lies one horizon and the settling days before the last fact.
        weeks: How far the nights go back.
        every_days: Days between nights.
        model: `refit`: a model trained on nothing but what was known on the first night scores all of them;
            `champion`: today's model scores them, which is flattering where it was trained on them.
        today: Whether `as_of` is the real today.
        progress: Told of each step.

    Raises:
        ConfigError: The config keeps no MQA status (78).
        UsageError: There are no nights to simulate (64).
        MissingInputError: There is no model for the nights (66).
    """
    spec = workspace.config.scoring.mqa
    if spec is None:
        raise ConfigError("no MQA status is kept", where="scoring.mqa", fix="set a policy, e.g. scoring.mqa: {}")
    progress("reading tables", 0, 0)
    _, tables, warnings = load(workspace, as_of, today)
    config = workspace.config
    history = History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)
    nights = _nights(workspace, history, weeks, every_days)
    progress("fitting a model of that time" if model == "refit" else "reading the model", 0, 0)
    bundle, told, flattered = _model(workspace, tables, nights, model)
    rows = score_nights(
        history,
        nights,
        bundle,
        scoring_task(workspace.config, bundle, as_of),
        workspace.config.label,
        lambda done, of: progress("scoring nights", done, of),
    )
    rows = rows.assign(family_id=families(tables["accounts"]).reindex(rows["account_id"]).to_numpy(object))
    policies = {"policy": spec} | ({"today": today_policy} if today_policy and today_policy != spec else {})
    found = compare(rows, policies, tables["dispositions"], every_days)
    return Simulated(nights, every_days, len(rows) / len(nights), told, found, (*warnings, *flattered))


def _nights(workspace: Workspace, history: History, weeks: int, every_days: int) -> tuple[pd.Timestamp, ...]:
    """Midnights of the project's zone, the last one being the last whose outcome is final."""
    label, zone = workspace.config.label, workspace.config.project.timezone
    final = history.observed_until - pd.Timedelta(days=label.horizon_days + label.settle_days)
    last = final.tz_convert(zone).normalize()
    days = range(0, weeks * 7, every_days)
    nights = [(last - pd.DateOffset(days=d)).tz_convert("UTC").as_unit("us") for d in reversed(days)]
    nights = [n for n in nights if n > history.observed_from]
    if not nights:
        raise UsageError(
            "there is no past night whose outcome is known", where="mqa simulate", fix="bring more history"
        )
    return tuple(nights)


def _model(
    workspace: Workspace, tables: Tables, nights: Sequence[pd.Timestamp], choice: ModelChoice
) -> tuple[Bundle, dict[str, str | bool], tuple[str, ...]]:
    """The model, what is said of it, and a warning where it has seen the nights."""
    if choice == "refit":
        bundle = _refit(workspace, tables, nights[0])
        told: dict[str, str | bool] = {
            "kind": "refit",
            "rung": bundle.about.rung,
            "knows_until": nights[0].isoformat(),
            "saw_the_nights": False,
        }
        return bundle, told, ()
    bundle = champion(workspace)
    last = bundle.about.training["last_as_of"]
    until = pd.Timestamp(last) + pd.Timedelta(days=bundle.about.horizon_days) if last else nights[0]
    saw = bool(until > nights[0])
    told = {"kind": "champion", "rung": bundle.about.rung, "knows_until": until.isoformat(), "saw_the_nights": saw}
    warning = "the champion was trained on what came of these nights: precision and conversions held are flattered"
    return bundle, told, (warning,) if saw else ()


def _refit(workspace: Workspace, tables: Tables, until: pd.Timestamp) -> Bundle:
    """A model of nothing but what was known at a moment; kept in memory only."""
    from abm_scoring.learning.shipping import make_bundle
    from abm_scoring.learning.value import train_value

    config = workspace.config
    history = History.of(tables, until=until, timezone=config.project.timezone, noise=config.noise)
    prepared = prepare(held(history), training_task(config, until), families(tables["accounts"]))
    # Stated dates are those of today's training; before them the parts follow from their shares.
    split = config.split.model_copy(update={"choose_from": None, "test_from": None})
    training = prepared.training
    trained = climb(training, prepared, config, split)
    if trained.model is None:
        raise MissingInputError(
            f"with what was known on {until:%Y-%m-%d} no model beat the constant",
            where="mqa simulate",
            fix="simulate fewer weeks, or take --model champion and mind its warning",
        )
    valued = train_value(training, trained, prepared.source, prepared.recorded, config.model)
    return make_bundle(trained, training, bundle_specs(config, prepared.features), value=valued.value)
