"""All sources of a config → canonical tables, with what was counted, left out and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from abm_scoring.data.checks import REJECT_COLUMNS, ChecksSpec, Conformed, conform, conform_stack
from abm_scoring.data.linking import LINKED, orphans
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.matching.tables import Matches, matched
from abm_scoring.data.privacy import PrivacySpec, private
from abm_scoring.data.schema import MATCH_KEYS, TABLES
from abm_scoring.data.sources import StackSource
from abm_scoring.data.streaming import EventSink, Streamed, of_stack, with_preset
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.tables import Tables
from abm_scoring.data.violations import RULES, RulesBroken, Violation
from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.spec_problems import near

AnySource = TableSource | StackSource
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


@dataclass(frozen=True)
class Loaded:
    """Everything that loading gives.

    Attributes:
        tables: Canonical tables.
        reports: Table name → counts.
        rejects: One line a rejected row and rule: table, file, row, column, rule.
        fingerprints: Table name → SHA-256 of its input bytes.
        violations: Broken rules of the rejected rows.
        matches: How rows without account_id found their account.
    """

    tables: Tables
    reports: Mapping[str, TableReport]
    rejects: pd.DataFrame
    fingerprints: Mapping[str, str]
    violations: tuple[Violation, ...] = ()
    matches: Matches = field(default_factory=Matches)


def load_tables(
    sources: Mapping[str, AnySource],
    root: Path,
    checks: ChecksSpec | None = None,
    as_of: datetime | None = None,
    matching: MatchingSpec | None = None,
    privacy: PrivacySpec | None = None,
    sink: EventSink | None = None,
    hold_events: bool = False,
) -> Loaded:
    """Read, check and link all tables.

    Args:
        sources: Canonical table name → its source.
        root: Folder that relative paths start from.
        checks: Limits between tables.
        as_of: Aware moment from which events are counted as future; nothing is dropped for it.
        matching: How rows without account_id find their account.
        privacy: What happens to contact ids and objections.
        sink: Reads what only its engine can, and takes the events where they are too many to hold; their table then has
            columns and no rows.
        hold_events: Hold the events, however many they are.

    Returns:
        Tables whose events all have a known account, and what was counted on the way.

    Raises:
        ConfigError: A name is no canonical table, or accounts are missing.
        RulesBroken: Data break rules; lists those of all tables.
        BadDataError: A single file is unreadable and nothing else is wrong.
    """
    _check_names(sources)
    checks, matching, privacy = checks or ChecksSpec(), matching or MatchingSpec(), privacy or PrivacySpec()
    conformed: dict[str, Conformed] = {}
    fingerprints: dict[str, str] = {}
    broken: list[Violation] = []
    unreadable: list[BadDataError] = []
    streamed: Streamed | None = None
    for name in _in_order(sources):
        try:
            streams = name == "events" and not hold_events and not broken and _by_id(conformed, matching)
            if sink is not None and streams and sink.wants(sources[name], root):
                streamed = _into(sink, sources[name], root, conformed, privacy, as_of)
                fingerprints[name] = streamed.sha256
                broken += _refusals(name, streamed.conformed, streamed.has_header, checks)
                continue
            source = sources[name] if sink is None else sink.landed(name, sources[name])
            conformed[name], fingerprints[name], has_header = read_table(name, source, root)
        except BadDataError as error:
            unreadable.append(error)
            broken.append(Violation(name, "", "unreadable", 0, fix=str(error), whole=True))
            continue
        broken += _refusals(name, conformed[name], has_header, checks)
    if len(unreadable) == len(broken) == 1:
        raise unreadable[0]
    if broken:
        raise RulesBroken(broken)
    frames, reports, matches = _linked(conformed, checks, matching, root, as_of)
    frames = private(frames, privacy)
    if as_of is not None and "events" in frames:
        future = int((frames["events"]["occurred_at"] >= pd.Timestamp(as_of)).sum())
        reports["events"] = replace(reports["events"], future=future)
    if streamed is not None:
        conformed["events"] = streamed.conformed
        frames["events"] = streamed.conformed.frame
        reports["events"], matches = _linked_pieces(streamed, checks, matches)
    every = [conformed[name] for name in sorted(sources, key=list(TABLES).index)]
    rejects = pd.concat([done.rejects for done in every], ignore_index=True)[list(REJECT_COLUMNS)]
    kept = tuple(violation for done in every for violation in done.violations)
    return Loaded(Tables(frames), MappingProxyType(reports), rejects, MappingProxyType(fingerprints), kept, matches)


def _in_order(sources: Mapping[str, AnySource]) -> list[str]:
    """Names as the schema orders them, the events last: linking them takes the others."""
    return sorted(sources, key=lambda name: (name == "events", list(TABLES).index(name)))


def _by_id(conformed: Mapping[str, Conformed], matching: MatchingSpec) -> bool:
    """Whether rows name their accounts by id alone, so that each piece of events can be linked by itself."""
    keys = {column.name for column in MATCH_KEYS}
    return matching.mapping is None and not any(keys & set(done.frame) for done in conformed.values())


def _into(
    sink: EventSink,
    source: AnySource,
    root: Path,
    conformed: Mapping[str, Conformed],
    privacy: PrivacySpec,
    as_of: datetime | None,
) -> Streamed:
    frames = {name: conformed[name].frame for name in ("accounts", "contacts") if name in conformed}
    return sink.stream(source, root, frames, privacy, as_of)


def _linked_pieces(streamed: Streamed, checks: ChecksSpec, matches: Matches) -> tuple[TableReport, Matches]:
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


def read_table(name: str, source: TableSource | StackSource, root: Path) -> tuple[Conformed, str, bool]:
    """One table as it is accepted on its own, the hash of what was read, and whether its files have a header."""
    if isinstance(source, StackSource):
        parts = [read_table(name, part, root) for part in source.parts]
        return (
            conform_stack([p[0] for p in parts], TABLES[name]),
            of_stack([p[1] for p in parts]),
            any(p[2] for p in parts),
        )
    settled, preset = source.settled(name, root)
    raw = settled.read(TABLES[name], root)
    return conform(raw, TABLES[name], settled), with_preset(raw.sha256, preset), bool(raw.offered)


def _check_names(sources: Mapping[str, AnySource]) -> None:
    for name in sources:
        if name not in TABLES:
            fix = near(name, TABLES) or f"use one of: {', '.join(TABLES)}"
            raise ConfigError(f"{name!r} is no canonical table", where="sources", fix=fix)
    if "accounts" not in sources:
        raise ConfigError("there are no accounts", where="sources", fix="add sources.accounts, the table to score")


def _refusals(name: str, done: Conformed, has_header: bool, checks: ChecksSpec) -> list[Violation]:
    empty = done.rows_in == 0 and (name in ("accounts", "events") or not has_header)
    if empty and not checks.allow_empty:
        return [Violation(name, "", "empty", 0, fix=RULES["empty"], whole=True)]
    if not has_header:
        return []
    return list(done.violations) if done.refused else []


def _linked(
    conformed: Mapping[str, Conformed],
    checks: ChecksSpec,
    matching: MatchingSpec,
    root: Path,
    as_of: datetime | None,
) -> tuple[dict[str, pd.DataFrame], dict[str, TableReport], Matches]:
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
