"""All sources of a config → canonical tables, with what was counted, left out and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from abm_scoring.data.aside import LAID, Put, brought_back, laid, put_away, undated
from abm_scoring.data.checks import REJECT_COLUMNS, ChecksSpec, Conformed, conform, conform_stack
from abm_scoring.data.currency import in_project_currency
from abm_scoring.data.matching.spec import MatchingSpec
from abm_scoring.data.matching.tables import Matches
from abm_scoring.data.privacy import PrivacySpec, private
from abm_scoring.data.reports import TableReport, linked, linked_pieces
from abm_scoring.data.schema import MATCH_KEYS, TABLES
from abm_scoring.data.sources import StackSource
from abm_scoring.data.streaming import EventSink, Streamed, of_stack, with_preset
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.tables import Tables
from abm_scoring.data.violations import RULES, RulesBroken, Violation
from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.spec_problems import near

AnySource = TableSource | StackSource


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
        columns: Table name → its columns, also of tables whose rows went through files.
        undated: Contacts without `known_at`.
    """

    tables: Tables
    reports: Mapping[str, TableReport]
    rejects: pd.DataFrame
    fingerprints: Mapping[str, str]
    violations: tuple[Violation, ...] = ()
    matches: Matches = field(default_factory=Matches)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    undated: int = 0


def load_tables(
    sources: Mapping[str, AnySource],
    root: Path,
    checks: ChecksSpec | None = None,
    as_of: datetime | None = None,
    matching: MatchingSpec | None = None,
    privacy: PrivacySpec | None = None,
    sink: EventSink | None = None,
    hold_events: bool = False,
    currency: str | None = None,
) -> Loaded:
    """Read, check and link all tables.

    Args:
        sources: Canonical table name → its source.
        root: Folder that relative paths start from.
        checks: Limits between tables.
        as_of: Aware moment from which events are counted as future; nothing is dropped for it.
        matching: How rows without account_id find their account.
        privacy: What happens to contact ids and objections.
        sink: Reads what only its engine can, and takes the events where they are too many to hold, with all other rows
            of accounts. Their tables then have no rows, and `accounts` what families are made of.
        hold_events: Hold the events, however many they are.
        currency: What amounts are converted to; None: they stay as they are.

    Returns:
        Tables whose events all have a known account, and what was counted on the way.

    Raises:
        ConfigError: A name is no canonical table, or accounts are missing.
        RulesBroken: Data break rules; lists those of all tables.
        BadDataError: A single file is unreadable and nothing else is wrong, or an amount has no exchange rate.
    """
    _check_names(sources)
    checks, matching, privacy = checks or ChecksSpec(), matching or MatchingSpec(), privacy or PrivacySpec()
    rules = _Rules(checks, matching, privacy, as_of, currency)
    read = _read_all(sources, root, rules, sink, hold_events)
    conformed, streamed, put = read.conformed, read.streamed, read.put
    if put is not None and put.lost:
        raise RulesBroken(put.lost)
    others = {name: done for name, done in conformed.items() if put is None or name not in put.reports}
    frames, reports, matches = linked(others, checks, matching, root, as_of)
    frames = private(frames, privacy)
    if as_of is not None and "events" in frames:
        future = int((frames["events"]["occurred_at"] >= pd.Timestamp(as_of)).sum())
        reports["events"] = replace(reports["events"], future=future)
    if streamed is not None:
        conformed["events"] = streamed.conformed
        frames["events"] = streamed.conformed.frame
        reports["events"], matches = linked_pieces(streamed, checks, matches)
    if put is not None:
        frames, reports = {**frames, **put.frames}, {**reports, **put.reports}
    every = [conformed[name] for name in sorted(sources, key=list(TABLES).index)]
    rejects = pd.concat([done.rejects for done in every], ignore_index=True)[list(REJECT_COLUMNS)]
    tables = Tables({name: frames[name] for name in conformed})
    return Loaded(
        tables if currency is None else in_project_currency(tables, currency),
        MappingProxyType({name: reports[name] for name in conformed}),
        rejects,
        MappingProxyType(read.fingerprints),
        tuple(violation for done in every for violation in done.violations),
        matches,
        {name: tuple(map(str, frame)) for name, frame in frames.items()} | (put.shapes if put else {}),
        put.undated if put else undated(frames["contacts"]) if "contacts" in frames else 0,
    )


@dataclass(frozen=True)
class _Rules:
    """What holds for all tables."""

    checks: ChecksSpec
    matching: MatchingSpec
    privacy: PrivacySpec
    as_of: datetime | None
    currency: str | None


@dataclass
class _Read:
    """What was read of all tables; `columns` are those of all of them."""

    conformed: dict[str, Conformed] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    fingerprints: dict[str, str] = field(default_factory=dict)
    streamed: Streamed | None = None
    put: Put | None = None


def _read_all(
    sources: Mapping[str, AnySource], root: Path, rules: _Rules, sink: EventSink | None, hold_events: bool
) -> _Read:
    """Every table as it is accepted on its own; events go to the sink where it wants them.

    Raises:
        RulesBroken: Data break rules; lists those of all tables.
        BadDataError: A single file is unreadable and nothing else is wrong.
    """
    read, broken, unreadable = _Read(), list[Violation](), list[BadDataError]()
    taker = None if hold_events else _taker(sink, sources, root)
    shelf = taker.shelf() if taker is not None else None
    for name in _in_order(sources):
        if shelf is not None and name == "events":
            if not broken and _by_id(read.columns, rules.matching):
                read.put = put_away(shelf, read.conformed, rules.checks, rules.privacy, rules.as_of, rules.currency)
            else:
                read.conformed = brought_back(shelf, read.conformed)
        try:
            if taker is not None and name == "events" and read.put is not None:
                read.streamed = taker.stream(sources[name], root, read.put.linking, rules.privacy, rules.as_of)
                read.fingerprints[name] = read.streamed.sha256
                broken += _refusals(name, read.streamed.conformed, read.streamed.has_header, rules.checks)
                continue
            source = sources[name] if sink is None else sink.landed(name, sources[name])
            read.conformed[name], read.fingerprints[name], has_header = read_table(name, source, root)
        except BadDataError as error:
            unreadable.append(error)
            broken.append(Violation(name, "", "unreadable", 0, fix=str(error), whole=True))
            continue
        broken += _refusals(name, read.conformed[name], has_header, rules.checks)
        read.columns.update(map(str, read.conformed[name].frame))
        if shelf is not None and name in LAID:
            read.conformed[name] = laid(shelf, name, read.conformed[name])
    if len(unreadable) == len(broken) == 1:
        raise unreadable[0]
    if broken:
        raise RulesBroken(broken)
    return read


def _taker(sink: EventSink | None, sources: Mapping[str, AnySource], root: Path) -> EventSink | None:
    """The sink where the events are too many to hold; a source that cannot be read is refused when it is read."""
    try:
        return sink if sink is not None and "events" in sources and sink.wants(sources["events"], root) else None
    except BadDataError:
        return None


def _in_order(sources: Mapping[str, AnySource]) -> list[str]:
    """Names as the schema orders them, the events last: linking them takes the others."""
    return sorted(sources, key=lambda name: (name == "events", list(TABLES).index(name)))


def _by_id(columns: set[str], matching: MatchingSpec) -> bool:
    """Whether rows name their accounts by id alone, so that each piece of events can be linked by itself."""
    return matching.mapping is None and not columns & {column.name for column in MATCH_KEYS}


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
