"""Many past nights at once: the candidates of each, scored as they would have been, with what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.engines.activity import minutes
from abm_scoring.engines.scoring import ScoringTask, contact_columns
from abm_scoring.features.build import features_at
from abm_scoring.features.cohort import ELIGIBLE
from abm_scoring.features.history import History
from abm_scoring.learning.labels import LabelSpec

if TYPE_CHECKING:
    from abm_scoring.learning.bundle import Bundle

#: Rows whose features are in memory together.
_ROWS_AT_ONCE = 60_000
#: Columns that a policy may read, beside those that identify a row.
_KEPT = ("raw_score", "probability", "score", "fit_score", "fit_raw", "behaviour_raw", "expected_value")


def score_nights(
    history: History,
    nights: Sequence[pd.Timestamp],
    bundle: Bundle,
    task: ScoringTask,
    label: LabelSpec,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """The candidates of each night with their scores, evidence, hand-set points and outcome.

    Args:
        history: Everything known, also after the nights; each row sees only what lies before it.
        nights: Moments, ascending.
        bundle: The model.
        task: Cohort, snapshots and features; its `as_of` is not read.
        label: What counts as a conversion.
        progress: Called with (nights done, nights in all).

    Returns:
        Rows `account_id`, `night`, `converted` (bool: within the horizon of the row), `points` (float64, hundreds;
        absent where no feature earns any), `owner_id`, evidence columns and scores; by night, then account_id.
    """
    parts, waiting = [], []
    for done, night in enumerate(nights):
        progress(done, len(nights))
        waiting.append(_candidates(history, night, task))
        if sum(map(len, waiting)) >= _ROWS_AT_ONCE or done == len(nights) - 1:
            rows = pd.concat(waiting, ignore_index=True)
            parts.append(_scored(history, rows, bundle, task, label))
            waiting = []
    progress(len(nights), len(nights))
    return pd.concat(parts, ignore_index=True).sort_values(["night", "account_id"], ignore_index=True)


def _candidates(history: History, night: pd.Timestamp, task: ScoringTask) -> pd.DataFrame:
    """Rows `account_id`, `as_of`, `night` that would have been scored on a night."""
    rows = task.snapshots.scoring_rows(history, night, task.horizon_days)
    today = history.at(rows.assign(as_of=night.as_unit("us")))
    eligible = (task.cohort.status(today) == ELIGIBLE) & (task.cohort.status(history.at(rows)) == ELIGIBLE)
    return rows[eligible.to_numpy()].reset_index(drop=True).assign(night=night.as_unit("us"))


def _scored(history: History, rows: pd.DataFrame, bundle: Bundle, task: ScoringTask, label: LabelSpec) -> pd.DataFrame:
    from abm_scoring.learning.opponents import earns_points, points

    features = features_at(history, rows, task.features)
    scored = bundle.score(features, reasons=0, negative_reasons=0)
    view = history.at(rows)
    kept = scored[[c for c in _KEPT if c in scored]]
    account = view.account()
    found = rows[["account_id", "night"]].assign(
        converted=label.converted(history, rows),
        owner_id=account["owner_id"].to_numpy(object) if "owner_id" in account else None,
    )
    if "minutes" in view.log:
        found["engagement_minutes"] = minutes(view, task.minutes_days)
    if earns_points(bundle.about.catalogue):
        found["points"] = points(features, bundle.about.catalogue)
    contacts = contact_columns(view, task.features)
    return pd.concat([found, kept, contacts.reindex(np.arange(len(rows)))], axis=1)
