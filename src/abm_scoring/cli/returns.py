"""Commands that say whether it paid off: kpis, roi."""

from __future__ import annotations

from typing import Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, work
from abm_scoring.cli.output import print_json


@app.command(epilog="Example: abm-scoring kpis configs/abm.yaml --as-of 2026-01-01")
def kpis(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Measure every KPI with its baseline, interval and target, and publish the report."""
    from abm_scoring.jobs.kpis import kpis as job

    done = work(job, config, overrides, as_of, data_root, out)
    if as_json:
        print_json(done.as_json())
    else:
        _show_kpis(done)


def _show_kpis(done: Any) -> None:
    from abm_scoring.terminal import table

    targets = done.as_json()["targets"]
    names = ("figure", "period", "baseline", "value", "goal", "status")
    if targets:
        table("targets", list(names), [[_cell(t[n]) for n in names] for t in targets])
    shown = ("figure", "value", "baseline", "low", "high", "reason")
    rows = [[_cell(f[n]) for n in shown] for f in done.as_json()["figures"]]
    table(f"KPIs of {done.period.name}, baseline {done.baseline.name}", list(shown), rows)
    typer.echo(f"report: {done.folder}/report.html")


@app.command(epilog="Example: abm-scoring roi configs/abm.yaml --as-of 2026-01-01 --json")
def roi(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Say what was spent, influenced and caused, hold the forecast against what came in, and publish the report."""
    from abm_scoring.jobs.roi import roi as job

    done = work(job, config, overrides, as_of, data_root, out)
    if as_json:
        print_json(done.as_json())
        return
    _show_roi(done)


def _show_roi(done: Any) -> None:
    from abm_scoring.jobs.roi_tiles import tiles
    from abm_scoring.publish.report.voice import Voice

    for tile in tiles(done, Voice("en", done.costs.currency if done.costs else "")):
        typer.echo(
            f"{tile.label}: {tile.value}{f' - {tile.note}' if tile.note else ''}".replace("\N{NO-BREAK SPACE}", " ")
        )
    typer.echo(f"report: {done.folder}/report.html")


def _cell(value: Any) -> Any:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value
