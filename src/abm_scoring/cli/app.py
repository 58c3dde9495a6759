"""The application that every command joins, and the options that hold for all of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from abm_scoring import __version__
from abm_scoring.cli.logs import FORMAT
from abm_scoring.cli.supervision import supervise
from abm_scoring.errors import UsageError

#: What native libraries ask for the number of their threads.
_THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

app = typer.Typer(
    help="Which accounts to target, why, and did it pay off? One YAML file in, a ranked target-account list out.",
    epilog="Start with: abm-scoring demo --out demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", min=0.1, metavar="SECONDS", help="Stop after this long (exit 75).")
    ] = None,
    memory_mb: Annotated[
        int | None, typer.Option("--memory-mb", min=1, metavar="MB", help="Address space that may be used (exit 71).")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads of native libraries. Default: one a core.")
    ] = None,
    log_format: Annotated[
        str, typer.Option("--log-format", metavar="FORMAT", help="Lines on standard error: text or json.")
    ] = "text",
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if debug:
        os.environ["ABM_SCORING_DEBUG"] = "1"
    if log_format not in ("text", "json"):
        raise UsageError(f"no log format {log_format!r}", where="--log-format", fix="text or json")
    os.environ[FORMAT] = log_format
    if threads is not None:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    supervise(time_limit, memory_mb)
