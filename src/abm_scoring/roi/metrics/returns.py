"""What it cost and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.features.moments import NEVER
from abm_scoring.roi.metrics.customers import last_year, lifetime_parts, lifetime_value
from abm_scoring.roi.metrics.declaration import FigureOf, Metric
from abm_scoring.roi.metrics.observed import Given, Missing, Observed, Sums, divide, stacked
from abm_scoring.roi.metrics.pipeline import influenced, won_in
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.relationships import engaged_accounts
from abm_scoring.roi.periods import Period

#: Costs of campaigns; tools, salaries and overhead come on top in the full view.
CAMPAIGN_KINDS = ("hours", "media", "other")
FULL_KINDS = (*CAMPAIGN_KINDS, "platform", "salaries", "overhead")
_ACCOUNT_KINDS = ("onboarding", "support")
Rows = tuple[np.ndarray, np.ndarray]


def costs_in(data: Prepared, period: Period, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Lines of the cost table of these kinds in the period."""
    costs = data.costs
    return costs[(costs["at"] >= period.begin) & (costs["at"] < period.stop) & costs["kind"].isin(kinds)]


def new_customers(data: Prepared, period: Period) -> np.ndarray:
    """Codes of the accounts whose first won deal was signed in the period."""
    first = np.full(len(data), NEVER)
    won = data.deals[data.deals["won"] & (data.deals["account"] >= 0)]
    np.minimum.at(first, won["account"].to_numpy(), won["closed"].to_numpy())
    return np.flatnonzero((first >= period.begin) & (first < period.stop))


def _money(costs: pd.DataFrame) -> Rows:
    return costs["account"].to_numpy(np.int64), costs["money"].to_numpy(float)


def _simple(data: Prepared, period: Period) -> Rows:
    return _money(costs_in(data, period, CAMPAIGN_KINDS))


def _full(data: Prepared, period: Period) -> Rows:
    """All costs of winning: with tools, salaries and overhead, and onboarding and support of the new customers only."""
    new = np.zeros(len(data) + 1, bool)
    new[new_customers(data, period)] = True
    served = costs_in(data, period, _ACCOUNT_KINDS)
    served = served[new[served["account"]]]
    return _money(pd.concat([costs_in(data, period, FULL_KINDS), served]))


def _whole(found: Sums) -> Sums:
    """Campaign costs belong to no account, so groups of accounts cannot have them."""
    return replace(found, divisible=False)


def _per(cost: Rows, things: np.ndarray, empty: str) -> Observed:
    parts = {"top": cost, "bottom": (things, np.ones(len(things)))}
    return _whole(stacked(lambda s: divide(s["top"], s["bottom"]), parts, "top", "bottom", empty))


def _cac_simple(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return {"cac_simple": _per(_simple(data, period), new_customers(data, period), "no new customer in the period")}


def _cac_full(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return {"cac_full": _per(_full(data, period), new_customers(data, period), "no new customer in the period")}


def _clv_to_cac(data: Prepared, period: Period) -> Mapping[str, Observed]:
    spec = data.spec

    def value(s: Mapping[str, np.ndarray]) -> np.ndarray:
        return divide(lifetime_value(s, spec.lifetime_years, spec.discount_rate), divide(s["cost"], s["new"]))

    none = "no contract was signed, no customer won, or none lost in the last 12 months"
    return {"clv_to_cac": _whole(stacked(value, _acquired(data, period), "acv", "cost", none))}


def _payback(data: Prepared, period: Period) -> Mapping[str, Observed]:
    def value(s: Mapping[str, np.ndarray]) -> np.ndarray:
        monthly = divide(s["acv"], s["contracts"]) * divide(s["margin"], s["amount"]) / 12
        return divide(divide(s["cost"], s["new"]), monthly)

    none = "no contract was signed or no customer won in the last 12 months"
    return {"cac_payback_months": _whole(stacked(value, _acquired(data, period), "cost", "acv", none))}


def _acquired(data: Prepared, period: Period) -> dict[str, Rows]:
    year = last_year(period)
    new = new_customers(data, year)
    return lifetime_parts(data, period) | {"cost": _full(data, year), "new": (new, np.ones(len(new)))}


def _cost_per(data: Prepared, period: Period) -> Mapping[str, Observed]:
    costs = costs_in(data, period, CAMPAIGN_KINDS)
    whole, deals = _money(costs), data.deals[data.deals["account"] >= 0]
    made = deals[(deals["created"] >= period.begin) & (deals["created"] < period.stop)]
    won = won_in(data, period)
    items, campaigns = costs["content_id"].dropna(), costs["campaign_id"].dropna()
    of = {c: _money(costs[costs[c].notna()]) for c in ("content_id", "campaign_id")}
    found = {
        "cost_per": _per(whole, won["account"].to_numpy(np.int64), "no deal was won in the period"),
        "cost_per_opportunity": _per(whole, made["account"].to_numpy(np.int64), "no deal was opened in the period"),
        "cost_per_engaged_account": _per(
            whole, np.flatnonzero(engaged_accounts(data, period)), "no account was engaged"
        ),
        "cost_per_campaign": _per(of["campaign_id"], np.full(campaigns.nunique(), -1), "no campaign cost anything"),
        "cost_per_content_item": _per(of["content_id"], np.full(items.nunique(), -1), "no content item cost anything"),
    }
    if data.spells is None:
        return found | {"cost_per_mqa": Missing("no MQA status is kept: set scoring.mqa, and score")}
    entered = data.spells
    entered = entered[
        (entered["entered"] >= period.begin) & (entered["entered"] < period.stop) & (entered["account"] >= 0)
    ]
    return found | {"cost_per_mqa": _per(whole, entered["account"].to_numpy(np.int64), "no account became an MQA")}


def _roi(data: Prepared, period: Period) -> Mapping[str, Observed]:
    cost = costs_in(data, period, CAMPAIGN_KINDS)
    if not cost["money"].sum() > 0:
        return {"roi": Missing("no campaign cost is known in the period")}
    won = won_in(data, period)
    won = won[influenced(data, won, period)]
    brings = won["brings"]
    if len(won) and brings.isna().all():
        return {"roi": Missing("no gross margin is known: give opportunities.gross_margin or roi.gross_margin_rate")}
    parts = {"cost": _money(cost), "return": (won["account"].to_numpy(np.int64), brings.fillna(0.0).to_numpy(float))}
    value = lambda s: divide(s["return"] - s["cost"], s["cost"])  # noqa: E731
    return {"roi": _whole(stacked(value, parts, "return", "cost", "no campaign cost is known in the period"))}


def _elsewhere(name: str, reason: str, data: Prepared, period: Period) -> Mapping[str, Observed]:
    found: Given | None = data.given.get(name)
    return {name: found if found is not None else Missing(reason)}


def _incremental(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return _elsewhere("incremental_roi", "no randomised holdout: what was caused cannot be said", data, period)


def _associational(data: Prepared, period: Period) -> Mapping[str, Observed]:
    return _elsewhere("associational_roi", "no adjusted comparison was made", data, period)


CAC_SIMPLE = Metric(
    "cac_simple",
    "cost of campaigns and content (kinds hours, media, other) in the period ÷ new customers; new = first won "
    "deal signed "
    "in the period",
    "conversion", "pre_sale", "revenue", ("costs", "opportunities"),
    "Spending of one quarter wins the customers of the next. Leaves out tools, salaries and overhead: see cac_full.",
    {"cac_simple": FigureOf("money", "a new customer")},
    _cac_simple,
    better="lower",
)  # fmt: skip
CAC_FULL = Metric(
    "cac_full",
    "(cost of campaigns and content + platforms + salaries + overhead + onboarding and support of the period's new "
    "customers) ÷ new customers",
    "conversion", "pre_sale", "revenue", ("costs", "opportunities"),
    "Salaries and overhead serve existing customers too; all of them are counted here.",
    {"cac_full": FigureOf("money", "a new customer")},
    _cac_full,
    better="lower",
)  # fmt: skip
CLV_TO_CAC = Metric(
    "clv_to_cac",
    "CLV ÷ full CAC, both over the 12 months that end with the period",
    "conversion", "post_sale", "revenue", ("costs", "opportunities"),
    "As uncertain as both of its parts. A ratio above 3 also says that more could be spent.",
    {"clv_to_cac": FigureOf("ratio", "CLV ÷ full CAC")},
    _clv_to_cac,
)  # fmt: skip
CAC_PAYBACK = Metric(
    "cac_payback_months",
    "full CAC ÷ (ACV × gross margin rate ÷ 12), over the 12 months that end with the period",
    "conversion", "post_sale", "revenue", ("costs", "opportunities"),
    "Takes for granted that the customer stays at least so long.",
    {"cac_payback_months": FigureOf("months", "until the margin has paid for the customer")},
    _payback,
    better="lower",
)  # fmt: skip
COST_PER = Metric(
    "cost_per",
    "cost of campaigns and content in the period ÷ won deals; and ÷ deals opened, engaged accounts, new MQAs, "
    "campaigns "
    "with a cost (their own costs), content items with a cost (their own costs)",
    "conversion", "pre_sale", "revenue", ("costs",),
    "Cost and result are of the same period, though one comes before the other.",
    {
        "cost_per": FigureOf("money", "a won deal"),
        "cost_per_opportunity": FigureOf("money", "a deal opened"),
        "cost_per_mqa": FigureOf("money", "a new MQA"),
        "cost_per_engaged_account": FigureOf("money", "an engaged account"),
        "cost_per_campaign": FigureOf("money", "a campaign"),
        "cost_per_content_item": FigureOf("money", "a content item"),
    },
    _cost_per,
    better="lower",
)  # fmt: skip
ROI = Metric(
    "roi",
    "(return − cost) ÷ cost: return = gross margin (or revenue, as roi.returns says) of deals won in the period "
    "that had "
    "at least one marketing touch in the lookback; cost = campaigns and content in the period",
    "conversion", "post_sale", "revenue", ("costs", "opportunities", "events"),
    "This is credit, not cause: deals that would have been won anyway are in it. See incremental_roi.",
    {"roi": FigureOf("ratio", "(return − cost) ÷ cost")},
    _roi,
)  # fmt: skip
INCREMENTAL_ROI = Metric(
    "incremental_roi",
    "(return caused by the campaign, from a randomised holdout only, − cost) ÷ cost; verdict positive, negative "
    "or cannot "
    "tell from its interval. Printed beside roi, never merged with it",
    "conversion", "post_sale", "revenue", (),
    "A small holdout can only find large effects: cannot tell is not no effect.",
    {"incremental_roi": FigureOf("ratio", "(caused return − cost) ÷ cost")},
    _incremental,
)  # fmt: skip
ASSOCIATIONAL_ROI = Metric(
    "associational_roi",
    "the same from an adjusted comparison without randomisation (cross-fitted AIPW), always under this name",
    "conversion", "post_sale", "revenue", (),
    "What nobody measured cannot be adjusted for: whoever was targeted may have been about to buy.",
    {"associational_roi": FigureOf("ratio", "(associated return − cost) ÷ cost")},
    _associational,
)  # fmt: skip
