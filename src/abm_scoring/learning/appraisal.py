"""What an evaluation report says beyond the headline metrics: curves, segments, months, what matters.

All figures are of the test part, whose rows nothing was decided on, and of the recipe that was tested there; only
importance is that of the shipped model. Intervals are 95 % bootstrap over account families.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.learning import metrics
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.evaluation import Metric, ratio_interval, with_intervals
from abm_scoring.learning.metrics import Weighted
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.reasons import topic_contributions, topics_of
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.weights import mean_of, rows_of, times

#: Shares of the list at which gain and lift are given.
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BINS = 10
#: Features that rows are grouped by where the model has them; numbers by bands of employees.
SEGMENTS = ("sector", "region", "country", "employee_count")
SIZES = (0, 50, 250, 1000, 5000, np.inf)
MOST_GROUPS = 12
#: Shares of the training families that the learning curve is drawn through.
CURVE = (0.125, 0.25, 0.5, 1.0)
#: Training rows that importance is averaged over.
SAMPLE = 5_000


def appraise(outcome: Outcome, training: TrainingSet, capacity: float, n_boot: int, seed: int) -> dict[str, Any] | None:
    """Curves and groups of the test part, as JSON values; None where nothing was tested.

    Args:
        outcome: What training came to.
        training: The rows that its windows speak of.
        capacity: Share of the accounts that sales can work on.
        n_boot: Number of bootstrap draws.
        seed: Makes the draws reproducible.
    """
    test, p = outcome.windows.test, outcome.test_probability
    if p is None or len(test) != len(training) or len(p) != int(test.sum()):
        return None
    held = training.take(test)
    rate = training.take(outcome.windows.before_test).rate
    draws = (n_boot, seed)
    return {
        "brier_skill": _skill(p, held, rate, draws),
        "reliability": reliability(p, held, draws),
        "gain": gain(p, held, SHARES, draws),
        "capacity": gain(p, held, (capacity,), draws)[0],
        "segments": {name: _groups(p, held, groups, draws) for name, groups in _segments(held).items()},
        "months": _groups(p, held, held.as_of.astype("datetime64[M]").astype(str).astype(object), draws),
    }


def _skill(p: np.ndarray, held: TrainingSet, rate: float, draws: tuple[int, int]) -> dict[str, Metric]:
    """1 − Brier score ÷ that of the constant, and its interval."""
    ours, constant = (times((chance - held.converted) ** 2, held.weight) for chance in (p, rate))
    low, high = _pair(ratio_interval(ours, constant, held.family, *draws))
    value = 1 - float(ours.sum() / constant.sum()) if constant.sum() > 0 else None
    return {"value": value, "ci": [None if high is None else 1 - high, None if low is None else 1 - low]}


def reliability(p: np.ndarray, held: TrainingSet, draws: tuple[int, int]) -> list[dict[str, Any]]:
    """Expected and observed conversion rates of groups of about equal size, by probability."""
    order = np.argsort(p, kind="stable")
    rows = []
    for group in _of_equal_size(order, held.weight):
        if not len(group):
            continue
        seen, weight = held.converted[group].astype(float), None if held.weight is None else held.weight[group]
        ones = np.ones(len(group))
        rows.append(
            {
                "from": float(p[group].min()),
                "to": float(p[group].max()),
                "rows": rows_of(ones > 0, weight),
                "expected": mean_of(p[group], weight),
                "observed": mean_of(seen, weight),
                "observed_ci": ratio_interval(times(seen, weight), times(ones, weight), held.family[group], *draws),
            }
        )
    return rows


def _of_equal_size(order: np.ndarray, weight: np.ndarray | None) -> list[np.ndarray]:
    """At most `BINS` consecutive groups of positions, each of about as many rows as they stand for."""
    if weight is None:
        return np.array_split(order, min(BINS, max(1, len(order))))
    upto = np.cumsum(weight[order])
    # A row belongs where its middle lies.
    middle = (upto - weight[order] / 2) / max(upto[-1], 1e-300) if len(order) else upto
    return np.split(order, np.searchsorted(middle, np.arange(1, BINS) / BINS))


def gain(p: np.ndarray, held: TrainingSet, shares: tuple[float, ...], draws: tuple[int, int]) -> list[dict[str, Any]]:
    """Of each share of the list, best first: the share of conversions among it (gain), and gain ÷ share (lift)."""
    rows = metrics.ranked(p, held.converted)

    def measure(sample: Weighted) -> dict[str, np.ndarray]:
        return {str(i): metrics.lift_at(share, sample) for i, share in enumerate(shares)}

    found = with_intervals(measure, rows, held.family, *draws, held.weight)
    return [
        {
            "share": share,
            "lift": found[str(i)],
            "lift_ci": found[f"{i}_ci"],
            "gain": _times(found[str(i)], share),
            "gain_ci": [_times(end, share) for end in _pair(found[f"{i}_ci"])],
        }
        for i, share in enumerate(shares)
    ]


def _groups(p: np.ndarray, held: TrainingSet, groups: np.ndarray, draws: tuple[int, int]) -> list[dict[str, Any]]:
    """How well each group's conversions were foreseen; the largest groups, by name."""
    sizes = pd.Series(groups).value_counts() if held.weight is None else _sizes(groups, held.weight)
    kept = sorted(sizes.index[:MOST_GROUPS].tolist(), key=str) if len(sizes) > MOST_GROUPS else sorted(sizes.index)
    rows = []
    for name in kept:
        mine = groups == name
        weight = None if held.weight is None else held.weight[mine]
        seen, expected = times(held.converted[mine].astype(float), weight), times(p[mine], weight)
        sample = metrics.as_seen(p[mine], held.converted[mine], weight)
        rows.append(
            {
                "group": str(name),
                "rows": held.count(mine),
                "conversions": round(float(seen.sum())),
                "rate": mean_of(held.converted[mine].astype(float), weight),
                "expected": float(expected.sum()),
                "expected_over_observed": float(expected.sum() / seen.sum()) if seen.sum() else None,
                "expected_over_observed_ci": ratio_interval(expected, seen, held.family[mine], *draws),
                "auc": _finite(metrics.auc(sample)[0]),
                "log_loss": _finite(metrics.log_loss(sample)[0]),
            }
        )
    return rows


def _sizes(groups: np.ndarray, weight: np.ndarray) -> pd.Series:
    """Group → rows, the largest first."""
    return pd.Series(weight).groupby(groups).sum().sort_values(ascending=False, kind="stable")


def _segments(held: TrainingSet) -> dict[str, np.ndarray]:
    """Segment → n names of the group that each row belongs to, as known at its snapshot."""
    kinds = {feature.name: feature.kind for feature in held.catalogue}
    found = {}
    for name in SEGMENTS:
        if name not in kinds:
            continue
        column = held.features[name]
        if kinds[name] == "number":
            column = pd.cut(column, SIZES, right=False, labels=[f"{a:.0f}+" for a in SIZES[:-1]])
        found[name] = column.astype(object).where(column.notna(), "unknown").to_numpy(object)
    return found


def importance(outcome: Outcome, training: TrainingSet) -> dict[str, Any] | None:
    """Mean |contribution| (log-odds) of the shipped model by topic and by feature, largest first; None without one."""
    if outcome.model is None or not len(training):
        return None
    places = np.unique(np.linspace(0, len(training) - 1, min(SAMPLE, len(training))).round().astype(int))
    found = outcome.calibration.apply(outcome.model.contributions(training.features.iloc[places]))
    weight = None if training.weight is None else training.weight[places]
    by_topic = _mean_size(topic_contributions(found.values, training.catalogue), weight)
    by_feature = _mean_size(found.values, weight)
    names = [feature.name for feature in training.catalogue]
    return {
        "rows": len(places),
        "topics": _largest(dict(zip(topics_of(training.catalogue), by_topic.tolist(), strict=True))),
        "features": _largest(dict(zip(names, by_feature.tolist(), strict=True))),
    }


def learning_curve(outcome: Outcome, training: TrainingSet, spec: ModelSpec) -> list[dict[str, Any]] | None:
    """Test figures of the same recipe fitted on shares of the training families; None where nothing can be refitted.

    Args:
        outcome: What training came to.
        training: The rows that its windows speak of.
        spec: What was trained with.
    """
    windows = outcome.windows
    if outcome.rung not in ("logistic", "average", "tuned") or not windows.test.any():
        return None
    rows, held = training.take(windows.before_test), training.take(windows.test)
    codes, families = pd.factorize(rows.family, sort=True)
    place = np.random.default_rng(spec.seed).permutation(len(families))[codes] / max(len(families), 1)
    tuned = spec.model_copy(update={"boosting": type(spec.boosting)(**outcome.boosting)}) if outcome.boosting else spec
    found = []
    for share in CURVE:
        some = rows.take(place < share)
        if not some.converted.any() or some.converted.all():
            continue
        model, _ = fit_rung(outcome.rung, some, tuned, windows.embargo_days)
        p = probability(outcome.calibration.raw_score(model.log_odds(held.features)))
        sample = metrics.as_seen(p, held.converted, held.weight)
        found.append(
            {
                "share": share,
                "rows": some.size,
                "conversions": some.count(some.converted),
                "auc": _finite(metrics.auc(sample)[0]),
                "log_loss": _finite(metrics.log_loss(sample)[0]),
            }
        )
    return found


def _mean_size(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Mean absolute value of each column."""
    sizes = np.abs(values)
    found: np.ndarray = sizes.mean(axis=0) if weight is None else np.average(sizes, axis=0, weights=weight)
    return found


def _largest(found: dict[str, float]) -> dict[str, float]:
    return dict(sorted(((k, v) for k, v in found.items() if v > 0), key=lambda item: (-item[1], item[0])))


def _pair(interval: Metric) -> list[float | None]:
    assert isinstance(interval, list)
    return interval


def _times(value: object, share: float) -> float | None:
    return value * share if isinstance(value, float) else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
