"""Tiny canonical tables, written as rows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from abm_scoring.data.schema import DTYPES, TABLES


def rows(table: str, columns: str, *values: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of a canonical table with the named columns; times as text."""
    names = columns.split()
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in values], columns=names)
    types = {c.name: c.type for c in TABLES[table].columns}
    for name in names:
        if types[name] == "timestamp":
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").dt.as_unit("us")
        else:
            frame[name] = frame[name].astype(DTYPES[types[name]])
    return frame


def day(text: str) -> pd.Timestamp:
    """A moment in UTC."""
    return pd.Timestamp(text, tz="UTC").as_unit("us")
