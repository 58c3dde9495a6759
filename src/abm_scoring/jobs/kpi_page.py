"""The KPI report as a page: targets first, then influence and conversion apart, then who, where and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.publish.report import Lines, ReportPage, Section, Series, Table, Tile
from abm_scoring.publish.report.parts import Format, Tone
from abm_scoring.publish.report.voice import Voice
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
    voice = Voice(config.project.language, config.project.currency)
    subtitle = voice.say(
        "{project}, {period} held against {baseline}, as known before {day}; money in {currency}, returns as {returns}",
        project=project,
        period=voice.told(found.period.name),
        baseline=voice.told(found.baseline.name),
        day=f"{found.as_of.tz_convert(config.project.timezone):%Y-%m-%d}",
        currency=voice.currency,
        returns=voice.code(config.roi.returns),
    )
    totals = found.totals()
    sections = [
        Section(voice.say("Targets"), [target_table(found.targets, voice)]) if len(found.targets) else None,
        _group(totals, "influence", "What moves a conversion.", voice),
        _group(totals, "conversion", "The conversions themselves.", voice),
        _over_time(found, voice),
        _segments(found, config, voice),
        _campaigns(found, voice),
        _content(found, config, voice),
    ]
    return ReportPage(
        voice.say("KPIs"),
        subtitle,
        _tiles(found, totals, voice),
        [s for s in sections if s],
        voice.language,
        voice.currency,
    )


def shown(value: float, unit: str, voice: Voice) -> str:
    """A figure in its unit."""
    text = voice.value(float(value), _FORMATS.get(unit, "number"))
    if unit not in ("days", "contacts", "touches", "months") or text == voice.missing:
        return text
    return voice.say("{n} " + unit, n=text)


def between(low: float, high: float, unit: str, voice: Voice) -> str:
    """An interval in words; empty where there is none."""
    return voice.range(low, high, _FORMATS.get(unit, "number"))


def _tiles(found: Kpis, totals: pd.DataFrame, voice: Voice) -> list[Tile]:
    tiles = [
        Tile(
            voice.code(row["figure"]),
            shown(row["value"], row["unit"], voice),
            voice.say(
                "{status}; goal {goal}", status=voice.told(row["status"]), goal=shown(row["goal"], row["unit"], voice)
            ),
            _TONES[row["status"]],
        )
        for row in found.targets.to_dict("records")
    ]
    rows: dict[Any, dict[Any, Any]] = {row["figure"]: row for row in totals.to_dict("records")}
    for name in _TILES:
        if len(tiles) < 6 and name not in set(found.targets["metric"]):
            tiles.append(_tile(rows[name], voice))
    return tiles


def _tile(row: Mapping[Any, Any], voice: Voice) -> Tile:
    name, unit = str(row["figure"]), str(row["unit"])
    note = between(row["low"], row["high"], unit, voice) or voice.told(row["reason"])
    if name == "roi":
        # A return on cost is read as proof of it unless the tile itself says what it is.
        note = "; ".join(text for text in (note, voice.say("× cost; credit, not cause")) if text)
    return Tile(voice.code(name), shown(row["value"], unit, voice), note)


def target_table(targets: pd.DataFrame, voice: Voice) -> Table:
    """Baseline, actual with interval, goal, status, and whether the budget reaches it."""
    rows = [
        {
            "target": voice.code(t["figure"]),
            "period": voice.told(t["period"]),
            "baseline": shown(t["baseline"], t["unit"], voice),
            "actual": shown(t["value"], t["unit"], voice),
            "95% interval": between(t["low"], t["high"], t["unit"], voice) or voice.missing,
            "n": t["n"],
            "goal": shown(t["goal"], t["unit"], voice),
            "status": t["status"],
            "why": t["why"],
            "cost a result": voice.value(t["cost_per_result"], "money"),
            "needed": voice.value(t["needed"], "money"),
            "budget left": voice.value(t["budget_left"], "money"),
            "reachable": t["reachable"],
        }
        for t in targets.to_dict("records")
    ]
    note = "n counts account families. An interval says how far chance alone moves a figure: far, with few accounts."
    frame = pd.DataFrame(rows)
    frame = frame if (frame["why"] != "").any() else frame.drop(columns="why")
    return voice.table(voice.say("Targets"), frame, note=voice.say(note))


def _group(totals: pd.DataFrame, lever: str, meaning: str, voice: Voice) -> Section:
    """One table of a lever's figures by R; influence and conversion are never added together."""
    mine = totals[totals["lever"] == lever]
    parts = []
    for r in ("reputation", "relationships", "revenue"):
        rows = mine[mine["r"] == r]
        if len(rows):
            parts.append(figure_table(voice.say(r.capitalize()), rows, voice))
    text = (voice.say(meaning), voice.say("Influence and conversion are two groups and are never added together."))
    return Section(voice.say(lever.capitalize()), parts, [" ".join(text)])


def figure_table(title: str, totals: pd.DataFrame, voice: Voice, note: str = "") -> Table:
    """Figures with what they mean, their interval and parts, beside the baseline and apart for ABM and non-ABM."""
    return voice.table(title, pd.DataFrame([_line(row, voice) for row in totals.to_dict("records")]), note=note)


def _line(row: Mapping[Any, Any], voice: Voice) -> dict[str, str]:
    unit, name = str(row["unit"]), str(row["figure"])
    number = {
        key: float(row[key])
        for key in ("value", "baseline", "abm", "non_abm", "low", "high", "numerator", "denominator")
    }
    parts = [voice.value(number[k]) for k in ("numerator", "denominator")]
    reason = f"{voice.missing}: {voice.told(row['reason'])}"
    return {
        "figure": name,
        "what": BY_ID[str(row["metric"])].figures[name].meaning,
        "value": reason if row["reason"] else shown(number["value"], unit, voice),
        "95% interval": between(number["low"], number["high"], unit, voice),
        "of": " ÷ ".join(parts) if voice.missing not in parts else "",
        "baseline": shown(number["baseline"], unit, voice),
        "ABM": shown(number["abm"], unit, voice),
        "non-ABM": shown(number["non_abm"], unit, voice),
    }


def _over_time(found: Kpis, voice: Voice) -> Section:
    charts = []
    for name in _CHARTS:
        rows = found.over_time[found.over_time["figure"] == name]
        if rows["value"].notna().sum() > 1:
            unit, title = str(rows["unit"].iloc[0]), voice.code(name)
            line = Series(title, rows["value"].tolist())
            periods = [voice.told(period) for period in rows["period"]]
            charts.append(Lines(title, periods, [line], _FORMATS.get(unit, "number")))
    return Section(voice.say("Over time"), charts)


def _segments(found: Kpis, config: Config, voice: Voice) -> Section | None:
    parts = [t for view in (TIER, *config.roi.kpis.segments) if (t := _by(found, view, _BY_GROUP, voice))]
    text = voice.say("The same figures by group; every other figure by group stands in the workbook.")
    return Section(voice.say("Tiers and segments"), parts, [text]) if parts else None


def _by(found: Kpis, view: str, names: tuple[str, ...], voice: Voice) -> Table | None:
    rows = found.now[(found.now["view"] == view) & found.now["figure"].isin(names)]
    if rows.empty:
        return None
    cells = [{"group": r["group"], "figure": r["figure"], "cell": _cell(r, voice)} for r in rows.to_dict("records")]
    wide = pd.DataFrame(cells).pivot(index="group", columns="figure", values="cell")
    wide = wide[[n for n in names if n in wide]].fillna(voice.missing).reset_index().rename(columns={"group": view})
    return voice.table(voice.say("By {name}", name=voice.code(view)), wide)


def _cell(row: Mapping[Any, Any], voice: Voice) -> str:
    unit = str(row["unit"])
    text = shown(float(row["value"]), unit, voice)
    interval = between(float(row["low"]), float(row["high"]), unit, voice)
    return f"{text} ({interval})" if interval else text


def _campaigns(found: Kpis, voice: Voice) -> Section | None:
    parts = [t for t in (_by(found, "campaign", _BY_CAMPAIGN, voice),) if t]
    if len(found.variants):
        formats: dict[str, Format] = dict.fromkeys(("difference", "low", "high"), "percent")
        note = (
            "Difference of the click rates; two-proportion test, which takes impressions for independent of each other."
        )
        parts.append(
            voice.table(voice.say("Variants of ads"), found.variants, formats | {"p_value": "number"}, voice.say(note))
        )
    return Section(voice.say("Campaigns"), parts) if parts else None


def _content(found: Kpis, config: Config, voice: Voice) -> Section | None:
    names = ("content_engagement_rate", "content_conversion_rate")
    parts = [t for t in (_by(found, "content", names, voice),) if t]
    flagged = found.flagged[found.flagged["flagged"]]
    text = voice.say(
        "{n} of {total} content items had a last week unlike their weeks before. At most {rate} of the items flagged "
        "are expected to be false alarms.",
        n=len(flagged),
        total=len(found.flagged),
        rate=voice.digits(100 * config.roi.kpis.anomaly_rate, ".0f") + " %",
    )
    if len(flagged):
        rows = flagged.drop(columns=["flagged"])
        parts.insert(0, voice.table(voice.say("Unusual last week"), rows, {"p_value": "number"}))
    return Section(voice.say("Content"), parts, [text]) if parts else None
