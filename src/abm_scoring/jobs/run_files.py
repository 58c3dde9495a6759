"""The files of a run: what is written into its folder before the folder becomes public."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.data.loading import Loaded
from abm_scoring.engines.gathering import Gathered
from abm_scoring.engines.tally import EventTally
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.jobs.comparison import Comparison
from abm_scoring.jobs.decisions import RANKED as ON_LIST
from abm_scoring.jobs.decisions import Decisions
from abm_scoring.jobs.ledger import (
    ASSIGNMENTS,
    CHAIN,
    FEATURE_COUNTS,
    FROZEN,
    TRANSITIONS,
    Link,
    chain_table,
    score_history,
)
from abm_scoring.jobs.lists import Lists
from abm_scoring.jobs.workspace import Workspace
from abm_scoring.learning.bundle import Bundle
from abm_scoring.publish.crm_out import read_crm_state
from abm_scoring.publish.hashing import hash_files
from abm_scoring.publish.manifest import (
    Counts,
    GateRecord,
    HoldoutRecord,
    InputRecord,
    Manifest,
    MqaRecord,
    NoiseRecord,
    installed_versions,
    write_manifest,
)
from abm_scoring.publish.outputs import Renderings, write_outputs
from abm_scoring.publish.page import DRAWN, PageContent
from abm_scoring.publish.parquet_out import write_parquet
from abm_scoring.publish.words import Words
from abm_scoring.ranking.columns import RANKED
from abm_scoring.ranking.mqa.log import ACCEPTED, MQA

#: Scores of runs that lie further back are not drawn.
_SHOWN = pd.Timedelta(days=92)
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Draft:
    """Everything that a run publishes.

    Attributes:
        scores: What was scored, of all accounts of the input.
        known: Booleans, one an account by account_id: whether it was known on the day, and is frozen.
        decisions: Places, statuses and arms of those.
        comparison: What their scores are compared with.
        earlier: The chain before the run.
        gates: Verdicts.
    """

    workspace: Workspace
    bundle: Bundle
    loaded: Loaded
    scores: Gathered
    known: np.ndarray
    decisions: Decisions
    comparison: Comparison
    earlier: Sequence[Link]
    retrospective: bool
    as_of: pd.Timestamp
    now: datetime
    warnings: tuple[str, ...]
    timings: dict[str, float]
    noise: NoiseRecord | None = None
    gates: tuple[GateRecord, ...] = ()

    @property
    def counts(self) -> Counts:
        """Where the accounts ended."""
        found = self.decisions
        return Counts(ranked=found.n_ranked, withheld=found.n_withheld, not_scored=found.n_not_scored)

    @property
    def predecessor(self) -> str | None:
        """The run whose state this one goes on from."""
        return self.earlier[-1].manifest.run_id if self.earlier else None


def write_run(draft: Draft, folder: Path, name: str) -> None:
    """Write all files of a run into an empty folder, the manifest last."""
    write_parquet(frozen_rows(draft, name), folder / FROZEN)
    write_outputs(folder, draft.workspace.config.outputs, _renderings(draft, lists_of(draft, folder / FROZEN)))
    if draft.decisions.mqa is not None:
        write_parquet(draft.decisions.mqa.transitions, folder / TRANSITIONS)
    if draft.decisions.assignments is not None:
        write_parquet(draft.decisions.assignments, folder / ASSIGNMENTS)
    write_parquet(_chain(draft, name), folder / CHAIN)
    if draft.scores.counts:
        write_parquet(_feature_counts(draft.scores.counts), folder / FEATURE_COUNTS)
    write_manifest(folder, _manifest(draft, folder, name))


def frozen_rows(draft: Draft, name: str) -> Iterator[pd.DataFrame]:
    """What a run freezes, by account_id, a block of rows at a time: scores, what moved, and what was decided."""
    begin, decided = 0, draft.decisions.rows[list(draft.decisions.added)]
    for block in draft.scores.blocks(draft.known):
        own = decided.iloc[begin : begin + len(block)].reset_index(drop=True)
        begin += len(block)
        rows = draft.comparison.compared(block.assign(family_id=own.pop("family_id")))
        yield pd.concat([rows, own], axis=1).assign(run_id=name, retrospective=draft.retrospective)


def lists_of(draft: Draft, frozen: Path) -> Lists:
    """The lists of a run whose rows are frozen."""
    project, about = draft.workspace.config.project, draft.bundle.about
    constants: dict[str, str | int] = {
        "rung": about.rung,
        "horizon_days": about.horizon_days,
        "data_as_of": draft.as_of.tz_convert(project.timezone).date().isoformat(),
        "model_version": draft.bundle.version,
        "config_hash": draft.workspace.config_hash,
    }
    return Lists(frozen, about.catalogue, Words(project.language), constants, draft.loaded.matches)


def _feature_counts(found: Mapping[str, np.ndarray]) -> pd.DataFrame:
    parts = [pd.DataFrame({"feature": n, "bin": np.arange(len(c)), "accounts": c}) for n, c in found.items()]
    return pd.concat(parts, ignore_index=True)


def _chain(draft: Draft, name: str) -> pd.DataFrame:
    """The ledger's runs up to this one, which is one of them unless it is retrospective."""
    links = chain_table(draft.earlier)
    if draft.retrospective:
        return links
    own = (name, draft.as_of.as_unit("us"), draft.predecessor, draft.bundle.version, draft.workspace.config_hash)
    mine = pd.DataFrame([own], columns=links.columns).astype(links.dtypes)
    return pd.concat([links, mine], ignore_index=True) if len(links) else mine


def _renderings(draft: Draft, lists: Lists) -> Renderings:
    """What people and other systems are given, beside the frozen rows."""
    config = draft.workspace.config
    before = draft.earlier[-1].folder if draft.earlier else None
    return Renderings(
        ranked=lambda: lists.blocks(draft.scores.folder),
        not_scored=lists.not_scored(),
        words=lists.words,
        page=lambda ranked: _page(draft, lists, ranked),
        rejects=draft.loaded.rejects,
        timezone=config.project.timezone,
        decimals={c.name: c.decimals for c in RANKED if c.decimals is not None},
        crm_before={crm.kind: read_crm_state(before, crm) for crm in config.outputs.crm},
    )


def _page(draft: Draft, lists: Lists, ranked: pd.DataFrame) -> PageContent:
    # Withheld accounts stand in the frozen rows only: whoever reads a page must not learn of them.
    listed = set(ranked["account_id"])
    return PageContent(
        project=draft.workspace.name,
        ranked=ranked,
        words=lists.words,
        currency=draft.workspace.config.project.currency,
        timezone=draft.workspace.config.project.timezone,
        frozen=lists.beside(DRAWN, listed),
        transitions=_of(draft.decisions.mqa.transitions, listed) if draft.decisions.mqa is not None else None,
        history=_of(_score_history(draft), listed),
        funnel=_funnel(draft.decisions),
    )


def _of(frame: pd.DataFrame | None, accounts: Collection[str]) -> pd.DataFrame | None:
    return frame[frame["account_id"].isin(accounts)].reset_index(drop=True) if frame is not None else None


def _score_history(draft: Draft) -> pd.DataFrame | None:
    """Scores of this run and of those of the last months: `account_id`, `as_of`, `score`."""
    if "score" not in draft.decisions.rows:
        return None
    own = draft.decisions.rows[["account_id", "score"]].assign(as_of=draft.as_of.as_unit("us"))
    shown = [link for link in draft.earlier if link.as_of >= draft.as_of - _SHOWN]
    return pd.concat([score_history(shown), own], ignore_index=True)


def _funnel(decisions: Decisions) -> dict[str, int]:
    """How many accounts came how far."""
    rows, n = decisions.rows, decisions.n_ranked
    counts = {"known": len(rows), "eligible": n + decisions.n_withheld, "ranked": n}
    if "engaged_contacts" in rows:
        counts["engaged"] = int((rows.loc[rows["list"] == ON_LIST, "engaged_contacts"] > 0).sum())
    if decisions.mqa is not None:
        status = decisions.mqa.state["status"]
        counts |= {"mqa": int((status == MQA).sum()), "accepted": int((status == ACCEPTED).sum())}
    return counts


def _manifest(draft: Draft, folder: Path, name: str) -> Manifest:
    rows = draft.decisions.rows
    probability, score = rows.get("probability"), rows.get("score")
    known = probability.dropna() if probability is not None else pd.Series(dtype="float64")
    quantiles = score.dropna().quantile(list(_QUANTILES)) if score is not None else pd.Series(dtype="float64")
    return Manifest(
        run_id=name,
        as_of=draft.as_of.to_pydatetime(),
        scored_at=draft.now.astimezone(UTC),
        timings={stage: round(seconds, 3) for stage, seconds in draft.timings.items()},
        retrospective=draft.retrospective,
        predecessor=draft.predecessor,
        model_version=draft.bundle.version,
        config_hash=draft.workspace.config_hash,
        rung=draft.bundle.about.rung,
        horizon_days=draft.bundle.about.horizon_days,
        inputs=input_records(draft.loaded),
        counts=draft.counts,
        mqa=mqa_record(draft.decisions),
        holdout=holdout_record(draft.decisions),
        files=hash_files(folder),
        versions=installed_versions(),
        warnings=draft.warnings,
        gates=draft.gates,
        unseen=dict(draft.scores.unseen),
        noise=draft.noise,
        score_quantiles={f"{q:g}": float(v) for q, v in quantiles.items() if v == v},
        expected_conversions=float(known.sum()) if len(known) else None,
    )


def mqa_record(decisions: Decisions) -> MqaRecord | None:
    """Counts of the night's MQA decision."""
    found = decisions.mqa
    if found is None:
        return None
    moves = found.transitions
    return MqaRecord(
        open=int((found.state["status"] == MQA).sum()),
        entered=int((moves["to"] == MQA).sum()),
        left=int((moves["from"] == MQA).sum()),
        flips_wanted=found.flips,
        breaker_tripped=found.tripped,
    )


def noise_record(events: EventTally, spec: NoiseSpec | None) -> NoiseRecord | None:
    """What the bot and noise gate found among the events of a run."""
    if spec is None or events.flagged is None:
        return None
    return NoiseRecord(
        action=spec.action,
        flagged=dict(events.flagged),
        left_out=events.left_out,
        accounts=dict(sorted(events.noisy.items())),
    )


def holdout_record(decisions: Decisions) -> HoldoutRecord | None:
    """What the holdout of the night can detect."""
    return HoldoutRecord(**decisions.plan.model_dump()) if decisions.plan is not None else None


def input_records(loaded: Loaded) -> dict[str, InputRecord]:
    """What was read of each table."""
    records: dict[str, Any] = {}
    for name, report in loaded.reports.items():
        other = {"orphan": report.orphans, "anonymous": report.anonymous, "late": report.late}
        records[name] = InputRecord(
            sha256=loaded.fingerprints[name],
            rows_in=report.rows_in,
            rows_accepted=report.accepted,
            rows_rejected=report.rejected,
            duplicates=report.duplicates,
            other={k: v for k, v in {**other, "future": report.future or 0}.items() if v},
            columns=tuple(sorted(loaded.columns[name])),
        )
    return records
