"""How sure each probability is: refits on resampled account families, kept apart from the probability itself.

Both kinds of model that the ladder knows are refitted on bootstrap samples of families. An account's interval reaches
as far as these refits lie from the shipped log-odds, in the root mean square: the variance within each kind and the
distance between the kinds, which is all that a sample can tell about a misfit. What no feature shows (an intent that
left no trace) is not in it: the interval is about what the model could have said, not about what will happen.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.boosting import BoostingModel, fit_bag, signs_of
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoding import Encoding, fit_encoding
from abm_scoring.learning.hazard import HazardModel
from abm_scoring.learning.logistic import LogisticModel, fit_logistic
from abm_scoring.learning.models import Model
from abm_scoring.learning.profile import TOTAL, ProfileModel
from abm_scoring.learning.rungs import encode
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned
from abm_scoring.spec import Spec

#: Refits of each kind. The width then has a relative error of about 1 / √(2 · 40).
REFITS = 20
#: Nominal level of the interval and the normal quantile that belongs to it.
LEVEL, QUANTILE = 0.9, 1.6448536269514722
#: A boosted refit is quick: it serves to see the spread, not to rank.
QUICK = BoostingSpec(trees=25, learning_rate=0.15, leaves=6, column_share=0.5, bags=1)
QUICK_ROWS = 12_000
#: Inverse penalty of the one-feature logistic that stands beside a prior.
PRIOR_RIDGE = (1.0,)


class Refits(Spec):
    """Refits of the shipped recipe on bootstrap samples of account families.

    Attributes:
        encoding: That of the shipped model.
        weights: A row a logistic refit: intercept, then one weight a design column.
        texts: LightGBM's text form of each boosted refit; none where the encoding has no columns.
        threads: Threads of native code.
    """

    encoding: Encoding = Field(repr=False)
    weights: tuple[tuple[float, ...], ...] = Field(repr=False)
    texts: tuple[str, ...] = Field(repr=False)
    threads: int = Field(2, ge=1)

    def spread(self, frame: pd.DataFrame, log_odds: np.ndarray) -> np.ndarray:
        """n root mean square distances of the refits' log-odds from the shipped ones.

        Args:
            frame: n rows of features.
            log_odds: n log-odds of the shipped model.
        """
        kinds = [self._logistic(frame), *([self._boosted(frame)] if self.texts else [])]
        # Rows side by side in memory, because a mean rounds by how they lie, and one row alone lies differently.
        squares = [np.ascontiguousarray(np.square(found - log_odds[:, None])).mean(axis=1) for found in kinds]
        return np.sqrt(sum(squares, np.zeros(len(frame))) / len(kinds))

    def bounds(self, frame: pd.DataFrame, raw_score: np.ndarray, calibration: Calibration) -> pd.DataFrame:
        """`probability_low`, `probability_high` (float64) around the probability of each raw score."""
        slope = 1.0 if calibration.kind == "identity" else calibration.slope
        intercept = 0.0 if calibration.kind == "identity" else calibration.intercept
        reach = QUANTILE * slope * self.spread(frame, (raw_score - intercept) / slope)
        p = probability(raw_score)
        low, high = probability(raw_score - reach), probability(raw_score + reach)
        # Rounding must not put the probability outside its own interval.
        return pd.DataFrame(
            {"probability_low": np.minimum(low, p), "probability_high": np.maximum(high, p)}, index=frame.index
        )

    def results(self) -> dict[str, Any]:
        """Level and number of refits, as JSON values."""
        return {"level": LEVEL, "refits": len(self.weights) + len(self.texts)}

    def _logistic(self, frame: pd.DataFrame) -> np.ndarray:
        """n × refits log-odds; column by column, so that a row's bits do not depend on how many are scored with it."""
        design, weights = self.encoding.design(frame), np.array(self.weights)
        total = np.repeat(weights[None, :, 0], len(frame), axis=0)
        for column in range(design.shape[1]):
            total += design[:, column, None] * weights[None, :, column + 1]
        return total

    def _boosted(self, frame: pd.DataFrame) -> np.ndarray:
        return self._bag.each(frame)

    @cached_property
    def _bag(self) -> BoostingModel:
        return BoostingModel(encoding=self.encoding, texts=self.texts, threads=self.threads)


def no_bounds(frame: pd.DataFrame) -> pd.DataFrame:
    """The same columns where no probability is claimed: NaN."""
    return pd.DataFrame(np.nan, index=frame.index, columns=["probability_low", "probability_high"], dtype="float64")


def fit_refits(model: Model, training: TrainingSet, spec: ModelSpec, prior: bool = False) -> Refits | None:
    """The refits of a shipped model; None for one that has nothing to refit.

    Args:
        model: The shipped model, one that gives probabilities.
        training: The matured rows that it was fitted on.
        spec: What it was fitted with.
        prior: Whether a profile is shipped as the rung `prior`, the only one where it gives probabilities.
    """
    if isinstance(model, ProfileModel) and not prior:
        return None
    logistic = _twin(model, thinned(training, spec.max_rows, spec.seed), spec)
    if logistic is None:
        return None
    few = isinstance(model, ProfileModel)
    return Refits(
        encoding=logistic.encoding,
        weights=_logistic_refits(logistic, thinned(training, spec.max_rows, spec.seed), spec.seed),
        # A handful of conversions is too few for trees.
        texts=() if few else _boosted_refits(logistic.encoding, thinned(training, QUICK_ROWS, spec.seed), spec),
        threads=spec.threads,
    )


def logistic_of(model: Model | None) -> LogisticModel | None:
    """The logistic part of a model of the features; None where there is none."""
    if isinstance(model, HazardModel):
        model = model.per_period
    if isinstance(model, AverageModel):
        model = model.logistic
    return model if isinstance(model, LogisticModel) else None


def _twin(model: Model, rows: TrainingSet, spec: ModelSpec) -> LogisticModel | None:
    """The logistic whose refits show the spread: the model's own, or one of the same features for the same horizon."""
    if isinstance(model, HazardModel):
        encoding = encode(rows, spec)
        return fit_logistic(rows, encoding, _ridge_of(model), 0, spec.seed)
    if isinstance(model, ProfileModel):
        total = tuple(feature for feature in rows.catalogue if feature.name == TOTAL)
        return fit_logistic(rows, fit_encoding(rows.features, total), PRIOR_RIDGE, 0, spec.seed)
    return logistic_of(model)


def _ridge_of(model: HazardModel) -> tuple[float, ...]:
    logistic = logistic_of(model)
    assert logistic is not None
    return (logistic.ridge,)


def _logistic_refits(model: LogisticModel, rows: TrainingSet, seed: int) -> tuple[tuple[float, ...], ...]:
    """One Newton step from the shipped weights towards the optimum of each bootstrap sample.

    The Hessian of all rows serves every sample: to first order this is the refit itself (the infinitesimal jackknife
    of Jaeckel 1972), at the cost of one fit for all of them.
    """
    design = np.hstack([np.ones((len(rows), 1)), model.encoding.design(rows.features)])
    weights = np.array([model.intercept, *model.weights])
    p = probability(design @ weights)
    penalty = np.full(len(weights), 1 / model.ridge)
    penalty[0] = 0.0
    hessian = (design * (rows.weights * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
    codes, families = pd.factorize(rows.family, sort=True)
    score = np.zeros((len(families), len(weights)))
    np.add.at(score, codes, design * (rows.weights * (rows.converted - p))[:, None])
    steps = np.linalg.solve(hessian, ((_draws(len(families), seed) - 1.0) @ score).T).T
    return tuple(tuple(row) for row in (weights + steps).tolist())


def _boosted_refits(encoding: Encoding, rows: TrainingSet, spec: ModelSpec) -> tuple[str, ...]:
    """A quick LightGBM for each bootstrap sample; families that were not drawn have no rows in it."""
    if not encoding.columns:
        return ()
    codes, families = pd.factorize(rows.family, sort=True)
    signs = signs_of(rows.catalogue, encoding) if spec.boosting.monotone else []
    times = _draws(len(families), spec.seed)[:, codes]
    target = rows.converted.astype(np.float64)
    # One thread: models this small would only wait for one another.
    return fit_bag(rows, encoding, QUICK, spec.seed, 1, target, "binary", signs, times).texts


def _draws(families: int, seed: int) -> np.ndarray:
    """refits × families: how often each family was drawn."""
    picks = np.random.default_rng(seed).integers(0, families, (REFITS, families))
    return np.stack([np.bincount(row, minlength=families) for row in picks]).astype(np.float64)
