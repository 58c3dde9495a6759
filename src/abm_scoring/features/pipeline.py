"""Pipeline history: earlier opportunities, tenure as a customer, earlier revenue."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context
from abm_scoring.features.history import View
from abm_scoring.features.moments import DAY, NEVER, moments
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec

YEAR_DAYS = 365.25


class PipelineSpec(Spec):
    """What came of earlier opportunities, how long the account has been a customer, and what it paid.

    Amounts are in the currency of the rows; mixed currencies are refused before features are built.
    """

    kind: Literal["pipeline"]

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """Nothing is chosen from the data."""
        return self

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        return _FEATURES

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        opportunities, n = _outcomes(view), len(view)
        won, lost = opportunities[opportunities["won"]], opportunities[opportunities["lost"]]
        closed = opportunities[opportunities["won"] | opportunities["lost"]]
        customer = view.customer_since()
        columns = {
            "prior_opportunities": _count(opportunities, n),
            "prior_wins": _count(won, n),
            "prior_losses": _count(lost, n),
            "days_since_close": _days_since(closed, view.as_of),
            "tenure_years": np.where(customer != NEVER, (view.as_of - customer) / (DAY * YEAR_DAYS), np.nan),
            "earlier_revenue": _revenue(view, won),
        }
        return pd.DataFrame({f.name: np.asarray(columns[f.name], "float64") for f in _FEATURES}, view.rows.index)


def _outcomes(view: View) -> pd.DataFrame:
    known = view.known("opportunities").reindex(columns=["row", "closed_at", "is_won", "amount"])
    closed = known["closed_at"].notna()
    won = known["is_won"].fillna(False).astype(bool) & closed
    return known.assign(won=won, lost=closed & ~won & known["is_won"].notna())


def _count(frame: pd.DataFrame, n: int) -> np.ndarray:
    return np.bincount(frame["row"].to_numpy("int64"), minlength=n)


def _days_since(closed: pd.DataFrame, as_of: np.ndarray) -> np.ndarray:
    latest = np.full(len(as_of), -np.inf)
    stamps = moments(closed["closed_at"], NEVER)
    np.maximum.at(latest, closed["row"].to_numpy("int64"), stamps.astype("float64"))
    return np.where(np.isinf(latest), np.nan, (as_of - latest) / DAY)


def _revenue(view: View, won: pd.DataFrame) -> np.ndarray:
    """Sum of invoices known before `as_of`; of won amounts for accounts without any. float64 [n]."""
    n = len(view)
    invoices = view.known("invoices").reindex(columns=["row", "amount"])
    billed = _sum(invoices, n)
    has_invoices = _count(invoices, n) > 0
    return np.where(has_invoices, billed, _sum(won, n))


def _sum(frame: pd.DataFrame, n: int) -> np.ndarray:
    amount = frame["amount"].astype("float64").fillna(0.0).to_numpy()
    return np.bincount(frame["row"].to_numpy("int64"), weights=amount, minlength=n)


def _feature(name: str, unit: str, meaning: str, source: str = "opportunities") -> Feature:
    return Feature(
        name=name,
        topic="relationship",
        unit=unit,
        meaning=meaning,
        source=source,
        part="behaviour",
        phrase="tenure" if name == "tenure_years" else name,
    )


_FEATURES = (
    _feature("prior_opportunities", "opportunities", "Opportunities opened earlier."),
    _feature("prior_wins", "opportunities", "Opportunities won earlier."),
    _feature("prior_losses", "opportunities", "Opportunities lost earlier."),
    _feature("days_since_close", "days", "Days since the last opportunity was won or lost; missing when none was."),
    _feature("tenure_years", "years", "Years as a customer; missing for others.", "accounts"),
    _feature("earlier_revenue", "currency", "Invoiced earlier; won amounts for accounts without invoices.", "invoices"),
)
