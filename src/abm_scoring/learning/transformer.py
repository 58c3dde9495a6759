"""Features as a step of a scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from abm_scoring.data.tables import Tables
from abm_scoring.features.build import catalogue, features_at, resolve
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.frames import Given, history_for
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.profile import ProfileSpec


class FeatureTransformer(TransformerMixin, BaseEstimator):
    """Snapshots in, features out.

    `fit` settles what the specs leave open from what was known before the latest snapshot it is given, so that a
    pipeline which is cross-validated over time never learns columns from its future; `transform` then gives the same
    columns for any snapshots.

    Args:
        tables: As in `build_features`.
        specs: Feature families.
        timezone, profile, noise, dtype: As in `build_features`.

    Example:
        >>> model = make_pipeline(FeatureTransformer(tables, specs), SimpleImputer(), LogisticRegression())
        >>> cross_val_score(model, snapshots, converted, cv=TimeSeriesSplit())
    """

    def __init__(
        self,
        tables: Tables | Mapping[str, Given],
        specs: Sequence[FeatureSpec],
        timezone: str = "UTC",
        profile: ProfileSpec | None = None,
        noise: NoiseSpec | None = None,
        dtype: type = np.float64,
    ) -> None:
        self.tables = tables
        self.specs = specs
        self.timezone = timezone
        self.profile = profile
        self.noise = noise
        self.dtype = dtype

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Settle the specs; X has rows `account_id`, `as_of`."""
        history = history_for(self.tables, X, self.timezone, self.noise)
        self.specs_ = resolve(self.specs, history, self.profile)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Features of the rows, with the index of X."""
        check_is_fitted(self)
        history = history_for(self.tables, X, self.timezone, self.noise)
        return features_at(history, X, self.specs_, dtype=self.dtype).set_axis(X.index)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns."""
        check_is_fitted(self)
        return np.array([f.name for f in catalogue(self.specs_)], dtype=object)
