"""CSV that opens cleanly in a spreadsheet, cannot run a formula there, and has the same bytes for the same frame."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from abm_scoring.errors import ConfigError

_BOM = b"\xef\xbb\xbf"
_ROWS_AT_ONCE = 20_000

# What spreadsheets skip before they look at the first sign (spaces, controls, zero-width and direction marks), then
# the signs that start a formula, in their ordinary, small and full-width forms.
_SKIPPED = r"\s\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_STARTS = r"=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
_FORMULA = re.compile(rf"[\t\r\n]|[{_SKIPPED}]*[{_STARTS}]")


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    decimal: str
    decimals: Mapping[str, int]
    dates: frozenset[str]
    quoted: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        if self.delimiter not in {",", ";", "\t", "|"} or self.decimal not in {".", ","}:
            raise ConfigError(
                f"delimiter {self.delimiter!r} with decimal sign {self.decimal!r} is not supported",
                fix="delimiter is one of , ; | or tab, the decimal sign . or ,",
            )
        if self.delimiter == self.decimal:
            raise ConfigError("delimiter and decimal sign are the same", fix="use ; as delimiter with a decimal comma")
        object.__setattr__(self, "quoted", re.compile(f'[{re.escape(self.delimiter)}"\r\n]'))


def write_csv(
    frames: pd.DataFrame | Iterable[pd.DataFrame],
    path: Path,
    *,
    delimiter: str = ",",
    decimal: str = ".",
    bom: bool = True,
    decimals: Mapping[str, int] | None = None,
    dates: Collection[str] = (),
) -> None:
    r"""Write rows as CSV: UTF-8, one header line, lines end with `\n`, the index is left out.

    - Text that a spreadsheet could take for a formula gets a leading `'`; so do column names. Numbers never do.
    - Cells with the delimiter, a quote or a line break are quoted.
    - Null is an empty cell, and so is empty text. Booleans are `true` and `false`.
    - Numbers have no thousands separator and no exponent; floats without a stated rounding are written in the
      shortest form that reads back as the same number.
    - Timestamps are ISO 8601 in UTC, `2026-11-21T06:30:00Z`, whole seconds; columns named in `dates` become
      `2026-11-21` (the day in UTC). The column decides, never its values, so that a column keeps its form.

    Args:
        frames: Rows, or pieces of them with the same columns, one at least. Dtypes: text, category of text, integer,
            float, boolean, timestamps with a time zone.
        path: File to create; it must not exist, since files are replaced by publishing a folder only.
        delimiter: `,`, `;`, `|` or tab.
        decimal: `.` or `,`; not the delimiter.
        bom: Start with a byte order mark, by which spreadsheets know UTF-8.
        decimals: Digits after the decimal sign by column, for columns of floats.
        dates: Timestamp columns to write as a date.

    Raises:
        ConfigError: The delimiter and decimal sign do not go together (78).
        ValueError: A float is infinite.
        TypeError: A column holds values other than the dtypes above, or timestamps without a time zone.
    """
    dialect = _Dialect(delimiter, decimal, decimals or {}, frozenset(dates))
    first, pieces = _first_of(frames)
    header = [_text_cell(str(name), dialect) for name in first.columns]
    with path.open("xb") as file:
        if bom:
            file.write(_BOM)
        file.write((delimiter.join(header) + "\n").encode())
        for frame in pieces:
            for start in range(0, len(frame), _ROWS_AT_ONCE):
                file.write(_lines(frame.iloc[start : start + _ROWS_AT_ONCE], dialect).encode())


def write_list_csv(
    frames: pd.DataFrame | Iterable[pd.DataFrame],
    path: Path,
    *,
    delimiter: str = ",",
    decimal: str = ".",
    decimals: Mapping[str, int] | None = None,
) -> None:
    """`write_csv` for a list: floats as `decimals` says where the frame has them, every timestamp as its day."""
    first, pieces = _first_of(frames)
    floats = {name: places for name, places in (decimals or {}).items() if name in first and _is_float(first[name])}
    days = [str(name) for name in first if types.is_datetime64_any_dtype(first[name].dtype)]
    write_csv(pieces, path, delimiter=delimiter, decimal=decimal, decimals=floats, dates=days)


def _first_of(frames: pd.DataFrame | Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, Iterable[pd.DataFrame]]:
    """The first piece, and all of them."""
    if isinstance(frames, pd.DataFrame):
        return frames, (frames,)
    pieces = iter(frames)
    first = next(pieces)
    return first, chain((first,), pieces)


def _is_float(column: pd.Series) -> bool:
    return bool(types.is_float_dtype(column.dtype))


def safe_text(text: str) -> str:
    """The text, with a leading `'` where a spreadsheet could take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _lines(chunk: pd.DataFrame, dialect: _Dialect) -> str:
    columns = [_cells(chunk.iloc[:, i], str(name), dialect) for i, name in enumerate(chunk.columns)]
    if len(columns) == 1:  # an empty line would be skipped by readers
        columns = [[cell or '""' for cell in columns[0]]]
    return "".join(dialect.delimiter.join(row) + "\n" for row in zip(*columns, strict=True))


def _cells(column: pd.Series, name: str, dialect: _Dialect) -> list[str]:
    if types.is_bool_dtype(column.dtype):
        return [("true" if v else "false") for v in column] if not column.hasnans else _nullable(column, _BOOLEANS)
    if types.is_integer_dtype(column.dtype):
        return _nullable(column, None) if column.hasnans else [str(v) for v in column.to_numpy().tolist()]
    if types.is_float_dtype(column.dtype):
        return _floats(column, name, dialect)
    if types.is_datetime64_any_dtype(column.dtype):
        return _timestamps(column, name, name in dialect.dates)
    return _texts(column, name, dialect)


_BOOLEANS = {True: "true", False: "false"}


def _nullable(column: pd.Series, words: Mapping[bool, str] | None) -> list[str]:
    return ["" if v is pd.NA else words[bool(v)] if words else str(v) for v in column.astype(object)]


def _floats(column: pd.Series, name: str, dialect: _Dialect) -> list[str]:
    values = column.to_numpy(dtype="float64", na_value=np.nan)
    if np.isinf(values).any():
        raise ValueError(f"column {name} holds an infinite number")
    places = dialect.decimals.get(name)
    form = _shortest if places is None else f"%.{places}f".__mod__
    cells = ["" if v != v else form(v) for v in values.tolist()]
    # A small negative number rounds to "-0.00"; zero has no sign.
    limit = 0.5 if places is None else 10.0**-places
    for i in np.flatnonzero((np.abs(values) < limit) & np.signbit(values)):
        cells[i] = cells[i] if cells[i].strip("-0.") else cells[i].lstrip("-")
    return [cell.replace(".", ",") for cell in cells] if dialect.decimal == "," else cells


def _shortest(value: float) -> str:
    text = repr(value)
    if "e" in text:
        return np.format_float_positional(value, trim="-")
    return text.removesuffix(".0")


def _timestamps(column: pd.Series, name: str, as_date: bool) -> list[str]:
    if column.dt.tz is None:
        raise TypeError(f"column {name} holds timestamps without a time zone")
    moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[s]")
    texts = np.datetime_as_string(moments, unit="D" if as_date else "s")
    ending = "" if as_date else "Z"
    return ["" if text == "NaT" else f"{text}{ending}" for text in texts.tolist()]


def _texts(column: pd.Series, name: str, dialect: _Dialect) -> list[str]:
    codes, found = pd.factorize(column)
    values = found.to_numpy(dtype=object).tolist()
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"column {name} ({column.dtype}) holds values that are no text")
    cells = [_text_cell(value, dialect) for value in values]
    cells.append("")  # code -1: null
    return [cells[code] for code in codes.tolist()]


def _text_cell(text: str, dialect: _Dialect) -> str:
    text = safe_text(text)
    return '"' + text.replace('"', '""') + '"' if dialect.quoted.search(text) else text
