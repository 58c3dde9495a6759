"""Commands that begin a project and look at it: init, demo, check, config."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import ConfigFile, Json, Overrides
from abm_scoring.cli.output import print_json, show_list, show_training, warn

config_app = typer.Typer(help="Show what a configuration means.", no_args_is_help=True)
app.add_typer(config_app, name="config")


@app.command(epilog="Example: abm-scoring init my-project --from exports/companies.csv --from exports/deals.xlsx")
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to create the project in.")] = Path("."),
    name: Annotated[str, typer.Option(help="Name of the project.")] = "abm",
    files: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE", help="Look at this export and propose its source; repeatable."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Zone of times without an offset, e.g. Europe/Berlin.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Currency of all amounts, e.g. EUR.")] = None,
    as_json: Json = False,
) -> None:
    """Write a commented configuration to start from; with --from, sources proposed from your files."""
    from abm_scoring.jobs.init import init as job

    path, proposals = job(folder, name, files or (), timezone, datetime.now(UTC).date(), currency)
    if as_json:
        print_json({"config": str(path), "proposals": [p.as_dict() for p in proposals]})
        return
    for proposal in proposals:
        typer.echo(f"{proposal.file}: {proposal.table}")
        for line in (*proposal.remarks[1:], *(f"nothing looks like {m}: add it" for m in proposal.missing)):
            typer.echo(f"  - {line}")
    typer.echo(f"{path} is yours to {'read and correct' if proposals else 'edit'}; then: abm-scoring check {path}")


@app.command(epilog="Example: abm-scoring demo --out demo --accounts 2000")
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("demo"),
    accounts: Annotated[int, typer.Option(min=50, help="Accounts in the market.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another market.")] = 7,
    scenario: Annotated[
        str, typer.Option(help="market, or machine-builder: nine customers and four wish accounts.")
    ] = "market",
    as_json: Json = False,
) -> None:
    """Make a fictional market, train on it, and publish a ranked list."""
    from abm_scoring.jobs.demo import demo as job
    from abm_scoring.terminal import progress_bar

    with progress_bar() as progress:
        done = job(out, scenario, accounts, seed, datetime.now(UTC), progress)
    warn(done.scored.warnings)
    if as_json:
        print_json({"config": str(done.config), "train": done.trained.as_json(), "score": done.scored.as_json()})
        return
    show_training(done.trained)
    show_list(done.scored)
    typer.echo(f"tables: {done.config.parent / 'data'}\nconfig: {done.config}\nlist:   {done.scored.as_json()['list']}")


@config_app.command("show", epilog="Example: abm-scoring config show configs/abm.yaml --set scoring.reasons=3")
def config_show(config: ConfigFile, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print the configuration with every default visible."""
    from abm_scoring.config_file import load_config, show

    loaded = load_config(config, overrides or ())
    if as_json:
        print_json(loaded.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(show(loaded), nl=False)


@config_app.command("schema", epilog="Example: abm-scoring config schema > configs/schema.json")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from abm_scoring.config_file import json_schema

    print_json(json_schema())
