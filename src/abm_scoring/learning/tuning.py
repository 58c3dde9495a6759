"""Other parameters for the boosting, looked for inside training time with Optuna (extra `tune`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abm_scoring.errors import ConfigError
from abm_scoring.learning.boosting import fit_boosting
from abm_scoring.learning.folds import Fold, inner_folds
from abm_scoring.learning.logistic import fit_logistic
from abm_scoring.learning.rungs import encode
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from abm_scoring.learning.training_set import TrainingSet, thinned

if TYPE_CHECKING:
    import optuna

#: Rows that parameters are tried on.
ROWS = 20_000


@dataclass(frozen=True)
class Tuned:
    """What the search came to.

    Attributes:
        boosting: The best parameters, those of the configuration if none was better.
        trials: Sets that were tried.
        warning: Set where time ended the search, so that another run may come to another model.
    """

    boosting: BoostingSpec
    trials: int
    warning: str | None


def tune(rows: TrainingSet, spec: ModelSpec, embargo_days: int) -> Tuned:
    """The parameters whose average with the logistic has the lowest pooled log-loss on folds inside the rows.

    Each set is tried with one model instead of a bag. The configuration's own set is tried first.

    Args:
        rows: Training rows of both outcomes.
        spec: Where the search starts, its seed and how long it may take.
        embargo_days: For forward folds.

    Raises:
        ConfigError: Optuna is not installed.
    """
    optuna_ = _optuna()
    rows = thinned(rows, min(ROWS, spec.max_rows), spec.seed)
    folds = inner_folds(rows, embargo_days, spec.seed)
    if not folds:
        return Tuned(spec.boosting, 0, "there are too few rows to tune on; the parameters stay as they are")
    parts = [_Part.of(rows, fold, spec, embargo_days) for fold in folds]

    def objective(trial: optuna.Trial) -> float:
        tried = _suggested(trial, spec.boosting)
        return sum(part.loss(tried, spec) for part in parts)

    optuna_.logging.set_verbosity(optuna_.logging.ERROR)
    study = optuna_.create_study(sampler=optuna_.samplers.TPESampler(seed=spec.seed))
    study.enqueue_trial(_own(spec.boosting))
    study.optimize(objective, n_trials=spec.tune.trials, timeout=spec.tune.seconds)
    done = len(study.trials)
    short = f"tuning ended after {done} of {spec.tune.trials} trials, because its time was up"
    return Tuned(_spec_of(study.best_params, spec.boosting), done, short if done < spec.tune.trials else None)


@dataclass(frozen=True)
class _Part:
    """One fold: rows to fit on, rows to check, and what the logistic says of these."""

    fit: TrainingSet
    check: TrainingSet
    logistic: np.ndarray

    @classmethod
    def of(cls, rows: TrainingSet, fold: Fold, spec: ModelSpec, embargo_days: int) -> _Part:
        fit, check = rows.take(fold[0]), rows.take(fold[1])
        logistic = fit_logistic(fit, encode(fit, spec), spec.ridge, embargo_days, spec.seed)
        return cls(fit, check, logistic.log_odds(check.features))

    def loss(self, boosting: BoostingSpec, spec: ModelSpec) -> float:
        """Weighted log-loss of the average on the rows to check."""
        encoding = encode(self.fit, spec)
        if not encoding.columns:
            return 0.0
        single = boosting.model_copy(update={"bags": 1})
        model = fit_boosting(self.fit, encoding, single, spec.seed, spec.threads)
        log_odds = (self.logistic + model.log_odds(self.check.features)) / 2
        return float(self.check.weights @ (np.logaddexp(0, log_odds) - self.check.converted * log_odds))


def _suggested(trial: optuna.Trial, start: BoostingSpec) -> BoostingSpec:
    trial.suggest_int("trees", 50, 400, step=10)
    trial.suggest_float("learning_rate", 0.01, 0.1, log=True)
    trial.suggest_int("leaves", 4, 31)
    trial.suggest_int("min_child", 10, 200, log=True)
    trial.suggest_float("l2", 0.1, 30.0, log=True)
    trial.suggest_float("column_share", 0.3, 1.0)
    return _spec_of(trial.params, start)


def _own(start: BoostingSpec) -> dict[str, float | int]:
    names = ("trees", "learning_rate", "leaves", "min_child", "l2", "column_share")
    return {name: getattr(start, name) for name in names}


def _spec_of(found: dict[str, float | int], start: BoostingSpec) -> BoostingSpec:
    return BoostingSpec.model_validate({**start.model_dump(), **found})


def _optuna():  # type: ignore[no-untyped-def]
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "model.kind `tuned` needs Optuna, which is not installed",
            where="model.kind",
            fix="pip install 'abm-scoring[tune]', or use kind: auto",
        ) from error
    return optuna
