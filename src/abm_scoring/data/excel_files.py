"""Excel workbooks (.xlsx) read cell by cell, values only."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from abm_scoring.data.cells import column_of
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import file_errors
from abm_scoring.errors import BadDataError, ConfigError


def read_excel(
    file: Path,
    sheet: str | None,
    header_row: int,
    dialect: Dialect,
    max_bytes: int,
    choose: Callable[[Sequence[str]], Sequence[str]],
    header_height: int = 1,
) -> tuple[list[str], pa.Table]:
    """Read chosen columns of one sheet.

    Args:
        file: An .xlsx workbook.
        sheet: Name of the sheet; None where the workbook has only one.
        header_row: Number of the row with the column names, from 1.
        dialect: How text cells are written.
        max_bytes: Most bytes the workbook may unpack to.
        choose: Given the header, the columns to read.
        header_height: Rows that the header takes; of several, merged cells included, names are joined by a space.

    Returns:
        The header, and a table of the cells' own types (see `cells.column_of`). Formulas give their stored value.

    Raises:
        BadDataError: No workbook, duplicate headers, values without a header.
        ConfigError: No such sheet.
    """
    header, rows = _read_rows(file, sheet, header_row, header_height, max_bytes)
    while rows and all(c is None for c in rows[-1]):
        rows.pop()
    _check_header(header, rows, file.name)
    wanted = list(choose([h for h in header if h]))
    columns = {name: [row[header.index(name)] for row in rows] for name in wanted}
    return [h for h in header if h], pa.table({name: column_of(cells, dialect) for name, cells in columns.items()})


def _read_rows(
    file: Path, sheet: str | None, header_row: int, header_height: int, max_bytes: int
) -> tuple[list[str], list[list[Any]]]:
    import openpyxl

    _check_archive(file, max_bytes)
    with file_errors(file), file.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (KeyError, ValueError, SyntaxError) as error:
            raise BadDataError("is no Excel workbook", where=file.name, fix="save it as .xlsx") from error
        page = book[_sheet(sheet, book.sheetnames, file.name)]
        page.reset_dimensions()
        cells = [list(row) for row in page.iter_rows(min_row=header_row, values_only=True)]
        book.close()
    width = max(map(len, cells), default=0)
    cells = [row + [None] * (width - len(row)) for row in cells]
    return joined_header(cells[:header_height]), cells[header_height:]


def joined_header(rows: Sequence[Sequence[Any]]) -> list[str]:
    """One name a column from a header of one or several rows.

    A cell merged over several columns holds its text in the first of them: an empty cell takes the text to its left
    where the row below names the column. A cell merged over several rows names its column alone.
    """
    texts = [["" if c is None else str(c).strip() if len(rows) > 1 else str(c) for c in row] for row in rows]
    for upper, lower in pairwise(texts):
        for at in range(1, len(upper)):
            if not upper[at] and lower[at] and lower[at - 1]:
                upper[at] = upper[at - 1]
    return [" ".join(filter(None, names)) if len(rows) > 1 else names[0] for names in zip(*texts, strict=True)]


def _check_archive(file: Path, max_bytes: int) -> None:
    try:
        with file_errors(file), file.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        fix = "save it as .xlsx, without a password"
        raise BadDataError("is no .xlsx workbook", where=file.name, fix=fix) from error
    if size > max_bytes:
        what = f"unpacks to more than {max_bytes:,} bytes"
        raise BadDataError(what, where=file.name, fix="raise max_bytes if the file is meant to be so large")


def _sheet(sheet: str | None, names: list[str], file: str) -> str:
    if sheet is None and len(names) == 1:
        return names[0]
    if sheet in names:
        return str(sheet)
    what = f"has no sheet {sheet!r}" if sheet else "has several sheets"
    raise ConfigError(what, where=file, fix=f"set sheet to one of: {', '.join(names)}")


def _check_header(header: list[str], rows: list[list[Any]], file: str) -> None:
    twice = sorted({h for h in header if h and header.count(h) > 1})
    if twice:
        listed = ", ".join(map(repr, twice))
        raise BadDataError(f"header holds {listed} more than once", where=file, fix="rename one of the columns")
    for at, name in enumerate(header):
        if not name and any(row[at] is not None for row in rows):
            what = f"column {at + 1} has values but no header"
            raise BadDataError(what, where=file, fix="name it, or set header_row")
