"""From a feature frame to numbers: fitted on training rows once, replayed by name ever after.

Two views of one fitted `Encoding`. The *design* is for linear models: heavy-tailed numbers on a logarithmic scale,
standardised, missing = average plus an indicator; categories one column a level. The *matrix* is for trees: numbers
as they are, categories as codes, missing and unknown = NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.errors import BadDataError
from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.encoded_columns import CategoryColumn, NumberColumn, numbers, signed_log, texts
from abm_scoring.spec import Spec

#: Levels seen in fewer training rows share one bucket, and a missing-indicator needs as many rows.
MIN_ROWS = 20
#: A number whose sample skewness exceeds this is put on a logarithmic scale if that makes it less skewed.
SKEWED = 2.0
#: Rows encoded together: they stay in the processor's cache, where writing column by column is cheap.
BLOCK = 4_096


EncodedColumn = Annotated[NumberColumn | CategoryColumn, Field(discriminator="kind")]


class Encoding(Spec):
    """Everything needed to encode a frame as the training rows were encoded.

    Attributes:
        names: All f features in catalogue order; contributions have one column for each of these.
        columns: The features that are used, in the same order.
        dropped: Feature → why it is not used.
    """

    names: tuple[str, ...]
    columns: tuple[EncodedColumn, ...]
    dropped: dict[str, str]

    @property
    def positions(self) -> list[int]:
        """Place in `names` of each used column."""
        place = {name: i for i, name in enumerate(self.names)}
        return [place[column.name] for column in self.columns]

    @property
    def widths(self) -> list[int]:
        """Design columns of each used column."""
        return [column.width for column in self.columns]

    def design(self, frame: pd.DataFrame) -> np.ndarray:
        """n × sum(widths) float64 columns for linear models."""
        blocks = [column.design(frame) for column in self.columns]
        return np.hstack(blocks) if blocks else np.empty((len(frame), 0))

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        """n × len(columns) float64 for trees; NaN = missing, rare or unknown."""
        matrix = np.empty((len(frame), len(self.columns)))
        for rows, part in self.blocks(frame):
            matrix[rows] = part
        return matrix

    def blocks(self, frame: pd.DataFrame) -> Iterator[tuple[slice, np.ndarray]]:
        """The matrix in consecutive blocks of rows, each with its place."""
        codes = [column.codes(frame) for column in self.columns]
        for start in range(0, len(frame), BLOCK):
            rows = slice(start, start + BLOCK)
            part = np.empty((min(BLOCK, len(frame) - start), len(codes)))
            for i, column in enumerate(codes):
                part[:, i] = column[rows]
            yield rows, part

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level was never seen in training, where there are any."""
        counts = {c.name: c.unseen(frame) for c in self.columns if isinstance(c, CategoryColumn)}
        return {name: count for name, count in counts.items() if count}

    def without(self, features: dict[str, str]) -> Encoding:
        """The same, not using some features (name → why)."""
        kept = tuple(column for column in self.columns if column.name not in features)
        return self.model_copy(update={"columns": kept, "dropped": {**self.dropped, **features}})


def fit_encoding(frame: pd.DataFrame, catalogue: tuple[Feature, ...]) -> Encoding:
    """Learn the encoding from the training rows alone.

    Args:
        frame: n × f training rows.
        catalogue: The f features; other columns of the frame are ignored.
    """
    names = tuple(feature.name for feature in catalogue)
    if len(set(names)) < len(names):
        raise BadDataError(f"feature names repeat: {sorted({n for n in names if names.count(n) > 1})}")
    columns: list[NumberColumn | CategoryColumn] = []
    dropped: dict[str, str] = {}
    for feature in catalogue:
        fit = _fit_category if feature.kind == "category" else _fit_number
        column = fit(frame, feature.name)
        if isinstance(column, str):
            dropped[feature.name] = column
        else:
            columns.append(column)
    return Encoding(names=names, columns=tuple(columns), dropped=dropped)


def _fit_number(frame: pd.DataFrame, name: str) -> NumberColumn | str:
    given = numbers(frame, name)
    known = given[~np.isnan(given)]
    missing = len(given) - len(known)
    if not len(known):
        return "no value in any training row"
    constant = known.min() == known.max()
    has_indicator = missing >= MIN_ROWS and len(known) >= MIN_ROWS
    if constant and not has_indicator:
        return "the same value in every training row"
    log = not constant and _skewness(known) > SKEWED and abs(_skewness(signed_log(known))) < _skewness(known)
    scaled = signed_log(known) if log else known
    return NumberColumn(
        name=name,
        log=log,
        low=float(scaled.min()),
        high=float(scaled.max()),
        mean=float(scaled.mean()),
        scale=1.0 if constant else float(scaled.std()),
        missing_share=missing / len(given) if has_indicator else None,
    )


def _fit_category(frame: pd.DataFrame, name: str) -> CategoryColumn | str:
    given = texts(frame, name)
    counts = {str(level): int(count) for level, count in given.value_counts().items()}
    if not len(counts):
        return "no value in any training row"
    if len(counts) == 1 and not given.isna().any():
        return "the same value in every training row"
    # Ties in frequency are broken by name, so that the codes do not depend on the order of rows.
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    levels = tuple(level for level, count in ordered if count >= MIN_ROWS)
    if not levels:
        return f"no value in as many as {MIN_ROWS} training rows"
    shares = [counts[level] / len(given) for level in levels]
    return CategoryColumn(
        name=name,
        levels=levels,
        rare=tuple(level for level, count in ordered if count < MIN_ROWS),
        shares=(*shares, max(0.0, 1.0 - sum(shares))),
    )


def _skewness(known: np.ndarray) -> float:
    """Third standardised moment; 0 for constants."""
    deviation = known - known.mean()
    spread = deviation.std()
    return float((deviation * deviation * deviation).mean() / spread**3) if spread > 0 else 0.0
