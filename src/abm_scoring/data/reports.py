"""Tables linked to their accounts, and what was counted of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from abm_scoring.data.checks import ChecksSpec, Conformed
from abm_scoring.data.linking import LINKED, orphans
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.matching.tables import Matches, matched
from abm_scoring.data.streaming import Streamed
from abm_scoring.data.violations import RULES, RulesBroken, Violation

_NO_ACCOUNT = "no event names an account or a contact that has one: map account_id, or load contacts"


@dataclass(frozen=True)
class TableReport:
    """Counts of one table.

    Attributes:
        rows_in: Rows of the source.
        accepted: Rows handed on.
        rejected: Rows that broke a rule.
        duplicates: Rows dropped because an earlier known row has their id.
        attributed: Events that got their account from their contact.
        anonymous: Events without any account, dropped.
        orphans: Rows whose account is unknown, dropped.
        orphan_share: orphans ÷ rows that name an account; 0 where none does.
        future: Events at or after `as_of`; None where no `as_of` was given.
        late: Events known only after they happened.
        newest: Time of the newest event; None for other tables.
    """

    table: str
    rows_in: int
    accepted: int
    rejected: int = 0
    duplicates: int = 0
    attributed: int = 0
    anonymous: int = 0
    orphans: int = 0
    orphan_share: float = 0.0
    future: int | None = None
    late: int = 0
    newest: datetime | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self) | {"newest": self.newest.isoformat() if self.newest else None}


def linked(
    conformed: Mapping[str, Conformed],
    checks: ChecksSpec,
    matching: MatchingSpec,
    root: Path,
    as_of: datetime | None,
) -> tuple[dict[str, pd.DataFrame], dict[str, TableReport], Matches]:
    """Tables whose rows all have a known account, what was counted, and how rows without an id found their account.

    Raises:
        RulesBroken: Too many rows have no account.
    """
    frames = {name: done.frame for name, done in conformed.items()}
    reports = {
        name: TableReport(name, c.rows_in, len(c.frame), rejected=c.rejected, duplicates=c.duplicates)
        for name, c in conformed.items()
    }
    frames, matches, attributed = matched(frames, matching, root, as_of)
    if "events" in frames:
        nameless = frames["events"]["account_id"].isna()
        if nameless.all() and len(nameless):
            _refuse_nameless(len(nameless))
        frames["events"] = _without(frames["events"], nameless.to_numpy(dtype=bool))
        reports["events"] = replace(reports["events"], attributed=attributed, anonymous=int(nameless.sum()))
    broken = []
    for name in (t for t in LINKED if t in frames and "account_id" in frames[t]):
        lost = orphans(frames[name], frames["accounts"])
        named = int(frames[name]["account_id"].notna().sum())
        share = float(lost.rows.sum() / named) if named else 0.0
        if share > checks.max_orphan_share:
            broken.append(_too_many_orphans(name, int(lost.rows.sum()), share, lost.examples, lost.hint))
        frames[name] = _without(frames[name], lost.rows)
        reports[name] = replace(reports[name], orphans=int(lost.rows.sum()), orphan_share=share)
    if broken:
        raise RulesBroken(broken)
    return frames, {name: _counted(report, frames[name]) for name, report in reports.items()}, matches


def _without(frame: pd.DataFrame, rows: object) -> pd.DataFrame:
    return frame[~rows].reset_index(drop=True) if rows.any() else frame  # type: ignore[attr-defined,operator]


def _counted(report: TableReport, frame: pd.DataFrame) -> TableReport:
    report = replace(report, accepted=len(frame))
    if report.table != "events" or frame.empty:
        return report
    late = int((frame["known_at"] > frame["occurred_at"]).sum()) if "known_at" in frame else 0
    return replace(report, late=late, newest=frame["occurred_at"].max().to_pydatetime())


def linked_pieces(streamed: Streamed, checks: ChecksSpec, matches: Matches) -> tuple[TableReport, Matches]:
    """The report of streamed events, by the rules that hold for a table in memory."""
    done, links = streamed.conformed, streamed.links
    named = links.accepted + links.orphans
    if links.anonymous and not named:
        _refuse_nameless(links.anonymous)
    share = links.orphans / named if named else 0.0
    if share > checks.max_orphan_share:
        raise RulesBroken([_too_many_orphans("events", links.orphans, share, links.examples, links.hint)])
    report = TableReport(
        "events",
        done.rows_in,
        links.accepted,
        rejected=done.rejected,
        duplicates=done.duplicates,
        attributed=links.attributed,
        anonymous=links.anonymous,
        orphans=links.orphans,
        orphan_share=share,
        future=links.future,
        late=links.late,
        newest=links.newest.to_pydatetime() if links.newest is not None else None,
    )
    anonymous = links.past_anonymous / links.past if links.past else None
    return report, replace(matches, anonymous_share=anonymous)


def _refuse_nameless(count: int) -> None:
    raise RulesBroken([Violation("events", "account_id", "no_account", count, fix=_NO_ACCOUNT, whole=True)])


def _too_many_orphans(table: str, count: int, share: float, examples: tuple[str, ...], hint: str) -> Violation:
    fix = f"{share:.0%} of its rows have no account; {hint}{RULES['orphans']}"
    return Violation(table, "account_id", "orphans", count, values=examples, fix=fix, whole=True)
