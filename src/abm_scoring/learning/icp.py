"""The ideal customer profile that the data suggest: which kinds of company convert, and which others are alike.

Every company counts once. A group's lift is its conversion rate over that of all, with Wilson's 95 % interval (Wilson
1927); the *shrunk* lift draws the rates of small groups towards that of all (beta-binomial, its strength estimated from
the spread between groups by moments: Kleinman 1973), so that two lucky companies do not make a profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.features.profile import ProfileSpec, SizeRange

#: Dimension of the profile → account column.
COLUMNS = {"sectors": "sector", "employee_count": "employee_count", "regions": "region", "countries": "country"}
DIMENSIONS = (*COLUMNS, "values")
#: Employees at which size bands begin.
BANDS = (1.0, 10.0, 50.0, 250.0, 1000.0, 5000.0)
#: A group is proposed only with as many companies as this, and with this much shrunk lift.
LEAST, MIN_LIFT = 5, 1.2
#: Bounds of the prior's strength, in companies.
WEAKEST, STRONGEST = 2.0, 1000.0
_Z = 1.959964


@dataclass(frozen=True)
class Learned:
    """What converts.

    Attributes:
        groups: One row a group: `dimension`, `group`, `companies`, `conversions`, `rate`, `rate_low`, `rate_high`,
            `lift`, `lift_low`, `lift_high`, `shrunk_lift`, `proposed`.
        base: Conversion rate of all companies; NaN without companies.
        proposed: The profile made of the proposed groups; None where none stands out.
    """

    groups: pd.DataFrame
    base: float
    proposed: ProfileSpec | None


def learn_profile(companies: pd.DataFrame, converted: np.ndarray) -> Learned:
    """Lift of every sector, size, region, country and corporate value, and the profile that follows.

    A group is proposed where its interval lies above the rate of all; for sizes, the range from the smallest to the
    largest proposed band.

    Args:
        companies: n rows, one a company, with account columns; those that are absent are not judged.
        converted: n booleans.
    """
    base = float(converted.mean()) if len(converted) else float("nan")
    tables = [_dimension(name, members(companies, name), converted, base) for name in DIMENSIONS]
    groups = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    return Learned(groups, base, _proposal(groups, companies))


def look_alikes(companies: pd.DataFrame, learned: Learned, most: int) -> pd.DataFrame:
    """The companies most like those that converted.

    A company's likeness is the product of its groups' shrunk lifts, a value it lacks counting as 1; regions and
    countries say much the same, so that only regions count where both are known.

    Args:
        companies: n rows with `account_id` and account columns.
        learned: From `learn_profile`.
        most: Rows wanted.

    Returns:
        `account_id`, `likeness`, `because` (its groups with a shrunk lift above 1, strongest first), by likeness, then
        account_id.
    """
    dimensions = [name for name in DIMENSIONS if name in set(learned.groups["dimension"])]
    if "regions" in dimensions and "countries" in dimensions:
        dimensions.remove("countries")
    likeness, because = np.zeros(len(companies)), [list[tuple[float, str]]() for _ in range(len(companies))]
    for name in dimensions:
        own = learned.groups[learned.groups["dimension"] == name]
        lift = dict(zip(own["group"], own["shrunk_lift"].astype(float), strict=True))
        for group, rows in members(companies, name).items():
            factor = lift.get(group, 1.0)
            likeness[rows] += np.log(factor)
            for row in rows if factor > 1 else ():
                because[row].append((-factor, group))
    found = pd.DataFrame(
        {
            "account_id": companies["account_id"].to_numpy(object),
            "likeness": np.exp(likeness),
            "because": ["; ".join(group for _, group in sorted(why)) for why in because],
        }
    )
    return found.sort_values(["likeness", "account_id"], ascending=[False, True], ignore_index=True).head(most)


def members(companies: pd.DataFrame, dimension: str) -> dict[str, np.ndarray]:
    """Group → positions of its companies, by name; a company with several values is in several groups."""
    column = COLUMNS.get(dimension, "values")
    if column not in companies:
        return {}
    given = companies[column].reset_index(drop=True)
    if dimension == "employee_count":
        band = np.searchsorted(BANDS, given.astype("float64").to_numpy(), side="right") - 1
        known = (given.notna() & (given >= BANDS[0])).to_numpy()
        return {_band(i): np.flatnonzero(known & (band == i)) for i in range(len(BANDS)) if (known & (band == i)).any()}
    texts = given.astype("str").where(given.notna())
    if dimension == "values":
        texts = texts.str.split(";").explode()
    texts = texts.str.strip()
    texts = texts[texts.notna() & (texts != "")]
    return {str(name): np.unique(rows.index.to_numpy()) for name, rows in texts.groupby(texts, sort=True)}


def wilson(successes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of each share."""
    share, scale = successes / n, 1 + _Z**2 / n
    middle = (share + _Z**2 / (2 * n)) / scale
    half = _Z / scale * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    # Rounding must not put the share outside its own interval.
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def shrunk(successes: np.ndarray, n: np.ndarray, base: float) -> np.ndarray:
    """Rates drawn towards the base: (successes + k · base) / (n + k), k by moments."""
    spread = base * (1 - base)
    if not len(n) or spread <= 0:
        return np.full(len(n), base)
    # Between-group variance beyond what chance alone would give, as a share of the whole.
    chance = (n * (1 - n / n.sum())).sum()
    excess = (n * (successes / n - base) ** 2).sum() / spread - (len(n) - 1)
    correlation = excess / max(chance - (len(n) - 1), 1e-9) if chance > 0 else 0.0
    k = np.clip(1 / correlation - 1, WEAKEST, STRONGEST) if correlation > 0 else STRONGEST
    found: np.ndarray = (successes + k * base) / (n + k)
    return found


def _dimension(name: str, groups: dict[str, np.ndarray], converted: np.ndarray, base: float) -> pd.DataFrame:
    n = np.array([len(rows) for rows in groups.values()], dtype=np.float64)
    hits = np.array([converted[rows].sum() for rows in groups.values()], dtype=np.float64)
    low, high = wilson(hits, n)
    rates = shrunk(hits, n, base)
    over = base if base > 0 else float("nan")
    return pd.DataFrame(
        {
            "dimension": name,
            "group": list(groups),
            "companies": n.astype(np.int64),
            "conversions": hits.astype(np.int64),
            "rate": hits / n,
            "rate_low": low,
            "rate_high": high,
            "lift": hits / n / over,
            "lift_low": low / over,
            "lift_high": high / over,
            "shrunk_lift": rates / over if base > 0 else np.ones(len(n)),
            "proposed": (low > base) & (n >= LEAST) & (rates >= MIN_LIFT * base),
        }
    )


def _proposal(groups: pd.DataFrame, companies: pd.DataFrame) -> ProfileSpec | None:
    chosen = groups[groups["proposed"].astype(bool)]
    if chosen.empty:
        return None
    best = chosen.sort_values(["shrunk_lift", "group"], ascending=[False, True])
    lists = {
        name: tuple(best.loc[best["dimension"] == name, "group"]) for name in DIMENSIONS if name != "employee_count"
    }
    return ProfileSpec(**lists, employee_count=_sizes(best, companies))


def _sizes(best: pd.DataFrame, companies: pd.DataFrame) -> SizeRange | None:
    names: Sequence[str] = best.loc[best["dimension"] == "employee_count", "group"].tolist()
    places = [i for i in range(len(BANDS)) if _band(i) in names]
    if not places:
        return None
    last = max(places)
    largest = float(companies["employee_count"].astype("float64").max())
    return SizeRange(low=BANDS[min(places)], high=BANDS[last + 1] - 1 if last + 1 < len(BANDS) else largest)


def _band(i: int) -> str:
    return f"{BANDS[i]:.0f}–{BANDS[i + 1] - 1:.0f}" if i + 1 < len(BANDS) else f"{BANDS[i]:.0f}+"
