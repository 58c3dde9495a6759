"""One model for every horizon and for the time to close: a discrete-time hazard.

The time after a snapshot is cut into periods. In each period an account that has not converted yet converts with a
probability that depends on its features and on the period, the hazard; P(h) = 1 − Π (1 − hazard) over the periods up to
h (Cox 1972, section 6; Singer and Willett 1993). Every period that was observed whole is a row to learn from, so a
snapshot whose horizon is still open teaches what is known of it and nothing else: counting it as unconverted would
make probabilities too small, leaving out only those that have not converted too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.average import AverageModel
from abm_scoring.learning.contributions import Contributions, log_odds_of, probability, shift_to
from abm_scoring.learning.logistic import LogisticModel
from abm_scoring.learning.metrics import calibration_line
from abm_scoring.learning.training_set import TrainingSet, thinned
from abm_scoring.spec import Spec

#: Name of the column that says which period a row is about.
PERIOD = "period_of_hazard"
#: Ends of the periods in days; those beyond the longest horizon are not used, the horizons themselves are added.
ENDS = (15, 30, 60, 90, 120, 150, 180)
#: Quantiles of the time to close that its interval reaches from and to.
CLOSE_LOW, CLOSE_HIGH = 0.05, 0.95
#: No period is taken for flatter or steeper than this, whatever its few conversions say.
STEEP = (0.25, 4.0)

_FEATURE = Feature(
    name=PERIOD, topic=PERIOD, kind="category", meaning="period after the snapshot", source="accounts", part="fit"
)


class HazardModel(Spec):
    """Hazards of each period by one model that knows the period; the raw score is the log-odds of P(horizon).

    Attributes:
        per_period: Gives the log-odds of the hazard for features and a period.
        ends: Ends of the periods in days, ascending; the horizon is one of them.
        slopes: What the log-odds of each period are multiplied by. What tells apart who converts within days tells
            less of who converts within months, and one set of effects for all periods is timid early and bold late.
        shifts: What is then added, so that the model expects as many conversions in a period as there were in
            training; a penalty on the periods' own weights would bend the curve of time otherwise.
        typical: Log-odds of each period's hazard for an average training row; contributions are counted from there.
        horizon_days: Horizon of the probability.
        horizons: Further horizons that are reported; each is one of the ends.
    """

    kind: Literal["hazard"] = "hazard"
    per_period: Annotated[LogisticModel | AverageModel, Field(discriminator="kind")]
    ends: tuple[int, ...]
    slopes: tuple[float, ...]
    shifts: tuple[float, ...]
    typical: tuple[float, ...]
    horizon_days: int
    horizons: tuple[int, ...]

    def log_hazards(self, frame: pd.DataFrame) -> np.ndarray:
        """n × periods log-odds of the hazards."""
        found = np.empty((len(self.ends), len(frame)))
        for k, at in enumerate(self._periods(frame)):
            found[k] = self.slopes[k] * self.per_period.log_odds(at) + self.shifts[k]
        return found.T

    def cumulative(self, frame: pd.DataFrame) -> np.ndarray:
        """n × periods −log P(no conversion up to the end of the period), ascending along a row."""
        # Period by period, in rising order for every row, whatever the number of rows.
        return np.cumsum(np.logaddexp(0, self.log_hazards(frame)), axis=1)

    def chances(self, frame: pd.DataFrame, raw_score: np.ndarray | None = None) -> np.ndarray:
        """n × periods probabilities of converting up to the end of each period, ascending along a row.

        Args:
            frame: n rows of features.
            raw_score: n recalibrated log-odds for the horizon. All hazards of a row are then multiplied by what makes
                its horizon agree, so that the order of horizons stays.
        """
        cumulative = self.cumulative(frame)
        if raw_score is not None:
            cumulative *= (np.logaddexp(0, raw_score) / cumulative[:, self._last])[:, None]
        return -np.expm1(-cumulative)

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """n log-odds of converting within the horizon."""
        return _log_odds(self.cumulative(frame)[:, self._last])

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """What each feature adds to the log-odds of converting within the horizon.

        The contributions to the periods' hazards, averaged with the weight of each period for an average row. That is
        exact to first order; what a sum of curves leaves over is dealt to the features in proportion to what they add
        anyway, so that contributions add up to the log-odds.
        """
        parts = [self.per_period.contributions(at) for at in self._periods(frame)]
        used = slice(0, self._last + 1)
        bases = np.array(self.typical[used])
        weights = probability(bases) / probability(bases).sum()
        effects = np.zeros((len(frame), parts[0].values.shape[1] - 1))
        cumulative = np.zeros(len(frame))
        for k, part in enumerate(parts[used]):
            effects += (weights[k] * self.slopes[k]) * part.values[:, :-1]
            cumulative += np.logaddexp(0, self.slopes[k] * part.log_odds + self.shifts[k])
        base = float(_log_odds(np.logaddexp(0, bases).sum(keepdims=True))[0])
        return Contributions(_complete(effects, _log_odds(cumulative) - base, base), base)

    def closing(self, frame: pd.DataFrame, raw_score: np.ndarray | None = None) -> pd.DataFrame:
        """When a conversion would come; arguments as for `chances`.

        Returns:
            float64 columns: `probability_<h>d` of each horizon, ascending along a row; `days_to_close`, the expected
            days to a conversion given that it comes within the last period; `days_to_close_low` and `_high`, the 5 %
            and 95 % quantiles of the same, linear within periods.
        """
        chance = self.chances(frame, raw_score)
        found = {f"probability_{h}d": chance[:, self.ends.index(h)] for h in self.horizons}
        edges = np.array([0, *self.ends], dtype=float)
        share = np.column_stack([np.zeros(len(frame)), chance / chance[:, -1:]])
        expected = np.zeros(len(frame))
        for k in range(len(self.ends)):
            expected += (share[:, k + 1] - share[:, k]) * (edges[k] + edges[k + 1]) / 2
        found["days_to_close"] = expected
        for name, level in (("low", CLOSE_LOW), ("high", CLOSE_HIGH)):
            found[f"days_to_close_{name}"] = _quantile(share, edges, level)
        return pd.DataFrame(found, index=frame.index)

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Category → rows whose level the training never saw, where there are any."""
        return self.per_period.unseen(next(self._periods(frame)))

    @property
    def _last(self) -> int:
        return self.ends.index(self.horizon_days)

    def _periods(self, frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """The rows as of each period."""
        for k in range(len(self.ends)):
            yield frame.assign(**{PERIOD: pd.Series(period_name(k), frame.index, dtype="str")})


def period_name(k: int) -> str:
    """Level of the period column."""
    return f"period {k}"


def period_ends(horizon_days: int, horizons: tuple[int, ...]) -> tuple[int, ...]:
    """Ends of the periods up to the longest horizon."""
    wanted = {horizon_days, *horizons}
    return tuple(sorted(wanted | {end for end in ENDS if end < max(wanted)}))


@dataclass(frozen=True)
class PersonPeriods:
    """Who was at risk in which period.

    Attributes:
        row: m positions of rows.
        period: m numbers of periods.
        converted: m booleans, whether the conversion came in it.
    """

    row: np.ndarray
    period: np.ndarray
    converted: np.ndarray


def person_periods(rows: TrainingSet, ends: tuple[int, ...], until: np.datetime64) -> PersonPeriods:
    """Every period that had ended by `until`, of rows that had not converted before it.

    Args:
        rows: Rows with `days`.
        ends: Ends of the periods.
        until: Nothing at or after this moment is used.
    """
    assert rows.days is not None
    found, start = [], 0
    for k, end in enumerate(ends):
        at_risk = np.flatnonzero((rows.days >= start) & (rows.as_of + np.timedelta64(end, "D") <= until))
        found.append((at_risk, np.full(len(at_risk), k), rows.days[at_risk] < end))
        start = end
    row, period, converted = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return PersonPeriods(row, period, converted)


def expanded(rows: TrainingSet, ends: tuple[int, ...], until: np.datetime64, most: int, seed: int) -> TrainingSet:
    """Person-periods as training rows, at most about `most` (see `thinned`); `as_of` is when the period began."""
    at = person_periods(rows, ends, until)
    starts = np.array([0, *ends[:-1]]).astype("timedelta64[D]")
    light = TrainingSet(
        features=pd.DataFrame({"row": at.row, PERIOD: at.period}),
        converted=at.converted,
        as_of=rows.as_of[at.row] + starts[at.period],
        account_id=rows.account_id[at.row],
        family=rows.family[at.row],
        catalogue=(*rows.catalogue, _FEATURE),
        horizon_days=int(max(np.diff([0, *ends]))),
        weight=None if rows.weight is None else rows.weight[at.row],
    )
    light = thinned(light, most, seed)
    features = rows.features.iloc[light.features["row"].to_numpy()].reset_index(drop=True)
    names = np.array([period_name(k) for k in range(len(ends))], dtype=object)
    period = pd.Series(names[light.features[PERIOD].to_numpy()], dtype="str")
    return replace(light, features=features.assign(**{PERIOD: period}))


def hazard_model(
    per_period: LogisticModel | AverageModel,
    rows: TrainingSet,
    ends: tuple[int, ...],
    horizon_days: int,
    horizons: tuple[int, ...],
) -> HazardModel:
    """The model of all periods from the one that knows the period.

    Args:
        per_period: The model of a period's hazard.
        rows: From `expanded`; the slopes and the level of each period are taken from these.
        ends: Ends of the periods.
        horizon_days, horizons: Each is one of the ends.
    """
    found, period = per_period.contributions(rows.features), rows.features[PERIOD].to_numpy(object)
    here = [np.flatnonzero(period == period_name(k)) for k in range(len(ends))]
    log_odds = found.log_odds
    slopes = _slopes(log_odds, rows, here)
    # A period that had no rows yet is left as the model has it.
    shifts = [_shift(b * log_odds[i], rows.converted[i], rows.weights[i]) for b, i in zip(slopes, here, strict=True)]
    own = [float(np.average(found.values[i, -1], weights=rows.weights[i])) if len(i) else 0.0 for i in here]
    typical = [b * (found.base + effect) + shift for b, effect, shift in zip(slopes, own, shifts, strict=True)]
    return HazardModel(
        per_period=per_period,
        ends=ends,
        slopes=tuple(slopes),
        shifts=tuple(shifts),
        typical=tuple(typical),
        horizon_days=horizon_days,
        horizons=horizons,
    )


def _slopes(log_odds: np.ndarray, rows: TrainingSet, periods: list[np.ndarray]) -> list[float]:
    """How much steeper each period is than all of them: the slope of its calibration line over their mean slope.

    The rows are those that the model was fitted on, so every slope is too large; only their ratios are used. Each is
    shrunk towards 1 by its own error, about 1 / √(conversions · variance), as in `prior`.
    """
    lines, errors, came = np.ones(len(periods)), np.full(len(periods), np.inf), np.zeros(len(periods))
    for k, here in enumerate(periods):
        converted, weights = rows.converted[here], rows.weights[here]
        if not converted.any() or converted.all() or not np.ptp(log_odds[here]) > 0:
            continue
        around = log_odds[here] - np.average(log_odds[here], weights=weights)
        came[k] = converted.sum()
        lines[k] = calibration_line(log_odds[here], converted, weights[None, :])[1][0]
        errors[k] = 1 / np.sqrt(came[k] * np.average(around**2, weights=weights))
    mean = float(came @ lines) / came.sum() if came.any() else 1.0
    if not mean > 0:
        return [1.0] * len(periods)
    beyond = lines / mean - 1
    kept = np.divide((errors / mean) ** 2, beyond**2, out=np.full(len(beyond), np.inf), where=beyond != 0)
    slopes: list[float] = np.clip(1 + beyond * np.maximum(0.0, 1 - kept), *STEEP).tolist()
    return slopes


def _shift(log_odds: np.ndarray, converted: np.ndarray, weights: np.ndarray) -> float:
    """The shift at which as many conversions are expected as there were, by at least half a row."""
    if not len(converted):
        return 0.0
    share = log_odds_of(float(np.average(converted, weights=weights)), len(converted))
    return shift_to(log_odds, float(probability(np.array(share))), weights)


def censored_losses(
    log_hazards: np.ndarray, rows: TrainingSet, ends: tuple[int, ...], until: np.datetime64
) -> np.ndarray:
    """n minus log-likelihoods of what was known of each row at `until`; 0 where no period had ended.

    Args:
        log_hazards: n × periods log-odds.
        rows: n rows with `days`.
        ends: Ends of the periods.
        until: Nothing at or after this moment is used.
    """
    at = person_periods(rows, ends, until)
    found = log_hazards[at.row, at.period]
    return np.bincount(at.row, weights=np.logaddexp(0, found) - at.converted * found, minlength=len(rows))


def _log_odds(cumulative: np.ndarray) -> np.ndarray:
    """Log-odds of 1 − exp(−cumulative)."""
    return np.where(
        cumulative > 30, cumulative, np.log(np.maximum(np.expm1(np.minimum(cumulative, 30)), np.finfo(float).tiny))
    )


def _complete(effects: np.ndarray, total: np.ndarray, base: float) -> np.ndarray:
    """The effects with what they lack of the total, dealt in proportion to their size."""
    summed, size = np.zeros(len(effects)), np.zeros(len(effects))
    for column in range(effects.shape[1]):
        summed += effects[:, column]
        size += np.abs(effects[:, column])
    share = np.divide(total - summed, size, out=np.zeros(len(effects)), where=size > 0)
    return effects + np.abs(effects) * share[:, None]


def _quantile(share: np.ndarray, edges: np.ndarray, level: float) -> np.ndarray:
    """Days at which each row's rising share reaches the level, linear between edges."""
    above = np.argmax(share >= level, axis=1)
    rows = np.arange(len(share))
    low, high = share[rows, above - 1], share[rows, above]
    part = np.divide(level - low, high - low, out=np.zeros(len(share)), where=high > low)
    return edges[above - 1] + part * (edges[above] - edges[above - 1])
