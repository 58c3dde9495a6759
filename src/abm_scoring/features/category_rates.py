"""Category rates: how often accounts of the same category converted, from settled outcomes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context, Trials, version_at
from abm_scoring.features.history import History, View
from abm_scoring.features.moments import ALWAYS, DAY, NEVER, count_before, is_before, timestamps
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec

Category = Literal["sector", "country", "region", "first_channel", "first_campaign", "first_content"]

#: Category → event column, for those that the first touch decides.
_TOUCH = {"first_channel": "channel", "first_campaign": "campaign_id", "first_content": "content_id"}

#: Stands for all accounts.
_ALL = ""


class CategoryRatesSpec(Spec):
    """Share of earlier accounts of the same category that became customers, shrunk towards the share of all.

    Each account is one trial, from the moment it was first known or first seen; it converted if it became a customer
    within `horizon_days`. It counts, converted or not, only from when that can be said: rates with immature outcomes
    in them mislead. The rate of a category with n trials and c conversions is (c + strength · base) / (n + strength).
    """

    kind: Literal["category_rates"]
    by: tuple[Category, ...] = Field(("sector", "country", "first_channel"), description="what accounts are grouped by")
    horizon_days: int = Field(180, ge=1, description="days within which a trial must convert")
    settle_days: int = Field(14, ge=0, description="days that late bookings are given to arrive")
    strength: float = Field(20.0, gt=0, description="trials that the share of all accounts weighs as much as")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """Those categories that the data have."""
        events, accounts = seen.columns("events"), seen.columns("accounts")
        have = [c for c in self.by if (_TOUCH[c] in events if c in _TOUCH else c in accounts)]
        return self.model_copy(update={"by": tuple(have)})

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        return tuple(
            Feature(
                name=f"{category}_conversion_rate",
                topic=f"{category}_conversion_rate",
                unit="0 to 1",
                meaning=f"Share of earlier accounts with the same {category.replace('_', ' ')} that became customers "
                f"within {self.horizon_days} days, settled outcomes only, shrunk towards the share of all.",
                source="events" if category in _TOUCH else "accounts",
                part="behaviour" if category in _TOUCH else "fit",
                phrase="category_rate",
                args={"category": category, "days": self.horizon_days},
                sign=1,
            )
            for category in self.by
        )

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view; missing where the category is unknown or nothing has settled yet."""
        account = view.account()
        trials = context.trials[self._key]
        columns = {}
        for category, feature in zip(self.by, self.features(), strict=True):
            own = _first_touch(view, category) if category in _TOUCH else account[category]
            columns[feature.name] = self._rates(trials, category, own.to_numpy(object), view.as_of)
        return pd.DataFrame(columns, index=view.rows.index)

    def trials(self, history: History) -> dict[tuple[int, int], Mapping[str, Mapping[str, Trials]]]:
        """The context that `build` needs: settings → category → value → its trials."""
        entry, since = _entries(history), history.customer_since()
        codes = np.flatnonzero((entry != NEVER) & (entry != ALWAYS) & ~(since <= entry))
        settled = entry[codes] + (self.horizon_days + self.settle_days) * DAY
        # An account that was not known by then is a trial from when it was.
        matured = np.maximum(settled, history.creations()[codes])
        converted = is_before(since[codes], entry[codes] + self.horizon_days * DAY)
        rows = pd.DataFrame({"account_id": history.account_ids[codes], "as_of": timestamps(matured)})
        found: dict[str, Mapping[str, Trials]] = {_ALL: {_ALL: _trials(matured, converted)}}
        accounts = history.facts["accounts"]
        known = np.diff(accounts.offsets)[codes] > 0
        versions = [version_at(accounts, c, m) for c, m in zip(codes[known], matured[known], strict=True)]
        for category in self.by:
            values = np.full(len(codes), None, object)
            if category in _TOUCH:
                values = _first_touch(history.at(rows), category).to_numpy(object)
            elif category in accounts.frame:
                values[known] = accounts.frame[category].to_numpy(object)[versions]
            groups = pd.Series(range(len(codes))).groupby(pd.Series(values, dtype="str")).indices
            found[category] = {str(v): _trials(matured[i], converted[i]) for v, i in groups.items()}
        return {self._key: found}

    @property
    def _key(self) -> tuple[int, int]:
        return self.horizon_days, self.settle_days

    def _rates(
        self, trials: Mapping[str, Mapping[str, Trials]], category: str, values: np.ndarray, as_of: np.ndarray
    ) -> np.ndarray:
        everyone = trials[_ALL][_ALL]
        n_all = count_before(everyone.matured, as_of)
        with np.errstate(invalid="ignore", divide="ignore"):
            base = count_before(everyone.converted, as_of) / n_all
        rates = np.full(len(values), np.nan)
        for value, rows in pd.Series(range(len(values))).groupby(pd.Series(values, dtype="str")).indices.items():
            own = trials[category].get(str(value))
            n = count_before(own.matured, as_of[rows]) if own else 0
            c = count_before(own.converted, as_of[rows]) if own else 0
            rates[rows] = (c + self.strength * base[rows]) / (n + self.strength)
        return rates


def _entries(history: History) -> np.ndarray:
    """When each account came into sight: first known, or first seen where that is earlier or all that is said."""
    created, seen = history.creations(), history.first_events()
    return np.where(created == ALWAYS, seen, np.minimum(created, seen))


def _trials(matured: np.ndarray, converted: np.ndarray) -> Trials:
    return Trials(np.sort(matured), np.sort(matured[converted]))


def _first_touch(view: View, category: str) -> pd.Series:
    from abm_scoring.features.measuring import first_touch

    return first_touch(view, view.log.types, _TOUCH[category])
