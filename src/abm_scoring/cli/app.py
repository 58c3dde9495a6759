"""The application that every command joins, and its own two options."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from abm_scoring import __version__

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
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if debug:
        os.environ["ABM_SCORING_DEBUG"] = "1"
