"""What a run decides about its scored accounts: who is withheld, in which order the others stand, who is an MQA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.features.cohort import ELIGIBLE
from abm_scoring.jobs import ledger
from abm_scoring.jobs.ledger import Link
from abm_scoring.ranking import holdout
from abm_scoring.ranking.detectable import HoldoutPlan, plan
from abm_scoring.ranking.mqa import log
from abm_scoring.ranking.mqa.evidence import evident
from abm_scoring.ranking.mqa.machine import Decision, decide
from abm_scoring.ranking.ranking import ScoringSpec, rank

#: Where an account of the input ended: exactly one of these.
RANKED, WITHHELD, NOT_SCORED = "ranked", "withheld", "not_scored"
#: Columns that the list adds to the scores of the accounts on it.
_PLACED = ("rank", "score_percentile", "grade", "tier")
#: All that is read of scores to decide; a run holds these of all accounts together, and nothing else.
DECIDED_BY = (
    "account_id",
    "status",
    "owner_id",
    "region",
    "raw_score",
    "score",
    "probability",
    "probability_low",
    "probability_high",
    "expected_value",
    "fit_raw",
    "behaviour_raw",
    "fit_score",
    "engaged_contacts",
    "roles_engaged",
    "engagement_minutes",
)


@dataclass(frozen=True)
class Decisions:
    """Everything that a run decides.

    Attributes:
        rows: One row an account of the input, by account_id: what was read to decide, and the columns `added`.
        added: Names of what was decided: family, arm, list, place on it, MQA status.
        mqa: The night's decision; None where no status is kept.
        assignments: Arms of the holdout; None where there never was one.
        plan: What the holdout can detect; None without one.
        warnings: One sentence each.
    """

    rows: pd.DataFrame
    added: tuple[str, ...]
    mqa: Decision | None
    assignments: pd.DataFrame | None
    plan: HoldoutPlan | None
    warnings: tuple[str, ...]

    @property
    def n_ranked(self) -> int:
        """Accounts on the list."""
        return self._ended(RANKED)

    @property
    def n_withheld(self) -> int:
        """Accounts that are scored and stand on no list."""
        return self._ended(WITHHELD)

    @property
    def n_not_scored(self) -> int:
        """Accounts without a score."""
        return self._ended(NOT_SCORED)

    def _ended(self, where: str) -> int:
        return int((self.rows["list"] == where).sum())


def decide_run(
    scored: pd.DataFrame, tables: Tables, spec: ScoringSpec, earlier: Sequence[Link], as_of: pd.Timestamp
) -> Decisions:
    """From scores to everything that is decided of accounts beside each other.

    Args:
        scored: `DECIDED_BY` of all accounts, as far as the model gives them, by account_id.
        tables: For families and dispositions.
        spec: How the list is made.
        earlier: The chain of runs before `as_of`, oldest first.
        as_of: The night.
    """
    predecessor = earlier[-1] if earlier else None
    family = families(tables["accounts"]).reindex(scored["account_id"]).array
    rows = scored.assign(family_id=pd.Series(family, scored.index, dtype="str"))
    assignments, told = _assigned(rows, predecessor, spec, as_of)
    rows = _with_arms(rows, assignments, spec)
    on_list = rows["list"] == RANKED
    ranked = rank(rows[on_list], spec, rows.loc[on_list, "family_id"])
    decision = _mqas(ranked, tables, spec, earlier, as_of)
    placed = ranked.set_index("account_id")[list(_PLACED)].reindex(rows["account_id"]).set_axis(rows.index)
    del ranked  # a copy of all that is listed
    rows = pd.concat([rows, placed.astype({"rank": "Int64"})], axis=1)
    if decision is not None:
        rows = _with_status(rows, decision.state, as_of)
    return Decisions(
        rows=rows,
        added=tuple(name for name in map(str, rows) if name not in scored),
        mqa=decision,
        assignments=assignments,
        plan=told,
        warnings=_warnings(decision, told, predecessor, spec),
    )


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
