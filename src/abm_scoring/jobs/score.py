"""Score: champion bundle and today's tables → ranked list, not-scored list, frozen decisions, in one published run."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.engines.gathering import Gathered
from abm_scoring.errors import BadDataError
from abm_scoring.jobs.champion import champion, changed_since, scoring_task, then_model
from abm_scoring.jobs.comparison import Comparison, silent_topics
from abm_scoring.jobs.decisions import DECIDED_BY, decide_run
from abm_scoring.jobs.delivery import Delivery, delivered
from abm_scoring.jobs.gates import facts_of
from abm_scoring.jobs.ledger import FROZEN, Link, chain
from abm_scoring.jobs.lists import Lists
from abm_scoring.jobs.memory import require_memory, scoring_bytes
from abm_scoring.jobs.publishing import output_folder, publish, run_name
from abm_scoring.jobs.run_files import (
    Draft,
    frozen_rows,
    holdout_record,
    input_records,
    lists_of,
    mqa_record,
    noise_record,
)
from abm_scoring.jobs.runs import LAST_SUCCESS, prune_runs
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.learning.bundle import Bundle
from abm_scoring.monitoring.gates import judge, refuse, warnings_of
from abm_scoring.publish.manifest import Counts, GateRecord, HoldoutRecord, MqaRecord
from abm_scoring.publish.outputs import LEFT_OUT
from abm_scoring.publish.parquet_out import write_parquet
from abm_scoring.publish.runs import LATEST, read_manifest, resolve_pointer
from abm_scoring.publish.staged import write_mark

#: Status of an account that nobody knew on the day.
NOT_YET_KNOWN = "not_yet_known"
#: Share of accounts that may have become known since the day began without a word.
_NEWCOMERS = 0.01


@dataclass(frozen=True)
class Scored:
    """One published run.

    Attributes:
        run: Its folder.
        lists: What people are told of its accounts; kept as long as its folder.
        counts: Where the accounts ended.
        mqa, holdout: What the run changed and what its holdout can tell; None without them.
        gates: Verdicts before publication.
        published: False for a dry run, whose `run` is what the folder would have been called.
    """

    run: Path
    as_of: pd.Timestamp
    retrospective: bool
    lists: Lists
    counts: Counts
    mqa: MqaRecord | None
    holdout: HoldoutRecord | None
    main_file: str
    model_version: str
    warnings: tuple[str, ...]
    gates: tuple[GateRecord, ...] = ()
    published: bool = True

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """The ranked list as published."""
        return self.lists.ranked()

    @cached_property
    def not_scored(self) -> pd.DataFrame:
        """The second list."""
        return self.lists.not_scored()

    def as_json(self) -> dict[str, Any]:
        """The object that `score --json` prints; documented in docs/reference/json.md."""
        return {
            "run": str(self.run),
            "list": str(self.run / self.main_file),
            "not_scored": str(self.run / LEFT_OUT),
            "n_ranked": self.counts.ranked,
            "n_withheld": self.counts.withheld,
            "n_not_scored": self.counts.not_scored,
            "as_of": self.as_of.isoformat(),
            "retrospective": self.retrospective,
            "model_version": self.model_version,
            "mqa": self.mqa.model_dump(mode="json") if self.mqa else None,
            "holdout": self.holdout.model_dump(mode="json") if self.holdout else None,
            "published": self.published,
            "gates": [gate.model_dump(mode="json") for gate in self.gates],
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Flags:
    """How strict a run is, and whether it is one at all.

    Attributes:
        dry_run: Do everything but write.
        strict: Refuse where a gate would only warn.
        accept_volume: Let a table that shrank through once.
    """

    dry_run: bool = False
    strict: bool = False
    accept_volume: bool = False


def score(
    workspace: Workspace,
    as_of: pd.Timestamp,
    now: datetime,
    today: bool = False,
    progress: Progress = silent,
    flags: Flags | None = None,
) -> Scored:
    """Score every account as of a day and publish the run.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        now: The clock, for the manifest and the mark of success only.
        today: Whether `as_of` is the real today.
        progress: Told of each step.
        flags: How strict; None = as the config says.

    Raises:
        MissingInputError: There is no model, or it is damaged (66).
        AbmError: Bad input, a gate refuses, or the run cannot be written; what was published before stays.
    """
    flags, begun = flags or Flags(), time.monotonic()
    bundle = champion(workspace)
    with output_folder(workspace, flags.dry_run):
        progress("reading tables", 0, 0)
        with delivered(workspace, as_of, today, once=True) as delivery:
            earlier, retrospective = chain(workspace.runs, as_of), _is_past(workspace.runs, as_of)
            draft = prepare(workspace, delivery, bundle, earlier, retrospective, as_of, now, flags, progress, begun)
            progress("publishing", 0, 0)
            done = _tried(draft) if flags.dry_run else _scored(draft, publish(draft))
        if not (flags.dry_run or retrospective):
            write_mark(workspace.runs / LAST_SUCCESS, _mark(draft, done.run))
            prune_runs(workspace)
    return done


def prepare(
    workspace: Workspace,
    delivery: Delivery,
    bundle: Bundle,
    earlier: Sequence[Link],
    retrospective: bool,
    as_of: pd.Timestamp,
    now: datetime,
    flags: Flags,
    progress: Progress = silent,
    begun: float | None = None,
) -> Draft:
    """Everything of a run short of writing it: scores, decisions, lists, and the verdicts of the gates.

    Raises:
        AbmError: A gate refuses, or the input cannot be scored.
    """
    begun = time.monotonic() if begun is None else begun
    config = workspace.config
    bundle, of_then = then_model(workspace, bundle, earlier) if retrospective else (bundle, ())
    read = time.monotonic()
    task = scoring_task(config, bundle, as_of)
    width = len(bundle.about.catalogue)
    require_memory(scoring_bytes(delivery.tables, width, config.engine.accounts_per_partition), "scoring")
    # Each engine gets what its own sink took.
    given: Any = delivery.spill
    found = config.engine.score(delivery.tables, given, bundle, task, lambda i, n: progress("scoring", i, n))
    delivery.spent()
    loaded, done = delivery.loaded, time.monotonic()
    rows = found.columns(DECIDED_BY)
    known, unknown = _known(rows["status"], as_of, retrospective)
    decisions = decide_run(rows[known].reset_index(drop=True), delivery.tables, config.scoring, earlier, as_of)
    comparison, silent = _comparison(config, found, loaded, bundle, earlier, as_of)
    timings = {"reading": read - begun, "scoring": done - read, "lists": time.monotonic() - done}
    warnings = (
        *delivery.warnings,
        *bundle.warnings,
        *changed_since(config, bundle),
        *of_then,
        *unknown,
        *decisions.warnings,
        *silent,
    )
    draft = Draft(
        workspace,
        bundle,
        loaded,
        found,
        known,
        decisions,
        comparison,
        earlier,
        retrospective,
        as_of,
        now,
        warnings,
        timings,
        noise_record(found.events, task.noise),
    )
    return _judged(draft, flags)


def _judged(draft: Draft, flags: Flags) -> Draft:
    """With the verdicts of the gates; raises where one refuses."""
    config = draft.workspace.config
    facts = facts_of(
        draft.decisions.rows,
        draft.scores.counts,
        draft.scores.events.newest_event,
        draft.bundle,
        draft.earlier,
        draft.as_of,
        input_records(draft.loaded),
        draft.counts,
        mqa_record(draft.decisions),
        config.monitoring.drift,
    )
    gates = judge(facts, config.gates, flags.accept_volume, flags.strict)
    refuse(gates)
    # The breaker has said so itself.
    told = warnings_of(gate for gate in gates if gate.name != "mqa_flip")
    return replace(draft, gates=gates, warnings=(*draft.warnings, *told))


def _scored(draft: Draft, folder: Path) -> Scored:
    """What a published run came to."""
    return Scored(
        folder,
        draft.as_of,
        draft.retrospective,
        lists_of(draft, folder / FROZEN),
        draft.counts,
        mqa_record(draft.decisions),
        holdout_record(draft.decisions),
        draft.workspace.config.outputs.main_file,
        model_version=draft.bundle.version,
        warnings=draft.warnings,
        gates=draft.gates,
    )


def _tried(draft: Draft) -> Scored:
    """What a run would come to; its frozen rows lie with the temporary files, and its lists are held."""
    name, frozen = run_name(draft), draft.scores.folder / FROZEN
    write_parquet(frozen_rows(draft, name), frozen)
    done = _scored(draft, draft.workspace.runs / name)
    return replace(done, lists=lists_of(draft, frozen).held(), published=False)


def _mark(draft: Draft, folder: Path) -> str:
    said = {"run": folder.name, "as_of": draft.as_of.isoformat(), "at": draft.now.astimezone(UTC).isoformat()}
    return json.dumps(said) + "\n"


def _is_past(runs: Path, as_of: pd.Timestamp) -> bool:
    """Whether a day lies before the current run's: such a run is retrospective."""
    current = resolve_pointer(runs, LATEST)
    return current is not None and as_of < pd.Timestamp(read_manifest(current).as_of)


def _known(status: pd.Series, as_of: pd.Timestamp, retrospective: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which accounts were known before the day, and a warning where others are more than newcomers can be.

    An account that became known later stands on neither list: a replay from later tables gives what the day gave.

    Raises:
        BadDataError: None was known (65).
    """
    later = (status == NOT_YET_KNOWN).to_numpy()
    told = f"{later.sum()} of {len(status)} accounts have a known_at at or after {as_of:%Y-%m-%d %H:%M} UTC"
    if len(status) and later.all():
        raise BadDataError(told, where="accounts.known_at", fix="check the clock and the mapping, or give --as-of")
    strange = later.mean() > _NEWCOMERS if len(status) and not retrospective else False
    return ~later, (f"{told} and are left out",) if strange else ()


def _comparison(
    config: Config, found: Gathered, loaded: Loaded, bundle: Bundle, earlier: Sequence[Link], as_of: pd.Timestamp
) -> tuple[Comparison, tuple[str, ...]]:
    """What the night is compared with, and a warning where a source may have stopped."""
    predecessor = earlier[-1] if earlier else None
    accepted = {name: report.accepted for name, report in loaded.reports.items()}
    quiet = silent_topics(found.events.silent_types(), bundle.about.catalogue, accepted, predecessor)
    same_model = predecessor is not None and predecessor.manifest.model_version == bundle.version
    comparison = Comparison.of(found, config.scoring, earlier, as_of, same_model, quiet)
    told = f"no news of {', '.join(sorted(quiet))} for nearly everybody: a source may have stopped"
    return comparison, (told,) if quiet else ()
