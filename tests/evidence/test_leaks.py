"""Long proof of the leak audit: planted leaks are found in every market, and nothing is found in a clean one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.market import make_market, write_market
from abm_scoring.data.market.spec import DEFAULT_SEEDS, MarketSpec
from abm_scoring.data.tables import Tables
from abm_scoring.engines.training import prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, NEVER
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.workspace import load, open_workspace
from abm_scoring.learning.aftermath import aftermath, events_after_outcome
from abm_scoring.learning.labels import LabelSpec
from abm_scoring.learning.leakage import Finding, audit
from abm_scoring.learning.specs import LeakageSpec
from abm_scoring.learning.training_set import TrainingSet

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "leaks.md"
MARKET = MarketSpec(accounts=4_000, conversion=0.03)
#: Event type that no market has.
AFTERMATH = "onboarding_session"

pytestmark = pytest.mark.evidence


def test_planted_leaks_are_found_and_clean_markets_are_not_accused(tmp_path: Path) -> None:
    rows = [of_market(seed, tmp_path / str(seed)) for seed in DEFAULT_SEEDS]
    found = pd.DataFrame(rows, index=pd.Index(DEFAULT_SEEDS, name="seed"))
    write(found)
    assert (found.pop(CLEAN) == "none").all()
    assert (found != "none").all(axis=None)


CLEAN = "nothing planted"


def of_market(seed: int, folder: Path) -> dict[str, str]:
    """What was planted → the rules that found it."""
    write_market(make_market(MARKET.model_copy(update={"seed": seed})), folder / "data")
    workspace = open_workspace(write_template("demo", folder / "abm.yaml", "demo"))
    config, as_of = workspace.config, workspace.moment(workspace.fixed_day or "")
    _, tables, _ = load(workspace, as_of, False)

    def history_of(tables: Tables) -> History:
        return History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)

    history = history_of(tables)
    features = resolve(config.features, history, config.profile)
    training = prepare_training(tables, history, config.snapshots, config.cohort, config.label, features).training
    found = {CLEAN: rules(audit(training, LeakageSpec(), events_after_outcome(aftermath(history, config.label))))}
    rng = np.random.default_rng(seed)
    found |= {name: rules(audit(planted(training, name, rng), LeakageSpec())) for name in COLUMNS}
    late = history_of(with_aftermath(tables, history, config.label))
    after = events_after_outcome(aftermath(late, config.label))
    return found | {"events after the outcome": rules(audit(planted(training, AFTERMATH, rng), LeakageSpec(), after))}


def rules(found: tuple[Finding, ...]) -> str:
    return ", ".join(sorted({f"{f.rule}{'' if f.blocks else ' (told)'}" for f in found})) or "none"


Draw = Callable[[np.random.Generator, np.ndarray, TrainingSet], np.ndarray]


def _drawn(rng: np.random.Generator, rows: TrainingSet) -> np.ndarray:
    """A random number between 0 and 1 for each account, the same in all its rows."""
    codes, ids = pd.factorize(rows.account_id)
    return rng.random(len(ids))[codes]


def filled_late(rng: np.random.Generator, ever: np.ndarray, rows: TrainingSet) -> np.ndarray:
    return np.where(ever & (_drawn(rng, rows) < 0.4), 1 + _drawn(rng, rows), np.nan)


def missing_for_others(rng: np.random.Generator, ever: np.ndarray, rows: TrainingSet) -> np.ndarray:
    return np.where(_drawn(rng, rows) < np.where(ever, 0.95, 0.55), _drawn(rng, rows), np.nan)


def noisy_outcome(rng: np.random.Generator, ever: np.ndarray, rows: TrainingSet) -> np.ndarray:
    codes, ids = pd.factorize(rows.account_id)
    return ever + rng.normal(0, 0.3, len(ids))[codes]


def dated_back(rng: np.random.Generator, ever: np.ndarray, rows: TrainingSet) -> np.ndarray:
    return (rows.converted & (rng.random(len(rows)) < 0.1)).astype(np.float64)


#: Planted column → how it is made.
COLUMNS: dict[str, Draw] = {
    "column filled late": filled_late,
    "missing for those who do not convert": missing_for_others,
    "noisy copy of the outcome": noisy_outcome,
    "events dated back": dated_back,
}


def planted(training: TrainingSet, name: str, rng: np.random.Generator) -> TrainingSet:
    """The rows with one leaking feature and nothing else."""
    codes, _ = pd.factorize(training.account_id)
    ever = (np.bincount(codes, weights=training.converted) > 0)[codes]
    values = COLUMNS[name](rng, ever, training) if name in COLUMNS else rng.poisson(1.0, len(training)).astype(float)
    events = name in ("events dated back", AFTERMATH)
    args: dict[str, str | int] = {"event_type": AFTERMATH} if name == AFTERMATH else {}
    feature = Feature(
        name="planted", topic="planted", meaning=name, source="events" if events else "accounts", part="fit", args=args
    )
    return replace(training, features=pd.DataFrame({"planted": values}), catalogue=(feature,))


def with_aftermath(tables: Tables, history: History, label: LabelSpec) -> Tables:
    """The tables with four sessions a customer in the weeks after it converted, honestly dated."""
    first, events = label.first(history), tables["events"]
    won = np.flatnonzero(first != NEVER)
    when = (first[won][:, None] + 7 * DAY * np.arange(1, 5)).ravel()
    more = pd.DataFrame(
        {
            "account_id": np.repeat(np.asarray(history.account_ids, dtype=object)[won], 4),
            "event_type": AFTERMATH,
            "occurred_at": pd.to_datetime(when, unit="us", utc=True),
        }
    )
    more = more.astype(events[list(more)].dtypes.to_dict())
    return tables.replace(events=pd.concat([events, more], ignore_index=True))


def write(found: pd.DataFrame) -> None:
    lines = [f"| planted | {' | '.join(f'seed {seed}' for seed in found.index)} |", "|---|" + "---|" * len(found)]
    lines += [f"| {name} | {' | '.join(column)} |" for name, column in found.items()]
    EVIDENCE.write_text(
        "# What the leak audit finds\n\n"
        f"Markets of {MARKET.accounts} accounts; each line plants one leak, each cell names the rules that found it; "
        "written by `make evidence` (tests/evidence/test_leaks.py). *Told* does not stop training: events that "
        "honestly follow the outcome are seen by no row before it. *Filled late*: a column without a date that two "
        "fifths of the converters get. *Missing for those who do not convert*: known of 95 % of converters and 55 % of "
        "the others. *Dated back*: one conversion in ten has an event before it that was written afterwards.\n\n"
        + "\n".join(lines)
        + "\n"
    )
