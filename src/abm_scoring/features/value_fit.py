"""Value fit: how far an account agrees with the ideal customer profile, and how much it resembles the customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import DIMENSIONS, Context, dimension_values
from abm_scoring.features.history import View
from abm_scoring.features.profile import ProfileSpec, SizeRange
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec

#: An account this many times smaller or larger than the range fits in size not at all.
_SIZE_REACH = 8.0


class ValueFitSpec(Spec):
    """Agreement with the ideal customer profile by dimension, likeness to customers, and their weighted mean.

    Each is between 0 and 1, and missing where the account's data do not tell.
    """

    kind: Literal["value_fit"]
    profile: ProfileSpec | None = Field(None, description="default: the profile of the project")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """The same with the project's profile, where it has none of its own."""
        return self if self.profile else self.model_copy(update={"profile": profile})

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns; `weight` in `args` is that in the total."""
        profile = self.profile or ProfileSpec()
        return tuple(_FEATURES[d](profile) for d in (*self._dimensions(), "total"))

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        account, profile = view.account(), self.profile or ProfileSpec()
        fit: dict[str, np.ndarray] = {}
        for dimension in self._dimensions():
            if dimension == "size" and profile.employee_count:
                fit[dimension] = size_fit(_column(account, "employee_count", "float64"), profile.employee_count)
            elif dimension == "sector":
                fit[dimension] = match(_column(account, "sector", "str"), profile.sectors)
            elif dimension == "region":
                fit[dimension] = _region_fit(view, profile)
            elif dimension == "values":
                fit[dimension] = values_fit(_column(account, "values", "str"), profile.values)
            else:
                fit[dimension] = _similarity(account, view.as_of, context)
        fit["total"] = weighted_mean(fit, profile.weights)
        return pd.DataFrame({f"fit_{name}": values for name, values in fit.items()}, index=view.rows.index)

    def _dimensions(self) -> tuple[str, ...]:
        p = self.profile or ProfileSpec()
        judged = {
            "size": p.employee_count is not None,
            "sector": bool(p.sectors),
            "region": bool(p.countries or p.regions),
            "values": bool(p.values),
            "similar_customers": True,
        }
        return tuple(name for name, given in judged.items() if given)


def size_fit(employees: pd.Series, wanted: SizeRange) -> np.ndarray:
    """1 inside the range, falling linearly with the log distance to its nearer end, 0 from eight times away.

    Args:
        employees: n counts, float64, missing where unknown.
        wanted: The range.

    Returns:
        float64 [n] in [0, 1]; NaN where unknown.
    """
    count = np.maximum(employees.to_numpy("float64"), 0.5)
    distance = np.maximum(np.log(wanted.low / count), np.log(count / wanted.high))
    return np.clip(1 - np.maximum(distance, 0) / np.log(_SIZE_REACH), 0, 1)


def match(values: pd.Series, wanted: Iterable[str]) -> np.ndarray:
    """1 where the value is one of the wanted (case does not matter), else 0; NaN where unknown. float64 [n]."""
    wanted_keys = {w.strip().casefold() for w in wanted}
    hit = values.str.strip().str.casefold().isin(wanted_keys).to_numpy("float64")
    return np.where(values.isna(), np.nan, hit)


def values_fit(tags: pd.Series, wanted: tuple[str, ...]) -> np.ndarray:
    """Share of the wanted corporate values among the account's tags; NaN where it has none. float64 [n]."""
    own = tags.fillna("").str.casefold().str.split(";")
    keys = {w.strip().casefold() for w in wanted}
    share = [len(keys & {t.strip() for t in row}) / len(keys) for row in own]
    return np.where(tags.isna() | (tags == ""), np.nan, np.array(share, "float64"))


def weighted_mean(fit: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    """Mean over the dimensions that are known, weighted; NaN where none is. float64 [n]."""
    stacked = np.stack(list(fit.values()))
    weight = np.array([weights.get(name, 1.0) for name in fit])[:, None] * ~np.isnan(stacked)
    total = weight.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, np.nansum(stacked * weight, axis=0) / total, np.nan)


def _column(account: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    given = account[name] if name in account else pd.Series(None, account.index, dtype=dtype)
    return given.astype(dtype)  # type: ignore[call-overload]


def _region_fit(view: View, profile: ProfileSpec) -> np.ndarray:
    """1 where any site of the family lies in a wanted country or region, 0 where the known ones do not."""
    sites = view.sites()
    country = match(_column(sites, "country", "str"), profile.countries)
    region = match(_column(sites, "region", "str"), profile.regions)
    if not profile.countries:
        country = np.full(len(sites), np.nan)
    if not profile.regions:
        region = np.full(len(sites), np.nan)
    best = pd.Series(np.fmax(country, region)).groupby(sites["row"].to_numpy()).max()
    return best.reindex(np.arange(len(view))).to_numpy("float64")


def _similarity(account: pd.DataFrame, as_of: np.ndarray, context: Context) -> np.ndarray:
    shares = {d: context.similar_share(d, dimension_values(d, account), as_of) for d in DIMENSIONS}
    return weighted_mean(shares, {})


def _dimension(name: str, meaning: str, profile: ProfileSpec, **args: str | float) -> Feature:
    return Feature(
        name=f"fit_{name}",
        topic=f"fit_{name}",
        unit="0 to 1",
        meaning=meaning,
        source="accounts",
        part="fit",
        phrase=f"fit_{name}",
        args={"weight": profile.weights.get(name, 1.0), **args},
        sign=1,
    )


def _size(profile: ProfileSpec) -> Feature:
    wanted = profile.employee_count or SizeRange(low=1, high=1)
    return _dimension(
        "size",
        "1 inside the wanted range of employees, falling with the log distance to it, 0 from 8 times away.",
        profile,
        low=wanted.low,
        high=wanted.high,
    )


_FEATURES = {
    "size": _size,
    "sector": lambda p: _dimension("sector", "1 in a wanted sector, else 0.", p, wanted="; ".join(p.sectors)),
    "region": lambda p: _dimension(
        "region",
        "1 where any known site of the family lies in a wanted country or region, else 0.",
        p,
        wanted="; ".join((*p.countries, *p.regions)),
    ),
    "values": lambda p: _dimension(
        "values", "Share of the wanted corporate values that the company shows.", p, wanted="; ".join(p.values)
    ),
    "similar_customers": lambda p: _dimension(
        "similar_customers",
        "Likeness to the customers known then: mean over sector, country and size band of customers with the same "
        "value, relative to the commonest value.",
        p,
    ),
    "total": lambda p: _dimension("total", "Weighted mean of the fit dimensions that are known.", p),
}
