"""The return report as a page: the first screen is for a reader who has one minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.jobs.kpi_page import target_table
from abm_scoring.publish.report import Bars, Lines, ReportPage, Section, Series, Table, Tile
from abm_scoring.publish.report.figures import MISSING, written
from abm_scoring.publish.report.parts import Format, Tone
from abm_scoring.roi.attribution.credits import WHAT_CREDIT_IS_NOT

if TYPE_CHECKING:
    from abm_scoring.jobs.roi_result import Returns

_TONES: Mapping[str, Tone] = {"positive": "good", "negative": "bad", "cannot tell": "warn"}
_MOST = 25


def roi_page(found: Returns, project: str, config: Config) -> ReportPage:
    """The page of a return report."""
    currency, zone = config.project.currency, config.project.timezone
    subtitle = (
        f"{project}, {found.period.name}, as known before {found.as_of.tz_convert(zone):%Y-%m-%d}; money in "
        f"{currency}, returns are {found.credit.returns.replace('_', ' ')}"
    )
    sections = [
        _costs(found),
        _credit(found),
        _caused(found),
        _compared(found),
        _held(found),
        Section("Targets", [target_table(found.kpis.targets, currency)]) if len(found.kpis.targets) else None,
        _kpis(found),
    ]
    return ReportPage(
        "Did it pay off?", subtitle, _tiles(found, currency), [s for s in sections if s], currency=currency
    )


def _tiles(found: Returns, currency: str) -> list[Tile]:
    money = lambda value: written(value, "money", currency)  # noqa: E731
    spent = found.costs.total if found.costs else None
    loose = found.costs.unallocated_cents / 100 if found.costs else None
    credit = found.credit
    return [
        Tile("Spent", money(spent), f"of which {money(loose)} unallocated" if spent else "no table of costs"),
        Tile(
            "Influenced",
            money(credit.influenced) if credit.rules else MISSING,
            f"{credit.influenced_wins:.0f} of {credit.wins:.0f} wins had a touch; credit, not cause"
            if credit.rules
            else credit.reason,
        ),
        Tile("ROI on credit", _ratio(found.roi), found.roi_reason or "(influenced − campaign cost) ÷ campaign cost"),
        _caused_tile(found),
        _associational_tile(found),
        _came_in(found, currency),
        _ahead(found, currency),
    ]


def _ratio(value: float | None) -> str:
    return MISSING if value is None else f"{value:+.2f}"


def _range(low: Any, high: Any) -> str:
    return f"{low:+.2f} to {high:+.2f}" if low is not None and high is not None else ""


def _caused_tile(found: Returns) -> Tile:
    own = found.caused
    if own is None:
        said = [t.verdict for t in found.trials]
        note = f"no holdout; of {len(said)} randomised campaigns {said.count('positive')} positive" if said else ""
        return Tile("Caused (incremental_roi)", "cannot be said", note or "no holdout: cannot be said", "warn")
    bounds = [b for b in (_range(own.low, own.high), own.reason or "") if b]
    value = own.verdict if own.roi is None else f"{own.verdict}: {_ratio(own.roi)}"
    return Tile("Caused (incremental_roi)", value, "; ".join(bounds), _TONES[own.verdict])


def _associational_tile(found: Returns) -> Tile:
    known = [c for c in found.compared if c.roi.roi is not None]
    if not known:
        note = "no campaign was compared" if not found.compared else (found.compared[0].roi.reason or "")
        return Tile("associational_roi", MISSING, f"{note}; without randomisation in any case")
    one = known[0]
    return Tile(
        "associational_roi", _ratio(one.roi.roi), f"{one.name}: {_range(one.roi.low, one.roi.high)}; not randomised"
    )


def _came_in(found: Returns, currency: str) -> Tile:
    if found.held is None:
        return Tile("Forecast against came in", MISSING, "no run has matured")
    total = found.held.total()
    ratio = total.get("net_ratio")
    if ratio is None:
        ratio, low, high, outside = (total.get(k) for k in ("wins_ratio", "wins_low", "wins_high", "wins_outside"))
        what = f"{total.get('wins', 0):.0f} wins for {total.get('expected_wins', 0):.1f} expected"
    else:
        low, high, outside = (total.get(k) for k in ("net_low", "net_high", "money_outside"))
        net, expected = (written(total.get(key), "money", currency) for key in ("net", "expected_return"))
        what = f"{net} net for {expected}"
    value = MISSING if ratio is None else f"{ratio:.2f}"
    interval = f"; {low:.2f} to {high:.2f}" if low is not None and high is not None else ""
    return Tile("Came in ÷ forecast", value, what + interval, "warn" if outside else "plain")


def _ahead(found: Returns, currency: str) -> Tile:
    ahead = found.ahead
    if ahead is None:
        return Tile("Expected next", MISSING, "no list with probabilities")
    until = f"until {ahead.until:%Y-%m-%d}"
    season = "; months unseen in training" if ahead.unseen_months else ""
    if ahead.expected is None:
        return Tile(
            "Expected next", f"{ahead.wins:.1f} wins", f"{ahead.wins_low:.1f} to {ahead.wins_high:.1f}, {until}{season}"
        )
    low, high = (written(v, "money", currency) for v in (ahead.low, ahead.high))
    return Tile("Expected next", written(ahead.expected, "money", currency), f"{low} to {high}, {until}{season}")


def _costs(found: Returns) -> Section:
    if found.costs is None:
        return Section("Costs", text=["The table costs is not given."])
    parts: list[Table | Bars | Lines] = []
    for name in ("kind", "campaign", "channel", "tier", "content"):
        view = found.costs.views[name].drop(columns="cents")
        parts.append(Table(f"By {name}", view.head(_MOST), {"cost": "money"}))
    parts.append(
        Table("Budgets", found.costs.budgets, dict.fromkeys(("budget", "booked", "shared", "spent", "left"), "money"))
    )
    if len(found.costs.unpriced):
        parts.append(Table("Without a price, in no total", found.costs.unpriced))
    return Section("Costs", parts, ["Every view sums to the same total; what nobody can be charged with stands last."])


def _credit(found: Returns) -> Section:
    rules = found.credit.rules
    if rules is None:
        return Section("Credit", text=[found.credit.reason, WHAT_CREDIT_IS_NOT])
    shares, money = rules.side_by_side("share").head(_MOST), rules.side_by_side("money").head(_MOST)
    formats: dict[str, Format] = {str(c): "percent" for c in shares if c != "unit"}
    parts: list[Table | Lines | Bars] = [
        Table("Share of all wins by rule", shares, formats, "Disagreement: the largest share minus the smallest."),
        Table(
            f"{found.credit.returns.replace('_', ' ')} by rule", money, {str(c): "money" for c in money if c != "unit"}
        ),
        Bars("How much the rules disagree", shares["unit"].tolist(), shares["disagreement"].tolist(), format="percent"),
    ]
    return Section("Credit", parts, [WHAT_CREDIT_IS_NOT, *rules.notes])


def _effect(value: Any, digits: int = 4) -> str:
    if value is None or value.estimate is None:
        return MISSING
    bounds = "" if value.low is None else f" ({value.low:.{digits}f} to {value.high:.{digits}f})"
    return f"{value.estimate:.{digits}f}{bounds}"


def _caused(found: Returns) -> Section:
    text = [
        "Only a comparison that was randomised says what was caused. Cannot tell is not the same as no effect: a small "
        "comparison finds large effects only."
    ]
    if not found.trials:
        return Section("Caused", text=[*text, "No randomised comparison has matured: what was caused cannot be said."])
    rows = [
        {
            "comparison": t.name,
            "treated": t.n_treated,
            "control": t.n_control,
            "conversions treated": t.conversions_treated,
            "conversions control": t.conversions_control,
            "effect on conversion": _effect(t.conversion),
            "verdict": t.verdict,
            "smallest detectable": MISSING if t.detectable is None else f"{t.detectable:.4f}",
            "incremental_roi": _ratio(t.roi.roi),
            "interval": _range(t.roi.low, t.roi.high),
            "roi verdict": t.roi.verdict,
            "why": t.roi.reason or "",
        }
        for t in found.trials
    ]
    return Section("Caused", [Table("Randomised comparisons", pd.DataFrame(rows))], text)


def _compared(found: Returns) -> Section | None:
    if not found.compared:
        return None
    rows = [
        {
            "campaign": c.name,
            "treated": c.n_treated,
            "control": c.n_control,
            "associated effect": _effect(c.conversion),
            "unadjusted": _effect(c.unadjusted),
            "negative control": _effect(c.negative_control),
            "E-value": MISSING if c.e_value is None else f"{c.e_value:.2f}",
            "associational_roi": _ratio(c.roi.roi),
            "interval": _range(c.roi.low, c.roi.high),
        }
        for c in found.compared
    ]
    notes = list(dict.fromkeys(note for c in found.compared for note in c.notes))
    return Section("Associational: not randomised", [Table("Adjusted comparisons", pd.DataFrame(rows))], notes)


def _held(found: Returns) -> Section:
    title = "Forecast against what came in"
    if found.held is None:
        return Section(title, text=["No run of the ledger has matured: its horizon and settling time are not over."])
    shown = ["by", "group", "accounts", "expected_wins", "wins", "wins_ratio", "wins_low", "wins_high"]
    money = ["expected_return", "gross", "cancelled", "net", "net_ratio", "net_low", "net_high"]
    groups = found.held.groups
    rows = groups[[c for c in (*shown, *money) if not groups[c].isna().all()]]
    formats: dict[str, Format] = dict.fromkeys(("expected_return", "gross", "cancelled", "net"), "money")
    parts: list[Table | Lines | Bars] = [Table("By group", rows, formats)]
    deciles = groups[groups["by"] == "decile"]
    if len(deciles):
        pair = [
            Series("expected wins", deciles["expected_wins"].tolist(), dashed=True),
            Series("wins", deciles["wins"].tolist()),
        ]
        parts.insert(0, Lines("Wins by decile of the score", deciles["group"].tolist(), pair))
    figures = pd.DataFrame(list(found.held.figures.items()), columns=["figure", "value"])
    parts.append(Table("Calibration and scores", figures))
    notes = [*found.held.notes, *(found.ahead.notes if found.ahead else ())]
    return Section(title, parts, list(dict.fromkeys(notes)))


def _kpis(found: Returns) -> Section:
    names = (
        "roi",
        "cac_simple",
        "cac_full",
        "clv",
        "clv_to_cac",
        "cac_payback_months",
        "influenced_pipeline",
        "win_rate",
    )
    totals = found.kpis.totals()
    rows = totals[totals["figure"].isin(names)][["figure", "value", "low", "high", "baseline", "reason"]]
    note = f"Of {found.kpis.period.name}; all KPIs: abm-scoring kpis."
    return Section("KPIs of return", [Table("KPIs", rows, note=note)])
