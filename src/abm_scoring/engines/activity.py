"""What people read of an account's activity: last touches, minutes, weeks; seen through the same door as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from abm_scoring.features.history import History, View
from abm_scoring.features.moments import DAY, is_before, micros, timestamps

#: Weeks of activity that are frozen for the page.
WEEKS = 26
#: A type of event is silent when a week holds at most this part of what the eight weeks before let expect …
_SILENT_SHARE, _WEEKS_BEFORE = 0.05, 8
#: … and they let expect at least this many.
_EXPECTED = 20


def activity(view: View, sales_touches: Sequence[str], minutes_days: int) -> pd.DataFrame:
    """Activity columns of each row.

    Returns:
        n rows: `last_activity_at` and `last_sales_touch_at` (datetime64[us, UTC]), `engagement_minutes` (float64,
        minutes of inbound events in `minutes_days` days; absent where events have no minutes), and `activity_week_01` …
        `activity_week_26` (int64, inbound events a week, oldest first).
    """
    from abm_scoring.features.measuring import last_inbound, weekly_activity

    columns: dict[str, pd.Series | np.ndarray] = {
        "last_activity_at": timestamps(last_inbound(view)),
        "last_sales_touch_at": timestamps(_last_of(view, sales_touches)),
    }
    if "minutes" in view.log:
        columns["engagement_minutes"] = minutes(view, minutes_days)
    weeks = weekly_activity(view, WEEKS)
    columns |= {f"activity_week_{week + 1:02d}": weeks[:, week] for week in range(WEEKS)}
    return pd.DataFrame(columns)


def _last_of(view: View, types: Sequence[str]) -> np.ndarray:
    """int64 [n]: when the last event of some types before `as_of` occurred; `ALWAYS` where there was none."""
    from abm_scoring.features import relations

    log = view.log
    wanted = np.isin(log.type_code, [log.types.index(t) for t in types if t in log.types])
    return relations.last_moment(log.offsets, log.occurred, log.visible, wanted, view.code, view.as_of)


def minutes(view: View, days: int) -> np.ndarray:
    """float64 [n]: minutes of inbound events in the days before `as_of`."""
    from abm_scoring.features.measures import ANY, Planned
    from abm_scoring.features.measuring import measure

    planned = Planned(ANY, "minutes", (float(days),), (1, 2))
    found = measure(view, [planned], view.log.types, {})
    return np.asarray(found[planned.name(float(days))], dtype="float64")


def silent_types(history: History, as_of: pd.Timestamp) -> tuple[str, ...]:
    """Event types that stopped for everybody in the last week: hardly any, where the eight weeks before had many."""
    log, now = history.log, micros(as_of)
    known = is_before(log.visible, now)
    last = known & (log.occurred >= now - 7 * DAY)
    before = known & ~last & (log.occurred >= now - (1 + _WEEKS_BEFORE) * 7 * DAY)
    found = []
    for code, name in enumerate(log.types):
        expected = (before & (log.type_code == code)).sum() / _WEEKS_BEFORE
        if expected >= _EXPECTED and (last & (log.type_code == code)).sum() <= _SILENT_SHARE * expected:
            found.append(name)
    return tuple(found)
