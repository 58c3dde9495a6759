"""Commands about published runs: runs list, show, verify, prune."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import ConfigFile, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json

runs_app = typer.Typer(help="Published runs.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Its name, the beginning of it, or `latest`.")]
_SHOWN = ("run", "place", "n_ranked", "n_withheld", "n_not_scored", "mqa_open", "model_version", "pruned")


@runs_app.command("list", epilog="Example: abm-scoring runs list configs/abm.yaml")
def runs_list(config: ConfigFile, overrides: Overrides = None, out: Out = None, as_json: Json = False) -> None:
    """List all runs, newest first, with their place on the ledger."""
    from abm_scoring.jobs.runs import run_lines
    from abm_scoring.terminal import table

    workspace, _, _ = open_project(config, overrides, None, None, out)
    lines = [line.as_json() for line in run_lines(workspace)]
    if as_json:
        print_json({"runs": lines})
    else:
        table(f"{len(lines)} runs", list(_SHOWN), [[line[name] for name in _SHOWN] for line in lines])


@runs_app.command("show", epilog="Example: abm-scoring runs show configs/abm.yaml latest")
def runs_show(config: ConfigFile, run: RunName, overrides: Overrides = None, out: Out = None) -> None:
    """Print the manifest of a run: inputs, counts, gates, versions, hashes."""
    from abm_scoring.jobs.runs import find_run
    from abm_scoring.publish.runs import read_manifest

    workspace, _, _ = open_project(config, overrides, None, None, out)
    typer.echo(read_manifest(find_run(workspace, run)).to_json(), nl=False)


@runs_app.command("verify", epilog="Example: abm-scoring runs verify configs/abm.yaml")
def runs_verify(
    config: ConfigFile,
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Default: all of them.")] = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Hash runs again and compare them with their manifests.

    Ends with 65 where one was altered, with 66 where a run of the ledger is gone.
    """
    from abm_scoring.jobs.runs import refuse_altered, verify_runs

    workspace, _, _ = open_project(config, overrides, None, None, out)
    found = verify_runs(workspace, run or ())
    if as_json:
        print_json({"runs": found})
    refuse_altered(found)
    if not as_json and sys.stdout.isatty():
        typer.echo(f"{len(found)} runs are what was published")


@runs_app.command("prune", epilog="Example: abm-scoring runs prune configs/abm.yaml --keep 30")
def runs_prune(
    config: ConfigFile,
    keep: Annotated[
        int | None, typer.Option("--keep", min=2, help="Newest runs that keep theirs. Default: retention.renderings.")
    ] = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Remove lists, pages and other renderings of old runs; scores, decisions and manifests always stay."""
    from abm_scoring.jobs.runs import prune

    workspace, _, _ = open_project(config, overrides, None, None, out)
    done = prune(workspace, keep)
    if as_json:
        print_json(done.as_json())
    elif sys.stdout.isatty():
        typer.echo(f"{len(done.runs)} runs pruned, {done.freed_bytes / 2**20:.1f} MB freed")
