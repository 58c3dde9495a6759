"""What is wrong with input data: one record a broken rule, and the error that lists them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from abm_scoring.errors import BadDataError

#: Every rule by its code, with what a user can do about it.
RULES: dict[str, str] = {
    "unreadable": "the file as a whole cannot be read",
    "empty": "check the export; --allow-empty lets an empty table through",
    "missing_column": "map it under columns",
    "wrong_type": "convert the column in the source, or with kind: sql",
    "ambiguous_number": "1.234 may be one or a thousand: declare dialect.decimal and dialect.thousands",
    "not_a_number": "declare dialect.decimal and dialect.thousands, or correct the values",
    "not_a_whole_number": "correct the values",
    "not_finite": "infinite and NaN are no values: correct them or leave them empty",
    "not_a_boolean": "declare dialect.true_words and dialect.false_words",
    "not_a_timestamp": "write ISO 8601 or declare dialect.date_format",
    "ambiguous_date": "two declared date formats read this differently: declare one",
    "no_time_zone": "declare timezone for this source, e.g. Europe/Berlin",
    "dst_gap": "this local time does not exist: write UTC or an offset",
    "dst_overlap": "this local time exists twice: write UTC or an offset",
    "implausible_date": "wrong unit (epoch, spreadsheet serial): convert; placeholder: list it in null_values",
    "missing_value": "fill it in",
    "out_of_range": "correct the values",
    "not_allowed": "map it under values",
    "mangled_id": "a spreadsheet turned this id into a number: export it as text",
    "surrounding_spaces": "set dialect.trim: true",
    "duplicate_key": "keep one row per key, or give each version its known_at",
    "no_account": "events need account_id or contact_id",
    "orphans": "load the missing accounts or raise checks.max_orphan_share",
}

#: How many example rows a violation carries.
EXAMPLES = 5


@dataclass(frozen=True)
class Failure:
    """A rule that a column breaks.

    Attributes:
        rule: Code, a key of `RULES`.
        rows: int64 positions of the offending rows in the column, ascending; None = the column as a whole.
        hint: What this case looks like, when more is known than the rule says.
    """

    rule: str
    rows: np.ndarray | None = None
    hint: str = ""


@dataclass(frozen=True)
class Violation:
    """A broken rule as it is reported.

    Attributes:
        count: Offending rows; all rows where the column as a whole is refused.
        rows: Up to five `file:row` places; a row number counts the header as row 1 where there is one.
        values: The values at these places, shortened; empty for contacts and for columns that may hold personal data.
        fix: What to do.
        whole: True where leaving rows out cannot help.
    """

    table: str
    column: str
    rule: str
    count: int
    rows: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    fix: str = ""
    whole: bool = False

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


class RulesBroken(BadDataError):
    """Input tables break rules; carries every violation of every table.

    The message's first line stands alone; the lines below it are a table of the violations.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(f"{_summary(self.violations)}\n{as_text(self.violations)}")


def _summary(violations: tuple[Violation, ...]) -> str:
    tables = list(dict.fromkeys(v.table for v in violations))
    head = f"{', '.join(tables)}: input data break {_plural(len(violations), 'rule')}"
    if len(violations) == 1:
        (one,) = violations
        place = f" at {_places(one.rows)}" if one.rows else ""
        values = f", e.g. {', '.join(map(repr, one.values))}" if one.values else ""
        where = ".".join(filter(None, (one.table, one.column)))
        return f"{where}: {one.rule} in {_plural(one.count, 'row')}{place}{values} - {one.fix}"
    if any(not v.whole for v in violations):
        return f"{head} - correct the data, or on_violation: reject leaves out up to max_reject_share of the rows"
    return f"{head} - correct the data or the mapping"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def as_text(violations: Iterable[Violation]) -> str:
    """The violations as aligned columns, one line each, for a terminal or a log."""
    head = ("table", "column", "rule", "count", "rows", "values", "fix")
    cells = [
        (v.table, v.column, v.rule, str(v.count), _places(v.rows), " ".join(map(repr, v.values)), v.fix)
        for v in violations
    ]
    widths = [max(len(row[i]) for row in (head, *cells)) for i in range(len(head))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (head, *cells))
    return "\n".join(f"  {line}" for line in lines)


def _places(rows: Iterable[str]) -> str:
    """`a.csv:2, 5 b.csv:9` for places in order."""
    by_file: dict[str, list[str]] = {}
    for place in rows:
        file, _, row = place.rpartition(":")
        by_file.setdefault(file, []).append(row)
    return " ".join(f"{file}:{','.join(numbers)}" for file, numbers in by_file.items())
