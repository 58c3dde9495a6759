"""Columns as sources have them → canonical types, with the rows that fail. Nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from abm_scoring.data.cells import EXACT_WHOLE
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.schema import ColumnType
from abm_scoring.data.text_columns import Entries, is_text, may_hold, only_visible, repeats_itself
from abm_scoring.data.timestamps import instants, text_instants
from abm_scoring.data.violations import Failure

#: Arrow type of each column type after conversion.
ARROW_TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "tags": pa.string(),
}

#: How spreadsheets and languages print numbers and errors: 1E+05, 1,23457E+11, 123.0, #N/A, ####.
_MANGLED = r"^(?:\d(?:[.,]\d+)?[eE]\+\d{2,3}|\d+\.0+|#+|#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!))$"
#: One of these stands in every such text.
_MANGLED_SIGNS = b".+#"
_DOTTED, _DOTTED_OR_SMALL = r"\.", r"^[+-]?(?:[1-9]\d{0,2}\.\d{3}|\d{1,3})$"
#: Number of digits → what a number in a date column probably is.
_UNITS = {
    5: "spreadsheet serial days",
    **dict.fromkeys((9, 10), "epoch seconds"),
    **dict.fromkeys((12, 13), "epoch milliseconds"),
    **dict.fromkeys((15, 16), "epoch microseconds"),
    **dict.fromkeys((18, 19), "epoch nanoseconds"),
}
#: Key of a value mapping that stands for every text it does not name.
OTHERS = "*"
_NOT_FINITE = ("inf", "-inf", "+inf", "infinity", "-infinity", "nan")


@dataclass(frozen=True)
class Converted:
    """A converted column.

    Attributes:
        values: Array of the type in `ARROW_TYPES`, null where the source has nothing or the row failed.
        failures: What went wrong.
    """

    values: pa.ChunkedArray
    failures: tuple[Failure, ...] = field(default=())


def convert(
    column: pa.ChunkedArray,
    to: ColumnType,
    dialect: Dialect,
    timezone: str | None,
    recode: Mapping[str, str] | None = None,
) -> Converted:
    """Convert one column.

    Args:
        column: n values of any Arrow type.
        to: Canonical type.
        dialect: How text values are written.
        timezone: Zone of readings without an offset; None refuses them.
        recode: Source text → our text, applied to text values before they are read.

    Returns:
        n values with failures.
    """
    if pa.types.is_null(column.type):
        return Converted(pa.chunked_array([pa.nulls(len(column), ARROW_TYPES[to])]))
    if _worth_sharing(column, to, recode):
        entries = Entries.of(column)
        done = _converted(pa.chunked_array([entries.values]), to, dialect, timezone, recode)
        failures = (f if f.rows is None else replace(f, rows=entries.rows(f.rows)) for f in done.failures)
        return Converted(entries.spread(done.values), tuple(failures))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return _converted(column, to, dialect, timezone, recode)


def _worth_sharing(column: pa.ChunkedArray, to: ColumnType, recode: Mapping[str, str] | None) -> bool:
    """Whether each distinct value is converted once for all rows that have it."""
    if to == "timestamp":  # what a refusal says of clock readings depends on how often each comes
        return False
    if pa.types.is_dictionary(column.type):
        return is_text(column.type.value_type)
    costly = bool(recode) or to not in ("id", "text")
    return costly and is_text(column.type) and repeats_itself(column)


def _converted(
    column: pa.ChunkedArray,
    to: ColumnType,
    dialect: Dialect,
    timezone: str | None,
    recode: Mapping[str, str] | None,
) -> Converted:
    if to == "tags" and pa.types.is_list(column.type):
        column = pc.binary_join(column, ";")
    if is_text(column.type):
        return _from_text(_recoded(clean_text(column, dialect), recode or {}), to, dialect, timezone)
    return _from_typed(column, to, timezone)


def natural_type(type: pa.DataType) -> ColumnType:
    """The canonical type of an extra column that the config gives no type: the source's own, text where unsure."""
    if pa.types.is_boolean(type):
        return "boolean"
    if pa.types.is_timestamp(type) or pa.types.is_date(type):
        return "timestamp"
    return "number" if _is_number(type) else "text"


def clean_text(column: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """Text with the declared trimming done and null values (the empty text always) set to null."""
    if dialect.trim:
        column = pc.utf8_trim_whitespace(column)
    if not dialect.null_values and pc.min(pc.binary_length(column)).as_py() != 0:
        return column
    nothing = pa.array(["", *dialect.null_values], column.type)
    return pc.if_else(pc.is_in(column, nothing), pa.scalar(None, column.type), column)


def _recoded(column: pa.ChunkedArray, recode: Mapping[str, str]) -> pa.ChunkedArray:
    """Their texts as ours; the key `*` stands for every other text, the empty text for nothing."""
    if not recode:
        return column
    known = {theirs: ours for theirs, ours in recode.items() if theirs != OTHERS}
    at = pc.index_in(column, pa.array(list(known), column.type))
    found = pa.chunked_array([pa.array(list(known.values()), column.type).take(at.combine_chunks())])
    others = pc.if_else(pc.is_valid(column), recode[OTHERS], None) if OTHERS in recode else column
    done = pc.if_else(pc.is_valid(at), found, others.cast(column.type))
    return pc.if_else(pc.equal(done, ""), pa.scalar(None, column.type), done)


def _from_text(text: pa.ChunkedArray, to: ColumnType, dialect: Dialect, timezone: str | None) -> Converted:
    if to == "id":
        return _checked_id(text)
    if to == "text":
        return Converted(text)
    if to == "tags":
        return Converted(normalise_tags(text))
    text = pc.utf8_trim_whitespace(text)
    if to == "boolean":
        return _boolean(text, dialect)
    if to == "timestamp":
        values, failures = text_instants(text, dialect.formats, timezone)
        return Converted(values, tuple(failures))
    number = _number(text, dialect)
    return _whole(number) if to == "integer" else number


def _from_typed(column: pa.ChunkedArray, to: ColumnType, timezone: str | None) -> Converted:
    kind = column.type
    if to == "timestamp" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        values, failures = instants(column, timezone)
        return Converted(values, tuple(failures))
    if _is_number(kind) and to in ("number", "integer"):
        number = _finite(column.cast(pa.float64(), safe=False))
        return _whole(number) if to == "integer" else number
    if pa.types.is_boolean(kind) and to == "boolean":
        return Converted(column)
    if pa.types.is_boolean(kind) and to == "text":
        return Converted(column.cast(pa.string()))
    if pa.types.is_integer(kind) and to == "boolean":
        return _flag(column)
    if _is_number(kind) and to in ("id", "text"):
        return _number_as_text(column, to)
    return Converted(pa.chunked_array([pa.nulls(len(column), ARROW_TYPES[to])]), (_wrong_type(column, to),))


def _wrong_type(column: pa.ChunkedArray, to: ColumnType) -> Failure:
    hint = f"is {column.type}, should be {to}"
    if to == "timestamp" and _is_number(column.type):
        hint += f"; {_epoch_hint(pc.max(column).as_py())}"
    return Failure("wrong_type", hint=hint)


def _epoch_hint(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "a number is no date"
    unit = _UNITS.get(len(str(int(value))), "a number")
    return f"it looks like {unit}: convert it with kind: sql"


def _checked_id(text: pa.ChunkedArray) -> Converted:
    broken = {}
    if not only_visible(text):
        broken["surrounding_spaces"] = rows_where(pc.not_equal(pc.utf8_trim_whitespace(text), text))
    if may_hold(text, _MANGLED_SIGNS):
        broken["mangled_id"] = rows_where(pc.match_substring_regex(text, _MANGLED))
    return Converted(text, tuple(Failure(rule, rows) for rule, rows in broken.items() if len(rows)))


def _number_as_text(column: pa.ChunkedArray, to: ColumnType) -> Converted:
    """Whole numbers as their digits; others only into text, never into ids."""
    if pa.types.is_integer(column.type) or (pa.types.is_decimal(column.type) and column.type.scale == 0):
        return Converted(column.cast(pa.string()))
    number = column.cast(pa.float64(), safe=False)
    whole = pc.and_(pc.equal(number, pc.floor(number)), pc.less(pc.abs(number), EXACT_WHOLE))
    digits = pc.if_else(whole, number, None).cast(pa.int64()).cast(pa.string())
    if to == "text":
        return Converted(pc.coalesce(digits, column.cast(pa.string())))
    lost = rows_where(pc.invert(pc.fill_null(whole, True)))
    return Converted(digits, (Failure("mangled_id", lost, "a floating-point number"),) if len(lost) else ())


def _number(text: pa.ChunkedArray, dialect: Dialect) -> Converted:
    if not dialect.declares_numbers and _is_ambiguous(text):
        return Converted(pa.chunked_array([pa.nulls(len(text), pa.float64())]), (Failure("ambiguous_number"),))
    good = pc.match_substring_regex(text, dialect.number_pattern)
    digits = pc.if_else(good, text, pa.scalar(None, text.type))
    if dialect.sign_pattern:
        digits = pc.replace_substring_regex(digits, dialect.sign_pattern, "")
    if dialect.thousands_pattern:
        digits = pc.replace_substring_regex(digits, dialect.thousands_pattern, "")
    number = _finite(pc.replace_substring(digits, dialect.decimal_mark, ".").cast(pa.float64()))
    bad = rows_where(pc.invert(good))
    if not len(bad):
        return number
    words = pc.is_in(pc.utf8_lower(text.take(bad)), pa.array(_NOT_FINITE, text.type)).to_numpy(zero_copy_only=False)
    unread = [Failure(r, rows) for r, rows in (("not_a_number", bad[~words]), ("not_finite", bad[words])) if len(rows)]
    return Converted(number.values, (*number.failures, *unread))


def _is_ambiguous(text: pa.ChunkedArray) -> bool:
    """True where every value is `1.234` or a whole number below a thousand, and at least one has a point."""
    for sample in (text.slice(0, 1000), text):
        dotted = pc.any(pc.match_substring_regex(sample, _DOTTED)).as_py()
        if pc.all(pc.match_substring_regex(sample, _DOTTED_OR_SMALL)).as_py() is False:
            return False
    return bool(dotted)


def _finite(number: pa.ChunkedArray) -> Converted:
    """NaN is no value; infinities fail."""
    fine = pc.is_finite(number)
    if pc.all(fine).as_py() is not False:
        return Converted(number)
    rows = rows_where(pc.is_inf(number))
    finite = pc.if_else(fine, number, pa.scalar(None, pa.float64()))
    return Converted(finite, (Failure("not_finite", rows),) if len(rows) else ())


def _whole(number: Converted) -> Converted:
    whole = pc.and_(pc.equal(number.values, pc.floor(number.values)), pc.less(pc.abs(number.values), 2.0**53))
    rows = rows_where(pc.invert(whole))
    values = pc.if_else(whole, number.values, pa.scalar(None, pa.float64())).cast(pa.int64())
    return Converted(values, (*number.failures, *((Failure("not_a_whole_number", rows),) if len(rows) else ())))


def _boolean(text: pa.ChunkedArray, dialect: Dialect) -> Converted:
    word = pc.utf8_lower(text)
    true = pc.is_in(word, pa.array([w.lower() for w in dialect.true_words], word.type))
    known = pc.or_(true, pc.is_in(word, pa.array([w.lower() for w in dialect.false_words], word.type)))
    rows = rows_where(pc.and_(pc.is_valid(text), pc.invert(known)))
    values = pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    return Converted(values, (Failure("not_a_boolean", rows),) if len(rows) else ())


def _flag(column: pa.ChunkedArray) -> Converted:
    known = pc.is_in(column, pa.array([0, 1], column.type))
    rows = rows_where(pc.and_(pc.is_valid(column), pc.invert(known)))
    values = pc.if_else(known, pc.equal(column, pa.scalar(1, column.type)), pa.scalar(None, pa.bool_()))
    return Converted(values, (Failure("not_a_boolean", rows),) if len(rows) else ())


def normalise_tags(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Tags trimmed, in lower case, each once, sorted, joined by `;`; null where none is left."""
    codes, distinct = pd.factorize(text.to_pandas())
    clean = pd.Series([_one_tags(value) for value in distinct], dtype="str")
    return pa.chunked_array([pa.array(clean.reindex(codes), pa.string(), from_pandas=True)])


def _one_tags(value: str) -> str | None:
    tags = {" ".join(tag.split()).lower() for tag in value.split(";")} - {""}
    return ";".join(sorted(tags)) or None


def rows_where(mask: pa.ChunkedArray) -> np.ndarray:
    """int64 positions where a boolean column is true; nulls count as false."""
    if not len(mask):  # Arrow crashes the interpreter on a column without chunks
        return np.empty(0, dtype=np.int64)
    return pc.indices_nonzero(mask).to_numpy().astype(np.int64)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
