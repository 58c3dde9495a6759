"""What a metric observes: rows whose sums make a value, values with a median, or a reason why there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

#: Sums by name → the value; NaN where it is undefined. Works on scalars and on arrays of draws.
Formula = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Sums:
    """Rows whose sums make a value: the shape of every count, rate, mean and formula.

    Attributes:
        account: int [rows], code of the account a row belongs to; -1 = none.
        columns: Name → float [rows].
        value: From the sums of the columns, added up over the accounts in question, to the value.
        top, bottom: Columns printed as numerator and denominator; None: there is none.
        shared: Added to the sums whichever accounts are in question, e.g. the sessions of everybody.
        dims: Name → labels [rows] by which it can be broken down further.
        empty: Why the value is undefined where the denominator is zero.
        divisible: Whether groups of accounts can have it; not where campaign costs belong to no account.
    """

    account: np.ndarray
    columns: Mapping[str, np.ndarray]
    value: Formula
    top: str | None = "top"
    bottom: str | None = "bottom"
    shared: Mapping[str, float] = field(default_factory=dict)
    dims: Mapping[str, np.ndarray] = field(default_factory=dict)
    empty: str = "nothing to divide by in the period"
    divisible: bool = True


@dataclass(frozen=True)
class Middle:
    """Values of which the median is the figure; one row a value."""

    account: np.ndarray
    values: np.ndarray
    quantile: float = 0.5
    empty: str = "no case in the period"


@dataclass(frozen=True)
class Given:
    """A value that was computed elsewhere, e.g. by the analysis of a holdout."""

    value: float
    low: float | None = None
    high: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    method: str = ""


@dataclass(frozen=True)
class Missing:
    """Why a figure cannot be had: a table that was not given, or a fact that nobody knows."""

    reason: str


Observed = Sums | Middle | Given | Missing


def divide(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top ÷ bottom; NaN where the bottom is zero."""
    top, bottom = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom != 0)


def ratio(
    account: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    empty: str,
    dims: Mapping[str, np.ndarray] | None = None,
    shared: Mapping[str, float] | None = None,
) -> Sums:
    """Σ top ÷ Σ bottom, a row at a time."""
    columns = {"top": np.asarray(top, dtype=float), "bottom": np.asarray(bottom, dtype=float)}
    return Sums(
        account, columns, lambda s: divide(s["top"], s["bottom"]), dims=dims or {}, shared=shared or {}, empty=empty
    )


def count(account: np.ndarray, amount: np.ndarray | None = None, dims: Mapping[str, np.ndarray] | None = None) -> Sums:
    """Σ amount; one a row by default."""
    amount = np.ones(len(account)) if amount is None else np.asarray(amount, dtype=float)
    return Sums(account, {"top": amount}, lambda s: np.asarray(s["top"], dtype=float), bottom=None, dims=dims or {})


def of_accounts(n: int, accounts: np.ndarray) -> Sums:
    """How many accounts do something: a count out of all `n`, whose interval is that of the share."""
    top = np.zeros(n)
    top[accounts] = 1.0
    return Sums(
        np.arange(n),
        {"top": top, "bottom": np.ones(n)},
        lambda s: np.asarray(s["top"], dtype=float),
        empty="no account",
    )


def stacked(
    value: Formula, parts: Mapping[str, tuple[np.ndarray, np.ndarray]], top: str, bottom: str, empty: str
) -> Sums:
    """Sums whose columns come from rows of different things, e.g. costs beside deals."""
    account = np.concatenate([a for a, _ in parts.values()]).astype(np.int64)
    columns, at = {name: np.zeros(len(account)) for name in parts}, 0
    for name, (_, values) in parts.items():
        columns[name][at : at + len(values)] = values
        at += len(values)
    return Sums(account, columns, value, top, bottom, empty=empty)
