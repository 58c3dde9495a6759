"""A raw table against its schema: every broken rule at once, rows left out with their reason, canonical dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from abm_scoring.data.conversion import ARROW_TYPES, convert, natural_type, rows_where
from abm_scoring.data.normalise.spec import normalised
from abm_scoring.data.raw import RawTable
from abm_scoring.data.schema import DTYPES, Column, ColumnType, TableSchema
from abm_scoring.data.table_source import TableSource
from abm_scoring.data.text_columns import is_text
from abm_scoring.data.violations import EXAMPLES, RULES, Failure, Violation
from abm_scoring.spec import Spec
from abm_scoring.spec_problems import near

#: Timestamps outside are placeholders or wrong units; dates `…_since` may lie further back.
PLAUSIBLE_FROM, PLAUSIBLE_SINCE, PLAUSIBLE_TO = (np.datetime64(y, "us") for y in ("1980", "1901", "2100"))
REJECT_COLUMNS = ("table", "file", "row", "column", "rule")
_SHORT = 24


class ChecksSpec(Spec):
    """How much may be wrong between tables before loading refuses."""

    max_orphan_share: float = Field(0.2, ge=0, le=1, description="largest share of a table's rows without an account")
    max_future_share: float = Field(
        0.01, ge=0, le=1, description="largest share of events at or after now that is left out with a warning"
    )
    allow_empty: bool = Field(False, description="let empty accounts and events through")


@dataclass(frozen=True)
class Conformed:
    """A checked table.

    Attributes:
        frame: The good rows: columns in schema order, then extra ones; dtypes of `schema.DTYPES`.
        violations: Every broken rule, those of rejected rows included.
        rejects: One line a rejected row and rule: table, file, row, column, rule; none where the table is refused.
        rows_in: Rows of the source.
        rejected: Rows left out because they break a rule.
        duplicates: Rows left out because an earlier known row has their id, or repeats where these are dropped.
        refused: True where the violations must stop the run.
    """

    frame: pd.DataFrame
    violations: tuple[Violation, ...]
    rejects: pd.DataFrame
    rows_in: int
    rejected: int
    duplicates: int
    refused: bool


def conform(raw: RawTable, schema: TableSchema, source: TableSource, unique: bool = True) -> Conformed:
    """Convert and check a raw table.

    Args:
        raw: What the source handed over.
        schema: The canonical table.
        source: Dialect, time zone, value mapping and what to do with rows that break rules.
        unique: Whether every id may stand once only; a piece of a table cannot tell.

    Returns:
        The conformed table; nothing is raised, so that the violations of all tables can be listed together.
    """
    types = _types(raw, schema, source)
    columns, failures = {}, {}
    for name, kind in types.items():
        done = convert(
            _normalised(raw.data[name], source, name), kind, source.dialect, source.timezone, source.values.get(name)
        )
        rule = schema.by_name.get(name, Column(name, kind, ""))
        columns[name], failures[name] = done.values, [*done.failures, *_broken(done.values, rule, done.failures)]
    columns = _emptied(columns, source.empty_unless)
    violations = _missing(raw, schema, source) + [
        _violation(raw, schema, name, f) for name, found in failures.items() for f in found
    ]
    bad = _union([f.rows for found in failures.values() for f in found if f.rows is not None])
    kept = np.ones(raw.data.num_rows, dtype=bool)
    kept[bad] = False
    every = _frame(columns, types, kept, schema)
    every_one = every.drop_duplicates(ignore_index=True) if source.drop_repeats else every
    frame, doubles = _unique(every_one, schema) if unique else (every_one, [])
    violations += doubles
    refused = any(v.whole for v in violations) or not _may_reject(source, len(bad), raw.rows)
    rejects = _rejects(raw, schema, {} if refused else failures)
    return Conformed(frame, tuple(violations), rejects, raw.rows, len(bad), len(every) - len(frame), refused)


def _normalised(column: pa.ChunkedArray, source: TableSource, name: str) -> pa.ChunkedArray:
    """Texts by the source's own value mapping first, then in the vocabulary that it asks for."""
    how = source.normalise.get(name)
    if how is None:
        return column
    text = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if not is_text(text.type):
        return column
    own = source.values.get(name, {})
    done = normalised(text, how).cast(text.type)
    return pc.if_else(pc.is_in(text, pa.array(list(own), text.type)), text, done) if own else done


def conform_stack(parts: Sequence[Conformed], schema: TableSchema) -> Conformed:
    """Several conformed tables as one; an id that stands in two of them is a duplicate like any other."""
    every = pd.concat([p.frame for p in parts], ignore_index=True)
    order = [c.name for c in (*schema.columns, *schema.match_keys) if c.name in every]
    every = every[[*order, *(c for c in every if c not in order)]]
    kinds = {c: DTYPES[schema.by_name[c].type] for c in order}
    frame, doubles = _unique(every.astype(kinds), schema)
    return Conformed(
        frame,
        (*(v for p in parts for v in p.violations), *doubles),
        pd.concat([p.rejects for p in parts], ignore_index=True),
        sum(p.rows_in for p in parts),
        sum(p.rejected for p in parts),
        sum(p.duplicates for p in parts) + len(every) - len(frame),
        any(p.refused for p in parts) or any(v.whole for v in doubles),
    )


def without_limit(source: TableSource) -> TableSource:
    """A source under which a piece of a table is conformed: how much may be left out is for the whole table to say."""
    return source.model_copy(update={"max_reject_share": 1.0}) if source.on_violation == "reject" else source


def counted(pieces: Iterable[Conformed], source: TableSource) -> Conformed:
    """The pieces of one table as one, without their rows: counts add up, and the source's limits hold for the whole."""
    found = list(pieces)
    rows, rejected = sum(p.rows_in for p in found), sum(p.rejected for p in found)
    broken: dict[tuple[str, str], Violation] = {}
    for violation in (v for p in found for v in p.violations):
        key = violation.column, violation.rule
        broken[key] = _both(broken[key], violation) if key in broken else violation
    return Conformed(
        found[0].frame.iloc[:0],
        tuple(broken.values()),
        pd.concat([p.rejects for p in found], ignore_index=True),
        rows,
        rejected,
        sum(p.duplicates for p in found),
        any(v.whole for v in broken.values()) or not _may_reject(source, rejected, rows),
    )


def nothing_read(schema: TableSchema) -> Conformed:
    """A table of which no row came."""
    columns = {c.name: pd.Series(dtype=DTYPES[c.type]) for c in schema.columns}
    rejects = pd.DataFrame({c: pd.Series(dtype="int64" if c == "row" else "str") for c in REJECT_COLUMNS})
    return Conformed(pd.DataFrame(columns), (), rejects, 0, 0, 0, False)


def _both(a: Violation, b: Violation) -> Violation:
    """One rule broken in two pieces; the first examples stand for all."""
    return replace(
        a, count=a.count + b.count, rows=(*a.rows, *b.rows)[:EXAMPLES], values=(*a.values, *b.values)[:EXAMPLES]
    )


def _emptied(columns: dict[str, pa.ChunkedArray], rules: Mapping[str, str]) -> dict[str, pa.ChunkedArray]:
    """Columns without the values of rows in which another column is empty, e.g. a planned closing date."""
    nothing = {name: other for name, other in rules.items() if name in columns}
    return {
        name: pc.if_else(pc.is_valid(columns[nothing[name]]), values, pa.scalar(None, values.type))
        if nothing.get(name) in columns
        else values
        for name, values in columns.items()
    }


def _may_reject(source: TableSource, bad: int, rows: int) -> bool:
    return bad == 0 or (source.on_violation == "reject" and bad <= source.max_reject_share * rows)


def _types(raw: RawTable, schema: TableSchema, source: TableSource) -> dict[str, ColumnType]:
    extra = source.extra_types
    return {
        name: schema.by_name[name].type
        if name in schema.by_name
        else extra.get(name) or natural_type(raw.data.schema.field(name).type)
        for name in raw.data.column_names
    }


def _broken(values: pa.ChunkedArray, rule: Column, failed: Sequence[Failure]) -> list[Failure]:
    """The rules of one column over its converted values; rows that failed conversion are not counted again."""
    found: list[Failure] = []
    if any(f.rows is None for f in failed):
        return found
    if rule.required:
        nothing = np.setdiff1d(rows_where(pc.is_null(values)), _union([f.rows for f in failed if f.rows is not None]))
        found.append(Failure("missing_value", nothing))
    if rule.type in ("number", "integer") and (rule.minimum, rule.maximum) != (None, None):
        low = pc.less(values, -np.inf if rule.minimum is None else rule.minimum)
        high = pc.greater(values, np.inf if rule.maximum is None else rule.maximum)
        hint = f"allowed: {_number(rule.minimum)} to {_number(rule.maximum)}"
        found.append(Failure("out_of_range", rows_where(pc.or_(low, high)), hint))
    if rule.type == "timestamp":
        found.append(Failure("implausible_date", _implausible(values, rule)))
    if rule.allowed:
        unknown = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(rule.allowed, values.type))))
        found.append(Failure("not_allowed", rows_where(unknown), f"allowed: {', '.join(rule.allowed)}"))
    return [f for f in found if f.rows is None or len(f.rows)]


def _number(bound: float | None) -> str:
    return "any" if bound is None else f"{bound:g}"


def _implausible(values: pa.ChunkedArray, rule: Column) -> np.ndarray:
    earliest = PLAUSIBLE_SINCE if rule.name.endswith("_since") else PLAUSIBLE_FROM
    low, high = (pa.scalar(int(t.astype("int64")), pa.int64()).cast(values.type) for t in (earliest, PLAUSIBLE_TO))
    return rows_where(pc.or_(pc.less(values, low), pc.greater_equal(values, high)))


def _missing(raw: RawTable, schema: TableSchema, source: TableSource) -> list[Violation]:
    found = []
    for ours, theirs in raw.missing.items():
        hint = near(theirs, [o for o in raw.offered if o not in source.columns.values()])
        if len(raw.offered) == 1:
            hint = "the header has one column only: is dialect.delimiter right?"
        found.append(_whole(schema, ours, "missing_column", raw, f"no column {theirs!r}, {hint} "))
    known_by = {"account_id", "contact_id", *(c.name for c in schema.match_keys)}
    if schema.name == "events" and not known_by & {*raw.data.column_names, *raw.missing}:
        found.append(_whole(schema, "account_id", "no_account", raw))
    return found


def _whole(schema: TableSchema, column: str, rule: str, raw: RawTable, hint: str = "") -> Violation:
    return Violation(schema.name, column, rule, raw.rows, fix=f"{hint}{RULES[rule]}", whole=True)


def _violation(raw: RawTable, schema: TableSchema, column: str, failure: Failure) -> Violation:
    if failure.rows is None:
        return _whole(schema, column, failure.rule, raw, f"{failure.hint}; " if failure.hint else "")
    first = failure.rows[:EXAMPLES]
    places = tuple(f"{name}:{row}" for name, row in zip(*raw.locate(first), strict=True))
    values = _shown(raw, schema, column, first) if failure.rule != "missing_value" else ()
    fix = f"{failure.hint}; {RULES[failure.rule]}" if failure.hint else RULES[failure.rule]
    return Violation(schema.name, column, failure.rule, len(failure.rows), places, values, fix)


def _shown(raw: RawTable, schema: TableSchema, column: str, rows: np.ndarray) -> tuple[str, ...]:
    """Example values, shortened; none where they could be personal data."""
    private = column in {"contact_id", *(c.name for c in schema.match_keys)}
    if schema.name == "contacts" or private or column not in schema.by_name:
        return ()
    texts = [str(v) for v in raw.data[column].take(pa.array(rows)).to_pylist()]
    return tuple("…@…" if "@" in t else t if len(t) <= _SHORT else t[: _SHORT - 1] + "…" for t in texts)


def _rejects(raw: RawTable, schema: TableSchema, failures: dict[str, list[Failure]]) -> pd.DataFrame:
    parts = []
    for column, found in failures.items():
        for failure in found:
            if failure.rows is not None:
                names, rows = raw.locate(failure.rows)
                parts.append(pd.DataFrame({"file": names, "row": rows, "column": column, "rule": failure.rule}))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(REJECT_COLUMNS[1:]))
    frame.insert(0, "table", schema.name)
    return frame.astype({**dict.fromkeys(REJECT_COLUMNS, "str"), "row": "int64"})


def _frame(
    columns: dict[str, pa.ChunkedArray], types: dict[str, ColumnType], kept: np.ndarray, schema: TableSchema
) -> pd.DataFrame:
    """Canonical frame of the kept rows; strings stay in Arrow memory."""
    table = pa.table(columns)
    for name in schema.required:
        if name not in types:
            table = table.append_column(name, pa.nulls(table.num_rows, ARROW_TYPES[schema.by_name[name].type]))
    if not kept.all():
        table = table.filter(pa.array(kept))
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = table.to_pandas(types_mapper=nullable.get, split_blocks=True)
    kinds = {**types, **{c.name: c.type for c in schema.columns if c.required}}
    return frame.astype({name: DTYPES[kinds[name]] for name in frame})


def _unique(frame: pd.DataFrame, schema: TableSchema) -> tuple[pd.DataFrame, list[Violation]]:
    key = [k for k in schema.key if k in frame]
    ids = [k for k in key if k != "known_at"]
    if not ids:
        return frame, []
    twice = frame.loc[frame[ids].notna().all(axis=1), key].duplicated(keep=False)
    doubled = twice[twice].index
    if not len(doubled):
        return frame, []
    if schema.on_duplicate == "drop":
        return frame.drop(index=_later(frame.loc[doubled], key)).reset_index(drop=True), []
    return frame, [_duplicate_key(frame.loc[doubled, key], schema)]


def repeats(rows: pd.DataFrame, schema: TableSchema) -> np.ndarray:
    """bool [n]: all rows of a table that drops duplicates but the first known one of each id."""
    key = [k for k in schema.key if k in rows and k != "known_at"]
    named = rows[rows[key].notna().all(axis=1)] if key else rows.iloc[:0]
    return np.asarray(rows.index.isin(_later(named, key))) if key else np.zeros(len(rows), dtype=bool)


def _later(rows: pd.DataFrame, key: list[str]) -> pd.Index:
    """All but the first known row of each key; ties are broken by the other columns, so that order does not matter."""
    others = [c for c in rows.columns if c not in key and c != "known_at"]
    order = [*(["known_at"] if "known_at" in rows else []), *sorted(others)]
    ranked = rows.sort_values([*key, *order], na_position="first", kind="stable")
    return ranked.index[ranked.duplicated(key)]


def _duplicate_key(rows: pd.DataFrame, schema: TableSchema) -> Violation:
    ids = rows[schema.key[0]].drop_duplicates().sort_values().head(EXAMPLES)
    shown = () if schema.name == "contacts" else tuple(str(i) for i in ids)
    column = " + ".join(rows.columns)
    fix = RULES["duplicate_key"]
    return Violation(schema.name, column, "duplicate_key", len(rows), values=shown, fix=fix, whole=True)


def _union(rows: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(rows)) if len(rows) else np.empty(0, dtype=np.int64)
