"""The return report as a page: costs, credit, what was caused, and the forecast against what came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.jobs.kpi_page import figure_table, target_table
from abm_scoring.jobs.roi_tiles import tiles, times, times_range
from abm_scoring.publish.report import Bars, Lines, ReportPage, Section, Series, Table
from abm_scoring.publish.report.parts import Format
from abm_scoring.publish.report.voice import Voice
from abm_scoring.roi.attribution.credits import WHAT_CREDIT_IS_NOT

if TYPE_CHECKING:
    from abm_scoring.jobs.roi_result import Returns

_MOST = 25
_KPIS = (
    "roi", "cac_simple", "cac_full", "clv", "clv_to_cac", "cac_payback_months", "influenced_pipeline", "win_rate",
)  # fmt: skip


def roi_page(found: Returns, project: str, config: Config) -> ReportPage:
    """The page of a return report."""
    voice = Voice(config.project.language, config.project.currency)
    subtitle = voice.say(
        "{project}, {period}, as known before {day}; money in {currency}, returns are {returns}",
        project=project,
        period=voice.told(found.period.name),
        day=f"{found.as_of.tz_convert(config.project.timezone):%Y-%m-%d}",
        currency=voice.currency,
        returns=voice.code(found.credit.returns),
    )
    targets = found.kpis.targets
    sections = [
        Section(voice.say("Targets"), [target_table(targets, voice)]) if len(targets) else None,
        _costs(found, voice),
        _credit(found, voice),
        _caused(found, voice),
        _compared(found, voice),
        _held(found, voice),
        _kpis(found, voice),
    ]
    return ReportPage(
        voice.say("Did it pay off?"),
        subtitle,
        tiles(found, voice),
        [s for s in sections if s],
        voice.language,
        voice.currency,
    )


def _costs(found: Returns, voice: Voice) -> Section:
    title = voice.say("Costs")
    if found.costs is None:
        return Section(title, text=[voice.say("The table costs is not given.")])
    parts: list[Table | Bars | Lines] = []
    for name in ("kind", "campaign", "channel", "tier", "content"):
        view = found.costs.views[name].drop(columns="cents")
        by = voice.say("By {name}", name=voice.code(name))
        parts.append(voice.table(by, view.head(_MOST), {"cost": "money"}))
    formats: dict[str, Format] = dict.fromkeys(("budget", "booked", "shared", "spent", "left"), "money")
    parts.append(voice.table(voice.say("Budgets"), found.costs.budgets, formats | {"share_of_budget": "percent"}))
    if len(found.costs.unpriced):
        parts.append(voice.table(voice.say("Without a price, in no total"), found.costs.unpriced))
    text = "Every view sums to the same total; what nobody can be charged with stands last."
    return Section(title, parts, [voice.say(text)])


def _credit(found: Returns, voice: Voice) -> Section:
    title, rules = voice.say("Credit"), found.credit.rules
    if rules is None:
        return Section(title, text=[voice.sentence(found.credit.reason), voice.told(WHAT_CREDIT_IS_NOT)])
    shares, money = rules.side_by_side("share").head(_MOST), rules.side_by_side("money").head(_MOST)
    formats: dict[str, Format] = {str(c): "percent" for c in shares if c != "unit"}
    by_rule = voice.say(
        "{returns} by rule, {currency}", returns=voice.code(found.credit.returns), currency=voice.currency
    )
    note = voice.say("Disagreement: the largest share minus the smallest.")
    parts: list[Table | Lines | Bars] = [
        voice.table(voice.say("Share of all wins by rule"), shares, formats, note),
        voice.table(by_rule, money, {str(c): "integer" for c in money if c != "unit"}),
        Bars(
            voice.say("How much the rules disagree"),
            [voice.told(unit) for unit in shares["unit"]],
            shares["disagreement"].tolist(),
            format="percent",
        ),
    ]
    return Section(title, parts, [voice.told(WHAT_CREDIT_IS_NOT), *(voice.sentence(note) for note in rules.notes)])


def _effect(value: Any, voice: Voice, scale: float = 1.0) -> str:
    if value is None or value.estimate is None:
        return voice.missing
    at, *ends = (
        None if v is None else voice.digits(scale * v, "+.2f" if scale > 1 else "+.4f")
        for v in (value.estimate, value.low, value.high)
    )
    return f"{at}" if None in ends else f"{at} ({voice.say('{low} to {high}', low=ends[0], high=ends[1])})"


def _return(own: Any, voice: Voice) -> str:
    """Ratio, interval and verdict in one cell."""
    if own.roi is None:
        return voice.told(own.reason) or voice.missing
    bounds = times_range(own.low, own.high, voice)
    return f"{times(own.roi, voice)} ({bounds}): {voice.told(own.verdict)}" if bounds else times(own.roi, voice)


def _caused(found: Returns, voice: Voice) -> Section:
    title = voice.say("Caused")
    text = [
        voice.say(
            "Only a comparison that was randomised says what was caused. Cannot tell is not the same as no effect: a "
            "small comparison finds large effects only."
        )
    ]
    if not found.trials:
        none = "No randomised comparison has matured: what was caused cannot be said."
        return Section(title, text=[*text, voice.say(none)])
    rows = [
        {
            "comparison": t.name,
            "treated": t.n_treated,
            "control": t.n_control,
            "conversions treated": t.conversions_treated,
            "conversions control": t.conversions_control,
            "effect on conversion": _effect(t.conversion, voice, 100),
            "verdict": t.verdict,
            "smallest detectable": voice.digits(None if t.detectable is None else 100 * t.detectable, ".2f"),
            "cost": voice.value(t.roi.cost, "money"),
            "incremental_roi": _return(t.roi, voice),
        }
        for t in found.trials
    ]
    note = voice.say("Effects are conversions more in a hundred accounts; incremental_roi is a multiple of the cost.")
    return Section(title, [voice.table(voice.say("Randomised comparisons"), pd.DataFrame(rows), note=note)], text)


def _compared(found: Returns, voice: Voice) -> Section | None:
    if not found.compared:
        return None
    rows = [
        {
            "campaign": c.name,
            "treated": c.n_treated,
            "control": c.n_control,
            "associated effect": _effect(c.conversion, voice, 100),
            "unadjusted": _effect(c.unadjusted, voice, 100),
            "negative control": _effect(c.negative_control, voice),
            "E-value": voice.digits(c.e_value, ".2f"),
            "associational_roi": _return(c.roi, voice),
        }
        for c in found.compared
    ]
    notes = [voice.sentence(note) for note in dict.fromkeys(note for c in found.compared for note in c.notes)]
    table = voice.table(voice.say("Adjusted comparisons"), pd.DataFrame(rows))
    return Section(voice.say("Associational: not randomised"), [table], notes)


def _held(found: Returns, voice: Voice) -> Section:
    title = voice.say("Forecast against what came in")
    ahead = found.ahead.notes if found.ahead else ()
    if found.held is None:
        none = "No run of the ledger has matured: its horizon and settling time are not over."
        return Section(title, text=[voice.say(none), *(voice.sentence(note) for note in ahead)])
    shown = ["by", "group", "accounts", "expected_wins", "wins", "wins_ratio", "wins_low", "wins_high"]
    money = ["expected_return", "gross", "cancelled", "net", "net_ratio", "net_low", "net_high"]
    groups = found.held.groups
    rows = groups[[c for c in (*shown, *money) if not groups[c].isna().all()]]
    formats: dict[str, Format] = dict.fromkeys(("expected_return", "gross", "cancelled", "net"), "money")
    parts: list[Table | Lines | Bars] = [voice.table(voice.say("By group"), rows, formats)]
    deciles = groups[groups["by"] == "decile"]
    if len(deciles):
        pair = [
            Series(voice.code("expected_wins"), deciles["expected_wins"].tolist(), dashed=True),
            Series(voice.code("wins"), deciles["wins"].tolist()),
        ]
        parts.insert(0, Lines(voice.say("Wins by decile of the score"), deciles["group"].tolist(), pair))
    figures = pd.DataFrame(list(found.held.figures.items()), columns=["figure", "value"])
    parts.append(voice.table(voice.say("Calibration and scores"), figures))
    notes = dict.fromkeys([*found.held.notes, *ahead])
    return Section(title, parts, [voice.sentence(note) for note in notes])


def _kpis(found: Returns, voice: Voice) -> Section:
    totals = found.kpis.totals()
    note = voice.say(
        "Of {period}, held against {baseline}; all KPIs: abm-scoring kpis. The KPI roi leaves shared costs out.",
        period=voice.told(found.kpis.period.name),
        baseline=voice.told(found.kpis.baseline.name),
    )
    table = figure_table(voice.say("KPIs"), totals[totals["figure"].isin(_KPIS)], voice, note)
    return Section(voice.say("KPIs of return"), [table])
