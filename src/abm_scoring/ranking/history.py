"""What changed since the runs before: score, trend, and the topic that moved most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
import pandas as pd

#: Changes of a topic below this (log-odds) move nothing that anybody could see.
NEGLIGIBLE = 0.02
#: A topic whose contribution tells at most this part of the accounts apart that it did before has gone silent.
SILENT_SHARE = 0.1
#: Runs that a trend needs.
TREND_RUNS = 3
#: What columns of a topic's contribution begin with.
TOPIC = "topic_"

ChangeKind = Literal["data", "behaviour", "model"]


def with_previous(scores: pd.DataFrame, previous: pd.DataFrame | None) -> pd.DataFrame:
    """`score_previous` and `score_change` (float64, points) against the run before; NaN for accounts not scored then.

    Args:
        scores: n rows `account_id`, `score`.
        previous: Frozen scores of the predecessor; None: there is none, and the frame stays as it is.
    """
    if previous is None or "score" not in previous:
        return scores
    then = scores["account_id"].map(previous.set_index("account_id")["score"]).astype("float64")
    return scores.assign(score_previous=then, score_change=scores["score"] - then)


def with_trend(
    scores: pd.DataFrame,
    history: pd.DataFrame,
    nights: pd.DatetimeIndex,
    as_of: pd.Timestamp,
    days: int,
    points: float,
) -> pd.DataFrame:
    """`score_trend` (str): `up`, `flat` or `down`; missing with fewer than three runs.

    A straight line is fitted (least squares) through the scores of the runs of the last `days` days, tonight's
    included; the trend is `up` or `down` when it climbs or drops by at least `points` over `days` days.

    Args:
        scores: n rows `account_id`, `score`.
        history: Rows `account_id`, `as_of`, `score` of the earlier runs.
        nights: When these were, all of the last `days` days; also those on which none of `scores` had one.
        as_of: Tonight.
    """
    if len(nights) + 1 < TREND_RUNS:
        return scores
    row = pd.Index(scores["account_id"]).get_indexer(pd.Index(history["account_id"]))
    y = np.full((len(scores), len(nights) + 1), np.nan)
    y[row[row >= 0], nights.get_indexer(pd.Index(history["as_of"]))[row >= 0]] = history["score"].to_numpy()[row >= 0]
    y[:, -1] = scores["score"]
    ages = (nights - as_of).total_seconds().to_numpy() / 86_400
    climb = _slopes(np.array([*ages, 0.0]), y) * days
    named = np.array(["flat", "up", "down"], dtype=object)[np.select([climb >= points, climb <= -points], [1, 2], 0)]
    named[np.isnan(climb)] = None
    return scores.assign(score_trend=pd.Series(named, scores.index, dtype="str"))


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of each row of y over x, NaN where fewer than three values are known."""
    known = ~np.isnan(y)
    n = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (known * x).sum(axis=1) / n
        dx = np.where(known, x[None, :] - centre[:, None], 0.0)
        slope = (dx * np.nan_to_num(y)).sum(axis=1) / (dx**2).sum(axis=1)
    return np.where(n >= TREND_RUNS, slope, np.nan)


def with_changes(
    scores: pd.DataFrame, previous: pd.DataFrame | None, same_model: bool, quiet: Collection[str] = ()
) -> pd.DataFrame:
    """Which topic moved each account's raw score most since the run before, as codes.

    Args:
        scores: n rows `account_id` and `topic_<code>` (float64, contribution in log-odds).
        previous: Frozen scores of the predecessor; None: nothing to compare with, and the frame stays as it is.
        same_model: Whether both runs have the same model.
        quiet: Topics that went silent for nearly everybody, see `gone_silent`.

    Returns:
        With `change_topic` (str), `change_delta` (float64, log-odds) and `change_kind`: `model` where another model
        scored; `data` where the topic went silent; else `behaviour`. Missing where nothing moved
        or the account was not scored then.
    """
    topics = [str(c) for c in scores if str(c).startswith(TOPIC)]
    shared = [c for c in topics if previous is not None and c in previous]
    if previous is None or not shared:
        return scores
    then = previous.set_index("account_id")[shared].reindex(scores["account_id"])
    now = scores[shared].to_numpy("float64")
    delta = now - then.to_numpy("float64")
    most = np.argmax(np.abs(np.nan_to_num(delta)), axis=1)
    moved = delta[np.arange(len(scores)), most]
    real = np.abs(moved) > NEGLIGIBLE
    names = [c.removeprefix(TOPIC) for c in shared]
    kinds = ["model" if not same_model else "data" if name in quiet else "behaviour" for name in names]
    return scores.assign(
        change_topic=_named(names, most, real, scores.index),
        change_delta=np.where(real, moved, np.nan),
        change_kind=_named(kinds, most, real, scores.index),
    )


def _named(codes: list[str], place: np.ndarray, real: np.ndarray, index: pd.Index) -> pd.Series:
    chosen = [codes[i] if known else None for i, known in zip(place.tolist(), real.tolist(), strict=True)]
    return pd.Series(chosen, index, dtype="str")


def gone_silent(now: pd.DataFrame, then: pd.DataFrame) -> set[str]:
    """Topics that told accounts apart and hardly do any more: their source most likely stopped.

    Told apart = share of scored accounts whose contribution differs from the commonest one.

    Args:
        now, then: Columns `topic_<code>` of two runs of one model.
    """
    return {
        str(c).removeprefix(TOPIC)
        for c in now
        if _told_apart(then[c]) >= 0.05 and _told_apart(now[c]) <= SILENT_SHARE * _told_apart(then[c])
    }


def _told_apart(values: pd.Series) -> float:
    known = values.dropna().round(9)
    return float(1 - known.value_counts().iloc[0] / len(known)) if len(known) else 0.0
