"""Models that causal estimates lean on: who gets treated, what comes of accounts either way, who responds most.

Cross-fitted: an account's own family never helps to fit the model that speaks of it. Outcomes and propensities are the
mean of a ridge regression and a small LightGBM, which fail in different ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.encoding import Encoding, fit_encoding
from abm_scoring.learning.specs import BoostingSpec

if TYPE_CHECKING:
    import lightgbm

Learner = Literal["t", "dr"]

#: Small, as everywhere in this package: effects are weaker than outcomes.
TREES = BoostingSpec(bags=1, monotone=False)
#: Propensities are kept this far from 0 and 1.
EDGE = 0.01
_RIDGE = 0.1


@dataclass(frozen=True)
class Nuisance:
    """What is predicted of each row by models that have not seen its family.

    Attributes:
        propensity: n probabilities of being treated.
        control, treated: n expected outcomes without and with the treatment; NaN for an arm that was not asked for.
    """

    propensity: np.ndarray
    control: np.ndarray
    treated: np.ndarray

    def pseudo_outcome(self, outcome: np.ndarray, treated: np.ndarray) -> np.ndarray:
        """n doubly robust signals, whose mean over any group estimates its effect (Robins and Rotnitzky 1995)."""
        e = self.propensity
        found: np.ndarray = self.treated - self.control
        found = found + np.where(treated, (outcome - self.treated) / e, -(outcome - self.control) / (1 - e))
        return found


def cross_fit(
    frame: pd.DataFrame,
    treated: np.ndarray,
    outcome: np.ndarray,
    family: np.ndarray,
    folds: int,
    seed: int,
    known: float | np.ndarray | None = None,
    arms: Sequence[str] = ("control", "treated"),
) -> Nuisance:
    """Propensity and expected outcomes of each row, by models of the other families.

    Args:
        frame: n covariates, numbers or text; names of letters, digits and underscores.
        treated: n booleans.
        outcome: n float64; only 0 and 1 make it a probability.
        family: n ids.
        folds: Parts by family.
        seed: Deals families into parts.
        known: Propensities that are known, e.g. the share of a randomised campaign; None = fitted.
        arms: Whose outcomes are asked for.
    """
    catalogue = described(frame)
    found = {name: np.full(len(frame), np.nan) for name in ("propensity", "control", "treated")}
    if known is not None:
        found["propensity"][:] = known
    for fit, check in parts(family, folds, seed):
        given = frame.iloc[check]
        if known is None:
            guess = _fit(frame.iloc[fit], treated[fit].astype(float), catalogue, seed)
            found["propensity"][check] = np.clip(guess.predict(given), EDGE, 1 - EDGE)
        for name in arms:
            of = fit[(treated if name == "treated" else ~treated)[fit]]
            found[name][check] = _fit(frame.iloc[of], outcome[of], catalogue, seed).predict(given)
    return Nuisance(**found)


@dataclass(frozen=True)
class UpliftModel:
    """Predicts effects.

    Attributes:
        encoding: Of the covariates.
        plus: Model whose prediction counts.
        minus: Model whose prediction is taken off; None where `plus` predicts the effect itself.
    """

    encoding: Encoding
    plus: lightgbm.Booster
    minus: lightgbm.Booster | None

    def effect(self, frame: pd.DataFrame) -> np.ndarray:
        """n predicted effects."""
        matrix = self.encoding.matrix(frame)
        found: np.ndarray = np.asarray(self.plus.predict(matrix, num_threads=1))
        return found if self.minus is None else found - np.asarray(self.minus.predict(matrix, num_threads=1))


def fit_uplift(
    frame: pd.DataFrame,
    treated: np.ndarray,
    outcome: np.ndarray,
    family: np.ndarray,
    learner: Learner,
    folds: int = 5,
    seed: int = 0,
) -> UpliftModel:
    """Fit who responds most to a randomised campaign.

    `t`: one model an arm, the difference of their predictions (Künzel et al. 2019). `dr`: a regression of the doubly
    robust signal (Kennedy 2023), with cross-fitted outcomes and the share of the treated as propensity.

    Args:
        frame: n covariates.
        treated: n booleans, randomised.
        outcome: n float64.
        family: n ids, for the cross-fitting inside `dr`.
    """
    encoding = fit_encoding(frame, described(frame))
    matrix = encoding.matrix(frame)
    categories = [i for i, column in enumerate(encoding.columns) if column.kind == "category"]
    if learner == "dr":
        nuisance = cross_fit(frame, treated, outcome, family, folds, seed, float(treated.mean()))
        signal = nuisance.pseudo_outcome(outcome, treated)
        return UpliftModel(encoding, _trees(matrix, signal, categories, seed), None)
    plus, minus = (_trees(matrix[arm], outcome[arm], categories, seed) for arm in (treated, ~treated))
    return UpliftModel(encoding, plus, minus)


def described(frame: pd.DataFrame) -> tuple[Feature, ...]:
    """Catalogue of covariates that are no features of a family: numbers by dtype, everything else categories."""
    return tuple(
        Feature(
            name=str(name),
            topic=str(name),
            kind="number" if pd.api.types.is_numeric_dtype(frame[name].dtype) else "category",
            meaning="covariate",
            source="accounts",
            part="fit",
        )
        for name in frame
    )


def parts(family: np.ndarray, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Index arrays (fit, check); each family is checked in one part, whole."""
    codes, families = pd.factorize(family, sort=True)
    dealt = (np.random.default_rng(seed).permutation(len(families)) % folds)[codes]
    for k in range(folds):
        if (dealt == k).any():
            yield np.flatnonzero(dealt != k), np.flatnonzero(dealt == k)


@dataclass(frozen=True)
class _Pair:
    """A ridge regression and a small LightGBM, averaged."""

    encoding: Encoding
    constant: float
    linear: object | None
    trees: object | None

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        if self.linear is None or self.trees is None:
            return np.full(len(frame), self.constant)
        line = self.linear
        design = self.encoding.design(frame)
        of_line = line.predict_proba(design)[:, 1] if hasattr(line, "predict_proba") else line.predict(design)  # type: ignore[attr-defined]
        of_trees = np.asarray(self.trees.predict(self.encoding.matrix(frame), num_threads=1))  # type: ignore[attr-defined]
        return np.asarray((of_line + of_trees) / 2, dtype=float)


def _fit(frame: pd.DataFrame, outcome: np.ndarray, catalogue: tuple[Feature, ...], seed: int) -> _Pair:
    """The pair; the mean alone where the outcome does not vary or no covariate does."""
    from sklearn.linear_model import LogisticRegression, Ridge

    encoding = fit_encoding(frame, catalogue)
    constant = float(outcome.mean()) if len(outcome) else 0.0
    if len(outcome) < 20 or outcome.min() == outcome.max() or not encoding.columns:
        return _Pair(encoding, constant, None, None)
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    linear = LogisticRegression(C=_RIDGE, solver="newton-cholesky") if binary else Ridge(alpha=1 / _RIDGE)
    linear.fit(encoding.design(frame), outcome)
    categories = [i for i, column in enumerate(encoding.columns) if column.kind == "category"]
    return _Pair(encoding, constant, linear, _trees(encoding.matrix(frame), outcome, categories, seed))


def _trees(matrix: np.ndarray, outcome: np.ndarray, categories: list[int], seed: int) -> lightgbm.Booster:
    """One small LightGBM; log-loss where the outcome is 0 or 1, squared error else."""
    import lightgbm

    binary = bool(np.isin(outcome, (0.0, 1.0)).all()) and outcome.min() < outcome.max()
    parameters = {
        "objective": "binary" if binary else "regression",
        "learning_rate": TREES.learning_rate,
        "num_leaves": TREES.leaves,
        "min_data_in_leaf": TREES.min_child,
        "bagging_fraction": TREES.row_share,
        "bagging_freq": 1,
        "feature_fraction": TREES.column_share,
        "lambda_l2": TREES.l2,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(matrix, outcome, categorical_feature=categories, params=parameters)
    return lightgbm.train(parameters, data, TREES.trees)
