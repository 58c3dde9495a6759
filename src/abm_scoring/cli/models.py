"""Commands about trained models: models list, show, promote, rollback; evaluate; profile."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project, work
from abm_scoring.cli.output import cell, figure, print_json, warn

models_app = typer.Typer(help="The trained models of a project.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Version = Annotated[str, typer.Argument(help="Version of the model, or the beginning of it.")]


@models_app.command("list", epilog="Example: abm-scoring models list configs/abm.yaml")
def models_list(config: ConfigFile, overrides: Overrides = None, out: Out = None, as_json: Json = False) -> None:
    """List the published models; the champion is the one that scoring uses."""
    from abm_scoring.jobs.models import list_models
    from abm_scoring.terminal import table

    workspace, _, _ = open_project(config, overrides, None, None, out)
    found = list_models(workspace)
    if as_json:
        print_json(found)
        return
    names = ("version", "rung", "rows", "converted", "last rows of", "test AUC", "log-loss", "")
    table(f"models of {workspace.name}", names, [_line(row) for row in found])


@models_app.command("show", epilog="Example: abm-scoring models show configs/abm.yaml 0a1b2c")
def models_show(
    config: ConfigFile,
    version: Annotated[str | None, typer.Argument(help="Version, or the beginning of it. Default: champion.")] = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Prove one model and show what is known of it."""
    from abm_scoring.jobs.models import show_model
    from abm_scoring.terminal import table

    workspace, _, _ = open_project(config, overrides, None, None, out)
    found = show_model(workspace, version)
    warn(tuple(found["warnings"]))
    if as_json:
        print_json(found)
        return
    shown = ("rung", "champion", "horizon_days", "rows", "converted_rows", "first_as_of", "last_as_of", "folder")
    rows = [[name, str(found[name])] for name in shown]
    rows += [[f"test {name}", figure(value)] for name, value in (found["test"] or {}).items()]
    table(f"model {found['version']}", ["", ""], rows)


@models_app.command("promote", epilog="Example: abm-scoring models promote configs/abm.yaml 0a1b2c")
def models_promote(
    config: ConfigFile,
    version: Version,
    overrides: Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="Promote without comparing.")] = False,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Make a model the champion if it is better than the present one on rows that neither has seen.

    Better means: with 95 % confidence it saves log-loss, and neither lift at capacity nor calibration is worse.
    """
    from abm_scoring.jobs.models import promote

    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    _show_move(promote(workspace, version, day, today, force), as_json)


@models_app.command("rollback", epilog="Example: abm-scoring models rollback configs/abm.yaml")
def models_rollback(config: ConfigFile, overrides: Overrides = None, out: Out = None, as_json: Json = False) -> None:
    """Make the earlier champion the champion again; a second rollback undoes the first."""
    from abm_scoring.jobs.models import rollback

    workspace, _, _ = open_project(config, overrides, None, None, out)
    _show_move(rollback(workspace), as_json)


def _show_move(moved: Any, as_json: bool) -> None:
    warn(moved.warnings)
    if as_json:
        print_json(moved.as_json())
        return
    if moved.promoted:
        typer.echo(f"champion: {moved.champion} (before: {moved.before or 'none'})")
        return
    why = "; ".join(moved.comparison.reasons) if moved.comparison else "it is the champion already"
    typer.echo(f"champion stays {moved.champion}: {why}")


def _line(row: dict[str, Any]) -> list[str]:
    test = row["test"] or {}
    place = "champion" if row["champion"] else "before" if row["before"] else ""
    return [
        row["version"],
        row["rung"],
        str(row["rows"]),
        str(row["converted_rows"]),
        (row["last_as_of"] or "")[:10],
        figure(test.get("auc")),
        figure(test.get("log_loss")),
        place,
    ]


@app.command(epilog="Example: abm-scoring evaluate configs/abm.yaml")
def evaluate(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train without shipping, and write the evaluation report with its learning curve."""
    from abm_scoring.jobs.evaluate import evaluate as job

    done = work(job, config, overrides, as_of, data_root, out)
    if as_json:
        print_json(done.as_json())
    else:
        typer.echo(f"report: {done.as_json()['report']}")


@app.command(epilog="Example: abm-scoring profile configs/abm.yaml")
def profile(
    config: ConfigFile,
    overrides: Overrides = None,
    most: Annotated[int, typer.Option("--most", min=0, help="Look-alikes to list.")] = 20,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Show which kinds of company convert, propose an ideal customer profile, and list look-alikes."""
    from abm_scoring.jobs.profile import profile as job
    from abm_scoring.terminal import table

    workspace, day, today = open_project(config, overrides, as_of, data_root, None)
    done = job(workspace, day, today, most)
    warn(done.warnings)
    if as_json:
        print_json(done.as_json())
        return
    found = done.as_json()
    names = (
        "dimension",
        "group",
        "companies",
        "conversions",
        "lift",
        "lift_low",
        "lift_high",
        "shrunk_lift",
        "proposed",
    )
    title = f"{done.conversions} of {done.companies} companies: {done.source}"
    table(title, names, [[cell(row[name]) for name in names] for row in found["groups"]])
    alike = ("account_id", "account_name", "likeness", "because")
    table("most alike", alike, [[cell(row.get(name)) for name in alike] for row in found["look_alikes"]])
    typer.echo(done.block or "no profile is proposed")
