"""Tables of a report as an Excel workbook, without a single formula."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from abm_scoring.errors import OutputError
from abm_scoring.publish.xlsx_out import MAX_ROWS

#: A workbook says when it was made; ours has the same bytes for the same tables.
_CREATED = datetime(2000, 1, 1)
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(sheets: Mapping[str, pd.DataFrame], path: Path, title: str) -> None:
    """Write one sheet a table: headings, filters, frozen head; text stays text, moments are ISO text.

    Args:
        sheets: Name (at most 31 signs) → table.
        path: File to create; it must not exist.
        title: Of the workbook.

    Raises:
        OutputError: A table is longer than a sheet holds (73).
    """
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    with Workbook(buffer, _OPTIONS) as book:
        book.set_properties({"created": _CREATED, "title": title})
        head = book.add_format({"bold": True, "bg_color": "#1F2A44", "font_color": "#FFFFFF"})
        for name, frame in sheets.items():
            if len(frame) >= MAX_ROWS:
                raise OutputError(f"{len(frame)} rows do not fit on a sheet of Excel", where=f"{path.name}, {name}")
            _sheet(book.add_worksheet(name[:31]), frame, head, book.add_format({"quote_prefix": True}))
    with path.open("xb") as file:
        file.write(buffer.getvalue())


def _sheet(sheet: Any, frame: pd.DataFrame, head: Any, quoted: Any) -> None:
    for i, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, i]
        sheet.write_string(0, i, name, head)
        numbers = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
        sheet.set_column(i, i, 14 if numbers else 26)
        for row, value in enumerate(column.astype(object), start=1):
            _cell(sheet, row, i, value, quoted)
    sheet.freeze_panes(1, 0)
    if len(frame.columns):
        sheet.autofilter(0, 0, max(len(frame), 1), len(frame.columns) - 1)


def _cell(sheet: Any, row: int, column: int, value: Any, quoted: Any) -> None:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    else:
        text = value.isoformat() if isinstance(value, pd.Timestamp) else str(value)
        if text:
            sheet.write_string(row, column, text, quoted if text[:1] in "=+-@\t\r" else None)
