"""Did it pay off: spent, influenced, caused, forecast against what came in, as one published report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.features.build import resolve
from abm_scoring.features.history import History
from abm_scoring.jobs.kpi_measuring import measure
from abm_scoring.jobs.ledger import Link
from abm_scoring.jobs.lift import associational_rows, campaign_cost, trials
from abm_scoring.jobs.plan import list_rows
from abm_scoring.jobs.realised import Outcomes, held
from abm_scoring.jobs.reporting import Facts, Shown, report
from abm_scoring.jobs.roi_page import roi_page
from abm_scoring.jobs.roi_result import Credit, Returns
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.learning.bundle import read_bundle
from abm_scoring.learning.value_sources import resolve_value
from abm_scoring.roi.associational import Associational, associational
from abm_scoring.roi.attribution.credits import attribute
from abm_scoring.roi.costs import CostLedger, ledger
from abm_scoring.roi.forecast import Forecast, forecast
from abm_scoring.roi.journeys import journeys
from abm_scoring.roi.metrics.observed import Given
from abm_scoring.roi.periods import Period, current
from abm_scoring.roi.predicted import Held
from abm_scoring.roi.trial import Trial


def roi(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, progress: Progress = silent) -> Returns:
    """Gather everything that was known on a day and publish the report.

    Args:
        workspace: Config and folders.
        as_of: Nothing that happened or was known at or after this moment is used, so that any past report can be made
            again.
        today: Whether `as_of` is the real today.
        progress: Told of each step.
    """
    found, folder = report("roi", workspace, as_of, today, progress, gather, _show)
    return replace(found, folder=folder)


def _show(found: Returns, workspace: Workspace) -> Shown:
    told = {key: value for key, value in found.as_json().items() if key != "report"}
    return Shown(roi_page(found, workspace.name, workspace.config), sheets(found), told)


def gather(known: Facts, progress: Progress = silent) -> Returns:
    """The report of facts, not published."""
    config, tables = known.workspace.config, known.tables
    period = current(config.roi.period, known.as_of, config.project.timezone)
    progress("costs and credit", 0, 0)
    costs = _costs(known, period)
    credit = _credit(known, period)
    progress("effects", 0, 0)
    history = History.of(tables, until=known.as_of, timezone=config.project.timezone, noise=config.noise)
    outcomes = Outcomes(
        history,
        config.label,
        resolve_value(config.value, config.label, history),
        config.roi.predicted.cancellation_events,
    )
    salt = config.scoring.holdout.salt if config.scoring.holdout else None
    tried = trials(known.links, tables, outcomes, salt, config.roi.lift)
    compared = _compared(known, history, outcomes)
    progress("forecast against what came in", 0, 0)
    matured = held(known.links, outcomes, tables["events"], config.scoring.sales_touches, config.roi.predicted)
    ahead = _ahead(known, matured)
    progress("measuring", 0, 0)
    kpis = measure(known, known.prepared(_given(tried, compared)))
    found = Returns(known.as_of, period, costs, credit, None, "", tried, compared, matured, ahead, kpis, known.warnings)
    ratio, reason = _return_on_cost(found)
    return replace(found, roi=ratio, roi_reason=reason, first_due=_first_due(known))


def _first_due(known: Facts) -> pd.Timestamp | None:
    """When the first list with probabilities has matured."""
    links = [*known.links, *([known.last] if known.last else [])]
    first = next((link for link in links if link.manifest.horizon_days and link.manifest.expected_conversions), None)
    if first is None or first.manifest.horizon_days is None:
        return None
    return first.as_of + pd.Timedelta(days=first.manifest.horizon_days + known.workspace.config.label.settle_days)


def _costs(known: Facts, period: Period) -> CostLedger | None:
    if "costs" not in known.tables:
        return None
    spec, currency = known.workspace.config.roi.costs, known.workspace.config.project.currency
    return ledger(known.tables, known.as_of, spec, currency=currency, since=period.start)


def _credit(known: Facts, period: Period) -> Credit:
    config = known.workspace.config.roi
    tables, value = _valued(known.tables, config.returns, config.gross_margin_rate)
    nothing = Credit(config.returns, None, 0.0, 0.0, 0.0, 0.0)
    if value is None:
        return replace(
            nothing, reason="no gross margin is known: give opportunities.gross_margin or roi.gross_margin_rate"
        )
    if "events" not in tables or "opportunities" not in tables:
        return replace(nothing, reason="credit needs the tables events and opportunities")
    family = families(tables["accounts"])
    found = journeys(
        tables["events"], tables["opportunities"], family, known.as_of, config.journeys, since=period.start, value=value
    )
    paths = found.paths
    wins, money = float(paths.wins.sum()), float(paths.money.sum())
    none_wins, none_money = paths.untouched
    rules = attribute(paths, config.attribution) if len(paths) and wins else None
    reason = "" if rules else "nothing was won in the period"
    return Credit(config.returns, rules, wins, money, wins - none_wins, money - none_money, reason)


def _valued(tables: Tables, returns: str, rate: float | None) -> tuple[Tables, str | None]:
    """The tables with what a deal brings, and the column that says so; None where it is unknown."""
    deals = tables["opportunities"]
    if returns == "revenue":
        return tables, "amount" if "amount" in deals else None
    stated = deals["gross_margin"] if "gross_margin" in deals else pd.Series(np.nan, deals.index)
    if rate is not None and "amount" in deals:
        stated = stated.fillna(deals["amount"] * rate)
    if len(deals) and stated.isna().all():
        return tables, None
    return tables.replace(opportunities=deals.assign(gross_margin=stated)), "gross_margin"


def _compared(known: Facts, history: History, outcomes: Outcomes) -> list[Associational]:
    """Campaigns that chose whom to touch, and so can only be compared; randomised ones are left to the trials."""
    config, tables = known.workspace.config, known.tables
    if "events" not in tables or "campaign_id" not in tables["events"] or not config.roi.compare_campaigns:
        return []
    randomised = set(tables["experiments"]["campaign_id"].dropna()) if "experiments" in tables else set()
    unknown = sorted(set(config.roi.compare_campaigns) - set(tables["events"]["campaign_id"].dropna()))
    if unknown:
        raise BadDataError(f"no event of the campaign {unknown[0]!r}", where="roi.compare_campaigns")
    specs = resolve(config.features, history, config.profile)
    found = []
    for name in config.roi.compare_campaigns:
        if name in randomised:
            continue
        rows, negative = associational_rows(history, tables, outcomes, config.cohort, specs, name)
        if len(rows):
            cost = campaign_cost(tables, name, rows, outcomes, config.roi.lift)
            found.append(associational(rows, name, config.roi.associational, cost, negative))
    return found


def _ahead(known: Facts, matured: Held | None) -> Forecast | None:
    """What the last list should bring; None where there is none, or it has no probabilities."""
    link = known.last
    if link is None or link.manifest.horizon_days is None:
        return None
    try:
        rows = list_rows(link)
    except BadDataError:
        return None
    spec = known.workspace.config.roi.predicted
    return forecast(rows, link.as_of, link.manifest.horizon_days, _trained_on(known.workspace, link), spec, matured)


def _trained_on(workspace: Workspace, link: Link) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """The stretch that outcomes of the model's training fell into; empty where the model is gone."""
    try:
        about = read_bundle(workspace.models / link.manifest.model_version).about
    except MissingInputError:
        return []
    first, last = about.training.get("first_as_of"), about.training.get("last_as_of")
    if first is None or last is None:
        return []
    return [(pd.Timestamp(first), pd.Timestamp(last) + pd.Timedelta(days=about.horizon_days))]


def _given(tried: Sequence[Trial], compared: Sequence[Associational]) -> dict[str, Given]:
    """incremental_roi of the holdout; associational_roi where exactly one campaign was compared."""
    found = {}
    own = next((t.roi for t in tried if t.name == "holdout"), None)
    alone = compared[0].roi if len(compared) == 1 else None
    for name, one in (("incremental_roi", own), ("associational_roi", alone)):
        if one is not None and one.roi is not None:
            method = "holdout" if name == "incremental_roi" else "AIPW, not randomised"
            found[name] = Given(one.roi, one.low, one.high, one.returned, one.cost, method)
    return found


def _return_on_cost(found: Returns) -> tuple[float | None, str]:
    cost = found.campaign_cost
    if found.costs is None:
        return None, "no campaign cost is known: the table costs is not given"
    if not cost:
        return None, "no campaign cost is known in the period"
    if found.credit.rules is None:
        return None, found.credit.reason
    return (found.credit.influenced - cost) / cost, ""


def sheets(found: Returns) -> dict[str, pd.DataFrame]:
    """Tables of the workbook."""
    tables = {"targets": found.kpis.targets, "kpis": found.kpis.totals()}
    if found.costs is not None:
        tables |= {f"cost by {name}": view for name, view in found.costs.views.items()}
        tables["budgets"] = found.costs.budgets
    if found.credit.rules is not None:
        tables["credit"] = found.credit.rules.credits
        tables["credit side by side"] = found.credit.rules.side_by_side("money")
    if found.held is not None:
        tables["predicted and realised"] = found.held.groups
    return tables
