"""Metrics as one long table: every figure, period and group with its numerator, denominator, interval or reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from abm_scoring.roi.metrics.catalogue import METRICS
from abm_scoring.roi.metrics.declaration import Metric
from abm_scoring.roi.metrics.intervals import NONE, of_middle, of_sums
from abm_scoring.roi.metrics.observed import Given, Middle, Missing, Observed, Sums
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.periods import Period

#: Column → dtype of the table of figures.
COLUMNS = {
    "metric": "str",
    "figure": "str",
    "unit": "str",
    "lever": "str",
    "phase": "str",
    "r": "str",
    "period": "str",
    "start": "datetime64[us, UTC]",
    "until": "datetime64[us, UTC]",
    "view": "str",
    "group": "str",
    "value": "float64",
    "numerator": "float64",
    "denominator": "float64",
    "low": "float64",
    "high": "float64",
    "method": "str",
    "n": "int64",
    "reason": "str",
}
#: Views that need no column of their own.
TOTAL, ABM, NON_ABM, TIER = "total", "abm", "non_abm", "tier"
#: Groups of a view beyond this many are left out, the smallest first; the figure of the rest is in no group.
MOST_GROUPS = 40
#: Most bootstrap draws for a group.
GROUP_DRAWS = 400
Population = Literal["own", "target", "others"]


def measured(data: Prepared, period: Period, metrics: Sequence[Metric] = METRICS) -> dict[str, Mapping[str, Observed]]:
    """What each metric observes in a period, by metric id; a missing table is told instead of measured."""
    found: dict[str, Mapping[str, Observed]] = {}
    for metric in metrics:
        absent = [table for table in metric.tables if not data.has(table)]
        if absent:
            many = len(absent) > 1
            names = " and ".join(absent)
            reason = Missing(f"the tables {names} are not given" if many else f"the table {names} is not given")
            found[metric.id] = dict.fromkeys(metric.figures, reason)
        else:
            found[metric.id] = metric.measure(data, period)
    return found


def figures(
    data: Prepared,
    period: Period,
    *,
    views: Sequence[str] = (TOTAL,),
    intervals: bool = True,
    metrics: Sequence[Metric] = METRICS,
) -> pd.DataFrame:
    """All figures of a period.

    Args:
        data: The columns.
        period: The stretch of time.
        views: `total` (each metric's own population), `abm` and `non_abm` (accounts on and off the target list),
            `tier`, a segment (`sector`, `region`, `size`), or a dimension of some metrics (`campaign`, `content`,
            `channel`, `stage`).
        intervals: Whether to draw intervals.
        metrics: Which.

    Returns:
        One row a figure, view and group; columns `COLUMNS`. A figure without a value has a reason.
    """
    seen, rows = measured(data, period, metrics), []
    target, draws = data.targeted(period), data.spec.draws if intervals else 0
    for view in views:
        labels = _labels(data, view, period)
        for metric in metrics:
            for name in metric.figures:
                observed = seen[metric.id].get(name, Missing("not measured"))
                chosen = _population(metric, view, target)
                rows += _rows(
                    data,
                    metric,
                    name,
                    observed,
                    view,
                    labels,
                    chosen,
                    draws if view in (TOTAL, ABM, NON_ABM) else min(draws, GROUP_DRAWS),
                )
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in ("period", "start", "until")])
    frame = frame.assign(period=period.name, start=period.start, until=period.until)
    return frame[list(COLUMNS)].astype(COLUMNS)


def series(data: Prepared, periods: Sequence[Period], metrics: Sequence[Metric] = METRICS) -> pd.DataFrame:
    """The totals of several periods, oldest first, without intervals."""
    parts = [figures(data, period, intervals=False, metrics=metrics) for period in periods]
    return pd.concat(parts, ignore_index=True)


def _labels(data: Prepared, view: str, period: Period) -> np.ndarray | None:
    if view == TIER:
        return data.tiers(period) if data.has("target_list") else None
    return data.segment(view) if view in ("sector", "region", "size") else None


def _population(metric: Metric, view: str, target: np.ndarray) -> np.ndarray | None:
    """bool [accounts]: whose rows count; None = everybody's, those of no account included."""
    if view in (ABM, NON_ABM):
        return target if view == ABM else ~target
    return target if metric.population == "target" else None


def _rows(
    data: Prepared,
    metric: Metric,
    name: str,
    found: Observed,
    view: str,
    labels: np.ndarray | None,
    chosen: np.ndarray | None,
    draws: int,
) -> list[dict[str, Any]]:
    shared = {"metric": metric.id, "figure": name, "unit": metric.figures[name].unit, "view": view}
    shared |= {"lever": metric.lever, "phase": metric.phase, "r": metric.r}
    if isinstance(found, Missing | Given):
        return [{**shared, "group": "", **_stated(found)}] if view == TOTAL else []
    whole = view in (TOTAL, ABM, NON_ABM)
    if view != TOTAL and isinstance(found, Sums) and not found.divisible:
        return []
    mine = _kept(found, chosen)
    if whole:
        if view != TOTAL and not data.has("target_list"):
            return []
        return [{**shared, "group": "", **_figure(data, mine, draws)}]
    by = labels[mine.account] if labels is not None else _dimension(mine, view)
    if by is None:
        return []
    if labels is not None:
        by = by.copy()
        by[mine.account < 0] = None
    groups = pd.Series(by, dtype=object).value_counts().sort_index(kind="stable")
    groups = groups.sort_values(ascending=False, kind="stable").head(MOST_GROUPS)
    return [
        {**shared, "group": str(g), **_figure(data, _at(mine, by == g), draws)} for g in sorted(groups.index, key=str)
    ]


def _stated(found: Missing | Given) -> dict[str, Any]:
    if isinstance(found, Missing):
        return _row(np.nan, None, None, NONE, 0, found.reason)
    low = np.nan if found.low is None else found.low
    high = np.nan if found.high is None else found.high
    row = _row(found.value, found.numerator, found.denominator, NONE, 0, "")
    return {**row, "low": low, "high": high, "method": found.method}


def _kept(found: Sums | Middle, chosen: np.ndarray | None) -> Sums | Middle:
    if chosen is None:
        return found
    return _at(found, np.append(chosen, False)[found.account])


def _at(found: Sums | Middle, rows: np.ndarray) -> Sums | Middle:
    if isinstance(found, Middle):
        return replace(found, account=found.account[rows], values=found.values[rows])
    columns = {name: values[rows] for name, values in found.columns.items()}
    dims = {name: values[rows] for name, values in found.dims.items()}
    return replace(found, account=found.account[rows], columns=columns, dims=dims)


def _dimension(found: Sums | Middle, view: str) -> np.ndarray | None:
    return found.dims.get(view) if isinstance(found, Sums) else None


def _figure(data: Prepared, found: Sums | Middle, draws: int) -> dict[str, Any]:
    family = np.append(data.family, -1)[found.account]
    n = int(np.count_nonzero(np.bincount(family[family >= 0], minlength=1)))
    if isinstance(found, Middle):
        if not len(found.values):
            return _row(np.nan, None, 0, NONE, 0, found.empty)
        value = float(np.quantile(found.values, found.quantile))
        interval = of_middle(found.values, found.quantile, family, draws) if draws else NONE
        return _row(value, None, len(found.values), interval, n, "")
    sums = {name: values.sum() for name, values in found.columns.items()}
    for name, extra in found.shared.items():
        sums[name] = sums.get(name, 0.0) + extra
    value = float(found.value({name: np.asarray(v, dtype=float) for name, v in sums.items()}))
    top, bottom = sums.get(found.top or ""), sums.get(found.bottom or "")
    if not np.isfinite(value) or (bottom == 0 and found.bottom is not None):
        return _row(np.nan, top, bottom, NONE, n, found.empty)
    return _row(value, top, bottom, of_sums(found, family, data.families, draws) if draws else NONE, n, "")


def _row(value: float, top: Any, bottom: Any, interval: Any, n: int, reason: str) -> dict[str, Any]:
    return {
        "value": value,
        "numerator": np.nan if top is None else float(top),
        "denominator": np.nan if bottom is None else float(bottom),
        "low": interval.low,
        "high": interval.high,
        "method": interval.method,
        "n": n,
        "reason": reason,
    }
