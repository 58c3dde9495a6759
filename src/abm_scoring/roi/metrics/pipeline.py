"""Revenue before the sale: pipeline, conversion, time and value of deals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from abm_scoring.features.moments import DAY, NEVER
from abm_scoring.roi.metrics.arrays import first_of, last_before
from abm_scoring.roi.metrics.closing import cumulative_incidence
from abm_scoring.roi.metrics.declaration import FigureOf, Metric
from abm_scoring.roi.metrics.observed import Given, Middle, Missing, Observed, Sums, divide, ratio, stacked
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.relationships import engaged_accounts
from abm_scoring.roi.periods import Period

#: Days at which the share won is shown beside the median of won deals.
HORIZONS = (90, 180, 365)


def closed_in(data: Prepared, period: Period) -> pd.DataFrame:
    """Deals of known accounts that were won or lost in the period."""

    def make() -> pd.DataFrame:
        deals = data.deals
        return deals[_owned(deals) & _between(deals["closed"], period) & (deals["won"] | deals["lost"])]

    return data.once("closed", (period.begin, period.stop), make)


def won_in(data: Prepared, period: Period) -> pd.DataFrame:
    """Deals of known accounts that were won in the period."""

    def make() -> pd.DataFrame:
        closed = closed_in(data, period)
        return closed[closed["won"]]

    return data.once("won", (period.begin, period.stop), make)


def open_at_end(data: Prepared, period: Period) -> pd.DataFrame:
    """Deals of known accounts, created before the period's end and not closed before it."""
    deals = data.deals
    return deals[_owned(deals) & (deals["created"] < period.stop) & (deals["closed"] >= period.stop)]


def _owned(deals: pd.DataFrame) -> pd.Series:
    return deals["account"] >= 0


def _between(moments: pd.Series, period: Period) -> pd.Series:
    return (moments >= period.begin) & (moments < period.stop)


def _accounts(deals: pd.DataFrame) -> np.ndarray:
    return deals["account"].to_numpy(np.int64)


def _days_to_close(data: Prepared, period: Period) -> Mapping[str, Observed]:
    won = won_in(data, period)
    won = won[won["kind"] == "new"]
    first = data.first_touch[_accounts(won)]
    of = first <= won["closed"].to_numpy()
    account, days = _accounts(won)[of], (won["closed"].to_numpy()[of] - first[of]) / DAY
    none = "no new deal with a known first touch was won in the period"
    found: dict[str, Observed] = {
        "days_to_close": Middle(account, days, empty=none),
        "days_to_close_mean": ratio(account, days, np.ones(len(days)), none),
    }
    shares = _share_won(data, period)
    return found | {f"won_within_{h}_days": shares[h] for h in HORIZONS}


def _share_won(data: Prepared, period: Period) -> dict[int, Observed]:
    """Aalen-Johansen over all new deals, from their opening, as they stand at the period's end."""
    deals = data.deals
    deals = deals[_owned(deals) & (deals["kind"] == "new") & (deals["created"] < period.stop)]
    if not len(deals):
        return dict.fromkeys(HORIZONS, Missing("there is no new deal"))
    over = deals["closed"].to_numpy() < period.stop
    days = (np.where(over, deals["closed"].to_numpy(), period.stop) - deals["created"].to_numpy()) / DAY
    cause = np.where(over & deals["won"].to_numpy(), 1, np.where(over & deals["lost"].to_numpy(), 2, 0))
    found: dict[int, Observed] = {}
    for horizon, share, low, high in cumulative_incidence(np.maximum(days, 0.0), cause, np.zeros(len(days)), HORIZONS):
        reason = Missing("no deal was followed for so long")
        found[horizon] = Given(share, low, high, method="Aalen-Johansen") if share == share else reason
    return found


def originated(data: Prepared, deals: pd.DataFrame) -> np.ndarray:
    """bool [deals]: the first touch of the account was marketing's and lies before the deal."""
    events = data.events
    marketing = first_of(len(data), events.account, events.at, events.marketing)[_accounts(deals)]
    first = data.first_touch[_accounts(deals)]
    return (marketing == first) & (first < deals["created"].to_numpy())


def influenced(data: Prepared, deals: pd.DataFrame, period: Period) -> np.ndarray:
    """bool [deals]: a marketing touch in the lookback before it closed (while open, before the period's end)."""
    ends = np.minimum(deals["closed"].to_numpy(), period.stop)
    events, wanted = data.events, np.zeros(len(data) + 1, bool)
    wanted[_accounts(deals)] = True
    wanted[-1] = False
    rows = np.flatnonzero(events.marketing & wanted[events.account])
    place = last_before(events.account[rows].astype(np.int64), events.at[rows], _accounts(deals), ends)
    last = np.where(place >= 0, events.at[rows][np.maximum(place, 0)] if len(rows) else 0, np.iinfo(np.int64).min)
    return (place >= 0) & (last >= ends - data.spec.lookback_days * DAY)


def _influenced_pipeline(data: Prepared, period: Period) -> Mapping[str, Observed]:
    deals = pd.concat([won_in(data, period), open_at_end(data, period)])
    amount = deals["amount"].fillna(0.0).to_numpy()
    sourced, touched = originated(data, deals), influenced(data, deals, period)
    return {
        "influenced_pipeline": _with_total(_accounts(deals), amount * touched, amount),
        "sourced_pipeline": _with_total(_accounts(deals), amount * sourced, amount),
        "engaged_of_addressable": _addressable(data, period),
    }


def _with_total(account: np.ndarray, part: np.ndarray, whole: np.ndarray) -> Sums:
    """A part of the pipeline's value beside the whole of it."""
    return Sums(
        account, {"top": part, "bottom": whole}, lambda s: np.asarray(s["top"], float), empty="no deal is open or won"
    )


def _addressable(data: Prepared, period: Period) -> Observed:
    if data.fits is None:
        return Missing("no profile says which accounts are addressable (profile)")
    fits = np.flatnonzero(data.fits)
    return ratio(fits, engaged_accounts(data, period)[fits], np.ones(len(fits)), "no account fits the profile")


def _target_conversion(data: Prepared, period: Period) -> Mapping[str, Observed]:
    won = np.zeros(len(data))
    won[_accounts(won_in(data, period))] = 1.0
    found: dict[str, Observed] = {
        "target_conversion": ratio(np.arange(len(data)), won, np.ones(len(data)), "no target account")
    }
    return found | _stage_rates(data, period)


def _stage_rates(data: Prepared, period: Period) -> dict[str, Observed]:
    """Of the accounts that first came to a stage in the period, the share that has come to the next one by now."""
    deals, n = data.deals[_owned(data.deals)], len(data)
    opened, won = np.full(n, NEVER), np.full(n, NEVER)
    np.minimum.at(opened, _accounts(deals), deals["created"].to_numpy())
    np.minimum.at(won, _accounts(deals[deals["won"]]), deals["closed"][deals["won"]].to_numpy())
    sql = data.first_sql() if data.events.knows(*data.spec.events.sql) else None
    mqa = data.first_mqa() if data.spells is not None else None
    steps = {"mqa_to_sql": (mqa, sql), "sql_to_opportunity": (sql, opened), "opportunity_to_won": (opened, won)}
    return {name: _stage_rate(name, *pair, period) for name, pair in steps.items()}


def _stage_rate(name: str, here: np.ndarray | None, there: np.ndarray | None, period: Period) -> Observed:
    if here is None or there is None:
        return Missing(f"a stage of {name} is not recorded")
    came = np.flatnonzero((here >= period.begin) & (here < period.stop))
    went = (there[came] != NEVER) & (there[came] >= here[came])
    return ratio(came, went, np.ones(len(came)), "no account came to the stage in the period")


def _win_rate(data: Prepared, period: Period) -> Mapping[str, Observed]:
    closed = closed_in(data, period)
    return {
        "win_rate": ratio(
            _accounts(closed), closed["won"].to_numpy(), np.ones(len(closed)), "no deal closed in the period"
        )
    }


def _interactions(data: Prepared, period: Period) -> Mapping[str, Observed]:
    rows, events = data.events.during(period), data.events
    account = events.account[rows][events.inbound[rows]].astype(np.int64)
    account = account[account >= 0]
    won = _accounts(won_in(data, period))
    engaged = np.zeros(len(data), bool)
    engaged[account] = True
    parts = {"top": (won[engaged[won]], np.ones(int(engaged[won].sum()))), "bottom": (account, np.ones(len(account)))}
    rate = stacked(lambda s: divide(s["top"], s["bottom"]), parts, "top", "bottom", "no interaction in the period")
    return {"interaction_conversion_rate": rate}


def _deal_value(data: Prepared, period: Period) -> Mapping[str, Observed]:
    won = won_in(data, period)
    won = won[won["amount"].notna()]
    account, amount = _accounts(won), won["amount"].to_numpy(float)
    none = "no deal with an amount was won in the period"
    return {
        "average_deal_value": ratio(account, amount, np.ones(len(amount)), none),
        "median_deal_value": Middle(account, amount, empty=none),
    }


def _velocity(data: Prepared, period: Period) -> Mapping[str, Observed]:
    closed, still = closed_in(data, period), open_at_end(data, period)
    won = closed[closed["won"] & closed["amount"].notna()]
    days = (won["closed"] - won["created"]).to_numpy(float) / DAY
    parts = {
        "open": (_accounts(still), np.ones(len(still))),
        "won": (_accounts(won), np.ones(len(won))),
        "closed": (_accounts(closed), np.ones(len(closed))),
        "amount": (_accounts(won), won["amount"].to_numpy(float)),
        "days": (_accounts(won), days),
    }
    none = "no deal was won in the period"
    return {"pipeline_velocity": stacked(velocity, parts, "open", "days", none)}


def velocity(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Open deals × average deal value × win rate ÷ mean days from creation to signature."""
    value, rate = divide(sums["amount"], sums["won"]), divide(sums["won"], sums["closed"])
    return divide(sums["open"] * value * rate, divide(sums["days"], sums["won"]))


DAYS_TO_CLOSE = Metric(
    "days_to_close",
    "days from the account's first touch to the signature of its new deals won in the period; the median, and "
    "the mean. "
    "Beside it the cumulative incidence of winning with losing as a competing risk (Aalen-Johansen), from the "
    "opening of "
    "all new deals, as they stand at the period's end",
    "conversion", "pre_sale", "revenue", ("opportunities", "events"),
    "Won deals only: a team that wins only what is quick looks quick. The cumulative incidence does not forget "
    "deals that "
    "are open or lost. Touches before the history begins are missing.",
    {
        "days_to_close": FigureOf("days", "median over won new deals"),
        "days_to_close_mean": FigureOf("days", "mean over won new deals"),
        **{f"won_within_{h}_days": FigureOf("share", f"of new deals, won {h} days after opening") for h in HORIZONS},
    },
    _days_to_close,
    better="lower",
)  # fmt: skip
INFLUENCED_PIPELINE = Metric(
    "influenced_pipeline",
    "value of deals open at the period's end or won in it, with at least one marketing touch in the lookback "
    "before they "
    "closed (influenced), and with the account's originating touch by marketing (sourced): two numbers, never "
    "added; and "
    "engaged accounts ÷ accounts in the addressable market (those that fit the profile)",
    "influence", "pre_sale", "revenue", ("opportunities", "events"),
    "Whoever touches everybody influences everything: it says who was there, not what it changed.",
    {
        "influenced_pipeline": FigureOf("money", "open + won, touched by marketing in the lookback"),
        "sourced_pipeline": FigureOf("money", "open + won, first touched by marketing"),
        "engaged_of_addressable": FigureOf("share", "of accounts that fit the profile, engaged in the period"),
    },
    _influenced_pipeline,
)  # fmt: skip
TARGET_CONVERSION = Metric(
    "target_conversion",
    "target accounts that won (signed) a deal in the period ÷ target accounts; and of the accounts that first "
    "came to a "
    "stage in the period, the share that has come to the next one by the report's day (MQA → SQL → opportunity → won)",
    "conversion", "pre_sale", "revenue", ("opportunities",),
    "Target accounts were chosen because they may buy. Stage rates of the last periods are low because their "
    "time is not "
    "over yet.",
    {
        "target_conversion": FigureOf("share", "of target accounts, won a deal"),
        "mqa_to_sql": FigureOf("share", "of accounts that became MQA, with a sales-qualified lead since"),
        "sql_to_opportunity": FigureOf("share", "of accounts with a first such lead, with a deal opened since"),
        "opportunity_to_won": FigureOf("share", "of accounts with a first deal opened, won since"),
    },
    _target_conversion,
    population="target",
)  # fmt: skip
WIN_RATE = Metric(
    "win_rate",
    "won ÷ (won + lost) deals closed in the period",
    "conversion", "pre_sale", "revenue", ("opportunities",),
    "Deals that nobody closes are in neither number.",
    {"win_rate": FigureOf("share", "of closed deals, won")},
    _win_rate,
)  # fmt: skip
INTERACTION_CONVERSION = Metric(
    "interaction_conversion_rate",
    "deals won in the period by accounts that were engaged in it ÷ inbound interactions of the period (10 from "
    "100 = 10 %)",
    "conversion", "pre_sale", "revenue", ("opportunities", "events"),
    "Falls when more is recorded. Compare it with itself only.",
    {"interaction_conversion_rate": FigureOf("share", "deals won ÷ inbound interactions")},
    _interactions,
)  # fmt: skip
AVERAGE_DEAL_VALUE = Metric(
    "average_deal_value",
    "mean amount of deals won in the period; the median beside it",
    "conversion", "pre_sale", "revenue", ("opportunities",),
    "One large deal moves the mean, not the median.",
    {
        "average_deal_value": FigureOf("money", "mean won amount"),
        "median_deal_value": FigureOf("money", "median won amount"),
    },
    _deal_value,
)  # fmt: skip
PIPELINE_VELOCITY = Metric(
    "pipeline_velocity",
    "deals open at the period's end × average deal value × win rate ÷ mean days from creation to signature, the "
    "last three "
    "over deals closed in the period; money a day",
    "conversion", "pre_sale", "revenue", ("opportunities",),
    "Four uncertain numbers in one: look at its parts when it moves. Stale open deals speed it up.",
    {"pipeline_velocity": FigureOf("money", "a day")},
    _velocity,
)  # fmt: skip
