"""How commands print: JSON for programs, warnings on standard error, tables for people."""

from __future__ import annotations

import json
from typing import Any

import typer

from abm_scoring.cli.logs import say

_SHOWN = ("rank", "account_name", "score", "conversion_probability", "reason_1", "reason_2")


def print_json(found: Any) -> None:
    """One JSON object on standard output; NaN is a bug, not a value."""
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))


def warn(warnings: tuple[str, ...]) -> None:
    """Each warning on a line of its own on standard error."""
    for warning in warnings:
        say("warning", warning)


def show_training(done: Any) -> None:
    """The rung, the test's figures beside its opponents', and the bundle."""
    from abm_scoring.terminal import metrics_table

    found = done.as_json()
    typer.echo(f"rung: {found['rung']} - {found['reason']}")
    if found["sample"]:
        typer.echo(f"features built for {found['sample']['rows']:,} rows sampled from {found['sample']['of']:,}")
    if found["test"]:
        title = f"test from {found['test_from'][:10]}: {found['n_test']} rows"
        metrics_table(title, found["test"], found["opponents"])
    typer.echo(f"bundle: {found['bundle'] or 'none shipped'}")


def show_list(done: Any) -> None:
    """The first ten rows of a ranked list."""
    from abm_scoring.terminal import table

    top = done.lists.top(10)
    shown = [c for c in _SHOWN if c in top]
    rows = [[cell(v) for v in row] for row in top[shown].itertuples(index=False)]
    table(
        f"{done.counts.ranked} accounts ranked as of {done.run.name[:10]}, {done.counts.not_scored} not scored",
        shown,
        rows,
    )


def figure(value: Any) -> str:
    """A number or an interval to a few digits, or n/a."""
    if value is None:
        return "n/a"
    return f"[{value[0]:.3f}, {value[1]:.3f}]" if isinstance(value, list) else f"{value:.4g}"


def cell(value: object) -> object:
    """A table's cell: floats short, missing ones empty."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return value
