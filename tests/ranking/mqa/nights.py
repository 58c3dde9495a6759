"""Small worlds of nights for the state machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.ranking.mqa.replay import Night

FIRST = pd.Timestamp("2026-01-01", tz="UTC")
NO_ANSWERS = Tables({})["dispositions"]


def at(day: int) -> pd.Timestamp:
    """Midnight of a day, counted from the first."""
    return (FIRST + pd.Timedelta(days=day)).as_unit("us")


def night(
    day: int, scores: Mapping[str, float], evident: Sequence[bool] | None = None, **columns: list[object]
) -> Night:
    """One night: account → score."""
    frame = pd.DataFrame({"account_id": pd.Series(list(scores), dtype="str"), "score": list(scores.values())})
    frame["score"] = frame["score"].astype("float64")
    frame["raw_score"] = frame["score"] / 10
    flags = np.ones(len(frame), bool) if evident is None else np.array(evident, bool)
    return Night(at(day), frame.assign(**columns), flags)


def answers(*rows: tuple[str, float, str]) -> pd.DataFrame:
    """The dispositions table: account, day (a fraction is a time of day), answer."""
    frame = pd.DataFrame(rows, columns=["account_id", "day", "disposition"])
    decided = (FIRST + pd.to_timedelta(frame["day"], unit="D")).astype("datetime64[us, UTC]")
    frame = frame.assign(decided_at=decided, reason="no budget").drop(columns="day")
    return frame.astype({"account_id": "str", "disposition": "str", "reason": "str"})


def steps(log: pd.DataFrame) -> list[tuple[str, int, str, str, str]]:
    """The log as (account, day, from, to, rule)."""
    days = (log["as_of"] - FIRST).dt.days
    return list(zip(log["account_id"], days, log["from"], log["to"], log["rule"], strict=True))
