"""Tiers: how much attention each account on the list gets, by share, threshold or capacity, within quotas."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from abm_scoring.spec import Spec

#: Tier → bound, best tier first.
Bounds = dict[str, float]


class SharesTiers(Spec):
    """Each tier takes a share of the list, in its order."""

    kind: Literal["share"] = "share"
    tiers: dict[str, float] = Field(
        {"one-to-one": 0.02, "one-to-few": 0.1, "one-to-many": 0.88},
        description="tier → share of the list, best tier first",
    )

    @field_validator("tiers")
    @classmethod
    def _shares(cls, tiers: Bounds) -> Bounds:
        if any(not 0 <= share <= 1 for share in tiers.values()) or sum(tiers.values()) > 1 + 1e-9:
            raise ValueError("shares lie between 0 and 1 and add up to at most 1")
        return _named(tiers)

    def places(self, ranked: pd.DataFrame) -> list[int]:
        """How many accounts each tier has room for."""
        ends = np.rint(np.cumsum(list(self.tiers.values())) * len(ranked)).astype(int)
        return [int(room) for room in np.diff(ends, prepend=0)]


class ThresholdTiers(Spec):
    """Each tier takes the accounts whose score (0 to 100, stable over time) reaches its threshold."""

    kind: Literal["threshold"]
    tiers: dict[str, float] = Field(
        {"one-to-one": 98, "one-to-few": 90, "one-to-many": 0}, description="tier → lowest score, best tier first"
    )

    @field_validator("tiers")
    @classmethod
    def _falling(cls, tiers: Bounds) -> Bounds:
        bounds = list(tiers.values())
        if any(not 0 <= b <= 100 for b in bounds) or bounds != sorted(bounds, reverse=True):
            raise ValueError("thresholds lie between 0 and 100 and fall from tier to tier")
        return _named(tiers)


class CapacityTiers(Spec):
    """Each tier takes as many accounts as the team can work, in the list's order."""

    kind: Literal["capacity"]
    tiers: dict[str, int] = Field(
        {"one-to-one": 20, "one-to-few": 200, "one-to-many": 1_000_000}, description="tier → accounts, best tier first"
    )

    @field_validator("tiers")
    @classmethod
    def _counts(cls, tiers: dict[str, int]) -> dict[str, int]:
        if any(count < 0 for count in tiers.values()):
            raise ValueError("capacities are 0 or more")
        _named(dict(tiers))
        return tiers

    def places(self, ranked: pd.DataFrame) -> list[int]:
        """How many accounts each tier has room for."""
        return list(self.tiers.values())


TierSpec = Annotated[SharesTiers | ThresholdTiers | CapacityTiers, Field(discriminator="kind")]


class QuotaSpec(Spec):
    """At most so many accounts of a tier per owner or region; who is beyond goes on to the next tier.

    Accounts without an owner (or region) share one quota.
    """

    by: Literal["owner_id", "region"] = Field("owner_id", description="whom a quota is for")
    at_most: dict[str, int] = Field(description="tier → most accounts of each owner or region")

    @model_validator(mode="after")
    def _counts(self) -> QuotaSpec:
        if not self.at_most or any(count < 0 for count in self.at_most.values()):
            raise ValueError("name at least one tier with 0 or more accounts, e.g. {'one-to-one': 5}")
        return self


def tier(ranked: pd.DataFrame, spec: TierSpec, quota: QuotaSpec | None = None) -> pd.Series:
    """The tier of each account, str; missing for those that no tier has room for.

    Tiers are filled one after the other, best tier first, each with the next accounts in the list's order that its
    bound and the quota let in. Nobody is let in twice, and nobody leaves the list for having no tier.

    Args:
        ranked: n rows in list order, with `score` where thresholds ask for it and the quota's column.
        spec: The tiers.
        quota: Limits per owner or region.
    """
    given = np.full(len(ranked), None, dtype=object)
    group = _groups(ranked, quota)
    for i, name in enumerate(spec.tiers):
        free = np.flatnonzero(pd.isna(given))
        if isinstance(spec, ThresholdTiers):
            # Written so that a missing score stays below every threshold.
            free = free[ranked["score"].to_numpy("float64")[free] >= spec.tiers[name]]
        if quota is not None and name in quota.at_most:
            free = free[_running_count(group[free]) < quota.at_most[name]]
        room = len(free) if isinstance(spec, ThresholdTiers) else spec.places(ranked)[i]
        given[free[:room]] = name
    return pd.Series(given, index=ranked.index, dtype="str")


def _groups(ranked: pd.DataFrame, quota: QuotaSpec | None) -> np.ndarray:
    if quota is None or quota.by not in ranked:
        return np.zeros(len(ranked), dtype=np.int64)
    return pd.factorize(ranked[quota.by])[0]


def _running_count(group: np.ndarray) -> np.ndarray:
    """How many earlier entries of the same group there are, int64."""
    return pd.Series(group).groupby(group).cumcount().to_numpy()


def _named(tiers: Bounds) -> Bounds:
    if not tiers or any(not name.strip() for name in tiers):
        raise ValueError("name at least one tier")
    return tiers
