"""Cohort: which accounts are in question at a moment, and why the others are not."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.history import View
from abm_scoring.features.moments import NEVER, is_before
from abm_scoring.spec import Spec

#: Status of a row that may be scored; every other status is a reason not to.
ELIGIBLE = "eligible"

#: Columns that say nothing about what the company is.
_TECHNICAL = frozenset(
    ("account_id", "account_name", "parent_account_id", "owner_id", "customer_since", "partner_since", "known_at")
)


class CohortSpec(Spec):
    """Who is asked about: prospects (`new`), customers (`expansion`) or everyone known (`any`)."""

    motion: Literal["new", "expansion", "any"] = Field("new", description="new = not yet customers")
    exclude: tuple[Literal["partners", "open_opportunities"], ...] = Field(
        ("partners", "open_opportunities"), description="groups that are left out"
    )

    def status(self, view: View) -> pd.Series:
        """Status of each row as of its own date: `eligible`, or the code of the first reason that applies.

        Args:
            view: n rows.

        Returns:
            n codes (str): `not_yet_known`, `customer`, `not_a_customer`, `partner`, `open_opportunity`, `no_data`.
        """
        account = view.account()
        customer = view.customer_since() != NEVER
        reasons = {"not_yet_known": account["account_id"].isna().to_numpy()}
        if self.motion == "new":
            reasons["customer"] = customer
        elif self.motion == "expansion":
            reasons["not_a_customer"] = ~customer
        if "partners" in self.exclude and "partner_since" in account:
            reasons["partner"] = account["partner_since"].notna().to_numpy()
        if "open_opportunities" in self.exclude:
            reasons["open_opportunity"] = _has_open(view)
        reasons["no_data"] = _nothing_known(view, account)
        status = np.select(list(reasons.values()), list(reasons), ELIGIBLE)
        return pd.Series(status, dtype="str")


def _has_open(view: View) -> np.ndarray:
    opportunities = view.known("opportunities")
    row = opportunities["row"].to_numpy("int64")
    if "closed_at" in opportunities:
        row = row[opportunities["closed_at"].isna().to_numpy()]
    has = np.zeros(len(view), bool)
    has[row] = True
    return has


def _nothing_known(view: View, account: pd.DataFrame) -> np.ndarray:
    columns = [c for c in account.columns if c not in _TECHNICAL]
    silent = ~is_before(view.first_event(), view.as_of)
    nothing: np.ndarray = account[columns].isna().all(axis=1).to_numpy() & silent
    return nothing
