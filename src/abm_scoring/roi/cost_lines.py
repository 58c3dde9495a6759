"""Priced cost rows as lines, and shared costs divided among campaigns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.data.currency import in_project_currency
from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.features.moments import NEVER, is_before, moments
from abm_scoring.roi.cents import allocate, to_cents
from abm_scoring.roi.cost_spec import CostSpec

#: What a line can be charged to.
KEYS = ["campaign_id", "content_id", "account_id"]
_LINES = ["cost", "incurred_on", "kind", *KEYS, "cents", "rule"]


def text(frame: pd.DataFrame, name: str) -> pd.Series:
    """A text column; all missing where the table has none."""
    return frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="str")


def number(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column of numbers as float64; all missing where the table has none."""
    return frame[name].astype("float64") if name in frame else pd.Series(np.nan, index=frame.index)


def priced(costs: pd.DataFrame, spec: CostSpec, currency: str, rates: pd.DataFrame) -> pd.Series:
    """Amount of each row in the project's currency: as stated, else hours × rate; NaN where neither is known."""
    own = number(costs, "hours") * number(costs, "hourly_rate")
    stated = number(costs, "amount").fillna(own)
    money = pd.DataFrame({"invoiced_on": costs["incurred_on"], "amount": stated, "currency": text(costs, "currency")})
    try:
        # Costs are converted by the rule for invoices: at the rate of their day.
        amount = in_project_currency(Tables({"invoices": money, "exchange_rates": rates}), currency)["invoices"][
            "amount"
        ]
    except BadDataError as error:
        raise BadDataError(error.what, where="costs", fix=error.fix) from None
    if spec.hourly_rate is not None:  # the project's own price is in its currency already
        amount = amount.fillna(number(costs, "hours") * spec.hourly_rate)
    return amount


def unpriced(costs: pd.DataFrame, amount: pd.Series) -> pd.DataFrame:
    """kind, rows, hours of the costs that have no amount."""
    lost = costs[amount.isna()]
    found = pd.DataFrame({"kind": lost["kind"], "rows": 1, "hours": number(lost, "hours")})
    return found.groupby("kind", as_index=False, sort=True).sum()


def counted_touches(events: pd.DataFrame, since: int | None) -> pd.DataFrame:
    """Events that name a campaign or a content item: how many by campaign, content, account, channel and month."""
    names = [*KEYS, "channel"]
    parts = {name: text(events, name) for name in names}
    kept = (parts["campaign_id"].notna() | parts["content_id"].notna()).to_numpy()
    if since is not None:
        kept = kept & ~is_before(moments(events["occurred_at"], NEVER), since)
    when = events["occurred_at"][kept]
    codes, labels = {}, {}
    for name in names:
        codes[name], labels[name] = pd.factorize(parts[name][kept], sort=True)
    month = (when.dt.year * 12 + when.dt.month - 1).to_numpy("int64")
    found = pd.DataFrame({**codes, "month": month}).groupby([*names, "month"], as_index=False, sort=True).size()
    for name in names:
        found[name] = pd.Series(labels[name], dtype="str").reindex(found[name].where(found[name] >= 0)).to_numpy(object)
    return found.rename(columns={"size": "touches"}).astype(dict.fromkeys(names, "str"))


def _month(stamps: pd.Series) -> np.ndarray:
    found: np.ndarray = (stamps.dt.year * 12 + stamps.dt.month - 1).to_numpy("int64")
    return found


def lines_of(
    costs: pd.DataFrame, amount: pd.Series, campaigns: pd.DataFrame, touches: pd.DataFrame, spec: CostSpec
) -> pd.DataFrame:
    """Lines of all priced rows: cost, incurred_on, kind, campaign_id, content_id, account_id, cents, rule.

    What a campaign, content item or account was charged with is `direct`; content without a campaign is divided by its
    use, shared kinds month by month by the spec's rule; the rest is `unallocated`.
    """
    rows = np.flatnonzero(amount.notna())
    lines = costs[["incurred_on", "kind"]].assign(**{name: text(costs, name).astype("str") for name in KEYS}).iloc[rows]
    lines = lines.reset_index(drop=True).assign(cost=rows, cents=to_cents(amount.iloc[rows]))
    lines["rule"] = np.where(lines[KEYS].notna().any(axis=1), "direct", "unallocated")
    if spec.content_by_use:
        alone = lines["campaign_id"].isna() & lines["content_id"].notna() & lines["account_id"].isna()
        use = touches.dropna(subset=["campaign_id", "content_id"])
        use = use.groupby(["content_id", "campaign_id"], as_index=False).agg({"touches": "sum"})
        lines = _divided(lines, alone, ["content_id"], use, "by_use")
    if spec.share_by != "none":
        lines["month"] = _month(lines["incurred_on"])
        shared = (lines["rule"] == "unallocated") & lines["kind"].isin(spec.shared)
        keys, rule = _sharing(lines, campaigns, touches, spec)
        lines = _divided(lines, shared, ["month"], keys, rule)
    return lines.sort_values(["cost", "campaign_id"], kind="stable", ignore_index=True)[_LINES]


def _sharing(
    lines: pd.DataFrame, campaigns: pd.DataFrame, touches: pd.DataFrame, spec: CostSpec
) -> tuple[pd.DataFrame, str]:
    """month, campaign_id, touches (the weight); and the rule's name."""
    if spec.share_by == "touches":
        named = touches.dropna(subset=["campaign_id"])
        return named.groupby(["month", "campaign_id"], as_index=False).agg({"touches": "sum"}), "by_touches"
    if spec.share_by == "evenly":
        return _running(campaigns, np.unique(lines["month"])), "evenly"
    direct = lines[(lines["rule"] == "direct") & lines["campaign_id"].notna()]
    spent = direct.groupby(["month", "campaign_id"], as_index=False).agg({"cents": "sum"})
    return spent[spent["cents"] > 0].rename(columns={"cents": "touches"}), "by_spend"


def _running(campaigns: pd.DataFrame, months: np.ndarray) -> pd.DataFrame:
    """Campaigns that ran in each month; one without dates always does."""
    begin, end = _open(campaigns, "from", -1), _open(campaigns, "to", 1 << 40)
    row, month = np.nonzero((begin[:, None] <= months[None, :]) & (months[None, :] <= end[:, None]))
    names = campaigns["campaign_id"].iloc[row].reset_index(drop=True)
    return pd.DataFrame({"month": months[month], "campaign_id": names, "touches": 1.0})


def _open(campaigns: pd.DataFrame, name: str, missing: int) -> np.ndarray:
    if name not in campaigns:
        return np.full(len(campaigns), missing)
    # A campaign runs until just before `to`, so that one that ends at midnight of the first is not in that month.
    stamps = campaigns[name] - pd.Timedelta(microseconds=1 if name == "to" else 0)
    return (stamps.dt.year * 12 + stamps.dt.month - 1).fillna(missing).to_numpy("int64")


def _divided(lines: pd.DataFrame, which: pd.Series, by: list[str], weights: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The chosen lines divided among campaigns; those whose key has no weight stay as they are."""
    chosen = lines[which].drop(columns="campaign_id").reset_index(drop=True)
    chosen["line"] = np.arange(len(chosen))
    parts = chosen.merge(weights.sort_values([*by, "campaign_id"]), on=by, how="inner")
    found = np.unique(parts["line"])
    if not len(found):
        return lines
    cents = chosen["cents"].to_numpy("int64")[found]
    parts["cents"] = allocate(cents, np.searchsorted(found, parts["line"]), parts["touches"])
    parts["rule"] = rule
    stay = np.ones(len(lines), bool)
    stay[np.flatnonzero(which)[found]] = False
    return pd.concat([lines[stay], parts[lines.columns]], ignore_index=True)
