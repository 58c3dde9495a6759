"""KPIs as measured: every metric of a period beside its baseline, targets, time series, anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.features.moments import micros
from abm_scoring.jobs.reporting import Facts, plain
from abm_scoring.roi.anomalies import anomalies
from abm_scoring.roi.metrics.arrays import labels, tally
from abm_scoring.roi.metrics.attention import shown_ads, weekly_engagements
from abm_scoring.roi.metrics.catalogue import BY_ID
from abm_scoring.roi.metrics.compute import ABM, NON_ABM, TIER, TOTAL, figures, series
from abm_scoring.roi.metrics.intervals import two_proportions
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.returns import CAMPAIGN_KINDS, costs_in
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.periods import Every, Period, before, current
from abm_scoring.roi.settings import RoiSpec
from abm_scoring.roi.targets import Progress as Measured
from abm_scoring.roi.targets import TargetSpec, as_frame, reachable, status

_YEAR = {"month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True)
class Kpis:
    """The KPIs of a day.

    Attributes:
        period, baseline: What is reported, and what it is held against.
        now: All figures of the period: totals, accounts off the target list, segments, tiers, campaigns, content.
        then: Totals of the baseline.
        over_time: Totals of the last periods, oldest first.
        targets: One row a target.
        variants: A/B comparisons of ads.
        flagged: Content items and what their last week was held against.
        folder: Where the report was published; None where it was not.
    """

    as_of: pd.Timestamp
    period: Period
    baseline: Period
    now: pd.DataFrame
    then: pd.DataFrame
    over_time: pd.DataFrame
    targets: pd.DataFrame
    variants: pd.DataFrame
    flagged: pd.DataFrame
    warnings: tuple[str, ...]
    folder: Path | None = None

    def totals(self) -> pd.DataFrame:
        """Each figure once, with `baseline`, `change`, and `abm`, `non_abm`: accounts on and off the target list."""
        own = self.now[self.now["view"] == TOTAL].set_index("figure")
        apart = {view: self.now[self.now["view"] == view].set_index("figure")["value"] for view in (ABM, NON_ABM)}
        found = own.assign(baseline=self.then.set_index("figure")["value"], **apart)
        return found.assign(change=found["value"] - found["baseline"]).reset_index()

    def as_json(self) -> dict[str, Any]:
        """The object that `kpis --json` prints; documented in docs/reference/json.md."""
        shown = self.totals().drop(columns=["period", "start", "until", "view", "group"])
        return {
            "as_of": self.as_of.isoformat(),
            "period": _told(self.period),
            "baseline": _told(self.baseline),
            "figures": plain(shown),
            "targets": plain(self.targets),
            "anomalies": plain(self.flagged[self.flagged["flagged"]]),
            "variants": plain(self.variants),
            "report": str(self.folder) if self.folder else None,
            "warnings": list(self.warnings),
        }


def measure(known: Facts, data: Prepared | None = None) -> Kpis:
    """The KPIs of facts, not published."""
    config = known.workspace.config
    spec, zone, data = config.roi.kpis, config.project.timezone, data or known.prepared()
    period = current(spec.period, known.as_of, zone)
    back = 1 if spec.baseline == "previous" else _YEAR[spec.period]
    baseline = before(period, spec.period, zone, back)
    views = (TOTAL, ABM, NON_ABM, TIER, *spec.segments, "campaign", "content", "channel", "stage")
    times = [before(period, spec.period, zone, n, like=False) for n in range(spec.series - 1, 0, -1)]
    return Kpis(
        known.as_of,
        period,
        baseline,
        figures(data, period, views=views),
        figures(data, baseline),
        series(data, [*times, period]),
        target_rows(data, config.roi, known.as_of, zone),
        ad_variants(data, period),
        last_week(data, known.as_of, spec),
        known.warnings,
    )


def target_rows(data: Prepared, spec: RoiSpec, as_of: pd.Timestamp, timezone: str) -> pd.DataFrame:
    """Every target of the config: baseline, actual, goal, status, and whether money is left to reach it."""
    return as_frame([_target(data, name, t, spec.kpis, as_of, timezone) for name, t in spec.targets.items()])


def _target(
    data: Prepared, name: str, target: TargetSpec, spec: KpiSpec, as_of: pd.Timestamp, timezone: str
) -> dict[str, Any]:
    metric, every = BY_ID[name], target.period or spec.period
    figure = target.figure or next(iter(metric.figures))
    period = current(every, as_of, timezone)
    now = _one(data, name, figure, period)
    was, source = _baseline(data, name, figure, target, every, period, timezone)
    of = metric.figures[figure]
    measured = Measured(now["value"], now["low"], now["high"], was, of.adds_up, period.elapsed, metric.better)
    said, why = status(target.goal, measured)
    spent = float(costs_in(data, period, CAMPAIGN_KINDS)["money"].sum()) if data.has("costs") else None
    left = target.budget if target.budget is not None else budget_left(data, period)
    return {
        "metric": name, "figure": figure, "period": period.name, "unit": of.unit,
        "baseline": was, "baseline_from": source,
        **{key: now[key] for key in ("value", "low", "high", "method", "n")},
        "goal": target.goal, "status": said, "why": now["reason"] or why,
        **reachable(target.goal, measured, spent, left),
    }  # fmt: skip


def _baseline(
    data: Prepared, name: str, figure: str, target: TargetSpec, every: Every, period: Period, timezone: str
) -> tuple[float, str]:
    if target.was is not None:
        return target.was, "stated"
    if every == "all":
        return float("nan"), ""
    earlier = before(period, every, timezone)
    return _one(data, name, figure, earlier)["value"], earlier.name


def _one(data: Prepared, name: str, figure: str, period: Period) -> dict[str, Any]:
    found = figures(data, period, metrics=(BY_ID[name],))
    return {str(key): value for key, value in found[found["figure"] == figure].iloc[0].to_dict().items()}


def budget_left(data: Prepared, period: Period) -> float | None:
    """Budgets of the campaigns that are not over, less what was booked on them so far; None where none is known."""
    campaigns = data.tables["campaigns"]
    if not data.has("campaigns", "costs") or "budget" not in campaigns:
        return None
    running = campaigns[campaigns["to"].isna() | (campaigns["to"] > period.until)] if "to" in campaigns else campaigns
    if running["budget"].isna().all():
        return None
    booked = data.costs.groupby("campaign_id")["money"].sum()
    spent = running["campaign_id"].map(booked).fillna(0.0)
    return float((running["budget"] - spent).clip(lower=0.0).sum())


def ad_variants(data: Prepared, period: Period) -> pd.DataFrame:
    """Variants of ads within each campaign, each against the first: shares, difference, p-value, interval."""
    _, campaign, variant, clicked = shown_ads(data, period)
    of, rows = (campaign >= 0) & (variant >= 0), []
    for code in sorted(set(campaign[of].tolist())):
        mine = of & (campaign == code)
        size = int(variant[mine].max()) + 1
        clicks, shows = (tally(size, variant[mine & side]) for side in (clicked, ~clicked))
        shown = [v for v in range(size) if shows[v] > 0]
        for other in shown[1:]:
            first = shown[0]
            counts = (min(clicks[other], shows[other]), shows[other], min(clicks[first], shows[first]), shows[first])
            rows.append((code, other, first, *counts, *two_proportions(*counts)))
    names = ["campaign", "variant", "against", "clicks", "impressions", "clicks_against", "impressions_against"]
    table = pd.DataFrame(rows, columns=[*names, "difference", "p_value", "low", "high"])
    for column, ids in (("campaign", data.events.campaigns[1]), ("variant", data.events.variants[1])):
        table[column] = labels(table[column].to_numpy(int), ids)
    table["against"] = labels(table["against"].to_numpy(int), data.events.variants[1])
    return table


def last_week(data: Prepared, as_of: pd.Timestamp, spec: KpiSpec) -> pd.DataFrame:
    """Content items by how unusual their last seven days were."""
    counts = weekly_engagements(data, micros(as_of), spec.anomaly_weeks + 1)
    found = anomalies(counts, spec.anomaly_rate)
    return found.sort_values(["p_value", "content_id"], kind="stable", ignore_index=True)


def _told(period: Period) -> dict[str, str]:
    return {"name": period.name, "start": period.start.isoformat(), "until": period.until.isoformat()}
