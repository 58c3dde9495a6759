"""Commands about data: check, select, preset, pull."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json, warn
from abm_scoring.errors import OutputError


@app.command(epilog="Example: abm-scoring check configs/abm.yaml --html check.html")
def check(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the whole report as one HTML file.")] = None,
    proposals: Annotated[
        Path | None, typer.Option("--proposals", help="Write merges and matches to judge, as a mapping file (CSV).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read and check all tables; train nothing.

    Ends with 65 where a run would be refused; the report then covers the rows that are left.
    """
    from abm_scoring.jobs.check import check as job
    from abm_scoring.jobs.check_report import write_check

    for path in (html, proposals):
        if path is not None and path.exists():
            raise OutputError("exists already", where=str(path), fix="choose another name")
    workspace, day, today = open_project(config, overrides, as_of, data_root, None)
    found = job(workspace, day, today)
    local = day.tz_convert(workspace.config.project.timezone)  # in Berlin, a day begins on the evening before in UTC
    warn(found.warnings)
    if html is not None:
        write_check(found, workspace.name, local, html)
    if proposals is not None:
        found.proposals.to_csv(proposals, index=False, lineterminator="\n")
    if as_json:
        print_json(found.as_json())
    else:
        _show_check(found, f"tables as of {local:%Y-%m-%d}")
    if found.refused is not None:
        raise found.refused


def _show_check(found: Any, title: str) -> None:
    from abm_scoring.terminal import table

    table(title, found.header, found.rows())
    if found.findings:
        rows = [[f"{f.table}.{f.column}".rstrip("."), f.code, f.what, f.cost, f.fix] for f in found.findings]
        table("what looks wrong", ["where", "kind", "what", "cost", "fix"], rows)
    first = found.as_json()["accounts"]["fix_first"]
    if first:
        table("what accounts lack most", ["fact", "accounts"], [[k, v] for k, v in first.items()])


@app.command(epilog="Example: abm-scoring select configs/abm.yaml --where \"employee_count > 500 AND country = 'AT'\"")
def select(
    config: ConfigFile,
    where: Annotated[
        str, typer.Option("--where", help="A condition in SQL, or the name of one of the configuration's lists.")
    ] = "true",
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write the list as CSV.")] = None,
    features: Annotated[bool, typer.Option(help="Build features, so that the condition can name them.")] = True,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most accounts.")] = None,
    columns: Annotated[bool, typer.Option("--columns", help="Print what a condition may name, and end.")] = False,
    as_json: Json = False,
) -> None:
    """List the accounts for which a condition holds; no model is needed."""
    from abm_scoring.jobs.select import export
    from abm_scoring.jobs.select import select as job

    workspace, day, _ = open_project(config, overrides, as_of, data_root, out)
    found = job(workspace, day, where, features, limit)
    if columns:
        typer.echo("\n".join(found.columns))
        return
    if to is not None:
        export(found, to)
    if as_json:
        print_json(found.as_json())
        return
    from abm_scoring.terminal import table

    shown = [
        c for c in ("account_id", "account_name", "sector", "country", "employee_count", "score") if c in found.chosen
    ]
    rows = found.chosen[shown].head(20).astype(object).where(found.chosen[shown].head(20).notna(), None)
    table(f"{len(found.chosen)} of {found.of} accounts", shown, rows.to_numpy().tolist())


@app.command(epilog="Example: abm-scoring pull configs/abm.yaml companies deals")
def pull(
    config: ConfigFile,
    names: Annotated[list[str] | None, typer.Argument(help="Pulls of the configuration; none: all.")] = None,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch everything anew, so that deleted records go.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch what changed in HubSpot or Salesforce into local files.

    Ends with 69 where a service does not answer; what came is kept, and the same command goes on from there.
    """
    from abm_scoring.jobs.pull import pull as job
    from abm_scoring.terminal import progress_bar

    workspace, _, _ = open_project(config, overrides, None, data_root, None)
    with progress_bar() as progress:
        done = job(workspace, datetime.now(UTC), names or (), full, progress)
    if as_json:
        print_json({"pulls": [one.as_dict() for one in done]})
        return
    for one in done:
        typer.echo(f"{one.name}: {one.fetched} fetched, {one.records} records in {one.file}")


@app.command(epilog="Example: abm-scoring preset hubspot > presets/hubspot.yaml")
def preset(
    name: Annotated[str, typer.Argument(help="hubspot, salesforce, dynamics365, marketo or pardot.")],
) -> None:
    """Print a preset, to copy and change."""
    from abm_scoring.data.presets import preset_text

    typer.echo(preset_text(name), nl=False)
