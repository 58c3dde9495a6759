"""The cost ledger: what was spent, where it belongs, and what nobody can be charged with.

Every cost is a line, or several where a shared cost was divided; a line says by which rule it came to its campaign.
Views put the same lines into other drawers (content, channel, tier, account); each has a visible drawer for what does
not belong to any, so that every view adds up to the same total, to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from abm_scoring.data.tables import Tables
from abm_scoring.features.moments import NEVER, is_before, micros, moments
from abm_scoring.roi.cost_lines import counted_touches, lines_of, priced, unpriced
from abm_scoring.roi.cost_spec import CostSpec
from abm_scoring.roi.cost_views import NO_TIER, UNALLOCATED, budgets_of, tiers_of, views_of
from abm_scoring.roi.past import as_known

__all__ = ["NO_TIER", "UNALLOCATED", "CostLedger", "ledger"]


@dataclass(frozen=True)
class CostLedger:
    """Everything that was spent in a period.

    Attributes:
        currency: ISO 4217 code of all money.
        lines: cost (row of the input), incurred_on, kind, campaign_id, content_id, account_id (each may be missing),
            cents (int64), rule: `direct`, `by_spend`, `by_touches`, `evenly`, `by_use` or `unallocated`.
        views: `campaign`, `content`, `channel`, `tier`, `account`, `kind` → one row a drawer: its name, cents, cost
            (currency units). Each view sums to the total; `(unallocated)` stands last where anything is.
        budgets: One row a campaign: campaign_id, campaign_name, budget, booked (NaN: nothing was booked, which is not
            0), left = budget − booked, share_of_budget = booked ÷ budget; and shared, its part of shared costs and of
            content, which no campaign's budget is meant to pay.
        unpriced: kind, rows, hours: rows without an amount and without hours × rate. They are in no total.
    """

    currency: str
    lines: pd.DataFrame
    views: Mapping[str, pd.DataFrame]
    budgets: pd.DataFrame
    unpriced: pd.DataFrame

    @property
    def total_cents(self) -> int:
        """All costs, in cents."""
        return int(self.lines["cents"].sum())

    @property
    def total(self) -> float:
        """All costs, in currency units."""
        return self.total_cents / 100

    @property
    def unallocated_cents(self) -> int:
        """Costs that no campaign, content item or account can be charged with, in cents."""
        return int(self.lines.loc[self.lines["rule"] == "unallocated", "cents"].sum())

    def as_json(self) -> dict[str, Any]:
        """Plain values: total, unallocated, the views, budgets, and what has no price."""

        def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
            return frame.astype(object).where(frame.notna(), None).to_dict(orient="records")  # type: ignore[return-value]

        return {
            "currency": self.currency,
            "total": self.total,
            "unallocated": self.unallocated_cents / 100,
            "views": {name: rows(view.drop(columns="cents")) for name, view in self.views.items()},
            "budgets": rows(self.budgets),
            "unpriced": rows(self.unpriced),
        }


def ledger(
    tables: Tables,
    as_of: pd.Timestamp,
    spec: CostSpec | None = None,
    *,
    currency: str = "EUR",
    since: pd.Timestamp | None = None,
) -> CostLedger:
    """All costs of `[since, as_of)` as lines and views.

    Args:
        tables: Canonical `costs`; `campaigns`, `events` (for shares by use), `target_list` and `exchange_rates` where
            they are known.
        as_of: Nothing incurred or done at or after it counts.
        spec: Prices, and rules for shared costs.
        currency: The project's; costs in another one are converted at the rate of their day.
        since: Start of the period; None: everything.

    Raises:
        BadDataError: A cost in another currency has no exchange rate for its day.
    """
    spec = spec or CostSpec()
    known = as_known(tables, as_of)
    costs, begin = known["costs"], None if since is None else micros(since)
    if begin is not None:
        costs = costs[~is_before(moments(costs["incurred_on"], NEVER), begin)].reset_index(drop=True)
    amount = priced(costs, spec, currency, known["exchange_rates"])
    touches = counted_touches(known["events"], begin)
    lines = lines_of(costs, amount, known["campaigns"], touches, spec)
    views = views_of(lines, touches, known["campaigns"], tiers_of(known["target_list"]))
    budgets = budgets_of(lines, known["campaigns"])
    return CostLedger(currency, lines, MappingProxyType(views), budgets, unpriced(costs, amount))
