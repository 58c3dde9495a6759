"""The context stage: what needs a look across accounts, as a small frozen value that partitions are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER, count_before

#: Dimensions in which an account can resemble the customers.
DIMENSIONS = ("sector", "country", "size")

#: Bounds of the employee-count bands that `size` compares.
SIZE_BANDS = (10.0, 50.0, 250.0, 1000.0, 5000.0)


@dataclass(frozen=True)
class Context:
    """Who the customers were at any moment: per dimension and value, when each customer with it became one.

    Attributes:
        customers: dimension → value → ascending int64 microseconds.
    """

    customers: Mapping[str, Mapping[str, np.ndarray]]

    def similar_share(self, dimension: str, values: pd.Series, as_of: np.ndarray) -> np.ndarray:
        """Customers with the same value ÷ customers with the commonest value of the dimension, before `as_of`.

        Args:
            dimension: One of `DIMENSIONS`.
            values: n values; missing where unknown.
            as_of: int64 [n].

        Returns:
            float64 [n] in [0, 1]; NaN where the value is unknown or there was no customer.
        """
        counts = {value: count_before(since, as_of) for value, since in self.customers[dimension].items()}
        most = np.max(list(counts.values()), axis=0) if counts else np.zeros(len(values))
        own = np.zeros(len(values))
        for value, count in counts.items():
            own = np.where(values.to_numpy() == value, count, own)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(values.isna() | (most == 0), np.nan, own / most)


def customer_context(history: History) -> Context:
    """First pass over all accounts: the customers, by sector, country and size band.

    A customer counts with the first version of its firmographics that was known when it was one.
    """
    since = history.customer_since()
    accounts = history.facts["accounts"]
    # An account may be a customer by its invoices before its own row is known: until then it has no firmographics.
    codes = np.flatnonzero((since != NEVER) & (np.diff(accounts.offsets) > 0))
    index = np.array(
        [_version_at(accounts.visible, accounts.offsets[c], accounts.offsets[c + 1], since[c]) for c in codes], "int64"
    )
    frame = accounts.frame.take(index).reset_index(drop=True)
    moment = np.maximum(since[codes], accounts.visible[index])
    return Context({d: _moments_by_value(dimension_values(d, frame), moment) for d in DIMENSIONS})


def _version_at(visible: np.ndarray, begin: int, end: int, moment: int) -> int:
    """Place of the last version known at a moment, or of the first one where none was."""
    return max(begin, begin + int(np.searchsorted(visible[begin:end], moment, side="right")) - 1)


def dimension_values(dimension: str, accounts: pd.DataFrame) -> pd.Series:
    """Values of a dimension for a frame of accounts: text, missing where unknown."""
    if dimension == "size":
        if "employee_count" not in accounts:
            return pd.Series(None, accounts.index, dtype="str")
        band = pd.cut(accounts["employee_count"].astype(float), [-np.inf, *SIZE_BANDS, np.inf], right=False)
        return band.astype("str").where(accounts["employee_count"].notna())
    return accounts[dimension] if dimension in accounts else pd.Series(None, accounts.index, dtype="str")


def _moments_by_value(values: pd.Series, moment: np.ndarray) -> dict[str, np.ndarray]:
    return {str(v): np.sort(moment[(values == v).to_numpy()]) for v in sorted(values.dropna().unique())}
