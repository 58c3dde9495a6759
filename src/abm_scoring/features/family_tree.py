"""Family: what parent and sister companies did, rolled up to the account."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.measures import ANY, Planned
from abm_scoring.features.moments import NEVER
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec


class FamilySpec(Spec):
    """The other accounts under the same topmost parent, as the family was known at `as_of`.

    The account's own activity is not in here (see engagement), so that the two can be told apart.
    """

    kind: Literal["family"]
    windows_days: tuple[int, ...] = Field((30, 90), description="lengths of the windows")
    event_types: Literal["all"] | tuple[str, ...] = Field("all", description="types to use; all = those seen")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """The same with the event types that were seen."""
        types = seen.event_types if self.event_types == "all" else self.event_types
        return self.model_copy(update={"event_types": tuple(types)})

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        others = "the other accounts of the family"
        fixed = (
            _feature("family_accounts", "accounts", "Accounts of the family, this one included.", sign=0),
            _feature("family_customers", "accounts", f"Customers among {others}."),
            _feature("family_recency", "days", f"Days since the last engagement of {others}; missing without.", sign=0),
        )
        windowed = []
        for days in self.windows_days:
            inside = f"in the {days} days before as_of"
            windowed += [
                _feature(f"family_events_{days}d", "events", f"Engagement of {others} {inside}.", days=days),
                _feature(f"family_active_{days}d", "accounts", f"How many of {others} engaged {inside}.", days=days),
            ]
        return (*fixed, *windowed)

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        from abm_scoring.features.measuring import measure

        n = len(view)
        row, others = view.relatives()
        days = tuple(float(d) for d in self.windows_days)
        plan = (Planned(ANY, "count", days, (1, 2)), Planned(ANY, "recency", (0,), (1, 2)))
        types = () if self.event_types == "all" else self.event_types
        measured = measure(others, plan, types, {})
        recency = np.full(n, np.inf)
        np.fmin.at(recency, row, measured["any_recency"].to_numpy("float64"))
        columns = {
            "family_accounts": np.bincount(row, minlength=n) + 1,
            "family_customers": np.bincount(row[others.customer_since() != NEVER], minlength=n),
            "family_recency": np.where(np.isinf(recency), np.nan, recency),
        }
        for span in self.windows_days:
            count = measured[f"any_count_{span}d"].to_numpy("float64")
            columns[f"family_events_{span}d"] = np.bincount(row, weights=count, minlength=n)
            columns[f"family_active_{span}d"] = np.bincount(row[count > 0], minlength=n)
        return pd.DataFrame({f.name: columns[f.name].astype("float64") for f in self.features()}, view.rows.index)


def _feature(name: str, unit: str, meaning: str, sign: Literal[-1, 0, 1] = 1, **args: int) -> Feature:
    return Feature(
        name=name,
        topic="family",
        unit=unit,
        meaning=meaning,
        source="accounts" if unit == "accounts" and not args else "events",
        part="behaviour",
        phrase=name.rsplit("_", 1)[0] if args else name,
        args=dict(args),
        sign=sign,
    )
