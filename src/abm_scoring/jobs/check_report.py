"""The check as one HTML file: tiles, findings, tables, accounts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from abm_scoring.jobs.check import Checked
from abm_scoring.publish.report import Bars, ReportPage, Section, Table, Tile, write_report

_ROWS = 200


def write_check(checked: Checked, project: str, as_of: pd.Timestamp, path: Path) -> None:
    """Write the report; it holds account ids and names of columns, and no people.

    Args:
        checked: What was found.
        project: Name of the project.
        as_of: The day it stands on.
        path: File to create; it must not exist.
    """
    write_report(check_page(checked, project, as_of), path)


def check_page(checked: Checked, project: str, as_of: pd.Timestamp) -> ReportPage:
    """The report's content."""
    told = checked.as_json()
    half = told["accounts"]["completeness"]
    tiles = [
        Tile("A run would be", "refused" if checked.refused else "accepted", tone="bad" if checked.refused else "good"),
        Tile("Broken rules", str(len(checked.violations)), "rows that break one are named below"),
        Tile("Looks wrong", str(len(checked.findings)), "breaks no rule"),
        Tile("Completeness", f"{half[1]:.0%}" if half else "n/a", "median account"),
        Tile("Proposals", str(len(checked.proposals)), "merges and matches to judge"),
    ]
    sections = [_wrong(checked), _tables(checked), _accounts(checked, told["accounts"]["fix_first"])]
    return ReportPage("Data check", f"{project}, as of {as_of:%Y-%m-%d}", tiles, sections)


def _wrong(checked: Checked) -> Section:
    rules = [(v.table, v.column, v.rule, v.count, "; ".join(v.rows), v.fix) for v in checked.violations]
    looks = [(f.table, f.column, f.code, f.what, f.rows, f.accounts, f.cost, f.fix) for f in checked.findings]
    return Section(
        "What is wrong",
        [
            Table("Broken rules", pd.DataFrame(rules, columns=["table", "column", "rule", "rows", "where", "fix"])),
            Table(
                "What looks wrong",
                pd.DataFrame(looks, columns=["table", "column", "kind", "what", "rows", "accounts", "cost", "fix"]),
            ),
        ],
    )


def _tables(checked: Checked) -> Section:
    counts = pd.DataFrame(checked.rows(), columns=checked.header)
    columns = [
        (table, name, told["missing"], told["distinct"], _shown(told))
        for table, profile in checked.profiles.items()
        for name, told in profile["columns"].items()
    ]
    spans = [
        (
            table,
            p["first"],
            p["last"],
            p["days_without"],
            _pair(p["lag_days"]),
            _mapped(p["join_rates"]),
            _mapped(p["currencies"]),
        )
        for table, p in checked.profiles.items()
    ]
    heads = ["table", "first", "last", "days without", "lag in days (median, 95 %)", "join rates", "currencies"]
    return Section(
        "Tables",
        [
            Table("Rows", counts),
            Table("Time and links", pd.DataFrame(spans, columns=heads)),
            Table(
                "Columns",
                pd.DataFrame(columns, columns=["table", "column", "missing", "distinct", "values"]),
                formats={"missing": "percent"},
            ),
        ],
    )


def _accounts(checked: Checked, first: dict[str, int]) -> Section:
    worst = checked.accounts.head(_ROWS)
    parts: list[Table | Bars] = []
    if first:
        parts.append(Bars("Fix first", list(first), [float(n) for n in first.values()], format="integer"))
    parts.append(Table("The least complete accounts", worst, formats={"completeness": "percent"}))
    return Section(
        "Accounts", parts, ["Completeness is the weighted share of facts that are there; docs/how-to/check.md"]
    )


def _shown(told: dict[str, object]) -> str:
    if told.get("quantiles"):
        return " · ".join(f"{q:g}" for q in told["quantiles"])  # type: ignore[attr-defined]
    return _mapped(told.get("most_common"))


def _mapped(counts: object) -> str:
    return ", ".join(f"{k}: {v}" for k, v in counts.items()) if isinstance(counts, dict) else ""


def _pair(values: list[float] | None) -> str:
    return ", ".join(f"{v:g}" for v in values) if values else ""
