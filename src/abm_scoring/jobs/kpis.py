"""KPIs: measure every metric as of a day and publish the report."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from abm_scoring.jobs.kpi_measuring import Kpis, measure
from abm_scoring.jobs.kpi_page import kpi_page
from abm_scoring.jobs.reporting import Facts, Shown, report
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.roi.metrics.compute import ABM, NON_ABM, TOTAL


def kpis(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, progress: Progress = silent) -> Kpis:
    """Measure every KPI as of a day and publish the report.

    Args:
        workspace: Config and folders.
        as_of: Nothing that happened or was known at or after this moment is used, so that any past report can be made
            again.
        today: Whether `as_of` is the real today.
        progress: Told of each step.
    """
    found, folder = report("kpis", workspace, as_of, today, progress, _gather, _show)
    return replace(found, folder=folder)


def _gather(known: Facts, progress: Progress) -> Kpis:
    progress("measuring", 0, 0)
    return measure(known)


def _show(found: Kpis, workspace: Workspace) -> Shown:
    sheets = {
        "figures": found.totals(),
        "targets": found.targets,
        "groups": found.now[~found.now["view"].isin([TOTAL, ABM, NON_ABM])],
        "over time": found.over_time,
        "variants": found.variants,
        "content last week": found.flagged,
    }
    told = {key: value for key, value in found.as_json().items() if key != "report"}
    told |= {"groups": sheets["groups"], "over_time": found.over_time, "last_week": found.flagged}
    return Shown(kpi_page(found, workspace.name, workspace.config), sheets, told)
