"""Reasons as codes and values; words come later, in publish/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.encoded_columns import numbers, texts

#: A topic that moves the log-odds by less than this is no reason.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Reasons:
    """The k strongest topics of one sign for each of n accounts, strongest first.

    Attributes:
        topic: n × k positions in `topics`; -1 where an account has fewer reasons.
        feature: n × k positions in the catalogue, the feature that speaks for the topic; -1 likewise.
        contribution: n × k sums of the topic's contributions in log-odds; 0 likewise.
        topics: Topic codes in the order of their first feature.
    """

    topic: np.ndarray
    feature: np.ndarray
    contribution: np.ndarray
    topics: tuple[str, ...]

    def columns(self, prefix: str, frame: pd.DataFrame, catalogue: Sequence[Feature]) -> pd.DataFrame:
        """The reasons as flat columns, five a slot, beside the accounts' rows.

        Args:
            prefix: `reason` or `negative_reason`.
            frame: The n × f features that the contributions were computed from.
            catalogue: The f features.

        Returns:
            For slot i `<prefix>_<i>_topic` and `_feature` (str, missing where there is none), `_contribution` and
            `_number` (float64) and `_text` (str); a number feature fills `_number`, a category `_text`.
        """
        found: dict[str, pd.Series | np.ndarray] = {}
        names = np.array([feature.name for feature in catalogue], dtype=object)
        for slot in range(self.topic.shape[1]):
            stem, feature = f"{prefix}_{slot + 1}", self.feature[:, slot]
            none = feature < 0
            number, text = _values(frame, catalogue, feature)
            found[f"{stem}_topic"] = _text(np.array(self.topics, dtype=object), self.topic[:, slot], frame.index)
            found[f"{stem}_feature"] = _text(names, feature, frame.index)
            found[f"{stem}_contribution"] = np.where(none, np.nan, self.contribution[:, slot])
            found[f"{stem}_number"] = number
            found[f"{stem}_text"] = pd.Series(text, index=frame.index, dtype="str")
        return pd.DataFrame(found, index=frame.index)


def topics_of(catalogue: Sequence[Feature]) -> tuple[str, ...]:
    """Topic codes in the order of their first feature."""
    return tuple(dict.fromkeys(feature.topic for feature in catalogue))


def topic_contributions(contributions: np.ndarray, catalogue: Sequence[Feature]) -> np.ndarray:
    """n × t sums over the features of each topic, in the order of `topics_of`.

    Summed column by column, so that a row's bits do not depend on how many rows are scored with it.

    Args:
        contributions: n × f log-odds in catalogue order.
        catalogue: The f features.
    """
    place = {topic: i for i, topic in enumerate(topics_of(catalogue))}
    total = np.zeros((len(contributions), len(place)))
    for j, feature in enumerate(catalogue):
        total[:, place[feature.topic]] += contributions[:, j]
    return total


def topic_columns(contributions: np.ndarray, catalogue: Sequence[Feature], index: pd.Index) -> pd.DataFrame:
    """`topic_<code>` (float64, log-odds) for every topic; with the base they add up to the raw score."""
    names = [f"topic_{topic}" for topic in topics_of(catalogue)]
    return pd.DataFrame(topic_contributions(contributions, catalogue), columns=names, index=index)


def reasons(contributions: np.ndarray, catalogue: Sequence[Feature], count: int, sign: int) -> Reasons:
    """Sum contributions by topic and take the strongest of one sign.

    A topic is represented by its feature with the largest contribution of the same sign. Ties go to the topic and
    feature that come first in the catalogue.

    Args:
        contributions: n × f log-odds in catalogue order.
        catalogue: The f features.
        count: Reasons wanted per account, k.
        sign: 1 for what speaks for an account, -1 for what speaks against it.
    """
    topics = topics_of(catalogue)
    signed = sign * contributions
    n = len(signed)
    strength, speaker = sign * topic_contributions(contributions, catalogue), np.zeros((n, len(topics)), dtype=np.intp)
    for i, topic in enumerate(topics):
        members = np.array([j for j, feature in enumerate(catalogue) if feature.topic == topic])
        speaker[:, i] = members[np.argmax(signed[:, members], axis=1)]
    best = np.argsort(-strength, axis=1, kind="stable")[:, :count]
    rows = np.arange(n)[:, None]
    real = strength[rows, best] > NEGLIGIBLE
    return Reasons(
        topic=_padded(np.where(real, best, -1), count, -1),
        feature=_padded(np.where(real, speaker[rows, best], -1), count, -1),
        contribution=_padded(np.where(real, sign * strength[rows, best], 0.0), count, 0.0),
        topics=topics,
    )


def _padded(found: np.ndarray, count: int, filler: float) -> np.ndarray:
    """Columns up to `count`, for catalogues with fewer topics than reasons wanted."""
    missing = count - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), constant_values=filler) if missing > 0 else found


def _values(frame: pd.DataFrame, catalogue: Sequence[Feature], feature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number and text of each row's feature, NaN and None where there is none."""
    number, text = np.full(len(frame), np.nan), np.full(len(frame), None, dtype=object)
    for j in np.unique(feature[feature >= 0]):
        rows, column = feature == j, catalogue[j]
        if column.kind == "category":
            text[rows] = texts(frame, column.name)[rows].to_numpy(dtype=object)
        else:
            number[rows] = numbers(frame, column.name)[rows]
    return number, text


def _text(codes: np.ndarray, positions: np.ndarray, index: pd.Index) -> pd.Series:
    named = np.full(len(positions), None, dtype=object)
    named[positions >= 0] = codes[positions[positions >= 0]]
    return pd.Series(named, index=index, dtype="str")
