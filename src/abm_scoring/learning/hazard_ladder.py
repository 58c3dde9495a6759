"""The way up to the rung `hazard`: the same parts in time, every one censored at the start of the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from abm_scoring.features.moments import instant
from abm_scoring.learning.calibration import Calibration, CalibrationChoice, choose_calibration
from abm_scoring.learning.contributions import log_odds_of, probability
from abm_scoring.learning.evaluation import improvement_bound
from abm_scoring.learning.hazard import HazardModel, censored_losses, person_periods
from abm_scoring.learning.ladder_steps import (
    STEPS,
    Choice,
    Progress,
    measured,
    one_outcome,
    start_of,
    tell_nobody,
    verdict,
)
from abm_scoring.learning.metrics import as_seen, auc, row_log_loss
from abm_scoring.learning.opponents import opponents
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.rungs import fit_hazard
from abm_scoring.learning.selection import few
from abm_scoring.learning.specs import ModelSpec, SplitSpec
from abm_scoring.learning.splits import split
from abm_scoring.learning.training_set import TrainingSet, joined
from abm_scoring.learning.weights import mean_of, sum_of, times

#: Recalibration is tried on rows whose horizon had passed, if at least so many of them converted.
MIN_TO_CALIBRATE = 30


@dataclass(frozen=True)
class Known:
    """Every eligible row, and until when outcomes are known.

    Attributes:
        rows: Matured and open rows with `days`, by as_of and account_id.
        until: Nothing at or after this moment is known.
        settle: How long a conversion may take to be booked.
    """

    rows: TrainingSet
    until: np.datetime64
    settle: np.timedelta64

    @classmethod
    def of(cls, training: TrainingSet, waiting: TrainingSet | None, until: np.datetime64, settle_days: int) -> Known:
        """From rows that have matured and rows that have not; `until` is final already."""
        rows = joined(training, waiting) if waiting is not None and len(waiting) else training
        return cls(rows, until, np.timedelta64(settle_days, "D"))

    def before(self, start: np.datetime64) -> tuple[TrainingSet, np.datetime64]:
        """Rows of before a moment, and until when their outcomes were final at that moment."""
        return self.rows.take(self.rows.as_of < start), start - self.settle


def train_hazard(
    training: TrainingSet,
    known: Known,
    split_spec: SplitSpec,
    spec: ModelSpec,
    timezone: str = "UTC",
    progress: Progress | None = None,
) -> Outcome:
    """Choose, measure and ship a hazard, or say that nothing beats the constant.

    Each part is fitted on what was known when the next one began, rows whose outcome was open then included, so that no
    embargo is needed and nothing that became known later is used. On the choosing part hazards are compared with
    constant hazards by the likelihood of what was known at its end; the bound of what they saved must be above 0. On
    the test P(horizon) is measured as every other rung is, and each further horizon beside it.

    Args:
        training: All matured rows, with `days`.
        known: The same and the open ones.
        split_spec: Parts in time; its embargo is not needed.
        spec: Parameters.
        timezone: Zone in which the split's dates begin.
        progress: Called with (what is being done, steps done, steps in all).
    """
    tell = progress or tell_nobody
    no_embargo = split_spec.model_copy(update={"embargo_days": None})
    windows = split(training.as_of, no_embargo, 0, timezone, training.weight)
    test_at = instant_of(windows.test_from, timezone) if windows.test_from else None
    # What follows measures values on rows before the test; their outcomes must have been known when it began.
    horizon = np.timedelta64(training.horizon_days, "D") + known.settle
    matured = training.as_of + horizon <= test_at if test_at is not None else np.ones(len(training), bool)
    windows = replace(windows, before_test=windows.before_test & matured)
    start = start_of(training, windows)
    if start.converted_accounts < spec.min_positives:
        why = f"{start.converted_accounts} accounts converted, a hazard needs {spec.min_positives}"
        return few(training, start, why, spec)
    if windows.choose_from is None:
        return few(training, start, "the history is too short for a choosing part", spec)
    tell(STEPS[0], 0, len(STEPS))
    end = test_at if test_at is not None else known.until + known.settle
    choice = _choose(known, instant_of(windows.choose_from, timezone), end, spec)
    if isinstance(choice, str):
        return few(training, start, choice, spec)
    tell(STEPS[1], 1, len(STEPS))
    chosen = choice.within(start)
    tested = chosen if test_at is None else _test(training, known, test_at, chosen, spec)
    failed = verdict(tested, choice)
    if failed:
        return replace(tested, rung="none", reason=failed)
    tell(STEPS[3], 3, len(STEPS))
    fitted = fit_hazard(known.rows, known.until, spec)
    assert fitted is not None
    tell(STEPS[3], len(STEPS), len(STEPS))
    model, _, dropped = fitted
    found = replace(tested, rung="hazard", reason=choice.reason, model=model, dropped=dropped)
    return replace(found, n_shipped=known.rows.size)


def _choose(known: Known, choose_at: np.datetime64, end: np.datetime64, spec: ModelSpec) -> Choice | str:
    """Fit before the choosing part and compare on it; why not, where that cannot be done."""
    earlier, until = known.before(choose_at)
    fitted = fit_hazard(earlier, until, spec)
    if fitted is None:
        return "the training part holds one outcome only"
    model = fitted[0]
    before, final = known.before(end)
    held = before.take(before.as_of >= choose_at)
    at = person_periods(held, model.ends, final)
    obstacle = one_outcome("choosing", at.converted)
    if obstacle:
        return obstacle
    constant = censored_losses(
        np.tile(constant_hazards(earlier, model, until), (len(held), 1)), held, model.ends, final
    )
    losses = {
        "constant": constant,
        "hazard": censored_losses(model.log_hazards(held.features), held, model.ends, final),
    }
    judged = np.isin(np.arange(len(held)), at.row)
    line = _calibration(model, held, final, spec)
    rows = held.take(judged)
    table = tuple(_row(name, loss[judged], constant[judged], rows, spec) for name, loss in losses.items())
    gain, low = float(table[1]["gain"] or 0), float(table[1]["gain_low"] or 0)
    return Choice("hazard", gain, low, line, table, spec)


def constant_hazards(rows: TrainingSet, model: HazardModel, until: np.datetime64) -> np.ndarray:
    """Log-odds of each period's share of conversions among all who were at risk."""
    at = person_periods(rows, model.ends, until)
    weight = None if rows.weight is None else rows.weight[at.row]
    risk = np.bincount(at.period, weights=weight, minlength=len(model.ends))
    came = np.bincount(at.period, weights=times(at.converted, weight), minlength=len(model.ends))
    return np.array([log_odds_of(c / max(n, 1), round(float(n))) for c, n in zip(came, risk, strict=True)])


def _calibration(model: HazardModel, held: TrainingSet, final: np.datetime64, spec: ModelSpec) -> CalibrationChoice:
    """Whether to recalibrate P(horizon), on the rows whose horizon had passed."""
    rows = held.take(np.asarray(held.as_of + np.timedelta64(held.horizon_days, "D") <= final))
    if rows.converted.sum() < MIN_TO_CALIBRATE:
        return CalibrationChoice(Calibration(), None, None)
    log_odds = model.log_odds(rows.features)
    return choose_calibration(log_odds, rows.converted, rows.as_of, rows.family, spec.bootstrap, spec.seed, rows.weight)


def _row(
    name: str, losses: np.ndarray, constant: np.ndarray, held: TrainingSet, spec: ModelSpec
) -> dict[str, str | float | None]:
    gain = constant - losses
    low = improvement_bound(gain, held.family, spec.bootstrap, spec.seed, weight=held.weight)
    return {
        "name": name,
        "log_loss": mean_of(losses, held.weight),
        "auc": None,
        "gain": mean_of(gain, held.weight),
        "gain_low": low,
    }


def _test(training: TrainingSet, known: Known, test_at: np.datetime64, chosen: Outcome, spec: ModelSpec) -> Outcome:
    """What was known when the test began, measured on the test."""
    earlier, until = known.before(test_at)
    fitted = fit_hazard(earlier, until, spec)
    assert fitted is not None
    model = fitted[0]
    held = training.take(chosen.windows.test)
    ours = probability(chosen.calibration.raw_score(model.log_odds(held.features)))
    rates = np.logaddexp(0, constant_hazards(earlier, model, until))[: model.ends.index(model.horizon_days) + 1]
    constant = float(-np.expm1(-rates.sum()))
    rows = training.take(chosen.windows.before_test)
    # Opponents learn from the rows alone that had matured by then, as everybody but a hazard must.
    few_rows = rows.converted.sum() < MIN_TO_CALIBRATE or rows.converted.all()
    rivals = {} if few_rows else opponents(rows, held.features, spec, 0)
    rivals["constant"] = np.full(len(held), constant)
    tested = measured(chosen, ours, rivals, held, constant, spec)
    every = known.rows.take(known.rows.as_of >= test_at)
    return replace(
        tested, test_horizons=horizon_figures(model, chosen.calibration, every, known.until), n_train=earlier.size
    )


def horizon_figures(
    model: HazardModel, calibration: Calibration, rows: TrainingSet, until: np.datetime64
) -> dict[str, dict[str, float | None]]:
    """Horizon → `rows`, `expected` and `observed` conversions, `auc` and `log_loss`, on rows that had so long.

    Args:
        model: Fitted on what was known before the rows.
        calibration: Of its probability within the label's horizon.
        rows: Rows with `days`.
        until: Nothing at or after this moment is known.
    """
    assert rows.days is not None
    chances = model.chances(rows.features, calibration.raw_score(model.log_odds(rows.features)))
    found: dict[str, dict[str, float | None]] = {}
    for days in sorted({*model.horizons, model.horizon_days}):
        here = rows.as_of + np.timedelta64(days, "D") <= until
        if not here.any():
            continue
        p, came = chances[here, model.ends.index(days)], rows.days[here] < days
        weight = None if rows.weight is None else rows.weight[here]
        area = float(auc(as_seen(p, came, weight))[0])
        found[str(days)] = {
            "rows": float(rows.count(np.asarray(here))),
            "expected": sum_of(p, weight),
            "observed": sum_of(came, weight),
            "auc": area if np.isfinite(area) else None,
            "log_loss": mean_of(row_log_loss(p, came), weight),
        }
    return found


def instant_of(day: object, timezone: str) -> np.datetime64:
    """The moment at which a date begins in a zone, as the rows have it."""
    moment: pd.Timestamp = instant(day, timezone)  # type: ignore[arg-type]
    return moment.tz_localize(None).to_datetime64().astype("datetime64[us]")
