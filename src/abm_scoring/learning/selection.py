"""The ladder: which rung the data allow, decided before the test is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.calibration import Calibration, CalibrationChoice, choose_calibration
from abm_scoring.learning.contributions import log_odds_of, probability
from abm_scoring.learning.evaluation import Metric, evaluate, evaluate_calibration, improvement_bound
from abm_scoring.learning.metrics import Weighted, auc, ranked, row_log_loss
from abm_scoring.learning.opponents import opponents
from abm_scoring.learning.outcome import Outcome, Rung
from abm_scoring.learning.profile import fit_profile
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import ModelSpec, SplitSpec
from abm_scoring.learning.splits import Windows, split
from abm_scoring.learning.training_set import TrainingSet

Progress = Callable[[str, int, int], None]
_STEPS = ("comparing models", "testing the choice", "measuring opponents", "fitting on all rows")


@dataclass(frozen=True)
class _Choice:
    """The winner of the choosing part."""

    rung: Rung
    gain: float
    gain_low: float
    calibration: CalibrationChoice
    candidates: tuple[dict[str, str | float | None], ...]


def train_ladder(
    training: TrainingSet,
    split_spec: SplitSpec,
    spec: ModelSpec,
    timezone: str = "UTC",
    progress: Progress | None = None,
) -> Outcome:
    """Choose a rung on the middle part, measure it once on the test, and fit it on everything for shipping.

    A probability is shipped only if it beat the constant forward in time: on the choosing part the one-sided 95 %
    bootstrap bound of the saved log-loss must be above 0, and on the test the saved log-loss must not be negative.
    Too few conversions for that give the rung `profile`, which claims no probability.

    Args:
        training: All matured rows.
        split_spec: Parts in time.
        spec: Which rungs to try, and with which parameters.
        timezone: Zone in which the split's dates begin.
        progress: Called with (what is being done, steps done, steps in all).
    """
    tell = progress or (lambda step, done, of: None)
    windows = split(training.as_of, split_spec, training.horizon_days, timezone)
    start = _start(training, windows)
    obstacle = "the configuration asks for it" if spec.kind == "profile" else _obstacle(training, windows, spec)
    if obstacle:
        return _profile(training, start, obstacle, asked=spec.kind == "profile")
    tell(_STEPS[0], 0, len(_STEPS))
    choice = _choose(training, windows, spec)
    chosen = replace(
        start,
        candidates=choice.candidates,
        calibration=choice.calibration.calibration,
        calibration_gain=(choice.calibration.gain, choice.calibration.gain_low),
    )
    tell(_STEPS[1], 1, len(_STEPS))
    tested = _test(training, chosen, choice.rung, spec, tell)
    verdict = _verdict(tested, choice)
    if verdict:
        return replace(tested, rung="none", reason=verdict)
    tell(_STEPS[3], 3, len(_STEPS))
    model, dropped = fit_rung(choice.rung, training, spec, windows.embargo_days)
    tell(_STEPS[3], len(_STEPS), len(_STEPS))
    reason = (
        f"{choice.rung} saved {choice.gain:.4f} of log-loss a row against the constant on the choosing part "
        f"(at least {choice.gain_low:.4f} with 95 % confidence)"
    )
    return replace(tested, rung=choice.rung, reason=reason, model=model, dropped=dropped, n_shipped=len(training))


def _start(training: TrainingSet, windows: Windows) -> Outcome:
    return Outcome(
        rung="none",
        reason="",
        model=None,
        calibration=Calibration(),
        windows=windows,
        warnings=windows.warnings,
        n_train=int(windows.before_test.sum()),
        n_choose=int(windows.choose.sum()),
        n_test=int(windows.test.sum()),
        converted_accounts=len(set(training.account_id[training.converted].tolist())),
    )


def _obstacle(training: TrainingSet, windows: Windows, spec: ModelSpec) -> str | None:
    """Why no probability can be learnt from these rows, if that is so."""
    accounts = len(set(training.account_id[training.converted].tolist()))
    if accounts < spec.min_positives:
        return f"{accounts} accounts converted, a probability needs {spec.min_positives}"
    for name, part in (("training", windows.train), ("choosing", windows.choose)):
        converted = training.converted[part]
        if not converted.any() or converted.all():
            outcome = "no row" if not len(converted) else "no conversion" if not converted.any() else "only conversions"
            return f"the {name} part holds {outcome}"
    return None


def _profile(training: TrainingSet, start: Outcome, obstacle: str, asked: bool) -> Outcome:
    """Rank by fit without a probability; nothing at all where there is no fit to rank by."""
    model = fit_profile(training.features, training.catalogue)
    if model is None:
        reason = f"{obstacle}, and without the features of value_fit there is no profile to rank by"
        return replace(start, reason=reason)
    warnings = start.warnings if asked else (*start.warnings, f"{obstacle}: accounts are ranked by profile fit")
    reason = f"{obstacle}; accounts are ranked by profile fit, and no probability is claimed"
    return replace(start, rung="profile", reason=reason, model=model, warnings=warnings, n_shipped=len(training))


def _choose(training: TrainingSet, windows: Windows, spec: ModelSpec) -> _Choice:
    """Fit on the training part, compare on the choosing part."""
    train, held = training.take(windows.train), training.take(windows.choose)
    model, _ = fit_rung("logistic" if spec.kind == "logistic" else "average", train, spec, windows.embargo_days)
    if isinstance(model, AverageModel):
        logistic, boosting = (part.log_odds(held.features) for part in (model.logistic, model.boosting))
        scores = {"logistic": logistic, "boosting": boosting, "average": (logistic + boosting) / 2}
    else:
        scores = {"logistic": model.log_odds(held.features)}
    constant = np.full(len(held), log_odds_of(train.converted.mean(), len(train)))
    losses = {name: _losses(log_odds, held) for name, log_odds in {"constant": constant, **scores}.items()}
    best = _best(losses, held.family, spec)
    table = tuple(_row(name, losses, {"constant": constant, **scores}[name], held, spec) for name in losses)
    found = next(row for row in table if row["name"] == best)
    line = choose_calibration(scores[best], held.converted, held.as_of, held.family, spec.bootstrap, spec.seed)
    return _Choice(best, float(found["gain"] or 0), float(found["gain_low"] or 0), line, table)


def _best(losses: dict[str, np.ndarray], family: np.ndarray, spec: ModelSpec) -> Rung:
    """The average of unlike models, unless its logistic half alone was better beyond doubt.

    One choosing part seldom tells the two apart, and averaging helps at every size of data that was tried.
    """
    if "average" not in losses:
        return "logistic"
    edge = improvement_bound(losses["average"] - losses["logistic"], family, spec.bootstrap, spec.seed)
    return "logistic" if edge > 0 and spec.kind == "auto" else "average"


def _losses(log_odds: np.ndarray, rows: TrainingSet) -> np.ndarray:
    return row_log_loss(probability(log_odds), rows.converted)


def _row(
    name: str, losses: dict[str, np.ndarray], log_odds: np.ndarray, held: TrainingSet, spec: ModelSpec
) -> dict[str, str | float | None]:
    gain = losses["constant"] - losses[name]
    area = auc(Weighted(ranked(log_odds, held.converted), np.ones((1, len(held)))))[0]
    return {
        "name": name,
        "log_loss": float(losses[name].mean()),
        "auc": float(area),
        "gain": float(gain.mean()),
        "gain_low": improvement_bound(gain, held.family, spec.bootstrap, spec.seed),
    }


def _test(training: TrainingSet, chosen: Outcome, rung: Rung, spec: ModelSpec, tell: Progress) -> Outcome:
    """Refit on everything matured before the test and measure there, opponents beside it."""
    windows = chosen.windows
    if not windows.test.any():
        return chosen
    rows, held = training.take(windows.before_test), training.take(windows.test)
    model, _ = fit_rung(rung, rows, spec, windows.embargo_days)
    ours = probability(chosen.calibration.raw_score(model.log_odds(held.features)))
    tell(_STEPS[2], 2, len(_STEPS))
    rivals = opponents(rows, held.features, spec, windows.embargo_days)
    constant = float(rows.converted.mean())

    def measure(p: np.ndarray) -> dict[str, Metric]:
        return evaluate(p, held.converted, held.family, constant, spec.bootstrap, spec.seed)

    return replace(
        chosen,
        test=measure(ours),
        test_calibration=evaluate_calibration(ours, held.converted, held.family, spec.bootstrap, spec.seed),
        test_probability=ours,
        opponents={name: measure(p) for name, p in rivals.items()},
    )


def _verdict(tested: Outcome, choice: _Choice) -> str | None:
    """Why nothing may be shipped, if that is so."""
    if not choice.gain_low > 0:
        return (
            f"nothing beats the constant: on the choosing part the best model ({choice.rung}) saved {choice.gain:.4f} "
            f"of log-loss a row, and by 95 % confidence it may as well have saved {choice.gain_low:.4f}"
        )
    if tested.test is None:
        return None
    loss, constant = tested.test["log_loss"], tested.test["log_loss_constant"]
    if isinstance(loss, float) and isinstance(constant, float) and loss > constant:
        return (
            f"nothing beats the constant: {choice.rung} won on the choosing part but lost on the test, log-loss "
            f"{loss:.4f} against {constant:.4f}"
        )
    return None
