"""The context stage: what needs a look across accounts, as a small frozen value that partitions are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from abm_scoring.features.facts import Facts
from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER, count_before

#: Dimensions in which an account can resemble the customers.
DIMENSIONS = ("sector", "country", "size")

#: Bounds of the employee-count bands that `size` compares.
SIZE_BANDS = (10.0, 50.0, 250.0, 1000.0, 5000.0)


@dataclass(frozen=True)
class Peers:
    """How active the accounts of a sector were at the beginning of a day.

    Attributes:
        counts: Distinct numbers of events, ascending, float64.
        up_to: How many peers have at most each number, int64.
        n: Peers.
    """

    counts: np.ndarray
    up_to: np.ndarray
    n: int


@dataclass(frozen=True)
class Trials:
    """Accounts of one category whose outcome is settled: when each matured, and when each that converted did.

    Attributes:
        matured, converted: Ascending int64 microseconds.
    """

    matured: np.ndarray
    converted: np.ndarray


@dataclass(frozen=True)
class Context:
    """What needs a look across accounts, by moment, so that a partition can ask for any `as_of`.

    Attributes:
        customers: dimension → value → when each customer with it became one, ascending int64 microseconds.
        peers: (window in days, day in microseconds) → sector → its peers.
        trials: category rates' settings → dimension → value → its trials; the value "" stands for all accounts.
    """

    customers: Mapping[str, Mapping[str, np.ndarray]]
    peers: Mapping[tuple[int, int], Mapping[str, Peers]] = field(default_factory=dict)
    trials: Mapping[tuple[int, int], Mapping[str, Mapping[str, Trials]]] = field(default_factory=dict)

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


#: The context of no accounts, for families of features that do not look across them.
NOBODY = Context({dimension: {} for dimension in DIMENSIONS})


def customers(history: History) -> dict[str, dict[str, np.ndarray]]:
    """The customers by sector, country and size band.

    A customer counts with the first version of its firmographics that was known when it was one.
    """
    since = history.customer_since()
    accounts = history.facts["accounts"]
    # An account may be a customer by its invoices before its own row is known: until then it has no firmographics.
    codes = np.flatnonzero((since != NEVER) & (np.diff(accounts.offsets) > 0))
    index = np.array([version_at(accounts, int(c), int(since[c])) for c in codes], "int64")
    frame = accounts.frame.take(index).reset_index(drop=True)
    moment = np.maximum(since[codes], accounts.visible[index])
    return {d: _moments_by_value(dimension_values(d, frame), moment) for d in DIMENSIONS}


def version_at(accounts: Facts, code: int, moment: int) -> int:
    """Place of the last version of an account known at a moment, or of the first one where none was."""
    begin, end = accounts.offsets[code], accounts.offsets[code + 1]
    return max(begin, begin + int(np.searchsorted(accounts.visible[begin:end], moment, side="right")) - 1)


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


def merged(parts: Sequence[Context]) -> Context:
    """The context of all accounts from those of partitions: counts add up, moments are put together in order."""
    customers: dict[str, dict[str, np.ndarray]] = {}
    peers: dict[tuple[int, int], dict[str, Peers]] = {}
    trials: dict[tuple[int, int], dict[str, dict[str, Trials]]] = {}
    for part in parts:
        for dimension, values in part.customers.items():
            own = customers.setdefault(dimension, {})
            for value, since in values.items():
                own[value] = np.sort(np.concatenate([own[value], since])) if value in own else since
        for window, sectors in part.peers.items():
            known = peers.setdefault(window, {})
            for sector, found in sectors.items():
                known[sector] = _both_peers(known[sector], found) if sector in known else found
        for key, dimensions in part.trials.items():
            for dimension, values_of in dimensions.items():
                have = trials.setdefault(key, {}).setdefault(dimension, {})
                for value, found_trials in values_of.items():
                    have[value] = _both_trials(have[value], found_trials) if value in have else found_trials
    return Context(customers, peers, trials)


def _both_peers(a: Peers, b: Peers) -> Peers:
    counts = np.union1d(a.counts, b.counts)
    up_to = sum(np.concatenate([[0], p.up_to])[np.searchsorted(p.counts, counts, side="right")] for p in (a, b))
    return Peers(counts, np.asarray(up_to), a.n + b.n)


def _both_trials(a: Trials, b: Trials) -> Trials:
    matured, converted = np.concatenate([a.matured, b.matured]), np.concatenate([a.converted, b.converted])
    return Trials(np.sort(matured), np.sort(converted))
