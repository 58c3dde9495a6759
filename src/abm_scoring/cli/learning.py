"""Commands that make models: train."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json, show_training, warn


@app.command(epilog="Example: abm-scoring train configs/abm.yaml --as-of 2026-01-01 --json")
def train(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    challenger: Annotated[bool, typer.Option("--challenger", help="Publish it, and leave the champion.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model, publish its bundle and write its evaluation report.

    Ends with 0 also where nothing beats the constant: then no bundle is shipped, and the output says so.
    """
    from abm_scoring.jobs.train import train as job
    from abm_scoring.terminal import progress_bar

    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        done = job(workspace, day, today, progress, ship="challenger" if challenger else "champion")
    warn(done.warnings)
    if as_json:
        print_json(done.as_json())
    elif sys.stdout.isatty():
        show_training(done)
