"""A bag of small LightGBMs, kept as text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.contributions import Contributions
from abm_scoring.learning.encoding import Encoding
from abm_scoring.learning.specs import BoostingSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    import lightgbm

    from abm_scoring.learning.treeshap import TreeShap


class BoostingModel(Spec):
    """Mean log-odds of LightGBMs that differ in their seed only.

    Attributes:
        texts: LightGBM's own text form of each model. Unchecked text can crash the interpreter: parse what was
            fitted here or has passed the bundle's checksum.
        threads: Threads of native code.
    """

    kind: Literal["boosting"] = "boosting"
    encoding: Encoding = Field(repr=False)
    texts: tuple[str, ...] = Field(repr=False)
    threads: int = Field(2, ge=1)

    @cached_property
    def boosters(self) -> list[lightgbm.Booster]:
        """The parsed models."""
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n log-odds; the frame's columns are found by name. For a bag fitted to numbers, predictions of these."""
        total = np.zeros(len(frame))
        for found in self.each(frame).T:
            total += found
        return total / len(self.texts)

    def each(self, frame: pd.DataFrame) -> np.ndarray:
        """n × models: the same of every model in the bag."""
        found = np.empty((len(self.texts), len(frame)))
        for rows, matrix in self.encoding.blocks(frame):
            for i, booster in enumerate(self.boosters):
                found[i, rows] = booster.predict(matrix, raw_score=True, num_threads=self.threads)
        return found.T

    @cached_property
    def shap(self) -> TreeShap:
        """The trees of all models, ready to be taken apart."""
        from abm_scoring.learning.treeshap import tree_shap

        return tree_shap(self.texts)

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """TreeSHAP contributions (path-dependent), averaged over the bag."""
        found = self.shap.values(self.encoding.matrix(frame), self.threads)
        effects = np.zeros((len(frame), len(self.encoding.names)))
        effects[:, self.encoding.positions] = found / len(self.texts)
        return Contributions(effects, self.shap.base / len(self.texts))

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.encoding.unseen(frame)


def fit_boosting(rows: TrainingSet, encoding: Encoding, spec: BoostingSpec, seed: int, threads: int) -> BoostingModel:
    """Fit the bag; same rows, spec, seed and threads give the same bytes.

    Args:
        rows: Training rows of both outcomes.
        encoding: Fitted on these rows, with at least one column. Its names need no cleaning: the catalogue admits
            only letters, digits and underscores.
        spec: Size of each model and of the bag.
        seed: Starts the stream that the bag's seeds are drawn from.
        threads: Threads of native code.
    """
    signs = signs_of(rows.catalogue, encoding) if spec.monotone else []
    return fit_bag(rows, encoding, spec, seed, threads, rows.converted.astype(np.float64), "binary", signs)


def fit_bag(
    rows: TrainingSet,
    encoding: Encoding,
    spec: BoostingSpec,
    seed: int,
    threads: int,
    target: np.ndarray,
    objective: Literal["binary", "regression"],
    signs: Sequence[int] = (),
    resampled: np.ndarray | None = None,
) -> BoostingModel:
    """Fit a bag to any target; arguments as for `fit_boosting`.

    Args:
        target: n float64.
        objective: LightGBM's loss.
        signs: Direction of each column; empty = free.
        resampled: models × n, how often each row counts for each model; None = once, in `spec.bags` models.
    """
    import lightgbm

    names = [column.name for column in encoding.columns]
    categories = [i for i, column in enumerate(encoding.columns) if column.kind == "category"]
    parameters = _parameters(spec, objective, list(signs), threads)
    # Histograms are built once; only what is drawn at random differs within the bag.
    data = lightgbm.Dataset(
        encoding.matrix(rows.features),
        target,
        weight=rows.weight,
        feature_name=names,
        categorical_feature=categories,
        params=parameters,
    )
    texts = []
    for i, own_seed in enumerate(_seeds(seed, spec.bags if resampled is None else len(resampled))):
        sample = data if resampled is None else _sample(data, resampled[i], rows.weights, parameters)
        own = {**parameters, "bagging_seed": own_seed, "feature_fraction_seed": own_seed}
        texts.append(lightgbm.train(own, sample, spec.trees).model_to_string())
    return BoostingModel(encoding=encoding, texts=tuple(texts), threads=threads)


def _seeds(seed: int, count: int) -> list[int]:
    """Independent seeds, because neighbouring integers may give LightGBM related streams."""
    drawn: list[int] = (np.random.SeedSequence(seed).generate_state(count) >> 1).tolist()
    return drawn


def _sample(
    data: lightgbm.Dataset, times: np.ndarray, weights: np.ndarray, parameters: dict[str, object]
) -> lightgbm.Dataset:
    """The rows that were drawn, each weighted by how often, in the histograms of all rows."""
    drawn = np.flatnonzero(times)
    # A copy, because training notes its own parameters in the set that it is given.
    sample = data.construct().subset(drawn.tolist(), params=dict(parameters)).construct()
    sample.set_weight(weights[drawn] * times[drawn])
    return sample


def _parameters(spec: BoostingSpec, objective: str, signs: list[int], threads: int) -> dict[str, object]:
    parameters: dict[str, object] = {
        "objective": objective,
        "learning_rate": spec.learning_rate,
        "num_leaves": spec.leaves,
        "min_data_in_leaf": spec.min_child,
        "bagging_fraction": spec.row_share,
        "bagging_freq": 1,
        "feature_fraction": spec.column_share,
        "lambda_l2": spec.l2,
        "seed": 0,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return {**parameters, "monotone_constraints": signs} if any(signs) else parameters


def signs_of(catalogue: tuple[Feature, ...], encoding: Encoding) -> list[int]:
    """Direction of each column; LightGBM takes none for categories."""
    sign = {feature.name: feature.sign if feature.kind == "number" else 0 for feature in catalogue}
    return [sign[column.name] for column in encoding.columns]
