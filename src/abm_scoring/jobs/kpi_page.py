"""The KPI report as a page: targets first, then influence and conversion apart, then who, where and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.publish.report import Lines, ReportPage, Section, Series, Table, Tile
from abm_scoring.publish.report.figures import MISSING, written
from abm_scoring.publish.report.parts import Format, Tone
from abm_scoring.roi.metrics.catalogue import BY_ID
from abm_scoring.roi.metrics.compute import TIER

if TYPE_CHECKING:
    from abm_scoring.jobs.kpi_measuring import Kpis

_FORMATS: Mapping[str, Format] = {
    "count": "integer", "share": "percent", "money": "money", "days": "number", "contacts": "number",
    "touches": "number", "minutes": "number", "points": "number", "ratio": "number", "months": "number",
}  # fmt: skip
_TONES: Mapping[str, Tone] = {"met": "good", "on track": "good", "missed": "bad", "no data": "warn"}
#: Figures of the first screen where the config names few targets, of the charts, and of the tables by group.
_TILES = ("reach", "sql_accounts", "target_conversion", "win_rate", "influenced_pipeline", "roi")
_CHARTS = ("account_traffic", "reach", "sql_accounts", "win_rate", "average_deal_value", "cac_full")
_BY_GROUP = ("reach", "sql_accounts", "target_conversion", "win_rate", "average_deal_value")
_BY_CAMPAIGN = ("email_open_rate", "email_click_rate", "email_reply_rate", "ad_engagement_rate", "impressions")


def kpi_page(found: Kpis, project: str, config: Config) -> ReportPage:
    """The page of a KPI report."""
    currency, returns = config.project.currency, config.roi.returns.replace("_", " ")
    subtitle = (
        f"{project}, {found.period.name} held against {found.baseline.name}, as known before "
        f"{found.as_of.tz_convert(config.project.timezone):%Y-%m-%d}; money in {currency}, returns as {returns}"
    )
    totals = found.totals()
    sections = [
        Section("Targets", [target_table(found.targets, currency)]) if len(found.targets) else None,
        _group(totals, "influence", currency, "What moves a conversion."),
        _group(totals, "conversion", currency, "The conversions themselves."),
        _over_time(found),
        _segments(found, currency, config),
        _campaigns(found),
        _content(found, config),
    ]
    return ReportPage("KPIs", subtitle, _tiles(found, totals, currency), [s for s in sections if s], currency=currency)


def shown(value: float, unit: str, currency: str) -> str:
    """A figure in its unit."""
    text = written(float(value), _FORMATS.get(unit, "number"), currency)
    return f"{text} {unit}" if unit in ("days", "contacts", "touches", "months") and text != MISSING else text


def between(low: float, high: float, unit: str, currency: str) -> str:
    """An interval in words; empty where there is none."""
    if low != low or high != high:
        return ""
    how = _FORMATS.get(unit, "number")
    return f"{written(float(low), how, '')} to {written(float(high), how, '')}"


def _tiles(found: Kpis, totals: pd.DataFrame, currency: str) -> list[Tile]:
    tiles = [
        Tile(
            row["figure"].replace("_", " "),
            shown(row["value"], row["unit"], currency),
            f"{row['status']}; goal {shown(row['goal'], row['unit'], currency)}",
            _TONES[row["status"]],
        )
        for row in found.targets.to_dict("records")
    ]
    rows: dict[Any, dict[Any, Any]] = {row["figure"]: row for row in totals.to_dict("records")}
    for name in _TILES:
        row = rows[name]
        if len(tiles) < 6 and name not in set(found.targets["metric"]):
            note = between(row["low"], row["high"], row["unit"], currency) or row["reason"]
            tiles.append(Tile(name.replace("_", " "), shown(row["value"], row["unit"], currency), note))
    return tiles


def target_table(targets: pd.DataFrame, currency: str) -> Table:
    """Baseline, actual with interval, goal, status, and whether the budget reaches it."""
    rows = [
        {
            "target": t["figure"],
            "period": t["period"],
            "baseline": shown(t["baseline"], t["unit"], currency),
            "actual": shown(t["value"], t["unit"], currency),
            "95% interval": between(t["low"], t["high"], t["unit"], currency) or MISSING,
            "n": t["n"],
            "goal": shown(t["goal"], t["unit"], currency),
            "status": t["status"],
            "why": t["why"],
            "cost a result": written(t["cost_per_result"], "money", currency),
            "needed": written(t["needed"], "money", currency),
            "budget left": written(t["budget_left"], "money", currency),
            "reachable": t["reachable"],
        }
        for t in targets.to_dict("records")
    ]
    note = "n counts account families. An interval says how far chance alone moves a figure: far, with few accounts."
    return Table("Targets", pd.DataFrame(rows), note=note)


def _group(totals: pd.DataFrame, lever: str, currency: str, meaning: str) -> Section:
    """One table of a lever's figures by R; influence and conversion are never added together."""
    mine = totals[totals["lever"] == lever]
    parts = []
    for r in ("reputation", "relationships", "revenue"):
        rows = [_line(row, currency) for row in mine[mine["r"] == r].to_dict("records")]
        if rows:
            parts.append(Table(r.capitalize(), pd.DataFrame(rows)))
    text = f"{meaning} Influence and conversion are two groups and are never added together."
    return Section(lever.capitalize(), parts, [text])


def _line(row: Mapping[Any, Any], currency: str) -> dict[str, str]:
    unit, name = str(row["unit"]), str(row["figure"])
    number = {
        key: float(row[key])
        for key in ("value", "baseline", "abm", "non_abm", "low", "high", "numerator", "denominator")
    }
    parts = [written(number[k], "number", "") for k in ("numerator", "denominator")]
    return {
        "figure": name,
        "what": BY_ID[str(row["metric"])].figures[name].meaning,
        "value": shown(number["value"], unit, currency) if not row["reason"] else f"{MISSING}: {row['reason']}",
        "95% interval": between(number["low"], number["high"], unit, currency),
        "of": " ÷ ".join(parts) if MISSING not in parts else "",
        "baseline": shown(number["baseline"], unit, currency),
        "ABM": shown(number["abm"], unit, currency),
        "non-ABM": shown(number["non_abm"], unit, currency),
    }


def _over_time(found: Kpis) -> Section:
    charts = []
    for name in _CHARTS:
        rows = found.over_time[found.over_time["figure"] == name]
        if rows["value"].notna().sum() > 1:
            unit = str(rows["unit"].iloc[0])
            line = Series(name, rows["value"].tolist())
            charts.append(Lines(name.replace("_", " "), rows["period"].tolist(), [line], _FORMATS.get(unit, "number")))
    return Section("Over time", charts)


def _segments(found: Kpis, currency: str, config: Config) -> Section | None:
    parts = [t for view in (TIER, *config.roi.kpis.segments) if (t := _by(found, view, _BY_GROUP, currency))]
    text = "The same figures by group; every other figure by group stands in the workbook."
    return Section("Tiers and segments", parts, [text]) if parts else None


def _by(found: Kpis, view: str, names: tuple[str, ...], currency: str) -> Table | None:
    rows = found.now[(found.now["view"] == view) & found.now["figure"].isin(names)]
    if rows.empty:
        return None
    cells = [{"group": r["group"], "figure": r["figure"], "cell": _cell(r, currency)} for r in rows.to_dict("records")]
    wide = pd.DataFrame(cells).pivot(index="group", columns="figure", values="cell")
    wide = wide[[n for n in names if n in wide]].fillna(MISSING).reset_index().rename(columns={"group": view})
    return Table(f"By {view}", wide)


def _cell(row: Mapping[Any, Any], currency: str) -> str:
    unit = str(row["unit"])
    text = shown(float(row["value"]), unit, currency)
    interval = between(float(row["low"]), float(row["high"]), unit, currency)
    return f"{text} ({interval})" if interval else text


def _campaigns(found: Kpis) -> Section | None:
    parts = [t for t in (_by(found, "campaign", _BY_CAMPAIGN, ""),) if t]
    if len(found.variants):
        formats: Mapping[str, Format] = {
            "difference": "percent",
            "low": "percent",
            "high": "percent",
            "p_value": "number",
        }
        note = (
            "Difference of the click rates; two-proportion test, which takes impressions for independent of each other."
        )
        parts.append(Table("Variants of ads", found.variants, formats, note))
    return Section("Campaigns", parts) if parts else None


def _content(found: Kpis, config: Config) -> Section | None:
    parts = [t for t in (_by(found, "content", ("content_engagement_rate", "content_conversion_rate"), ""),) if t]
    flagged = found.flagged[found.flagged["flagged"]]
    rate = config.roi.kpis.anomaly_rate
    text = (
        f"{len(flagged)} of {len(found.flagged)} content items had a last week unlike their weeks before. At most "
        f"{rate:.0%} of the items flagged are expected to be false alarms."
    )
    if len(flagged):
        parts.insert(0, Table("Unusual last week", flagged.drop(columns=["flagged"]), {"p_value": "number"}))
    return Section("Content", parts, [text]) if parts else None
