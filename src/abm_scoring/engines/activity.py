"""What people read of an account's activity: last touches, minutes, weeks; seen through the same door as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from abm_scoring.features.history import View
from abm_scoring.features.moments import timestamps

#: Weeks of activity that are frozen for the page.
WEEKS = 26


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
