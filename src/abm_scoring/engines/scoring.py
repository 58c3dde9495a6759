"""The partition function: from one partition's tables to scores, the same for every engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.engines.activity import activity
from abm_scoring.engines.tally import EventTally
from abm_scoring.features.build import features_at, looks_across, looks_at_events, shared_context
from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.cohort import ELIGIBLE, CohortSpec
from abm_scoring.features.context import NOBODY, Context
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History, View
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.snapshots import SnapshotSpec
from abm_scoring.learning.reference import reference_of
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    from abm_scoring.features.columnar import Held
    from abm_scoring.learning.bundle import Bundle
    from abm_scoring.learning.reference import Reference

#: Name of the raw score among the counts of a partition.
RAW_SCORE = "raw_score"


class ScoringTask(Spec):
    """What a partition needs to know beside its tables, its context and its model."""

    as_of: str
    timezone: str
    noise: NoiseSpec | None = None
    cohort: CohortSpec
    snapshots: SnapshotSpec
    features: tuple[FeatureSpec, ...]
    horizon_days: int
    reasons: int
    negative_reasons: int
    sales_touches: tuple[str, ...]
    minutes_days: int

    def rows(self, history: History) -> pd.DataFrame:
        """Rows `account_id`, `as_of` that will be scored of a history, for the context that they need."""
        return self.snapshots.scoring_rows(history, pd.Timestamp(self.as_of), self.horizon_days)


#: Account columns that are carried to the list as they were known at `as_of`.
CARRIED = (
    "account_name",
    "domain",
    "parent_account_id",
    "owner_id",
    "sector",
    "employee_count",
    "annual_revenue",
    "region",
    "country",
    "values",
)


@dataclass(frozen=True)
class ScoredAccounts:
    """What scoring gives for one partition, or for all of them together.

    Attributes:
        rows: See `score_accounts`.
        counts: Feature, or `raw_score` → eligible rows by bin of the bundle's reference (int64); counts of partitions
            add up. Empty where the bundle has no reference.
        unseen: Category → eligible rows with a level that training never saw.
        events: Counts of all events known before `as_of`.
    """

    rows: pd.DataFrame
    counts: Mapping[str, np.ndarray]
    unseen: Mapping[str, int]
    events: EventTally = field(default_factory=EventTally)


def sealed(tables: Tables, task: ScoringTask, events: Held | None = None) -> History:
    """The history of a partition as a task sees it.

    Args:
        tables: The canonical tables of the partition's families.
        task: When, where, and what is done about noise.
        events: The events where they lie in a file or in Arrow instead of in `tables`.
    """
    return History.of(tables, pd.Timestamp(task.as_of), task.timezone, events, task.noise)


def context_history(tables: Tables, task: ScoringTask, events: Held | None = None) -> History:
    """As `sealed`, for the context alone: without the events where no family asks for those of other accounts."""
    if looks_at_events(task.features):
        return sealed(tables, task, events)
    return sealed(Tables({name: tables[name] for name in tables if name != "events"}), task)


def task_moments(histories: Iterable[History], task: ScoringTask) -> pd.DataFrame:
    """The distinct `as_of` (datetime64[us, UTC]) of the rows that will be scored of all partitions.

    On a calendar it is the task's own for all of them, and no history is asked.
    """
    if task.snapshots.kind == "calendar":
        return pd.DataFrame({"as_of": [pd.Timestamp(task.as_of).as_unit("us")]})
    parts = [task.rows(history)[["as_of"]].drop_duplicates() for history in histories]
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)


def context_of(history: History, task: ScoringTask, moments: pd.DataFrame) -> Context:
    """A partition's part of the context; `context.merged` puts the parts together.

    Args:
        history: Of the partition.
        task: Its families.
        moments: `task_moments` of all partitions.
    """
    return shared_context(history, task.features, moments) if looks_across(task.features) else NOBODY


def score_accounts(
    tables: Tables, context: Context, bundle: Bundle, task: ScoringTask, events: Held | None = None
) -> ScoredAccounts:
    """Scores of one partition of account families: a pure function of its arguments.

    Args:
        tables: The canonical tables of the partition's families.
        context: From `context_of` over all partitions; of no account where no family looks across.
        bundle: The model.
        task: Everything else.
        events: As in `sealed`.

    Returns:
        As `rows`, one row for every account of the partition, by account_id: `account_id`, `status` (`eligible`, or
        the code of the reason it is not scored), the carried account columns, and for eligible rows `raw_score`,
        `probability`, `fit_raw`, `behaviour_raw`, what else the model gives, reason codes and values, contact counts,
        activity (see `activity.activity`), `data_completeness`.
    """
    return score_history(sealed(tables, task, events), context, bundle, task)


def score_history(history: History, context: Context, bundle: Bundle, task: ScoringTask) -> ScoredAccounts:
    """As `score_accounts`, for a partition that is sealed already."""
    as_of = pd.Timestamp(task.as_of)
    rows = _rows(history, task, as_of)
    today = history.at(rows.assign(as_of=as_of.as_unit("us")))
    status = _status(history, rows, today, task)
    carried = today.account().reindex(columns=list(CARRIED))
    result = pd.concat([rows[["account_id", "as_of"]], status.rename("status"), carried], axis=1)
    eligible = (status == ELIGIBLE).to_numpy()
    scored, counts, unseen = _score_rows(history, rows[eligible].reset_index(drop=True), context, bundle, task)
    scored.index = np.flatnonzero(eligible)
    every = result.join(scored).sort_values("account_id", ignore_index=True)
    return ScoredAccounts(every, counts, unseen, EventTally.of(history, as_of))


def _status(history: History, rows: pd.DataFrame, today: View, task: ScoringTask) -> pd.Series:
    """Why an account is not scored, or `eligible`: as of today first, then as of its snapshot, as in training."""
    now = task.cohort.status(today)
    status = now.where(now != ELIGIBLE, task.cohort.status(history.at(rows)))
    outside = (status == ELIGIBLE) & ~rows["in_window"]
    return status.where(~outside, "outside_scoring_window")


def _rows(history: History, task: ScoringTask, as_of: pd.Timestamp) -> pd.DataFrame:
    """Every account once: with its snapshot where it has one now, else at `as_of` and marked as outside."""
    snapshot = task.snapshots.scoring_rows(history, as_of, task.horizon_days)
    others = pd.DataFrame(
        {"account_id": history.account_ids.difference(pd.Index(snapshot["account_id"])), "as_of": as_of}
    )
    others["as_of"] = others["as_of"].astype("datetime64[us, UTC]")
    return pd.concat([snapshot.assign(in_window=True), others.assign(in_window=False)], ignore_index=True)


def _score_rows(
    history: History, rows: pd.DataFrame, context: Context, bundle: Bundle, task: ScoringTask
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, int]]:
    features = features_at(history, rows, task.features, context)
    scored = bundle.score(features, reasons=task.reasons, negative_reasons=task.negative_reasons)
    view = history.at(rows)
    parts = [
        scored,
        contact_columns(view, task.features),
        activity(view, task.sales_touches, task.minutes_days),
        _completeness(features, bundle),
    ]
    counts = _counts(features, scored, reference_of(bundle.about.results))
    return pd.concat(parts, axis=1), counts, bundle.unseen(features)


def _counts(features: pd.DataFrame, scored: pd.DataFrame, reference: Reference | None) -> dict[str, np.ndarray]:
    if reference is None or reference.score is None:
        return {}
    counts = {histogram.name: histogram.count(features) for histogram in reference.features}
    return {**counts, RAW_SCORE: reference.score.count(scored)}


def contact_columns(view: View, specs: Sequence[FeatureSpec]) -> pd.DataFrame:
    """`known_contacts`, `engaged_contacts` (counts) and `roles_engaged`, `roles_missing` (names), where asked for."""
    spec = next((s for s in specs if isinstance(s, BuyingGroupSpec)), None)
    if spec is None:
        return pd.DataFrame(index=pd.RangeIndex(len(view)))
    contacts, n = spec.contacts(view), len(view)
    row, engaged = contacts["row"].to_numpy("int64"), contacts["engaged"].to_numpy(bool)
    role = contacts["buying_role"]
    named = {r: np.bincount(row[(role == r).to_numpy()], minlength=n) > 0 for r in spec.roles}
    active = {r: np.bincount(row[(role == r).to_numpy() & engaged], minlength=n) > 0 for r in spec.roles}
    return pd.DataFrame(
        {
            "known_contacts": np.bincount(row, minlength=n),
            "engaged_contacts": np.bincount(row[engaged], minlength=n),
            "roles_engaged": _names(active, n, True),
            "roles_missing": _names(named, n, False),
        }
    )


def _names(flags: dict[str, np.ndarray], n: int, wanted: bool) -> pd.Series:
    """The names whose flag equals `wanted`, joined by `; `, per row."""
    joined = np.full(n, "", dtype=object)
    for name, flag in flags.items():
        hit = flag == wanted
        joined[hit] = np.where(joined[hit] == "", name, joined[hit] + "; " + name)
    return pd.Series(joined, dtype="str")


def _completeness(features: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """Share of the account features that are known, per row; 1 where the model has none."""
    of_accounts = [f.name for f in bundle.about.catalogue if f.source == "accounts"]
    share = features[of_accounts].notna().mean(axis=1) if of_accounts else pd.Series(1.0, features.index)
    return pd.DataFrame({"data_completeness": share})
