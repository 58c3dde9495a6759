"""Commands that examine: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json


@app.command(epilog="Example: abm-scoring doctor configs/abm.yaml")
def doctor(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG]", help="The YAML file, if there is one.")] = None,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Examine the installation and a project, and say how to mend what is wrong.

    Ends with the exit code with which a run would end because of the first thing that failed, else with 0.
    """
    from abm_scoring.jobs.doctor import examine, examine_machine

    checks = examine_machine()
    if config is not None:
        workspace, _, _ = open_project(config, overrides, None, data_root, out)
        checks += examine(workspace)
    if as_json:
        print_json({"checks": [check.as_json() for check in checks]})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            fix = f" - {check.fix}" if check.fix and check.outcome != "ok" else ""
            typer.echo(f"{check.outcome:<8} {check.name:<{width}}  {check.found}{fix}")
    failed = next((check for check in checks if check.outcome == "failed"), None)
    if failed is not None:
        raise SystemExit(failed.exit_code or 77)
