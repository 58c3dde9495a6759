"""The check as one HTML file: verdict, what to put right, tables, accounts; in sentences before figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.data.profiling.findings import Finding
from abm_scoring.data.violations import Violation
from abm_scoring.jobs.check import Checked
from abm_scoring.publish.report import Bars, ReportPage, Section, Table, Tile, write_report

_ROWS = 200
#: Rule → what is wrong, for whoever made the export.
_RULES = {
    "unreadable": "cannot be read",
    "empty": "holds no rows",
    "missing_column": "the column is not there",
    "wrong_type": "holds another kind of value",
    "ambiguous_number": "numbers that may be read in two ways",
    "not_a_number": "no numbers",
    "not_a_whole_number": "no whole numbers",
    "not_finite": "infinite, or no number",
    "not_a_boolean": "neither yes nor no",
    "not_a_timestamp": "no dates",
    "ambiguous_date": "dates that may be read in two ways",
    "no_time_zone": "times of which nobody knows the zone",
    "dst_gap": "local times that the change of clocks left out",
    "dst_overlap": "local times that the change of clocks made twice",
    "implausible_date": "dates that cannot be right",
    "missing_value": "empty where a value is needed",
    "out_of_range": "outside of what is possible",
    "not_allowed": "none of the values that there are",
    "mangled_id": "ids that a spreadsheet turned into numbers",
    "surrounding_spaces": "spaces around values",
    "duplicate_key": "the same record more than once",
    "no_account": "name neither an account nor a contact",
    "orphans": "name accounts that there are not",
}
_KINDS = {
    "spelling": "spelling",
    "unknown_reference": "unknown id",
    "drop": "rows are missing",
    "placeholder": "placeholder",
    "negative": "below zero",
    "outlier": "far off",
    "empty_column": "empty column",
    "missing_table": "missing table",
    "no_activity": "no activity",
}
_COUNTS = ["table", "rows read", "used", "left out", "repeats", "without account", "unknown account", "late", "future"]


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
        Tile("Must be put right", str(len(checked.violations)), "rules that rows break"),
        Tile("Should be looked at", str(len(checked.findings)), "breaks no rule, but costs something"),
        Tile("Completeness", f"{half[1]:.0%}" if half else "n/a", "of the account in the middle"),
        Tile("Proposals", str(len(checked.proposals)), "merges and matches to judge"),
    ]
    sections = [_wrong(checked), _tables(checked), _accounts(checked, told["accounts"]["fix_first"])]
    return ReportPage("Data check", f"{project}, as of {as_of:%Y-%m-%d}", tiles, sections)


def _wrong(checked: Checked) -> Section:
    parts = []
    if checked.violations:
        heads = ["table", "column", "rows", "what is wrong", "where", "what to do"]
        parts.append(Table("Must be put right", pd.DataFrame(map(_rule, checked.violations), columns=heads)))
    if checked.findings:
        heads = ["table", "column", "kind", "what", "accounts", "what it costs", "what to do"]
        parts.append(Table("Should be looked at", pd.DataFrame(map(_finding, checked.findings), columns=heads)))
    return Section("What is wrong", parts, _verdict(checked))


def _verdict(checked: Checked) -> list[str]:
    if checked.refused is not None:
        lost = {name: r for name, r in checked.reports.items() if r.rejected}
        rows = " and ".join(f"{r.rejected:,} of {r.rows_in:,} rows of {name}" for name, r in lost.items())
        return [
            f"A run would stop here: it cannot use {rows or 'what is listed below'}. Put the first table below right, "
            "or say in the source that such rows are to be left out (on_violation: reject, max_reject_share). "
            "Everything below covers the rows that are left."
        ]
    if checked.findings:
        return ["A run would go on. What is listed below breaks no rule; each line says what it costs."]
    return ["A run would go on, and nothing looks wrong."]


def _rule(one: Violation) -> tuple[object, ...]:
    return (one.table, one.column, one.count, _RULES.get(one.rule, one.rule), _places(one.rows), one.fix)


def _finding(one: Finding) -> tuple[object, ...]:
    kind = _KINDS.get(one.code, one.code)
    return (one.table, one.column, kind, one.what, "" if one.accounts is None else one.accounts, one.cost, one.fix)


def _places(rows: Sequence[str]) -> str:
    """Rows by their file: `deals.csv:11`, `deals.csv:44` become `deals.csv, rows 11, 44 …`."""
    files: dict[str, list[str]] = {}
    for row in rows:
        file, _, line = row.rpartition(":")
        files.setdefault(file, []).append(line)
    return "; ".join(
        f"{file}, rows {', '.join(lines)} …" if file else ", ".join(lines) for file, lines in files.items()
    )


def _tables(checked: Checked) -> Section:
    counts = pd.DataFrame(checked.rows(), columns=_COUNTS)
    columns = [
        (table, name, told["missing"], told["distinct"], _shown(name, told))
        for table, profile in checked.profiles.items()
        for name, told in profile["columns"].items()
    ]
    spans = [(table, *_span(profile)) for table, profile in checked.profiles.items() if profile["first"]]
    heads = ["table", "first", "last", "days without rows", "days until a row is known", "ids found", "currencies"]
    values = pd.DataFrame(columns, columns=["table", "column", "missing", "different values", "values"])
    parts = [Table("Rows", counts.fillna(""))]
    parts += [Table("Time and links", pd.DataFrame(spans, columns=heads))] if spans else []
    parts.append(Table("Columns", values, formats={"missing": "percent"}))
    return Section("Tables", parts)


def _span(profile: dict[str, Any]) -> tuple[object, ...]:
    lag = profile["lag_days"]
    known = f"half within {lag[0]:g}, 95 % within {lag[1]:g}" if lag else ""
    found = ", ".join(f"{name} {share:.1%}" for name, share in profile["join_rates"].items())
    without = profile["days_without"]
    first, last = (str(profile[name])[:10] for name in ("first", "last"))
    return (first, last, "" if without is None else without, known, found, _mapped(profile["currencies"]))


def _accounts(checked: Checked, first: dict[str, int]) -> Section:
    lacking = checked.accounts[checked.accounts["completeness"] < 1]
    text = ["Completeness is the share of facts that are there, weighted by what they are worth to a model."]
    if not len(lacking):
        return Section("Accounts", [], [*text, f"All {len(checked.accounts):,} accounts have every fact that counts."])
    parts: list[Table | Bars] = []
    if first:
        title = "Put right first: accounts by the fact that each lacks most"
        parts.append(Bars(title, list(first), [float(n) for n in first.values()], format="integer"))
    worst = lacking.head(_ROWS).rename(columns={"account_id": "account", "fix_first": "put right first"})
    shown = f"The least complete {len(worst)} of {len(lacking):,} accounts that lack something"
    parts.append(Table(shown, worst, formats={"completeness": "percent"}))
    return Section("Accounts", parts, text)


def _shown(column: str, told: dict[str, Any]) -> str:
    if told.get("quantiles"):
        year = column == "founded_year"
        low, p5, half, p95, high = (f"{q:.0f}" if year else f"{q:,.6g}" for q in told["quantiles"])
        return f"{low} to {high}, half below {half}, most between {p5} and {p95}"
    return _mapped(told.get("most_common"))


def _mapped(counts: object) -> str:
    return ", ".join(f"{k}: {v:,}" for k, v in counts.items()) if isinstance(counts, dict) else ""
