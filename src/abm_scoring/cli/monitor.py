"""Commands that watch: monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json, warn
from abm_scoring.errors import MissingInputError

_SERIES = (
    "as_of",
    "accounts",
    "score_psi",
    "score_median",
    "drifted",
    "most_missing",
    "expected_conversions",
    "mqa_open",
)


@app.command(epilog="Example, weekly in cron: abm-scoring monitor configs/abm.yaml --strict")
def monitor(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write a page; replaces what stands there.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 66 where there is an alarm.")] = False,
    as_json: Json = False,
) -> None:
    """Compare the runs of the ledger with training and with what came of them, and say whether to train again."""
    from abm_scoring.jobs.monitor import monitor as job
    from abm_scoring.jobs.monitor import write_page
    from abm_scoring.terminal import progress_bar

    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        found = job(workspace, day, today, progress)
    warn(found.warnings)
    if html is not None:
        write_page(found, html)
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)
    if strict and found.alarms:
        said = "; ".join(says for _, says in found.alarms[:3])
        fix = "train again" if found.advice else "look at the page of --html"
        raise MissingInputError(f"{len(found.alarms)} alarms: {said}", where=found.run, fix=fix)


def _show(found: Any) -> None:
    from abm_scoring.terminal import table

    shown = found.as_json()
    rows = [[_short(point[name]) for name in _SERIES] for point in shown["series"][-14:]]
    table(f"{found.project}: the last {len(rows)} nights", list(_SERIES), rows)
    for kind, says in found.alarms:
        typer.echo(f"{kind}: {says}")
    reasons = "; ".join(found.advice)
    typer.echo(f"train again: {reasons}" if reasons else "no reason to train again")


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)[:10] if isinstance(value, str) and value[:2] == "20" else value
