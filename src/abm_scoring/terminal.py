"""What a person sees in a terminal: progress while work runs, tables when it is done. Cron sees neither."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from abm_scoring.jobs.workspace import Progress


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error while the block runs; nothing where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda step, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(step: str, done: int, of: int) -> None:
            bar.update(task, description=step, completed=done, total=of or None)

        yield tell


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left", header_style="bold")
    for name in header:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else str(cell) for cell in row))
    # A pipe has no width; wide enough that no reason is cut in two.
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(shown, markup=False)


def metrics_table(title: str, test: Mapping[str, Any], opponents: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the metrics of a model with their intervals, and those of its opponents beside it."""
    names = [name for name in test if not name.endswith("_ci")]
    rows = [
        [name, _with_interval(test, name), *(_number(found.get(name)) for found in opponents.values())]
        for name in names
    ]
    table(title, ["metric", "model [95 %]", *opponents], rows)


def _with_interval(found: Mapping[str, Any], name: str) -> str:
    interval = found.get(f"{name}_ci")
    if not interval or interval[0] is None:
        return _number(found[name])
    return f"{_number(found[name])} [{_number(interval[0])}, {_number(interval[1])}]"


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "n/a"
