"""From history to what learning receives.

Outcomes are cheap and features are not, so outcomes come first: where there are more rows than features are to be built
for, the rows that stand for all are drawn by outcome before any feature is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from abm_scoring.learning.sampling import Shares
from abm_scoring.learning.training_set import TrainingSet

#: Rows whose eligibility is looked up together; more only take memory.
CHUNK = 250_000


@dataclass(frozen=True)
class Prepared:
    """A training set, and how it came about.

    Attributes:
        training: The matured, eligible rows; where none has matured, today's rows, none of them converted. A weighted
            sample of these where there are more than were wanted.
        n_matured: How many rows `training` stands for.
        waiting: Eligible rows whose outcome is not final, with what is known of it so far; None where not asked for. A
            sample by the same shares.
        until: Moment at which what is known of outcomes for good ends.
        n_snapshots: Rows of the calendar or landmarks before anything was left out.
        n_ineligible: Rows left out by the cohort.
        n_immature: Rows left out because their outcome is not final.
    """

    training: TrainingSet
    n_matured: int
    n_snapshots: int
    n_ineligible: int
    n_immature: int
    waiting: TrainingSet | None = None
    until: np.datetime64 | None = None

    @property
    def sample(self) -> dict[str, int] | None:
        """Rows that features were built for, and how many matured rows they stand for; None where these are all."""
        return None if self.training.weight is None else {"rows": len(self.training), "of": self.n_matured}


def prepare_training(
    tables: Tables,
    history: History,
    snapshots: SnapshotSpec,
    cohort: CohortSpec,
    label: LabelSpec,
    features: Sequence[FeatureSpec],
    with_waiting: bool = False,
    most: int | None = None,
    seed: int = 0,
) -> Prepared:
    """Snapshots → eligible → matured → labels → sample → features.

    Args:
        tables: For the families.
        history: All that is known.
        snapshots, cohort, label: The choices of the config.
        features: Resolved feature families.
        with_waiting: Whether rows whose outcome is not final are wanted too.
        most: Rows that features are built for, about, those whose outcome is not final included; None = all.
        seed: Of the sample, where there are more.

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
    known = bool(len(matured))
    open_rows = eligible.drop(matured.index)
    labelled = _Labelled.of(history, rows, label, known)
    waiting = _Labelled.of(history, open_rows, label, True) if with_waiting and known and len(open_rows) else None
    if most is not None:
        labelled, waiting = _sampled(labelled, waiting, most, seed)
    family = families(tables["accounts"])
    training = _training_set(history, labelled, family, label, features)
    others = _training_set(history, waiting, family, label, features) if waiting is not None else None
    until = history.observed_until.tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]")
    final = until - np.timedelta64(label.settle_days, "D")
    return Prepared(training, len(rows), len(every), len(every) - len(eligible), len(open_rows), others, final)


@dataclass(frozen=True)
class _Labelled:
    """Rows before any feature is built.

    Attributes:
        rows: n rows `account_id`, `as_of`.
        converted: n booleans.
        known: Whether anything is known of outcomes.
        weight: How many rows each stands for; None = one each.
    """

    rows: pd.DataFrame
    converted: np.ndarray
    known: bool
    weight: np.ndarray | None = None

    @classmethod
    def of(cls, history: History, rows: pd.DataFrame, label: LabelSpec, known: bool) -> _Labelled:
        """In the total order of a training set; nobody converts where nothing is known of outcomes."""
        rows = rows.sort_values(["as_of", "account_id"], ignore_index=True)
        return cls(rows, label.converted(history, rows) if known else np.zeros(len(rows), bool), known)

    def drawn(self, shares: Shares, seed: int) -> _Labelled:
        """A sample that stands for all."""
        as_of = moments(self.rows["as_of"], NEVER)
        found = shares.sample(self.rows["account_id"].to_numpy(object), as_of, self.converted, seed)
        rows = self.rows.iloc[found.rows].reset_index(drop=True)
        return replace(self, rows=rows, converted=self.converted[found.rows], weight=found.weight)


def _sampled(matured: _Labelled, waiting: _Labelled | None, most: int, seed: int) -> tuple[_Labelled, _Labelled | None]:
    """The rows to build features for; both kinds are drawn by the same shares."""
    parts = [matured] if waiting is None else [matured, waiting]
    conversions, rows = (sum(counts) for counts in zip(*((p.converted.sum(), len(p.rows)) for p in parts), strict=True))
    shares = Shares.of(int(conversions), int(rows - conversions), most)
    if shares is None:
        return matured, waiting
    return matured.drawn(shares, seed), None if waiting is None else waiting.drawn(shares, seed)


def _training_set(
    history: History, labelled: _Labelled, family: pd.Series, label: LabelSpec, features: Sequence[FeatureSpec]
) -> TrainingSet:
    """The rows with their features."""
    rows = labelled.rows
    return TrainingSet(
        features=features_at(history, rows, features),
        converted=labelled.converted,
        as_of=rows["as_of"].dt.tz_localize(None).to_numpy("datetime64[us]"),
        account_id=rows["account_id"].to_numpy(object),
        family=family.reindex(rows["account_id"]).to_numpy(object),
        catalogue=catalogue(features),
        horizon_days=label.horizon_days,
        weight=labelled.weight,
        days=label.days_to(history, rows) if labelled.known else None,
    )


def _eligible(history: History, rows: pd.DataFrame, cohort: CohortSpec) -> pd.DataFrame:
    if rows.empty:
        return rows
    parts = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    eligible = [(cohort.status(history.at(part)) == ELIGIBLE).to_numpy() for part in parts]
    return rows[np.concatenate(eligible)].reset_index(drop=True)
