"""Check: read all tables as a run would, and say what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from abm_scoring.data.loading import TableReport
from abm_scoring.jobs.workspace import Workspace, load

_COUNTS = ("rows_in", "accepted", "rejected", "duplicates", "anonymous", "orphans", "late", "future")


@dataclass(frozen=True)
class Checked:
    """Counts of every table, and what a reader should know."""

    reports: Mapping[str, TableReport]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `check --json` prints; documented in docs/reference/json.md."""
        tables = {name: report.as_dict() for name, report in self.reports.items()}
        return {"tables": tables, "warnings": list(self.warnings)}

    def rows(self) -> list[list[object]]:
        """One row a table: its name and counts."""
        return [[name, *(getattr(report, count) for count in _COUNTS)] for name, report in self.reports.items()]

    @property
    def header(self) -> list[str]:
        """Names of the columns of `rows`."""
        return ["table", *_COUNTS]


def check(workspace: Workspace, as_of: pd.Timestamp, today: bool = False) -> Checked:
    """Read and check all tables.

    Raises:
        RulesBroken: Data break rules; all of them are listed.
    """
    loaded, _, warnings = load(workspace, as_of, today)
    return Checked(loaded.reports, warnings)
