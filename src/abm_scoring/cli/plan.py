"""The command that spends a budget: plan."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.options import AsOf, ConfigFile, DataRoot, Json, Out, Overrides, open_project
from abm_scoring.cli.output import print_json, warn

_SHOWN = 10


@app.command(epilog="Example: abm-scoring plan configs/abm.yaml --money 50000 --hours 400 --goal 250000")
def plan(
    config: ConfigFile,
    money: Annotated[float | None, typer.Option(min=0, help="Money to spend within one horizon.")] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="Hours that people have for it.")] = None,
    contacts: Annotated[float | None, typer.Option(min=0, help="Contacts that can be approached.")] = None,
    goal: Annotated[
        float | None, typer.Option(min=0, help="What is to be reached: gross margin, or what roi.budget.goal counts.")
    ] = None,
    overrides: Overrides = None,
    as_of: AsOf = None,
    data_root: DataRoot = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Choose which accounts of the last list to work in which tier.

    Nothing is written. Limits that are given here go before those of roi.budget.
    """
    from abm_scoring.jobs.plan import plan as job
    from abm_scoring.jobs.plan import with_limits
    from abm_scoring.terminal import progress_bar

    workspace, day, today = open_project(config, overrides, as_of, data_root, out)
    roi = workspace.config.roi
    spec = with_limits(roi.budget, money, hours, contacts, goal)
    with progress_bar() as progress:
        done = job(workspace, spec, day, today, progress, roi.lift, roi.predicted)
    warn(done.warnings)
    if as_json:
        print_json(done.as_json())
    else:
        _show(done)


def _show(done: Any) -> None:
    from abm_scoring.terminal import table

    found = done.as_json()
    totals, rules = found["totals"], found["rules"]
    names = ["accounts", "cost", "hours", "contacts", "expected_return", "expected_net"]
    table(f"plan for the list of {found['as_of'][:10]}", ["tier", *names], _rows(found["tiers"], "tier", names))
    table("beside simple rules", ["rule", *names], _rows(rules, "rule", names))
    table("with more or less money", list(_CURVE), _rows(found["curve"], _CURVE[0], _CURVE[1:]))
    best = [[a["account_id"], a["tier"], f"{a['expected_net']:,.0f}"] for a in found["accounts"][:_SHOWN]]
    table(f"first {_SHOWN} of {totals['accounts']:.0f} accounts", ["account_id", "tier", "expected_net"], best)
    if found["knee"] is not None:
        typer.echo(f"knee of the curve: {found['knee']:,.0f}")
    if found["goal"] is not None:
        typer.echo(_goal(found["goal"]))


_CURVE = ("money", "cost", "expected_return", "expected_net", "marginal")


def _rows(rows: list[dict[str, Any]], first: str, names: Any) -> list[list[object]]:
    return [
        [row[first] if isinstance(row[first], str) else _amount(row[first]), *(_amount(row[name]) for name in names)]
        for row in rows
    ]


def _amount(value: float) -> str:
    """Whole units of what is large, four digits of what is not."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.4g}"


def _goal(goal: dict[str, Any]) -> str:
    said = f"goal of {goal['amount']:,.0f} ({goal['of']}): {goal['probability']:.0%} by this plan"
    if goal["needed"] is None:
        return f"{said}; out of reach at {goal['wanted_probability']:.0%} even with many times the budget"
    needed = ", ".join(f"{value:,.0f} {name}" for name, value in goal["needed"].items())
    return f"{said}; {goal['wanted_probability']:.0%} would need {needed}"
