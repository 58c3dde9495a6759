"""Holdout: families withheld at random from the list, so that what the list does can be measured.

Assignment is by hash and for good. The hash has its own salt, so that it has nothing to do with how families are cut
into partitions or into the arms of another experiment.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.spec import Spec

LISTED, WITHHELD = "listed", "withheld"

#: Column of the assignments → dtype; one row an account that was ever a candidate.
ASSIGNMENTS = {
    "account_id": "str",
    "family_id": "str",
    "arm": "str",
    "stratum": "str",
    "salt": "str",
    "assigned_at": "datetime64[us, UTC]",
}


class HoldoutSpec(Spec):
    """Which share of the families that could be listed is withheld instead, and how they are stratified.

    Withheld accounts are scored and frozen with their score, and stand on no list.
    """

    share: float = Field(0.05, gt=0, le=0.5, description="share of the candidate families that is withheld")
    salt: str = Field("holdout", min_length=1, description="another salt draws another holdout, from then on")
    strata: tuple[Literal["score", "family_size"], ...] = Field(
        ("score", "family_size"), description="within which groups of families the share holds"
    )
    score_bands: int = Field(5, ge=1, le=20, description="equal bands of today's families by their best raw score")
    wanted_lift: float = Field(
        0.2, gt=0, description="relative effect that one would like to detect; the share that it needs is told"
    )


def empty_assignments() -> pd.DataFrame:
    """Assignments of nobody."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in ASSIGNMENTS.items()})


def assign(candidates: pd.DataFrame, before: pd.DataFrame, spec: HoldoutSpec, as_of: pd.Timestamp) -> pd.DataFrame:
    """All assignments after tonight: those before, unchanged, and the accounts that are candidates for the first time.

    An account keeps its arm for good. A new account of a family that has an arm gets that arm (`listed` where a merger
    brought both together: a family that is being worked cannot be withheld). A family that is new as a whole is drawn:
    within its stratum the new families stand in the order of their hashes, and those are withheld at which
    `share × place + u` passes a whole number, u a hash of stratum and night; so each has probability `share`, and n of
    them give n × share to within one.

    Args:
        candidates: n rows `account_id`, `family_id`, `raw_score`: accounts that could be listed.
        before: Assignments of earlier nights.
        spec: Share, salt and strata.
        as_of: The night, which new assignments carry.

    Returns:
        `account_id`, `family_id` (as it was then), `arm` (`listed` or `withheld`), `stratum`, `salt`, `assigned_at`; by
        account_id.
    """
    mine = before[before["salt"] == spec.salt]
    new = candidates[~candidates["account_id"].isin(mine["account_id"])]
    families = _families(candidates, spec)
    families = families[families.index.isin(new["family_id"])]
    inherited = _inherited(candidates, mine).reindex(families.index)
    drawn = families.index[inherited.isna()]
    arm = inherited.where(inherited.notna(), _draw(families.loc[drawn], spec, as_of).reindex(families.index))
    rows = pd.DataFrame(
        {
            "account_id": new["account_id"].to_numpy(object),
            "family_id": new["family_id"].to_numpy(object),
            "arm": new["family_id"].map(arm).to_numpy(object),
            "stratum": new["family_id"].map(families["stratum"]).to_numpy(object),
            "salt": spec.salt,
            "assigned_at": as_of.as_unit("us"),
        }
    ).astype(ASSIGNMENTS)
    parts = [p for p in (before, rows) if len(p)]
    whole = pd.concat(parts, ignore_index=True) if parts else rows
    return whole.sort_values(["account_id", "salt"], ignore_index=True)


def arms(account_ids: pd.Series, assignments: pd.DataFrame, salt: str) -> pd.Series:
    """The arm of each account, str, aligned with `account_ids`; missing for those never assigned."""
    own = assignments[assignments["salt"] == salt].set_index("account_id")["arm"]
    return account_ids.map(own).astype("str")


def _families(candidates: pd.DataFrame, spec: HoldoutSpec) -> pd.DataFrame:
    """`stratum` of each family of the candidates, by family_id."""
    grouped = candidates.groupby("family_id")["raw_score"].agg(["max", "size"]).sort_index()
    names = [""] * len(grouped)
    if "score" in spec.strata:
        place = grouped["max"].rank(method="first").to_numpy() - 1
        band = np.floor(place * spec.score_bands / max(len(grouped), 1)).astype(int) + 1
        names = [f"band {b}" for b in band]
    if "family_size" in spec.strata:
        kind = np.where(grouped["size"] > 1, "family", "single")
        names = [f"{name} {k}".strip() for name, k in zip(names, kind, strict=True)]
    return pd.DataFrame({"stratum": pd.Series(names, grouped.index, dtype="str")})


def _inherited(candidates: pd.DataFrame, mine: pd.DataFrame) -> pd.Series:
    """The arm that each family has already, by today's members or by its name."""
    by_account = candidates[["account_id", "family_id"]].merge(mine[["account_id", "arm"]], on="account_id")
    known = pd.concat([by_account[["family_id", "arm"]], mine[["family_id", "arm"]]], ignore_index=True)
    # "listed" sorts before "withheld".
    return known.sort_values(["family_id", "arm"]).drop_duplicates("family_id").set_index("family_id")["arm"]


def _draw(families: pd.DataFrame, spec: HoldoutSpec, as_of: pd.Timestamp) -> pd.Series:
    """The arm of each new family."""
    arm = pd.Series(LISTED, families.index, dtype="object")
    for stratum, members in families.groupby("stratum", sort=True):
        order = sorted(members.index, key=lambda f: (_fraction(spec.salt, "family", str(f)), str(f)))
        start = _fraction(spec.salt, "stratum", str(stratum), as_of.isoformat())
        passed = np.floor(start + spec.share * np.arange(len(order) + 1))
        arm.loc[[order[i] for i in np.flatnonzero(np.diff(passed))]] = WITHHELD
    return arm


def _fraction(*parts: str) -> float:
    """A number in [0, 1) that follows from a text as if it were drawn: the first 52 bits of its SHA-256."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 12) / 2**52
