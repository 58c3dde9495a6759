"""The model as MLflow loads it: from this file and a bundle beside it, nothing unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from abm_scoring.learning.bundle import Bundle, read_bundle

#: What is answered for each row; `Bundle.score` says what it means. None = not known.
NUMBERS = ("raw_score", "probability", "probability_low", "probability_high", "score", "fit_score", "engagement_score")
TEXTS = ("reason_1_topic", "reason_2_topic", "reason_3_topic", "reason_4_topic", "negative_reason_1_topic")


class BundleModel(PythonModel):
    """Scores feature rows with the bundle under the artifact `bundle`."""

    bundle: Bundle

    def load_context(self, context: PythonModelContext) -> None:
        """Read and prove the bundle."""
        self.bundle = read_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """n rows of `NUMBERS` and `TEXTS`; features that are not given are missing."""
        scored = self.bundle.score(as_features(model_input, self.bundle))[[*NUMBERS, *TEXTS]]
        plain = scored.astype(object)
        return plain.where(scored.notna(), None)


def as_features(given: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """The bundle's features with its dtypes; a column of nothing is missing, whatever dtype it came with."""
    columns: dict[str, pd.Series] = {}
    for feature in bundle.about.catalogue:
        column = given[feature.name] if feature.name in given else pd.Series(None, index=given.index, dtype=object)
        if feature.kind == "number":
            columns[feature.name] = pd.to_numeric(column).astype("float64")
        else:
            columns[feature.name] = column.astype(object).where(column.notna(), None).astype("str")
    return pd.DataFrame(columns, index=given.index)


set_model(BundleModel())
