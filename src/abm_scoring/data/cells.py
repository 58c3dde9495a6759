"""Columns from Python values of mixed types: spreadsheet cells and SQLite rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from abm_scoring.data.dialect import Dialect
from abm_scoring.errors import BadDataError

#: Spreadsheets keep 15 significant digits; a whole number beyond that may have lost its end.
EXACT_WHOLE = 1e15


def column_of(cells: Sequence[Any], dialect: Dialect) -> pa.Array:
    """One Arrow column from cells.

    Cells of one type give a column of that type, whole and broken numbers together a float64 one. A column of mixed
    types becomes text, in which numbers and dates are written as the dialect declares, so that they read back alike.

    Args:
        cells: Text, numbers, booleans, dates, datetimes or None.
        dialect: How text is written.

    Returns:
        An array as long as `cells`.
    """
    kinds = {type(c) for c in cells if c is not None}
    if kinds <= {int, float} and kinds != {int}:
        return pa.array(cells, pa.float64(), from_pandas=False)
    if kinds == {int} and all(c is None or abs(c) < 2**63 for c in cells):
        return pa.array(cells, pa.int64())
    if kinds == {dt.datetime} and all(c is None or c.tzinfo is None for c in cells):
        if all(c is None or c.time() == dt.time() for c in cells):
            return pa.array([c and c.date() for c in cells], pa.date32())
        return pa.array(cells, pa.timestamp("us"))
    if kinds == {dt.date}:
        return pa.array(cells, pa.date32())
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    return pa.array([_as_text(c, dialect) for c in cells], pa.string())


def _as_text(cell: Any, dialect: Dialect) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        raise BadDataError("a column holds binary values", fix="select it as text, e.g. hex(column)")
    if isinstance(cell, bool):
        return (dialect.true_words if cell else dialect.false_words)[0]
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT_WHOLE:
        return str(int(cell))
    if isinstance(cell, float):
        return repr(cell).replace(".", dialect.decimal_mark)
    if isinstance(cell, dt.date) and dialect.formats:
        return cell.strftime(dialect.formats[0])
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)
