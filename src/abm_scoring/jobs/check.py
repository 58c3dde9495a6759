"""Check: read all tables as a run would, and say what was found, what it costs, and what to put right first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.loading import Loaded
from abm_scoring.data.matching.proposals import account_proposals
from abm_scoring.data.profiling.columns import profile
from abm_scoring.data.profiling.completeness import completeness
from abm_scoring.data.profiling.findings import Finding, findings, unused_tables
from abm_scoring.data.reports import TableReport
from abm_scoring.data.sources import StackSource
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.tables import Tables
from abm_scoring.data.violations import RulesBroken, Violation
from abm_scoring.errors import AbmError
from abm_scoring.jobs.workspace import Workspace, load

_COUNTS = ("rows_in", "accepted", "rejected", "duplicates", "anonymous", "orphans", "late", "future")
#: Accounts that a report names.
_WORST = 20


@dataclass(frozen=True)
class Checked:
    """Everything that a check found.

    Attributes:
        reports: Table → counts.
        violations: Broken rules; where there are any that refuse a run, `refused` says so.
        refused: The error that a run would end with; None where it would go on.
        findings: What looks wrong and breaks no rule.
        tables: Table → figures of its columns.
        accounts: Completeness of every account, the least complete first.
        proposals: Merges and matches to judge, in the shape of the mapping file.
        loaded: As it was read, for whoever goes on with it.
    """

    reports: Mapping[str, TableReport]
    warnings: tuple[str, ...]
    violations: tuple[Violation, ...]
    refused: RulesBroken | None
    findings: tuple[Finding, ...]
    profiles: Mapping[str, Any]
    accounts: pd.DataFrame
    proposals: pd.DataFrame
    loaded: Loaded

    def as_json(self) -> dict[str, Any]:
        """The object that `check --json` prints; documented in docs/reference/json.md."""
        return {
            "tables": {name: report.as_dict() for name, report in self.reports.items()},
            "warnings": list(self.warnings),
            "refused": self.refused is not None,
            "violations": [v.as_dict() for v in self.violations],
            "findings": [f.as_dict() for f in self.findings],
            "profiles": dict(self.profiles),
            "accounts": self._accounts(),
            "matching": self.loaded.matches.as_dict(),
            "proposals": len(self.proposals),
        }

    def rows(self) -> list[list[object]]:
        """One row a table: its name and counts."""
        return [[name, *(getattr(report, count) for count in _COUNTS)] for name, report in self.reports.items()]

    @property
    def header(self) -> list[str]:
        """Names of the columns of `rows`."""
        return ["table", *_COUNTS]

    def _accounts(self) -> dict[str, Any]:
        share = self.accounts["completeness"]
        first = Counter(f for f in self.accounts["fix_first"] if f)
        return {
            "n": len(self.accounts),
            "completeness": [round(float(share.quantile(q)), 4) for q in (0.05, 0.5, 0.95)] if len(share) else None,
            "fix_first": dict(first.most_common()),
            "worst": self.accounts.head(_WORST).to_dict("records"),
        }


def check(workspace: Workspace, as_of: pd.Timestamp, today: bool = False) -> Checked:
    """Read and check all tables; where a run would be refused, look at what is left without the rows at fault.

    Raises:
        AbmError: Nothing can be read: a file is missing, or a table cannot do without what is wrong with it.
    """
    refused = None
    try:
        loaded, tables, warnings = load(workspace, as_of, today)
    except RulesBroken as error:
        refused = error
        loaded, tables, warnings = _tolerant(workspace, as_of, error)
    found = [*findings(tables, as_of), *unused_tables(tables, _asked(workspace.config))]
    broken = refused.violations if refused else loaded.violations
    proposals = pd.concat([loaded.matches.proposals, account_proposals(loaded.tables)], ignore_index=True)
    return Checked(
        loaded.reports,
        warnings,
        tuple(broken),
        refused,
        tuple(found),
        profile(tables, as_of),
        completeness(tables),
        proposals,
        loaded,
    )


def _tolerant(workspace: Workspace, as_of: pd.Timestamp, error: RulesBroken) -> tuple[Loaded, Tables, tuple[str, ...]]:
    """The same load with every broken row left out; the first error where even that is refused."""
    from dataclasses import replace

    config = workspace.config
    checks = config.checks.model_copy(update={"max_orphan_share": 1.0, "allow_empty": True})
    sources = {name: _lenient(source) for name, source in config.sources.items()}
    lenient = replace(workspace, config=config.model_copy(update={"checks": checks, "sources": sources}))
    try:
        return load(lenient, as_of, False)
    except AbmError:
        raise error from None


def _lenient(source: TableSource | StackSource) -> TableSource | StackSource:
    if isinstance(source, StackSource):
        return source.model_copy(update={"parts": tuple(_lenient(p) for p in source.parts)})
    return source.model_copy(update={"on_violation": "reject", "max_reject_share": 1.0})


def _asked(config: Config) -> dict[str, int]:
    """Table → how many features of the configuration come from it."""
    counts: Counter[str] = Counter()
    for spec in config.features:
        counts.update(f.source for f in spec.features())
    return dict(counts)
