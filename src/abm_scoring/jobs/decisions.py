"""What a run decides about its scored accounts: who is withheld, in which order the others stand, who is an MQA."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.cohort import ELIGIBLE
from abm_scoring.jobs import ledger
from abm_scoring.jobs.ledger import Link
from abm_scoring.ranking import holdout
from abm_scoring.ranking.detectable import HoldoutPlan, plan
from abm_scoring.ranking.history import with_changes, with_previous, with_trend
from abm_scoring.ranking.mqa import log
from abm_scoring.ranking.mqa.evidence import evident
from abm_scoring.ranking.mqa.machine import Decision, decide
from abm_scoring.ranking.ranking import ScoringSpec, rank

#: Where an account of the input ended: exactly one of these.
RANKED, WITHHELD, NOT_SCORED = "ranked", "withheld", "not_scored"
#: Columns that the list adds to the scores of the accounts on it.
_PLACED = ("rank", "score_percentile", "grade", "tier")
#: Columns of the frozen rows that no list has: pages draw them, and the next night compares with them.
_FROZEN_ONLY = ("topic_", "activity_week_")


@dataclass(frozen=True)
class Decisions:
    """Everything that a run decides.

    Attributes:
        rows: One row an account of the input, to be frozen: scores, place on the list, MQA status, arm.
        ranked: The rows on the list, in its order, without what only frozen rows have.
        left_out: The rows that were not scored.
        mqa: The night's decision; None where no status is kept.
        assignments: Arms of the holdout; None where there never was one.
        plan: What the holdout can detect; None without one.
        warnings: One sentence each.
    """

    rows: pd.DataFrame
    ranked: pd.DataFrame
    left_out: pd.DataFrame
    mqa: Decision | None
    assignments: pd.DataFrame | None
    plan: HoldoutPlan | None
    warnings: tuple[str, ...]

    @property
    def n_withheld(self) -> int:
        """Accounts that are scored and stand on no list."""
        return int((self.rows["list"] == WITHHELD).sum())


def decide_run(
    scored: pd.DataFrame,
    tables: Tables,
    spec: ScoringSpec,
    earlier: Sequence[Link],
    as_of: pd.Timestamp,
    same_model: bool,
    silent: Collection[str] = (),
) -> Decisions:
    """From scores to everything that is published and frozen.

    Args:
        scored: Rows of `score_accounts` for all accounts.
        tables: For families and dispositions.
        spec: How the list is made.
        earlier: The chain of runs before `as_of`, oldest first.
        as_of: The night.
        same_model: Whether the predecessor had the same model.
        silent: Topics whose source has gone silent.
    """
    predecessor = earlier[-1] if earlier else None
    family = families(tables["accounts"]).reindex(scored["account_id"]).to_numpy(object)
    rows = scored.assign(family_id=pd.Series(family, scored.index, dtype="str"))
    rows = _compared(rows, earlier, spec, as_of, same_model, silent)
    assignments, told = _assigned(rows, predecessor, spec, as_of)
    rows = _with_arms(rows, assignments, spec)
    shown = [name for name in rows if not str(name).startswith(_FROZEN_ONLY)]
    listed = rows.loc[rows["list"] == RANKED, shown]
    ranked = rank(listed, spec, listed["family_id"])
    decision = _mqas(ranked, tables, spec, earlier, as_of)
    placed = ranked.set_index("account_id")[list(_PLACED)].reindex(rows["account_id"]).set_axis(rows.index)
    rows = pd.concat([rows, placed.astype({"rank": "Int64"})], axis=1)
    if decision is not None:
        rows, ranked = (_with_status(frame, decision.state, as_of) for frame in (rows, ranked))
    return Decisions(
        rows=rows,
        ranked=ranked,
        left_out=rows[rows["list"] == NOT_SCORED],
        mqa=decision,
        assignments=assignments,
        plan=told,
        warnings=_warnings(decision, told, predecessor, spec),
    )


def silent_topics(
    silent_types: Collection[str], catalogue: Sequence[Feature], rows_now: Mapping[str, int], before: Link | None
) -> set[str]:
    """Topics whose source stopped: every event type of theirs is silent, or their table lost half of its rows.

    Args:
        silent_types: Event types that stopped for everybody.
        catalogue: The model's features.
        rows_now: Table → rows accepted tonight.
        before: The predecessor, with its own counts.
    """
    quiet = set(silent_types)
    shrunk = {
        table
        for table, record in (before.manifest.inputs.items() if before else ())
        if rows_now.get(table, 0) <= record.rows_accepted / 2
    }
    stopped: dict[str, bool] = {}
    for feature in catalogue:
        silent = feature.source in shrunk or feature.args.get("event_type") in quiet
        stopped[feature.topic] = stopped.get(feature.topic, True) and silent
    return {topic for topic, silent in stopped.items() if silent}


def _compared(
    rows: pd.DataFrame,
    earlier: Sequence[Link],
    spec: ScoringSpec,
    as_of: pd.Timestamp,
    same_model: bool,
    silent: Collection[str],
) -> pd.DataFrame:
    """With what moved since the runs before."""
    if "score" not in rows:
        return rows
    previous = ledger.frozen_scores(earlier[-1] if earlier else None)
    since = ledger.score_history(earlier, as_of - pd.Timedelta(days=spec.trend_days))
    rows = with_trend(with_previous(rows, previous), since, as_of, spec.trend_days, spec.trend_points)
    return with_changes(rows, previous, same_model, silent)


def _assigned(
    rows: pd.DataFrame, predecessor: Link | None, spec: ScoringSpec, as_of: pd.Timestamp
) -> tuple[pd.DataFrame | None, HoldoutPlan | None]:
    """Arms of all accounts ever assigned, which are carried on even while nobody is withheld."""
    file = predecessor.folder / ledger.ASSIGNMENTS if predecessor else None
    before = ledger.read_frozen(file) if file is not None and file.is_file() else None
    if spec.holdout is None:
        return before, None
    candidates = rows[rows["status"] == ELIGIBLE]
    assignments = holdout.assign(
        candidates, holdout.empty_assignments() if before is None else before, spec.holdout, as_of
    )
    arm = holdout.arms(candidates["account_id"], assignments, spec.holdout.salt)
    return assignments, plan(candidates, arm, spec.holdout)


def _with_arms(rows: pd.DataFrame, assignments: pd.DataFrame | None, spec: ScoringSpec) -> pd.DataFrame:
    """With `list` (ranked, withheld or not_scored) and, where there is a holdout, `arm`."""
    listed = np.where(rows["status"] == ELIGIBLE, RANKED, NOT_SCORED).astype(object)
    if spec.holdout is not None and assignments is not None:
        arm = holdout.arms(rows["account_id"], assignments, spec.holdout.salt)
        listed[(arm == holdout.WITHHELD).to_numpy() & (listed == RANKED)] = WITHHELD
        rows = rows.assign(arm=arm)
    return rows.assign(list=pd.Series(listed, rows.index, dtype="str"))


def _mqas(
    ranked: pd.DataFrame, tables: Tables, spec: ScoringSpec, earlier: Sequence[Link], as_of: pd.Timestamp
) -> Decision | None:
    if spec.mqa is None or "score" not in ranked:
        return None
    state = log.state_of(ledger.transitions(earlier), as_of)
    return decide(state, ranked, evident(ranked, spec.mqa.evidence), tables["dispositions"], spec.mqa, as_of)


def _with_status(rows: pd.DataFrame, state: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """With `mqa_status`, and the transition that led to it."""
    own = state.set_index("account_id").reindex(rows["account_id"]).set_axis(rows.index)
    return rows.assign(
        mqa_status=own["status"].fillna(log.NONE).astype("str"),
        mqa_reason=own["rule"].astype("str"),
        mqa_since=own["since"].astype("datetime64[us, UTC]"),
        mqa_age_days=np.rint((as_of - own["since"]).dt.total_seconds().to_numpy("float64") / 86_400),
        mqa_value=own["value"].to_numpy("float64"),
        mqa_threshold=own["threshold"].to_numpy("float64"),
        mqa_answer=own["reason"].astype("str"),
    )


def _warnings(
    decision: Decision | None, told: HoldoutPlan | None, predecessor: Link | None, spec: ScoringSpec
) -> tuple[str, ...]:
    said = []
    if decision is not None and decision.tripped and spec.mqa is not None:
        said.append(
            f"mqa: {decision.flips} MQAs would begin or end, against {decision.open_before} open ones; none did, as "
            f"max_flip_share is {spec.mqa.max_flip_share:g} - look for the cause, or let it through once with "
            "--set scoring.mqa.max_flip_share=1000"
        )
    had_one = predecessor is not None and (predecessor.folder / ledger.ASSIGNMENTS).is_file()
    if told is not None and not had_one:
        said.append(told.sentence())
    return tuple(said)
