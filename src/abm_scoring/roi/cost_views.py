"""The same cost lines in other drawers: by campaign, content, channel, tier, account; and budgets against them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.roi.cents import allocate
from abm_scoring.roi.cost_lines import KEYS, number, text

#: Drawer of costs that belong to no campaign, content item, channel or account.
UNALLOCATED = "(unallocated)"

#: Drawer of costs of accounts that stand on no target list.
NO_TIER = "(not on the target list)"


def tiers_of(target_list: pd.DataFrame) -> pd.Series:
    """The tier of each account: of its latest entry on the list that has not ended."""
    if "to" in target_list:
        target_list = target_list[target_list["to"].isna()]
    latest = target_list.sort_values(["account_id", "from"]).drop_duplicates("account_id", keep="last")
    return text(latest, "tier").set_axis(latest["account_id"])


def views_of(
    lines: pd.DataFrame, touches: pd.DataFrame, campaigns: pd.DataFrame, tiers: pd.Series
) -> dict[str, pd.DataFrame]:
    """The lines by campaign, content, channel, tier, account and kind; each view sums to the same total."""
    accounts = _spread(lines, touches, "account_id")
    tier = accounts["account_id"].map(tiers).astype("str").fillna(NO_TIER).mask(accounts["account_id"].isna())
    return {
        "campaign": _view(lines, "campaign_id"),
        "content": _view(_spread(lines, touches, "content_id"), "content_id"),
        "channel": _view(_channels(lines, touches, campaigns), "channel"),
        "tier": _view(accounts.assign(tier=tier), "tier"),
        "account": _view(accounts, "account_id"),
        "kind": _view(lines, "kind"),
    }


def _view(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """One row a drawer in ascending order, what belongs to none last."""
    found = frame.groupby(name, as_index=False, sort=True).agg({"cents": "sum"})
    lost = frame[name].isna()
    if lost.any():
        rest = pd.DataFrame({name: [UNALLOCATED], "cents": [frame.loc[lost, "cents"].sum()]})
        found = pd.concat([found, rest], ignore_index=True)
    return found.astype({name: "str", "cents": "int64"}).assign(cost=lambda f: f["cents"] / 100)


def _spread(lines: pd.DataFrame, touches: pd.DataFrame, to: str) -> pd.DataFrame:
    """Lines with a drawer `to`: their own, else divided by the touches of their campaign and content, else none.

    Lines of a campaign and a content item are divided by the touches that have both; where there are none, and for
    lines with one of the two, by those of the campaign, or of the content item.
    """
    rest: pd.DataFrame = lines.groupby(KEYS, as_index=False, dropna=False, sort=True).agg({"cents": "sum"})
    own = rest[to].notna().to_numpy() if to in rest else np.zeros(len(rest), bool)
    parts, rest = [rest[own]], rest[~own]
    for by in (["campaign_id", "content_id"], ["campaign_id"], ["content_id"]):
        if to not in by:
            done, rest = _by_touches(rest, touches, by, to)
            parts.append(done)
    found = pd.concat([part.reindex(columns=[to, "cents"]) for part in [*parts, rest]], ignore_index=True)
    return found.astype({to: "str", "cents": "int64"})


def _by_touches(rest: pd.DataFrame, touches: pd.DataFrame, by: list[str], to: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What of the lines can be divided by touches with the same keys, and what cannot."""
    weights = touches.dropna(subset=[*by, to]).groupby([*by, to], as_index=False, sort=True)["touches"].sum()
    chosen = rest.drop(columns=to, errors="ignore").assign(line=np.arange(len(rest)))
    parts = chosen.dropna(subset=by).merge(weights, on=by, how="inner")
    found = np.unique(parts["line"])
    if not len(found):
        return rest.iloc[:0], rest
    cents = rest["cents"].to_numpy("int64")[found]
    parts = parts.assign(cents=allocate(cents, np.searchsorted(found, parts["line"]), parts["touches"]))
    stay = np.ones(len(rest), bool)
    stay[found] = False
    return parts, rest[stay]


def _channels(lines: pd.DataFrame, touches: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
    """Lines by channel: the campaign's own where it has one, else by touches."""
    of = text(campaigns, "channel").set_axis(campaigns["campaign_id"])
    known = lines["campaign_id"].map(of[~of.index.duplicated()]).astype("str")
    named = known.notna()
    own = pd.DataFrame({"channel": known[named], "cents": lines.loc[named, "cents"]})
    return pd.concat([own, _spread(lines[~named], touches, "channel")], ignore_index=True)


def budgets_of(lines: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
    """One row a campaign: what was planned, what was booked to it, and its part of shared costs."""
    names = np.unique(np.concatenate([campaigns["campaign_id"], lines["campaign_id"].dropna()]).astype(object))
    direct = lines["rule"] == "direct"
    booked = lines[direct].groupby("campaign_id")["cents"].sum().reindex(names) / 100
    shared = lines[~direct].groupby("campaign_id")["cents"].sum().reindex(names, fill_value=0) / 100
    plan = campaigns.drop_duplicates("campaign_id").set_index("campaign_id").reindex(names)
    budget = number(plan, "budget")
    return pd.DataFrame(
        {
            "campaign_id": pd.Series(names, dtype="str"),
            "campaign_name": text(plan, "campaign_name").to_numpy(dtype=object),
            "budget": budget.to_numpy(),
            "booked": booked.to_numpy(),
            "shared": shared.to_numpy(),
            "left": (budget - booked).to_numpy(),
            "share_of_budget": (booked / budget).where(budget > 0).to_numpy(),
        }
    ).astype({"campaign_name": "str"})
