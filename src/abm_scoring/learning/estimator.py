"""The model as a scikit-learn classifier, and folds that go forward in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.splits import before
from abm_scoring.learning.training_set import TrainingSet

_NO_DATE = np.datetime64("2000-01-01T00:00:00.000000")


class AccountScorer(ClassifierMixin, BaseEstimator):
    """Ridge logistic regression and small bagged LightGBMs, averaged in log-odds: the ladder's `average` rung.

    Takes numbers and, in a frame, text columns as categories; missing values are welcome. Probabilities are not
    recalibrated: that needs rows which the fit has not seen, and `train` does it.

    Args:
        kind: `average`, or `logistic` for its linear half alone.
        spec: Parameters; None = those of the configuration's defaults.
        embargo_days: Days between the parts of the inner forward folds that choose the penalty, with `as_of`.

    Attributes:
        classes_: The two outcomes, sorted; probabilities speak of the second.
        model_: The fitted model of `abm_scoring.learning`.
        dropped_: Column → why the model does not use it.

    Example:
        >>> model = make_pipeline(FeatureTransformer(tables, specs), AccountScorer())
        >>> cross_val_score(model, snapshots, converted, cv=ForwardSplit(embargo_days=90), scoring="neg_log_loss")
    """

    def __init__(
        self,
        kind: Literal["average", "logistic"] = "average",
        spec: ModelSpec | None = None,
        embargo_days: int = 90,
    ) -> None:
        self.kind = kind
        self.spec = spec
        self.embargo_days = embargo_days

    def fit(self, X: object, y: object, as_of: object = None, family: object = None) -> Self:
        """Fit on rows of two outcomes.

        Args:
            X: n × f numbers, or a frame with text columns for categories.
            y: n outcomes of two kinds.
            as_of: n moments of the rows; None = all of one moment, and penalties are chosen on random folds.
            family: n ids of account families, which no fold splits; None = every row stands alone.

        Raises:
            ValueError: Not two outcomes, or X and y do not fit together.
        """
        if self.kind not in ("average", "logistic"):
            raise ValueError(f"kind must be average or logistic, not {self.kind!r}")
        if y is None:
            raise ValueError("AccountScorer requires y to be passed, but the target y is None")
        frame, outcome = self._frame(X, y)
        self.classes_, converted = np.unique(outcome, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("all rows have one class; a probability is learnt from rows of two")
        spec = self.spec or ModelSpec()
        if as_of is None:
            spec = spec.model_copy(update={"drift_limit": 0.5})
        rows = _rows(frame, converted == 1, as_of, family)
        self.model_, dropped = fit_rung(self.kind, rows, spec, self.embargo_days)
        named = dict(zip(frame.columns, getattr(self, "feature_names_in_", frame.columns), strict=True))
        self.dropped_ = {str(named[name]): why for name, why in dropped.items()}
        return self

    def decision_function(self, X: object) -> np.ndarray:
        """n log-odds of the second class."""
        check_is_fitted(self)
        frame, _ = self._frame(X)
        found: np.ndarray = self.model_.log_odds(frame)
        return found

    def predict_proba(self, X: object) -> np.ndarray:
        """n × 2 probabilities in the order of `classes_`."""
        p = probability(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: object) -> np.ndarray:
        """n likelier outcomes. Conversions are rare: ranking by `decision_function` says more."""
        likelier = (self.decision_function(X) > 0).astype(int)
        found: np.ndarray = self.classes_[likelier]
        return found

    def contributions(self, X: object) -> np.ndarray:
        """n × f, what each column adds to the log-odds against an average row; see `learning.contributions`."""
        check_is_fitted(self)
        found: np.ndarray = self.model_.contributions(self._frame(X)[0]).values
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.classifier_tags.multi_class = False
        return tags

    def _frame(self, X: object, y: object = None) -> tuple[pd.DataFrame, np.ndarray]:
        """Columns `x0`, `x1`, … of numbers and text, and the outcomes; in `fit`, remembers what X looked like."""
        fitting = y is not None
        if isinstance(X, pd.DataFrame) and not all(map(pd.api.types.is_numeric_dtype, X.dtypes)):
            validate_data(self, X, reset=fitting, skip_check_array=True)
            frame = _mixed(X)
        else:
            given = validate_data(self, X, reset=fitting, dtype=np.float64, ensure_all_finite="allow-nan")
            frame = pd.DataFrame(given, copy=True)
        frame.columns = pd.Index([f"x{i}" for i in range(frame.shape[1])])
        if not fitting:
            return frame, np.empty(0)
        outcome = column_or_1d(y, warn=True)
        check_classification_targets(outcome)
        kind = type_of_target(outcome)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        if len(outcome) != len(frame):
            raise ValueError(f"X has {len(frame)} rows and y has {len(outcome)}: inconsistent numbers of samples")
        return frame, outcome


class ForwardSplit(BaseCrossValidator):
    """Folds forward in time with an embargo: fit on what was over, check on what came next.

    The rows' moments are the column `as_of` of X, or `groups` where given. The dates are cut into `n_splits` + 1 blocks
    with about equal rows; each but the first is checked once, by a model fitted on the rows whose label window had
    closed when the block began. Folds without rows to fit on are left out.

    Args:
        n_splits: Blocks to check, at most.
        embargo_days: Days between a row and the block that it may be fitted for: the label's horizon.
    """

    def __init__(self, n_splits: int = 4, embargo_days: int = 90) -> None:
        self.n_splits = n_splits
        self.embargo_days = embargo_days

    def split(self, X: object, y: object = None, groups: object = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs (fit, check) of positions."""
        as_of = _moments(X, groups)
        dates, sizes = np.unique(as_of, return_counts=True)
        block = ((np.cumsum(sizes) - sizes) * (self.n_splits + 1)) // max(len(as_of), 1)
        starts = dates[np.flatnonzero(np.diff(block, prepend=-1))][1:]
        ends = [*starts[1:], dates[-1] + np.timedelta64(1, "us")] if len(starts) else []
        for start, end in zip(starts, ends, strict=True):
            fit = np.flatnonzero(before(as_of, start, np.timedelta64(self.embargo_days, "D")))
            if len(fit):
                yield fit, np.flatnonzero((as_of >= start) & (as_of < end))

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Folds that these rows allow; `n_splits` where no rows are given."""
        if X is None and groups is None:
            return self.n_splits
        return sum(1 for _ in self.split(X, y, groups))


def _moments(X: object, groups: object) -> np.ndarray:
    given = groups
    if given is None:
        if not isinstance(X, pd.DataFrame) or "as_of" not in X:
            raise ValueError("ForwardSplit needs the rows' moments: a column `as_of` in X, or groups=as_of")
        given = X["as_of"]
    return _utc(given)


def _utc(given: object) -> np.ndarray:
    """n moments, `datetime64[us]`, UTC."""
    found = pd.to_datetime(pd.Series(np.asarray(given, dtype=object)), utc=True)
    return found.dt.tz_localize(None).to_numpy("datetime64[us]")


def _mixed(X: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64, all else as text; infinities are refused as everywhere."""
    numeric = [i for i in range(X.shape[1]) if pd.api.types.is_numeric_dtype(X.dtypes.iloc[i])]
    columns: dict[int, pd.Series | np.ndarray] = {}
    for i in range(X.shape[1]):
        column = X.iloc[:, i].reset_index(drop=True)
        columns[i] = column.to_numpy("float64", na_value=np.nan) if i in numeric else column.astype("str")
    if numeric:
        check_array(np.column_stack([columns[i] for i in numeric]), ensure_all_finite="allow-nan")
    return pd.DataFrame(columns)


def _rows(frame: pd.DataFrame, converted: np.ndarray, as_of: object, family: object) -> TrainingSet:
    """The rows in the order that training asks for."""
    n = len(frame)
    when = np.full(n, _NO_DATE) if as_of is None else _utc(as_of)
    names = np.array([f"{i:09d}" for i in range(n)], dtype=object)
    owner = names if family is None else np.asarray(family, dtype=object)
    if len(when) != n or len(owner) != n:
        raise ValueError(f"as_of and family need one entry for each of the {n} rows")
    rows = TrainingSet(frame, converted, when, names, owner, _catalogue(frame), horizon_days=0)
    return rows.take(np.lexsort((names.astype(str), when)))


def _catalogue(frame: pd.DataFrame) -> tuple[Feature, ...]:
    kinds = {name: "number" if pd.api.types.is_numeric_dtype(frame[name]) else "category" for name in frame}
    return tuple(
        Feature(name=str(name), topic=str(name), kind=kind, meaning=str(name), source="accounts", part="fit")
        for name, kind in kinds.items()
    )
