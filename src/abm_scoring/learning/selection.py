"""The ladder: which rung the data allow, decided before the test is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.calibration import choose_calibration
from abm_scoring.learning.contributions import log_odds_of, probability
from abm_scoring.learning.evaluation import improvement_bound
from abm_scoring.learning.ladder_steps import (
    STEPS,
    Choice,
    Progress,
    by_profile,
    measured,
    one_outcome,
    start_of,
    tell_nobody,
    verdict,
)
from abm_scoring.learning.metrics import as_seen, auc, row_log_loss
from abm_scoring.learning.opponents import opponents
from abm_scoring.learning.outcome import Outcome, Rung
from abm_scoring.learning.prior import train_prior
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import ModelSpec, SplitSpec
from abm_scoring.learning.splits import Windows, split
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.tuning import tune
from abm_scoring.learning.weights import mean_of


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
    Too few conversions for that give the rung `prior`, which must not lose forward either, or `profile`, which claims
    no probability.

    Args:
        training: All matured rows.
        split_spec: Parts in time.
        spec: Which rungs to try, and with which parameters.
        timezone: Zone in which the split's dates begin.
        progress: Called with (what is being done, steps done, steps in all).
    """
    tell = progress or tell_nobody
    windows = split(training.as_of, split_spec, training.horizon_days, timezone, training.weight)
    start = start_of(training, windows)
    obstacle = _obstacle(training, windows, spec, start.converted_accounts)
    if obstacle:
        return few(training, start, obstacle, spec)
    tell(STEPS[0], 0, len(STEPS))
    choice, warnings = _choose(training, windows, spec)
    chosen = replace(choice.within(start), warnings=(*start.warnings, *warnings))
    tell(STEPS[1], 1, len(STEPS))
    tested = _test(training, chosen, choice, tell)
    failed = verdict(tested, choice)
    if failed:
        return replace(tested, rung="none", reason=failed)
    tell(STEPS[3], 3, len(STEPS))
    model, dropped = fit_rung(choice.rung, training, choice.spec, windows.embargo_days)
    tell(STEPS[3], len(STEPS), len(STEPS))
    tuned = choice.spec.boosting.model_dump() if choice.rung == "tuned" else {}
    found = replace(tested, rung=choice.rung, reason=choice.reason, model=model, boosting=tuned)
    return replace(found, dropped=dropped, n_shipped=training.size)


def few(training: TrainingSet, start: Outcome, obstacle: str, spec: ModelSpec) -> Outcome:
    """What can be had without a model of the features: the prior where it holds, else the profile."""
    if spec.kind == "prior" or (spec.kind != "profile" and start.converted_accounts >= spec.prior_positives):
        found = train_prior(training, start, obstacle, spec)
        if isinstance(found, Outcome):
            return found
        obstacle = f"{obstacle}, and {found}"
    return by_profile(training, start, obstacle, asked=spec.kind == "profile")


def _obstacle(training: TrainingSet, windows: Windows, spec: ModelSpec, accounts: int) -> str | None:
    """Why no model of the features can be learnt from these rows, if that is so."""
    if spec.kind in ("profile", "prior"):
        return "the configuration asks for it"
    if accounts < spec.min_positives:
        return f"{accounts} accounts converted, a model of the features needs {spec.min_positives}"
    parts = (("training", windows.train), ("choosing", windows.choose))
    return next((why for name, part in parts if (why := one_outcome(name, training.converted[part]))), None)


def _choose(training: TrainingSet, windows: Windows, spec: ModelSpec) -> tuple[Choice, tuple[str, ...]]:
    """Fit on the training part, compare on the choosing part; the choice and what is to be warned of."""
    train, held = training.take(windows.train), training.take(windows.choose)
    scores = _scores(train, held, spec, windows.embargo_days)
    used, warning = spec, None
    if spec.kind == "tuned":
        found = tune(train, spec, windows.embargo_days)
        used = spec.model_copy(update={"boosting": found.boosting})
        warning = found.warning
        scores["tuned"] = fit_rung("tuned", train, used, windows.embargo_days)[0].log_odds(held.features)
    constant = np.full(len(held), log_odds_of(train.rate, train.size))
    losses = {name: _losses(log_odds, held) for name, log_odds in {"constant": constant, **scores}.items()}
    best = _best(losses, held, spec)
    table = tuple(_row(name, losses, {"constant": constant, **scores}[name], held, spec) for name in losses)
    row = next(row for row in table if row["name"] == best)
    line = choose_calibration(
        scores[best], held.converted, held.as_of, held.family, spec.bootstrap, spec.seed, held.weight
    )
    gain, low = float(row["gain"] or 0), float(row["gain_low"] or 0)
    return Choice(best, gain, low, line, table, used if best == "tuned" else spec), (warning,) if warning else ()


def _scores(train: TrainingSet, held: TrainingSet, spec: ModelSpec, embargo_days: int) -> dict[str, np.ndarray]:
    """Candidate → log-odds of the choosing part."""
    model, _ = fit_rung("logistic" if spec.kind == "logistic" else "average", train, spec, embargo_days)
    if not isinstance(model, AverageModel):
        return {"logistic": model.log_odds(held.features)}
    logistic, boosting = (part.log_odds(held.features) for part in (model.logistic, model.boosting))
    return {"logistic": logistic, "boosting": boosting, "average": (logistic + boosting) / 2 + model.shift}


def _best(losses: dict[str, np.ndarray], held: TrainingSet, spec: ModelSpec) -> Rung:
    """The average of unlike models, unless its logistic half alone was better beyond doubt.

    One choosing part seldom tells the two apart, and averaging helps at every size of data that was tried. Tuned
    parameters were asked for, so they need only be the better ones.
    """
    mean = {name: mean_of(loss, held.weight) for name, loss in losses.items()}
    if "tuned" in mean and mean["tuned"] < mean["average"]:
        return "tuned"
    if "average" not in losses:
        return "logistic"
    worse = losses["average"] - losses["logistic"]
    edge = improvement_bound(worse, held.family, spec.bootstrap, spec.seed, weight=held.weight)
    return "logistic" if edge > 0 and spec.kind == "auto" else "average"


def _losses(log_odds: np.ndarray, rows: TrainingSet) -> np.ndarray:
    return row_log_loss(probability(log_odds), rows.converted)


def _row(
    name: str, losses: dict[str, np.ndarray], log_odds: np.ndarray, held: TrainingSet, spec: ModelSpec
) -> dict[str, str | float | None]:
    gain = losses["constant"] - losses[name]
    area = auc(as_seen(log_odds, held.converted, held.weight))[0]
    return {
        "name": name,
        "log_loss": mean_of(losses[name], held.weight),
        "auc": float(area),
        "gain": mean_of(gain, held.weight),
        "gain_low": improvement_bound(gain, held.family, spec.bootstrap, spec.seed, weight=held.weight),
    }


def _test(training: TrainingSet, chosen: Outcome, choice: Choice, tell: Progress) -> Outcome:
    """Refit on everything matured before the test and measure there, opponents beside it."""
    windows, spec = chosen.windows, choice.spec
    if not windows.test.any():
        return chosen
    rows, held = training.take(windows.before_test), training.take(windows.test)
    model, _ = fit_rung(choice.rung, rows, spec, windows.embargo_days)
    ours = probability(chosen.calibration.raw_score(model.log_odds(held.features)))
    tell(STEPS[2], 2, len(STEPS))
    rivals = opponents(rows, held.features, spec, windows.embargo_days)
    return measured(chosen, ours, rivals, held, rows.rate, spec)
