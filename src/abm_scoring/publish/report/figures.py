"""Values as text, the same in tables, charts and tiles."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from pandas.api import types

from abm_scoring.publish.report.parts import Format
from abm_scoring.publish.words.numerals import NUMERALS, TIED

MISSING = NUMERALS["en"].missing


def written(value: Any, format: Format, currency: str = "", language: str = "en") -> str:
    """A value as its format says, in the numerals of a language; `n/a` where it is missing or not finite.

    Raises:
        ValueError: The format is not known.
    """
    numerals = NUMERALS[language]
    if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)) or value is pd.NA:
        return numerals.missing
    if format == "text":
        return str(value)
    if format == "day":
        return pd.Timestamp(value).strftime("%Y-%m-%d")
    if format == "percent":
        return numerals.localised(f"{100 * value:.1f}") + numerals.percent
    if format == "integer":
        return numerals.localised(f"{round(value):,}")
    if format in ("money", "number"):
        number = numerals.localised(_plain(value))
        if format == "number" or not currency:
            return number
        return TIED.join((currency, number) if numerals.currency_first else (number, currency))
    raise ValueError(f"no format {format!r}")


def _plain(value: float) -> str:
    """Four significant digits and thousands separators; large numbers in whole units."""
    if value == round(value) or abs(value) >= 1000:
        return f"{round(value):,}"
    places = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(places, 6)}f}"


def natural(column: pd.Series) -> Format:
    """How a column is written when nobody says."""
    if types.is_datetime64_any_dtype(column.dtype):
        return "day"
    if types.is_bool_dtype(column.dtype):
        return "text"
    if types.is_integer_dtype(column.dtype):
        return "integer"
    return "number" if types.is_float_dtype(column.dtype) else "text"
