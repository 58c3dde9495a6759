"""What every way up the ladder begins and ends with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from abm_scoring.learning.calibration import Calibration, CalibrationChoice
from abm_scoring.learning.evaluation import Metric, evaluate, evaluate_calibration
from abm_scoring.learning.outcome import Outcome, Rung
from abm_scoring.learning.profile import fit_profile
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.splits import Windows
from abm_scoring.learning.training_set import TrainingSet

Progress = Callable[[str, int, int], None]
STEPS = ("comparing models", "testing the choice", "measuring opponents", "fitting on all rows")


@dataclass(frozen=True)
class Choice:
    """The winner of the choosing part.

    Attributes:
        rung: The rung.
        gain: Mean log-loss that it saved against the constant there.
        gain_low: One-sided 95 % lower bound of it.
        calibration: What was decided about recalibration.
        candidates: See `Outcome`.
        spec: What to fit with.
    """

    rung: Rung
    gain: float
    gain_low: float
    calibration: CalibrationChoice
    candidates: tuple[dict[str, str | float | None], ...]
    spec: ModelSpec

    def within(self, start: Outcome) -> Outcome:
        """An outcome that knows of the choice."""
        line = self.calibration
        return replace(
            start,
            candidates=self.candidates,
            calibration=line.calibration,
            calibration_gain=(line.gain, line.gain_low),
        )

    @property
    def reason(self) -> str:
        """Why it was chosen, in words."""
        return (
            f"{self.rung} saved {self.gain:.4f} of log-loss a row against the constant on the choosing part "
            f"(at least {self.gain_low:.4f} with 95 % confidence)"
        )


def tell_nobody(step: str, done: int, of: int) -> None:
    """Progress that nobody wants to hear of."""


def start_of(training: TrainingSet, windows: Windows) -> Outcome:
    """The outcome before anything was learnt."""
    return Outcome(
        rung="none",
        reason="",
        model=None,
        calibration=Calibration(),
        windows=windows,
        warnings=windows.warnings,
        n_train=training.count(windows.before_test),
        n_choose=training.count(windows.choose),
        n_test=training.count(windows.test),
        converted_accounts=len(set(training.account_id[training.converted].tolist())),
    )


def one_outcome(name: str, converted: np.ndarray) -> str | None:
    """Why nothing can be learnt or judged from these rows, if that is so."""
    if converted.any() and not converted.all():
        return None
    outcome = "no row" if not len(converted) else "no conversion" if not converted.any() else "only conversions"
    return f"the {name} part holds {outcome}"


def by_profile(training: TrainingSet, start: Outcome, obstacle: str, asked: bool) -> Outcome:
    """Rank by fit without a probability; nothing at all where there is no fit to rank by."""
    model = fit_profile(training.features, training.catalogue, training.weight)
    if model is None:
        reason = f"{obstacle}, and without the features of value_fit there is no profile to rank by"
        return replace(start, reason=reason)
    warnings = start.warnings if asked else (*start.warnings, f"{obstacle}: accounts are ranked by profile fit")
    reason = f"{obstacle}; accounts are ranked by profile fit, and no probability is claimed"
    return replace(start, rung="profile", reason=reason, model=model, warnings=warnings, n_shipped=training.size)


def measured(
    outcome: Outcome,
    ours: np.ndarray,
    rivals: dict[str, np.ndarray],
    held: TrainingSet,
    constant: float,
    spec: ModelSpec,
) -> Outcome:
    """The outcome with the figures of the test part.

    Args:
        outcome: What was decided before.
        ours: n probabilities.
        rivals: Opponent → n probabilities.
        held: The n rows of the test part.
        constant: Positive rate of the rows that the model was fitted on.
        spec: Resamples and seed.
    """

    def measure(p: np.ndarray) -> dict[str, Metric]:
        return evaluate(p, held.converted, held.family, constant, spec.bootstrap, spec.seed, held.weight)

    line = evaluate_calibration(ours, held.converted, held.family, spec.bootstrap, spec.seed, held.weight)
    return replace(
        outcome,
        test=measure(ours),
        test_calibration=line,
        test_probability=ours,
        opponents={name: measure(p) for name, p in rivals.items()},
    )


def verdict(tested: Outcome, choice: Choice) -> str | None:
    """Why nothing may be shipped, if that is so."""
    if not choice.gain_low > 0:
        return (
            f"nothing beats the constant: on the choosing part the best model ({choice.rung}) saved {choice.gain:.4f} "
            f"of log-loss a row, and by 95 % confidence it may as well have saved {choice.gain_low:.4f}"
        )
    lost = lost_on_test(tested)
    if lost is None:
        return None
    return (
        f"nothing beats the constant: {choice.rung} won on the choosing part but lost on the test, log-loss "
        f"{lost[0]:.4f} against {lost[1]:.4f}"
    )


def lost_on_test(tested: Outcome) -> tuple[float, float] | None:
    """Log-loss of the model and of the constant on the test where the model's is larger; None otherwise."""
    if tested.test is None:
        return None
    loss, constant = tested.test["log_loss"], tested.test["log_loss_constant"]
    both = isinstance(loss, float) and isinstance(constant, float)
    return (loss, constant) if both and loss > constant else None  # type: ignore[return-value, operator]
