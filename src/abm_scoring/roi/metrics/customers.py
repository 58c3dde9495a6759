"""After the sale: what contracts are worth, who stays, who recommends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.features.moments import NEVER, moments
from abm_scoring.roi.metrics.arrays import tally
from abm_scoring.roi.metrics.declaration import FigureOf, Metric
from abm_scoring.roi.metrics.observed import Missing, Observed, count, divide, ratio, stacked
from abm_scoring.roi.metrics.pipeline import won_in
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.periods import Period

_YEAR = pd.Timedelta(days=365)
Rows = tuple[np.ndarray, np.ndarray]


def last_year(period: Period) -> Period:
    """The 365 days that end where the period has been seen: what a lifetime is judged by."""
    return replace(period, name="last 12 months", start=period.until - _YEAR, end=period.until)


def contracts(data: Prepared, period: Period) -> pd.DataFrame:
    """Deals won in the period with an amount and a length; `acv` = amount ÷ years."""
    won = won_in(data, period)
    won = won[won["amount"].notna() & (won["months"] > 0)]
    return won.assign(acv=won["amount"] / (won["months"] / 12))


def _acv(data: Prepared, period: Period) -> Mapping[str, Observed]:
    signed = contracts(data, period)
    none = "no deal with a contract length was won in the period"
    return {"acv": ratio(_of(signed), signed["acv"].to_numpy(), np.ones(len(signed)), none)}


def customers_at(data: Prepared, moment: int) -> np.ndarray:
    """float [accounts]: contract value a year of all contracts that run just before a moment; 0 = no customer.

    A contract runs from its signature until it is cancelled or its months are over; without a length it does not end,
    and counts with its whole amount a year.
    """

    def make() -> np.ndarray:
        deals = data.deals
        on = (deals["account"] >= 0) & deals["won"] & (deals["closed"] < moment) & (deals["ends"] >= moment)
        running = deals[on]
        years = (running["months"] / 12).where(running["months"] > 0, 1.0)
        # A customer whose contract has no amount is one all the same.
        value = (running["amount"] / years).fillna(0.0).clip(lower=0.0) + 1e-9
        return tally(len(data), _of(running), value.to_numpy(float))

    return data.once("customers", (moment,), make)


def billed(data: Prepared, until: int, days: float) -> np.ndarray:
    """float [accounts]: net of invoices in the days before a moment."""
    frame = data.tables["invoices"]
    at = moments(frame["invoiced_on"], NEVER)
    of = (at < until) & (at >= until - round(days * 86_400_000_000))
    amount = frame["amount"].to_numpy(float, na_value=0.0) if "amount" in frame else np.zeros(len(frame))
    return tally(len(data), data.codes(frame["account_id"])[of], amount[of])


def _at_both_ends(data: Prepared, period: Period) -> tuple[np.ndarray, np.ndarray] | None:
    """Value a year of each account at the period's start and end: of contracts, else of invoices, else None."""
    if data.has("opportunities") and data.deals["won"].any():
        return customers_at(data, period.begin), customers_at(data, period.stop)
    if data.has("invoices"):
        return billed(data, period.begin, 365), billed(data, period.stop, 365)
    return None


def _retention(data: Prepared, period: Period) -> Mapping[str, Observed]:
    ends = _at_both_ends(data, period)
    if ends is None:
        return {"retention_rate": _NO_CUSTOMERS}
    start, end = ends
    of = np.flatnonzero(start > 0)
    return {"retention_rate": ratio(of, end[of] > 0, np.ones(len(of)), "no customer at the period's start")}


def _net_revenue(data: Prepared, period: Period) -> Mapping[str, Observed]:
    ends = _at_both_ends(data, period)
    if ends is None:
        return {"net_revenue_retention": _NO_CUSTOMERS}
    start, end = ends
    of = np.flatnonzero(start > 0)
    kept = np.maximum(end[of], 0.0)
    return {"net_revenue_retention": ratio(of, kept, start[of], "no customer at the period's start")}


def lifetime_parts(data: Prepared, period: Period) -> dict[str, Rows]:
    """Rows whose sums make the customer lifetime value: contracts of the last 12 months, and who stayed."""
    year = last_year(period)
    return data.once("lifetime", (year.begin, year.stop), lambda: _lifetime_parts(data, year))


def _lifetime_parts(data: Prepared, year: Period) -> dict[str, Rows]:
    signed = contracts(data, year)
    priced = won_in(data, year)
    priced = priced[priced["amount"].notna() & priced["margin"].notna()]
    ends = _at_both_ends(data, year) or (np.zeros(0), np.zeros(0))
    start = np.flatnonzero(ends[0] > 0)
    return {
        "acv": (_of(signed), signed["acv"].to_numpy(float)),
        "contracts": (_of(signed), np.ones(len(signed))),
        "margin": (_of(priced), priced["margin"].to_numpy(float)),
        "amount": (_of(priced), priced["amount"].to_numpy(float)),
        "customers": (start, np.ones(len(start))),
        "kept": (start, (ends[1][start] > 0).astype(float)),
    }


def lifetime_value(sums: Mapping[str, np.ndarray], years: float | None, discount: float | None) -> np.ndarray:
    """ACV × gross margin rate × lifetime; discounted: ACV × margin rate × r ÷ (1 + i − r), first margin after a year.

    Args:
        sums: Of the columns of `lifetime_parts`.
        years: Customer lifetime; None: 1 ÷ annual churn.
        discount: Yearly rate i; None: not discounted.
    """
    yearly = divide(sums["acv"], sums["contracts"]) * divide(sums["margin"], sums["amount"])
    stayed = divide(sums["kept"], sums["customers"])
    retention = stayed if years is None else np.full_like(stayed, 1 - 1 / years)
    if discount is not None:
        return yearly * divide(retention, 1 + discount - retention)
    return yearly * divide(np.ones_like(yearly), 1 - retention)


def _clv(data: Prepared, period: Period) -> Mapping[str, Observed]:
    spec, parts = data.spec, lifetime_parts(data, period)
    reason = _without_margin(parts)
    if reason is not None:
        return dict.fromkeys(CLV.figures, reason)
    none = "no contract was signed, or no customer was lost, in the last 12 months"
    year = last_year(period)
    more = won_in(data, year)
    more = more[more["kind"].isin(["cross_sell", "upsell"])]
    return {
        "clv": stacked(
            lambda s: lifetime_value(s, spec.lifetime_years, spec.discount_rate), parts, "acv", "contracts", none
        ),
        "clv_expansion": stacked(
            lambda s: expansion_value(s, spec.lifetime_years, spec.discount_rate),
            parts | {"more": (_of(more), more["amount"].fillna(0.0).to_numpy(float))},
            "more",
            "customers",
            none,
        ),
    }


def expansion_value(sums: Mapping[str, np.ndarray], years: float | None, discount: float | None) -> np.ndarray:
    """Margin of cross- and upsell a customer and year, over the lifetime."""
    yearly = divide(sums["more"], sums["customers"])
    per_contract = divide(sums["acv"], sums["contracts"])
    return divide(lifetime_value(sums, years, discount), per_contract) * yearly


def _without_margin(parts: Mapping[str, Rows]) -> Missing | None:
    if parts["contracts"][1].sum() and not parts["amount"][1].sum():
        return Missing("no gross margin is known: give opportunities.gross_margin or roi.gross_margin_rate")
    return None


def _tam(data: Prepared, period: Period) -> Mapping[str, Observed]:
    year = last_year(period)
    if data.spec.tam_basis == "customers":
        won = won_in(data, year)
        won = won[won["amount"].notna()]
        price, of = won["amount"].to_numpy(float), np.flatnonzero(customers_at(data, period.stop) > 0)
    else:
        if data.fits is None:
            return {"tam": Missing("no profile says which accounts fit (profile)")}
        won = contracts(data, year)
        price, of = won["acv"].to_numpy(float), np.flatnonzero(data.fits)
    parts = {"price": (_of(won), price), "sold": (_of(won), np.ones(len(won))), "accounts": (of, np.ones(len(of)))}
    none = "no contract was signed in the last 12 months"
    return {"tam": stacked(lambda s: divide(s["price"], s["sold"]) * s["accounts"], parts, "price", "sold", none)}


def _expansion(data: Prepared, period: Period) -> Mapping[str, Observed]:
    won = won_in(data, period)
    amount = won["amount"].fillna(0.0).to_numpy(float)
    more = np.where(won["kind"].isin(["cross_sell", "upsell"]), amount, 0.0)
    return {
        "expansion_revenue": count(_of(won), more),
        "expansion_share": ratio(_of(won), more, amount, "nothing was won in the period"),
    }


def _referrals(data: Prepared, period: Period) -> Mapping[str, Observed]:
    frame = data.tables["referrals"]
    code, at = data.codes(frame["account_id"]), moments(frame["referred_at"], NEVER)
    first = np.full(len(data), NEVER)
    np.minimum.at(first, code[code >= 0], at[code >= 0])
    of = np.flatnonzero((first >= period.begin) & (first < period.stop))
    deals = data.deals[data.deals["won"] & (data.deals["account"] >= 0)]
    won = np.full(len(data), -1)
    np.maximum.at(won, _of(deals), deals["closed"].to_numpy())
    none = "no account was referred in the period"
    return {"referrals": count(of), "referrals_converted": ratio(of, won[of] >= first[of], np.ones(len(of)), none)}


def _nps(data: Prepared, period: Period) -> Mapping[str, Observed]:
    frame = data.tables["surveys"]
    if "nps" not in frame:
        return {"nps": Missing("the table surveys has no column nps")}
    at, answer = moments(frame["answered_at"], NEVER), frame["nps"].to_numpy(float, na_value=np.nan)
    of = (at >= period.begin) & (at < period.stop) & ~np.isnan(answer)
    points = np.where(answer >= 9, 100.0, np.where(answer <= 6, -100.0, 0.0))[of]
    return {
        "nps": ratio(data.codes(frame["account_id"])[of], points, np.ones(len(points)), "nobody answered in the period")
    }


def _of(rows: pd.DataFrame) -> np.ndarray:
    return rows["account"].to_numpy(np.int64)


_NO_CUSTOMERS = Missing("neither won opportunities nor invoices say who is a customer")

ACV = Metric(
    "acv",
    "contract value ÷ contract years, mean over deals won in the period (500 000 over 5 years = 100 000)",
    "conversion", "post_sale", "revenue", ("opportunities",),
    "Deals without a contract length are left out. Long contracts are not better ones.",
    {"acv": FigureOf("money", "a year")},
    _acv,
)  # fmt: skip
CLV = Metric(
    "clv",
    "ACV × gross margin rate × expected customer lifetime in years (1 ÷ annual churn unless given), over the 12 months "
    "that end with the period; with a discount rate i and retention r: ACV × margin rate × r ÷ (1 + i − r), "
    "first margin "
    "after a year; cross- and upsell are a term of their own",
    "conversion", "post_sale", "revenue", ("opportunities",),
    "Rests on the churn of one year: where few leave, one customer more or less doubles it; the interval says so.",
    {
        "clv": FigureOf("money", "margin of a customer over its lifetime"),
        "clv_expansion": FigureOf("money", "margin of cross- and upsell over the lifetime, not part of clv"),
    },
    _clv,
)  # fmt: skip
TAM = Metric(
    "tam",
    "average contract value a year × accounts that fit the ideal customer profile; with tam_basis: customers, average "
    "selling price × current customers. Prices are those of the 12 months that end with the period",
    "influence", "pre_sale", "revenue", ("opportunities",),
    "Only accounts that are in the table are counted, and nobody wins all of them.",
    {"tam": FigureOf("money", "total addressable market")},
    _tam,
)  # fmt: skip
EXPANSION = Metric(
    "expansion_revenue",
    "amount of cross- and upsell deals won in the period; and its share of everything won in it",
    "conversion", "post_sale", "revenue", ("opportunities",),
    "What is booked as new instead of cross-sell is missing.",
    {
        "expansion_revenue": FigureOf("money", "cross-sell + upsell", adds_up=True),
        "expansion_share": FigureOf("share", "of the amount won in the period"),
    },
    _expansion,
)  # fmt: skip
REFERRALS = Metric(
    "referrals",
    "accounts first referred by a customer in the period, and the share of them that has won (signed) since",
    "conversion", "post_sale", "reputation", ("referrals",),
    "Referrals of the last months have had little time to convert.",
    {
        "referrals": FigureOf("count", "accounts first referred", adds_up=True),
        "referrals_converted": FigureOf("share", "of them signed since"),
    },
    _referrals,
)  # fmt: skip
NPS = Metric(
    "nps",
    "% of answers 9-10 minus % of answers 0-6",
    "conversion", "post_sale", "reputation", ("surveys",),
    "Those who answer are not those who do not; a few answers move it by tens of points.",
    {"nps": FigureOf("points", "-100 to 100")},
    _nps,
)  # fmt: skip
RETENTION = Metric(
    "retention_rate",
    "customers at the period's end who were customers at its start ÷ customers at its start. A customer has a running "
    "contract (won, not cancelled, months not over); where there are only invoices, a positive net over 365 days",
    "conversion", "post_sale", "relationships", (),
    "Contracts that are renewed late count as lost until they are renewed. A quarter's rate is not a year's.",
    {"retention_rate": FigureOf("share", "of the customers at the start")},
    _retention,
)  # fmt: skip
NET_REVENUE_RETENTION = Metric(
    "net_revenue_retention",
    "(start revenue + expansion − contraction − churn) ÷ start revenue: what the customers of the start are "
    "worth a year "
    "at the end ÷ at the start",
    "conversion", "post_sale", "relationships", (),
    "A few growing customers hide many that leave.",
    {"net_revenue_retention": FigureOf("share", "of the value a year at the start")},
    _net_revenue,
)  # fmt: skip
