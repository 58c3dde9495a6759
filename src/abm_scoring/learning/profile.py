"""The rung without labels: rank by agreement with the ideal customer profile, and claim no probability."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.contributions import Contributions
from abm_scoring.learning.encoded_columns import numbers
from abm_scoring.learning.weights import mean_of
from abm_scoring.spec import Spec

#: The total is kept this far from 0 and 1, which bounds the score.
EDGE = 0.01
TOTAL = "fit_total"
_PREFIX = "fit_"


class Dimension(Spec):
    """One dimension of value fit and its weight in the total."""

    name: str
    weight: float


class ProfileModel(Spec):
    """raw_score = log(total / (1 − total)), where the total is the weighted mean of the known fit dimensions.

    It orders accounts; it is not the log-odds of a conversion.

    Attributes:
        names: All f features in catalogue order.
        dimensions: The dimensions that a score is explained by.
        typical: Mean total of the accounts seen when this was made; stands in where no dimension is known.
    """

    kind: Literal["profile"] = "profile"
    names: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    typical: float

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n raw scores."""
        return self.contributions(frame).log_odds

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """What each dimension adds, against a typical account.

        Each gets its share w·(fit − typical) / Σw of total − typical, stretched by the same factor to the scale of
        the score. What weights do not account for stays with the total.
        """
        total = np.clip(numbers(frame, TOTAL), EDGE, 1 - EDGE)
        total = np.where(np.isnan(total), self.typical, total)
        base = float(_logit(np.array(self.typical)))
        distance = total - self.typical
        slope_there = 1 / (self.typical * (1 - self.typical))
        near = np.abs(distance) < 1e-9
        stretch = np.where(near, slope_there, (_logit(total) - base) / np.where(near, 1.0, distance))
        effects, unexplained = np.zeros((len(frame), len(self.names))), distance
        place = {name: i for i, name in enumerate(self.names)}
        for name, share in self._shares(frame).items():
            effects[:, place[name]] = share * stretch
            unexplained = unexplained - share
        effects[:, place[TOTAL]] = unexplained * stretch
        return Contributions(effects, base)

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return {}

    def _shares(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        """Dimension → n shares of total − typical, 0 where the dimension is unknown."""
        fits = {d.name: numbers(frame, d.name) for d in self.dimensions}
        weight = sum((d.weight * ~np.isnan(fits[d.name]) for d in self.dimensions), np.zeros(len(frame)))
        return {
            d.name: np.nan_to_num(d.weight * (fits[d.name] - self.typical) / np.where(weight > 0, weight, np.nan))
            for d in self.dimensions
        }


def fit_profile(
    frame: pd.DataFrame, catalogue: tuple[Feature, ...], weight: np.ndarray | None = None
) -> ProfileModel | None:
    """The model for these features; None where the catalogue has no `fit_total`.

    Args:
        frame: n rows that say what is typical; no labels are needed.
        catalogue: The features. Dimensions are those named `fit_…`; `args["weight"]` is the weight, 1 if absent.
        weight: How many rows each of the n stands for; None = one each.
    """
    names = tuple(feature.name for feature in catalogue)
    if TOTAL not in names:
        return None
    dimensions = tuple(
        Dimension(name=f.name, weight=float(f.args.get("weight", 1.0)))
        for f in catalogue
        if f.name.startswith(_PREFIX) and f.name != TOTAL
    )
    total = numbers(frame, TOTAL)
    known = ~np.isnan(total)
    mean = mean_of(total[known], None if weight is None else weight[known]) if known.any() else 0.5
    typical = float(np.clip(mean, EDGE, 1 - EDGE))
    return ProfileModel(names=names, dimensions=dimensions, typical=typical)


def _logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))
