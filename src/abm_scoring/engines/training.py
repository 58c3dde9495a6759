"""From history to what learning receives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.features.build import catalogue, features_at
from abm_scoring.features.cohort import ELIGIBLE, CohortSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER, moments
from abm_scoring.features.snapshots import SnapshotSpec
from abm_scoring.learning.labels import LabelSpec
from abm_scoring.learning.training_set import TrainingSet


@dataclass(frozen=True)
class Prepared:
    """A training set, and how it came about.

    Attributes:
        training: The matured, eligible rows; where none has matured, today's rows, none of them converted.
        waiting: Eligible rows whose outcome is not final, with what is known of it so far; None where not asked for.
        until: Moment at which what is known of outcomes for good ends.
        n_snapshots: Rows of the calendar or landmarks before anything was left out.
        n_ineligible: Rows left out by the cohort.
        n_immature: Rows left out because their outcome is not final.
    """

    training: TrainingSet
    n_snapshots: int
    n_ineligible: int
    n_immature: int
    waiting: TrainingSet | None = None
    until: np.datetime64 | None = None


def prepare_training(
    tables: Tables,
    history: History,
    snapshots: SnapshotSpec,
    cohort: CohortSpec,
    label: LabelSpec,
    features: Sequence[FeatureSpec],
    with_waiting: bool = False,
) -> Prepared:
    """Snapshots → eligible → matured → features and labels.

    Args:
        tables: For the families.
        history: All that is known.
        snapshots, cohort, label: The choices of the config.
        features: Resolved feature families.
        with_waiting: Whether rows whose outcome is not final are wanted too.

    Raises:
        BadDataError: No account is eligible on any snapshot, so that there is nothing to learn from or to rank.
    """
    every = snapshots.training_rows(history)
    eligible = _eligible(history, every, cohort)
    matured = eligible[label.matured(moments(eligible["as_of"], NEVER), history.observed_until)]
    rows = matured.reset_index(drop=True)
    if rows.empty:
        rows = _eligible(history, snapshots.scoring_rows(history, history.until, label.horizon_days), cohort)
    if rows.empty:
        raise BadDataError(
            f"no account is eligible on any of {len(every)} snapshots",
            where="cohort",
            fix="check motion, exclude and the snapshots' dates against the data",
        )
    family = families(tables["accounts"])
    known = bool(len(matured))
    training = _training_set(history, rows, family, label, features, known)
    open_rows = eligible.drop(matured.index)
    wanted = with_waiting and known and len(open_rows)
    waiting = _training_set(history, open_rows, family, label, features, True) if wanted else None
    until = history.observed_until.tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]")
    final = until - np.timedelta64(label.settle_days, "D")
    return Prepared(training, len(every), len(every) - len(eligible), len(open_rows), waiting, final)


def _training_set(
    history: History,
    rows: pd.DataFrame,
    family: pd.Series,
    label: LabelSpec,
    features: Sequence[FeatureSpec],
    known: bool,
) -> TrainingSet:
    """Features and labels of rows; nobody converts where nothing is known of outcomes."""
    rows = rows.sort_values(["as_of", "account_id"], ignore_index=True)
    return TrainingSet(
        features=features_at(history, rows, features),
        converted=label.converted(history, rows) if known else np.zeros(len(rows), bool),
        as_of=rows["as_of"].dt.tz_localize(None).to_numpy("datetime64[us]"),
        account_id=rows["account_id"].to_numpy(object),
        family=family.reindex(rows["account_id"]).to_numpy(object),
        catalogue=catalogue(features),
        horizon_days=label.horizon_days,
        days=label.days_to(history, rows) if known else None,
    )


def _eligible(history: History, rows: pd.DataFrame, cohort: CohortSpec) -> pd.DataFrame:
    if rows.empty:
        return rows
    return rows[(cohort.status(history.at(rows)) == ELIGIBLE).to_numpy()].reset_index(drop=True)
