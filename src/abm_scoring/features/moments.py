"""Moments in time as the features see them: UTC microseconds since 1970 in int64, and the one rule of what is past."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

#: Microseconds in a day.
DAY = 86_400_000_000

#: Moment of a fact that has always been known, and of one that never will be.
ALWAYS = np.iinfo(np.int64).min
NEVER = np.iinfo(np.int64).max


def is_before(moment: Any, as_of: Any) -> Any:
    """Whether a moment lies in the past of `as_of`: the only place where that is decided.

    A fact at exactly `as_of` is the future. Works on scalars and arrays, and is compiled into the event kernel.
    """
    return moment < as_of


def count_before(ordered: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """How many of the ascending moments lie in the past of each `as_of`; int64, shape of `as_of`."""
    # The side follows from the rule, so that it is not decided a second time here.
    side: Literal["left", "right"] = "right" if is_before(0, 0) else "left"
    return np.searchsorted(ordered, as_of, side=side)


def micros(stamp: pd.Timestamp) -> int:
    """A timestamp with a zone as microseconds since 1970.

    `Timestamp.value` would count nanoseconds whatever the unit.
    """
    return int(stamp.tz_convert("UTC").tz_localize(None).as_unit("us").to_datetime64().astype("int64"))


def moments(series: pd.Series, missing: int) -> np.ndarray:
    """Timestamps as int64 microseconds, `missing` where empty."""
    stamps = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    return np.where(np.isnat(stamps), missing, stamps.view("int64"))


def timestamps(values: np.ndarray) -> pd.Series:
    """int64 microseconds as `datetime64[us, UTC]`; `ALWAYS` and `NEVER` become NaT."""
    known = (values != ALWAYS) & (values != NEVER)
    stamps = np.where(known, values, np.iinfo(np.int64).min).view("datetime64[us]")
    return pd.Series(stamps).dt.tz_localize("UTC")


def instant(day: date | str | pd.Timestamp, timezone: str) -> pd.Timestamp:
    """The moment at which a date begins in a zone, in UTC; a timestamp with a zone is that moment itself."""
    stamp = pd.Timestamp(day)
    local = stamp.tz_localize(timezone) if stamp.tzinfo is None else stamp
    return local.tz_convert("UTC").as_unit("us")
