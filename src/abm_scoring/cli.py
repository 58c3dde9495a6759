"""The command line: one function a command. The only place that reads the clock and ends the process."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from abm_scoring import __version__
from abm_scoring.errors import AbmError, DiskError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from abm_scoring.jobs.workspace import Workspace

app = typer.Typer(
    help="Which accounts to target, why, and did it pay off? One YAML file in, a ranked target-account list out.",
    epilog="Start with: abm-scoring demo --out demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
config_app = typer.Typer(help="Show what a configuration means.", no_args_is_help=True)
app.add_typer(config_app, name="config")
mqa_app = typer.Typer(help="Marketing-qualified accounts.", no_args_is_help=True)
app.add_typer(mqa_app, name="mqa")

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. scoring.reasons=3; repeatable.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Pretend that it is this day, e.g. 2026-01-31.")
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="Where relative source paths start. Default: $ABM_SCORING_DATA_ROOT, else the project folder.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for models/, runs/ and mlflow/.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

_SHOWN = ("rank", "account_name", "score", "conversion_probability", "reason_1", "reason_2")


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if debug:
        os.environ["ABM_SCORING_DEBUG"] = "1"


@app.command(epilog="Example: abm-scoring init my-project --name my-project")
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to create the project in.")] = Path("."),
    name: Annotated[str, typer.Option(help="Name of the project.")] = "abm",
    as_json: Json = False,
) -> None:
    """Write a commented configuration to start from."""
    from abm_scoring.jobs.init import init as job

    path = job(folder, name)
    if as_json:
        _print({"config": str(path)})
    else:
        typer.echo(f"{path} is yours to edit; then: abm-scoring check {path}")


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
    _warn(done.scored.warnings)
    if as_json:
        _print({"config": str(done.config), "train": done.trained.as_json(), "score": done.scored.as_json()})
        return
    _show_training(done.trained)
    _show_list(done.scored)
    typer.echo(f"tables: {done.config.parent / 'data'}\nconfig: {done.config}\nlist:   {done.scored.as_json()['list']}")


@app.command(epilog="Example: abm-scoring check configs/abm.yaml")
def check(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Read and check all tables; train and write nothing."""
    from abm_scoring.jobs.check import check as job
    from abm_scoring.terminal import table

    workspace, day, today = _open(config, overrides, as_of, data_root, None)
    found = job(workspace, day, today)
    _warn(found.warnings)
    if as_json:
        _print(found.as_json())
    else:
        table(f"tables as of {day:%Y-%m-%d}", found.header, found.rows())


@app.command(epilog="Example: abm-scoring train configs/abm.yaml --as-of 2026-01-01 --json")
def train(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a model and publish its bundle.

    Ends with 0 also where nothing beats the constant: then no bundle is shipped, and the output says so.
    """
    from abm_scoring.jobs.train import train as job
    from abm_scoring.terminal import progress_bar

    workspace, day, today = _open(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        done = job(workspace, day, today, progress)
    _warn(done.warnings)
    if as_json:
        _print(done.as_json())
    elif sys.stdout.isatty():
        _show_training(done)


@app.command(epilog="Example, in cron: abm-scoring score configs/abm.yaml")
def score(
    config: ConfigFile,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Score all accounts and publish the ranked list."""
    from abm_scoring.jobs.score import score as job
    from abm_scoring.terminal import progress_bar

    workspace, day, today = _open(config, overrides, as_of, data_root, out)
    with progress_bar() as progress:
        done = job(workspace, day, datetime.now(UTC), today, progress)
    _warn(done.warnings)
    if as_json:
        _print(done.as_json())
    elif sys.stdout.isatty():
        _show_list(done)


@config_app.command("show", epilog="Example: abm-scoring config show configs/abm.yaml --set scoring.reasons=3")
def config_show(config: ConfigFile, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print the configuration with every default visible."""
    from abm_scoring.config_file import load_config, show

    loaded = load_config(config, overrides or ())
    if as_json:
        _print(loaded.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(show(loaded), nl=False)


@config_app.command("schema", epilog="Example: abm-scoring config schema > configs/schema.json")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from abm_scoring.config_file import json_schema

    _print(json_schema())


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
    workspace, day, today = _open(config, overrides, as_of, data_root, out)
    standing = _open(config, None, as_of, data_root, out)[0].config.scoring.mqa
    with progress_bar() as progress:
        done = simulate(workspace, standing, day, weeks, every, model, today, progress)  # type: ignore[arg-type]
    _warn(done.warnings)
    if as_json:
        _print(done.as_json())
    else:
        _show_policies(done)


def main() -> NoReturn:
    """Run the command line and end the process with the exit code of what happened."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Threads that wait for one another should sleep: spinning brings a busy machine to a stand.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:
        if os.environ.get("ABM_SCORING_DEBUG"):
            raise
        code, message = _failure(error)
        if message:
            print(f"abm-scoring: {message}", file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


def _failure(error: BaseException) -> tuple[int, str]:
    """Exit code and the one line that says what is wrong, where, and how to fix it."""
    if isinstance(error, AbmError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return 130, ""
    if hasattr(error, "format_message"):  # of click, or of the copy of it that typer carries
        return UsageError.exit_code, f"{error.format_message()} - see `abm-scoring --help`"
    if isinstance(error, MemoryError):
        return 71, "out of memory - lower engine.accounts_per_partition or give the job more memory"
    if isinstance(error, PermissionError):
        return 77, f"{error.filename}: no permission - run as the folder's owner or change its mode"
    if isinstance(error, OSError):
        return DiskError.exit_code, f"{error.filename or 'a file'}: {error.strerror or error} - nothing was published"
    return 70, f"{type(error).__name__}: {error} - this is a bug; run again with `abm-scoring --debug …` and report it"


def _open(
    config: Path, overrides: list[str] | None, as_of: str | None, data_root: Path | None, out: Path | None
) -> tuple[Workspace, pd.Timestamp, bool]:
    """The workspace, the moment to stand on, and whether that is the real today."""
    from abm_scoring.jobs.workspace import open_workspace

    workspace = open_workspace(config, overrides or (), data_root, out)
    day = as_of or workspace.fixed_day
    return workspace, workspace.moment(day or _today(workspace)), day is None


def _today(workspace: Workspace) -> str:
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo(workspace.config.project.timezone)).date().isoformat()


def _print(found: Any) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        print(f"abm-scoring: warning: {warning}", file=sys.stderr)


def _show_training(done: Any) -> None:
    from abm_scoring.terminal import metrics_table

    found = done.as_json()
    typer.echo(f"rung: {found['rung']} - {found['reason']}")
    if found["test"]:
        title = f"test from {found['test_from'][:10]}: {found['n_test']} rows"
        metrics_table(title, found["test"], found["opponents"])
    typer.echo(f"bundle: {found['bundle'] or 'none shipped'}")


def _show_list(done: Any) -> None:
    from abm_scoring.terminal import table

    shown = [c for c in _SHOWN if c in done.ranked]
    top = done.ranked[shown].head(10)
    rows = [[_cell(v) for v in row] for row in top.itertuples(index=False)]
    table(
        f"{len(done.ranked)} accounts ranked as of {done.run.name[:10]}, {len(done.not_scored)} not scored",
        shown,
        rows,
    )


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
    rows = [[key, *(_figure(policy[key]) for policy in found["policies"].values())] for key in shown]
    title = (
        f"{found['nights']} nights, {found['first'][:10]} to {found['last'][:10]}, {found['accounts']:.0f} candidates"
    )
    table(title, ["", *found["policies"]], rows)
    model = found["model"]
    typer.echo(f"scored by a model ({model['kind']}) that knows what was known on {model['knows_until'][:10]}")


def _figure(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"[{value[0]:.3f}, {value[1]:.3f}]" if isinstance(value, list) else f"{value:.4g}"


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return value


if __name__ == "__main__":
    main()
