"""Commands that score accounts and decide who is qualified: score, backfill, mqa simulate."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.heartbeat import heartbeat
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import figure, print_json, show_list, warn
from abm_scoring.errors import UsageError

mqa_app = typer.Typer(help="Marketing-qualified accounts.", no_args_is_help=True)
app.add_typer(mqa_app, name="mqa")


@app.command(epilog="Example, in cron: abm-scoring score configs/abm.yaml")
def score(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run every gate and write nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse where a gate would only warn.")] = False,
    accept_volume: Annotated[
        bool, typer.Option("--accept-volume", help="Publish although a table or the list shrank by half or more.")
    ] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Let empty accounts and events through.")] = False,
    as_json: Json = False,
) -> None:
    """Score all accounts and publish the ranked list."""
    from abm_scoring.jobs.score import Flags
    from abm_scoring.jobs.score import score as job
    from abm_scoring.terminal import progress_bar

    overrides = [*(overrides or ()), *(["checks.allow_empty=true"] if allow_empty else ())]
    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        done = job(workspace, day, datetime.now(UTC), today, progress, Flags(dry_run, strict, accept_volume))
    warn(done.warnings)
    if not dry_run:
        heartbeat()
    if as_json:
        print_json(done.as_json())
    elif sys.stdout.isatty():
        show_list(done)


@app.command(epilog="Example: abm-scoring backfill configs/abm.yaml --from 2026-01-01 --to 2026-01-31")
def backfill(
    config: ConfigFile,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day, included.")],
    every: Annotated[int, typer.Option("--every", min=1, help="Days from one night to the next.")] = 1,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Score past days as their nights would have.

    The runs are retrospective: they stand beside the ledger, and `latest` does not move. Days that stand already are
    kept, so that a backfill which was interrupted goes on where it stopped.
    """
    from abm_scoring.jobs.backfill import backfill as job
    from abm_scoring.jobs.backfill import nights_between
    from abm_scoring.terminal import progress_bar

    workspace, _, _ = open_project(config, overrides, last, data_root, out)
    nights = nights_between(workspace, first, last, every)
    with progress_bar() as progress:
        done = job(workspace, nights, datetime.now(UTC), progress)
    warn(done.warnings)
    if as_json:
        print_json(done.as_json())
    elif sys.stdout.isatty():
        typer.echo(f"{done.computed} nights scored, {len(done.runs) - done.computed} stood already")


@mqa_app.command(
    "simulate", epilog="Example: abm-scoring mqa simulate configs/abm.yaml --set scoring.mqa.max_days=60 --json"
)
def mqa_simulate(
    config: ConfigFile,
    overrides: Overrides = None,
    weeks: Annotated[int, typer.Option("--weeks", min=1, help="How many weeks of past nights.")] = 26,
    every: Annotated[int, typer.Option("--every", min=1, help="Days from one night to the next.")] = 7,
    model: Annotated[
        str,
        typer.Option(
            help="refit: trained on what was known before the first night; champion: today's, which may have seen them."
        ),
    ] = "refit",
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Show what an MQA policy would have done on past nights.

    The policy is that of CONFIG with what --set changes; that of CONFIG alone, the same policy without hysteresis, and
    plain rules stand beside it. Nothing is written.
    """
    from abm_scoring.jobs.mqa import simulate
    from abm_scoring.terminal import progress_bar

    if model not in ("refit", "champion"):
        raise UsageError(f"no model {model!r}", where="--model", fix="refit or champion")
    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    standing = open_project(config, None, as_of, data_root, out)[0].config.scoring.mqa
    with progress_bar() as progress:
        done = simulate(workspace, standing, day, weeks, every, model, today, progress)  # type: ignore[arg-type]
    warn(done.warnings)
    if as_json:
        print_json(done.as_json())
    else:
        _show_policies(done)


def _show_policies(done: Any) -> None:
    from abm_scoring.terminal import table

    found = done.as_json()
    shown = (
        "mqas_a_week",
        "open_mean",
        "open_most",
        "changes_per_account_month",
        "flips_per_account_month",
        "precision",
        "precision_ci",
        "conversions_held",
        "conversions_held_ci",
    )
    rows = [[key, *(figure(policy[key]) for policy in found["policies"].values())] for key in shown]
    title = (
        f"{found['nights']} nights, {found['first'][:10]} to {found['last'][:10]}, {found['accounts']:.0f} candidates"
    )
    table(title, ["", *found["policies"]], rows)
    model = found["model"]
    typer.echo(f"scored by a model ({model['kind']}) that knows what was known on {model['knows_until'][:10]}")
