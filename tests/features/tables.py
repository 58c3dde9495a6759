"""Tiny tables for examples."""

from __future__ import annotations

from typing import Any

import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.features.history import History, View
from tests.laws.worlds import typed

LATER = pd.Timestamp("2030-01-01", tz="UTC")


def tables(**rows: list[dict[str, Any]]) -> Tables:
    """Canonical tables from lists of rows; columns ending in `_at`, `_on`, `_since`, `from` and `to` are dates."""
    frames = {}
    for name, given in rows.items():
        frame = pd.DataFrame(given)
        for column in frame:
            if str(column).endswith(("_at", "_on", "_since")) or column in ("from", "to"):
                frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
        frames[name] = typed(name, frame)
    return Tables(frames)


def at(given: Tables, *rows: tuple[str, str], until: pd.Timestamp = LATER) -> View:
    """The view of (account_id, date) rows."""
    return History.of(given, until=until).at(rows_of(*rows))


def rows_of(*rows: tuple[str, str]) -> pd.DataFrame:
    """Snapshot rows."""
    frame = pd.DataFrame(rows, columns=["account_id", "as_of"]).astype({"account_id": "str"})
    return frame.assign(as_of=pd.to_datetime(frame["as_of"], utc=True).astype("datetime64[us, UTC]"))
