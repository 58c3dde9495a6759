"""An Excel workbook of the lists: ready to filter and sort, explained in its own language, without a single formula."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api import types

from abm_scoring.errors import OutputError
from abm_scoring.publish.csv_out import safe_text
from abm_scoring.publish.words import Words

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: What a sheet of Excel holds, its heading included.
MAX_ROWS = 1_048_576
_MAX_TEXT = 32_767
#: A workbook says when it was made; ours has the same bytes for the same lists.
_CREATED = datetime(2000, 1, 1)

_PERCENT = frozenset({"conversion_probability", "probability_low", "probability_high", "data_completeness"})
_BARS = {"score": "#7C9CF5", "fit_score": "#8FD3C8", "engagement_score": "#F5B971", "expected_value": "#B8A1F0"}
_GRADES = {"A": "#C6EFCE", "B": "#E2F3D5", "C": "#FFF2CC", "D": "#F3F4F6"}
_STATUSES = {
    "mqa": "#C6EFCE",
    "accepted": "#CFE2FF",
    "recycled": "#FFF2CC",
    "rejected": "#FFF2CC",
    "expired": "#F8D7DA",
}
_WIDTHS = {"rank": 7, "account_name": 32, "domain": 24, "sector": 20, "mqa_status": 20, "config_hash": 14, "reason": 40}
_CODED = ("mqa_status", "score_trend", "rung")


def write_xlsx(
    ranked: pd.DataFrame,
    path: Path,
    words: Words,
    *,
    not_scored: pd.DataFrame | None = None,
    decimals: Mapping[str, int] | None = None,
) -> None:
    """Write the lists as a workbook: the ranked list, the accounts that are not on it, and a legend.

    Headings and codes are in the project's language; the legend names each column as the CSV does. Text stays text:
    nothing becomes a formula or a link, not even after somebody edits the cell. Equal lists give equal bytes under one
    version of xlsxwriter.

    Args:
        ranked: n rows as published; dtypes as `write_csv` takes them.
        path: File to create; it must not exist.
        words: The language.
        not_scored: The second list; None leaves its sheet out.
        decimals: Digits after the decimal sign by column, for columns of floats.

    Raises:
        OutputError: A list is longer than a sheet holds (73).
        ValueError: A float is infinite.
    """
    from xlsxwriter import Workbook

    told, page = words.interface.columns, words.interface.page
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": _CREATED, "title": page["title"]})
        styles = _Styles(book)
        _list_sheet(book.add_worksheet(page["title"]), ranked, words, decimals or {}, styles, path)
        if not_scored is not None:
            _list_sheet(book.add_worksheet(page["left_out"]), not_scored, words, {}, styles, path)
        shown = list(dict.fromkeys([*ranked.columns, *(() if not_scored is None else not_scored.columns)]))
        _legend_sheet(book.add_worksheet(page["legend"]), [c for c in shown if c in told], words, styles)
    with path.open("xb") as file:
        file.write(buffer.getvalue())


class _Styles:
    """The formats of one workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def style(self, **look: object) -> Format:
        key = tuple(sorted(look.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(look)
        return self._made[key]

    @property
    def head(self) -> Format:
        return self.style(bold=True, bg_color="#1F2A44", font_color="#FFFFFF", valign="vcenter", text_wrap=True)


def _list_sheet(
    sheet: Worksheet, frame: pd.DataFrame, words: Words, decimals: Mapping[str, int], styles: _Styles, path: Path
) -> None:
    if len(frame) >= MAX_ROWS:
        raise OutputError(
            f"{len(frame)} rows do not fit on a sheet of Excel",
            where=path.name,
            fix="leave xlsx out of outputs.formats",
        )
    named = {c for c in frame if words.meaning(str(c))}
    for i, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, i]
        heading = words.heading(name) if name in named else name
        width = _width(name, column, heading)
        sheet.write_string(0, i, heading, styles.head)
        sheet.set_column(i, i, width)
        _column(sheet, i, name, _in_words(column, name, words), decimals.get(name), styles)
    _look(sheet, frame, words, styles)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, _frozen(frame))
    if len(frame.columns):
        sheet.autofilter(0, 0, max(len(frame), 1), len(frame.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _frozen(frame: pd.DataFrame) -> int:
    """Columns up to the account's name stay in view."""
    names = list(frame.columns)
    return names.index("account_name") + 1 if "account_name" in names[:4] else 0


def _in_words(column: pd.Series, name: str, words: Words) -> pd.Series:
    if name in _CODED:
        return column.map({code: words.coded(name, code) for code in column.dropna().unique()})
    if name in ("roles_engaged", "roles_missing"):
        return column.map({one: _roles(one, words) for one in column.dropna().unique()})
    return column


def _roles(joined: str, words: Words) -> str:
    return "; ".join(words.role(role.strip()) for role in joined.split(";") if role.strip())


def _width(name: str, column: pd.Series, heading: str) -> float:
    if name in _WIDTHS:
        return _WIDTHS[name]
    if name.startswith(("reason_", "negative_reason_")) or name == "change_reason":
        return 44
    texts = column.dropna().head(200).astype("str") if types.is_string_dtype(column.dtype) else pd.Series(dtype="str")
    longest = int(texts.str.len().max()) if len(texts) else 8
    return float(min(max(longest, len(heading) * 0.7, 9), 30)) + 2


def _column(sheet: Worksheet, i: int, name: str, column: pd.Series, places: int | None, styles: _Styles) -> None:
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        for row, value in _known(column):
            sheet.write_boolean(row, i, bool(value))
    elif types.is_numeric_dtype(dtype):
        _numbers(sheet, i, name, column, places, styles)
    elif types.is_datetime64_any_dtype(dtype):
        day = styles.style(num_format="yyyy-mm-dd", align="left")
        for row, value in _known(column.dt.tz_convert("UTC").dt.tz_localize(None)):
            sheet.write_datetime(row, i, value.to_pydatetime(), day)
    else:
        safe, quoted = styles.style(), styles.style(quote_prefix=True)
        for row, value in _known(column):
            text = str(value)[:_MAX_TEXT]
            if text:
                sheet.write_string(row, i, text, safe if safe_text(text) is text else quoted)


def _known(column: pd.Series) -> list[tuple[int, Any]]:
    """Row on the sheet and value of every cell that is not null."""
    known = column.notna().to_numpy()
    return list(zip((np.flatnonzero(known) + 1).tolist(), column[known].astype(object), strict=True))


def _numbers(sheet: Worksheet, i: int, name: str, column: pd.Series, places: int | None, styles: _Styles) -> None:
    values = column.to_numpy(dtype="float64", na_value=np.nan)
    if np.isinf(values).any():
        raise ValueError(f"column {name} holds an infinite number")
    style = styles.style(num_format=_number_format(name, column, places))
    rounded = values if places is None else np.round(values, places) + 0.0
    for row, value in enumerate(rounded.tolist(), start=1):
        if value == value:
            sheet.write_number(row, i, value, style)


def _number_format(name: str, column: pd.Series, places: int | None) -> str:
    if name in _PERCENT:
        return "0%" if name == "data_completeness" else "0.0%"
    if name == "score_change":
        return "+0.0;-0.0;0.0"
    if types.is_integer_dtype(column.dtype) or places == 0:
        return "#,##0"
    return "General" if places is None else "#,##0." + "0" * places


def _look(sheet: Worksheet, frame: pd.DataFrame, words: Words, styles: _Styles) -> None:
    """Colours and bars, which follow the values when somebody sorts or edits."""
    last = max(len(frame), 1)
    for i, name in enumerate(map(str, frame.columns)):
        if name in _BARS:
            bar = {"type": "data_bar", "bar_color": _BARS[name], "bar_solid": True}
            ends = {} if name == "expected_value" else {"min_type": "num", "min_value": 0}
            ends |= {} if name == "expected_value" else {"max_type": "num", "max_value": 100}
            sheet.conditional_format(1, i, last, i, bar | ends)
        colours = {
            "grade": _GRADES,
            "mqa_status": {words.coded("mqa_status", code): colour for code, colour in _STATUSES.items()},
        }.get(name, {})
        for value, colour in colours.items():
            rule = {"type": "cell", "criteria": "==", "value": f'"{value}"', "format": styles.style(bg_color=colour)}
            sheet.conditional_format(1, i, last, i, rule)
        if name == "score_change":
            for sign, colour in ((">", "#1B7F4B"), ("<", "#B3261E")):
                rule = {"type": "cell", "criteria": sign, "value": 0, "format": styles.style(font_color=colour)}
                sheet.conditional_format(1, i, last, i, rule)


def _legend_sheet(sheet: Worksheet, columns: list[str], words: Words, styles: _Styles) -> None:
    page = words.interface.page
    wrapped = styles.style(text_wrap=True, valign="top")
    for i, (heading, width) in enumerate(((page["column"], 26), (page["name"], 24), (page["meaning"], 90))):
        sheet.write_string(0, i, heading, styles.head)
        sheet.set_column(i, i, width)
    for row, name in enumerate(columns, start=1):
        for i, text in enumerate((words.heading(name), name, words.meaning(name))):
            sheet.write_string(row, i, text, wrapped)
    sheet.freeze_panes(1, 0)
