from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market import Market, MarketSpec, make_market
from abm_scoring.data.market.events import BOT_GAP, bot_accounts
from abm_scoring.data.market.touches import EVENT_TYPES


@pytest.fixture(scope="module")
def events(market: Market) -> pd.DataFrame:
    return market.tables["events"]


def test_every_type_occurs_and_visits_are_the_most(events: pd.DataFrame) -> None:
    counts = events["event_type"].value_counts()
    assert set(counts.index) == set(EVENT_TYPES) and counts.idxmax() == "web_visit"


def test_repeats_have_the_stated_share_and_differ_in_known_at_only(market: Market, events: pd.DataFrame) -> None:
    share = market.truth.world.spec.duplicates
    again = events.duplicated("event_id")
    assert again.mean() == pytest.approx(share, rel=0.2)
    pairs = events[events["event_id"].isin(events.loc[again, "event_id"])].sort_values(["event_id", "known_at"])
    first, second = pairs.iloc[0::2].reset_index(drop=True), pairs.iloc[1::2].reset_index(drop=True)
    pd.testing.assert_frame_equal(first.drop(columns="known_at"), second.drop(columns="known_at"))
    assert (second["known_at"] > first["known_at"]).all()


def test_late_events_have_the_stated_share_and_arrive_within_a_fortnight(market: Market, events: pd.DataFrame) -> None:
    once = events.sort_values("known_at").drop_duplicates("event_id")
    lag = once["known_at"] - once["occurred_at"]
    assert (lag >= pd.Timedelta(days=1)).mean() == pytest.approx(market.truth.world.spec.late, rel=0.15)
    assert lag.max() < pd.Timedelta(days=14)
    assert (lag < pd.Timedelta(minutes=15)).mean() > 0.95


def test_the_log_is_in_order_of_arrival_not_of_occurrence(events: pd.DataFrame) -> None:
    assert events["known_at"].is_monotonic_increasing and not events["occurred_at"].is_monotonic_increasing


def test_unknown_visitors_have_the_stated_share_and_no_contact(market: Market, events: pd.DataFrame) -> None:
    unknown = events["account_id"].isna()
    assert unknown.mean() == pytest.approx(market.truth.world.spec.anonymous, rel=0.15)
    assert events.loc[unknown, "contact_id"].isna().all()
    assert (events.loc[unknown, "event_type"] == "web_visit").all()


def test_bots_visit_at_machine_regular_gaps_and_far_more_than_others(market: Market, events: pd.DataFrame) -> None:
    spec = market.truth.world.spec
    ids = market.truth.account_ids.iloc[bot_accounts(market.truth.world)]
    assert len(ids) == round(spec.bots * spec.accounts)
    counts = events["account_id"].value_counts()
    assert counts[ids].min() > 20 * counts.median()
    for account in ids:
        visits = events[
            (events["account_id"] == account) & (events["minutes"] == 0.1) & (events["channel"] == "direct")
        ]
        gaps = (
            np.diff(np.sort(visits.drop_duplicates("event_id")["occurred_at"].to_numpy())).astype("m8[s]").astype(int)
        )
        assert (gaps == BOT_GAP).mean() > 0.95


def test_no_dials_no_noise() -> None:
    quiet = {"bots": 0.0, "duplicates": 0.0, "late": 0.0, "anonymous": 0.0}
    market = make_market(MarketSpec(accounts=150, months=12, events_per_account=30, **quiet))
    events = market.tables["events"]
    assert events["event_id"].is_unique and events["account_id"].notna().all()
    assert (events["known_at"] - events["occurred_at"]).max() < pd.Timedelta(minutes=15)
    assert len(bot_accounts(market.truth.world)) == 0


def test_activity_is_skewed_and_follows_the_working_week(market: Market, events: pd.DataFrame) -> None:
    people = events[~events["account_id"].isin(market.truth.account_ids.iloc[bot_accounts(market.truth.world)])]
    counts = people["account_id"].value_counts()
    top = counts.iloc[: len(counts) // 10].sum() / counts.sum()
    assert 0.25 < top < 0.6 and counts.mean() > 1.15 * counts.median()
    own = people[people["direction"] == "inbound"]["occurred_at"].dt
    assert (own.day_of_week >= 5).mean() < 0.12
    assert own.hour.between(7, 16).mean() > 0.7


def test_volume_follows_the_dial() -> None:
    spec = MarketSpec(accounts=400, months=36, bots=0.0)
    per_account = {}
    for wanted in (25.0, 100.0):
        tables = make_market(spec.model_copy(update={"events_per_account": wanted})).tables
        per_account[wanted] = len(tables["events"]) / spec.accounts
    assert per_account[100.0] == pytest.approx(100, rel=0.2)
    assert per_account[25.0] == pytest.approx(per_account[100.0] / 4, rel=0.2)


def test_interest_shows_before_a_deal_and_is_not_read_off_its_outcome(market: Market) -> None:
    world, events = market.truth.world, market.tables["events"]
    deals, spec = world.deals, world.spec
    own = events[(events["direction"] == "inbound") & events["account_id"].notna()].drop_duplicates("event_id")
    account = own["account_id"].str[1:].astype("int64").to_numpy() - 1
    second = own["occurred_at"].to_numpy("datetime64[s]").astype("int64")
    order = np.lexsort((second, account))
    span = spec.end_second + 1
    key = account[order] * span + second[order]

    def month_before(deal: np.ndarray) -> np.ndarray:
        upto = deals.account[deal] * span + deals.created[deal]
        return np.searchsorted(key, upto) - np.searchsorted(key, upto - 30 * 86_400)

    inside = deals.created > spec.start_second + 40 * 86_400
    before = month_before(np.flatnonzero(inside & (deals.closed > 0)))
    usual = len(own) / spec.accounts / spec.days * 30
    assert before.mean() > 2 * usual
    closed = deals.closed > 0
    won, lost = (
        month_before(np.flatnonzero(inside & deals.won)),
        month_before(np.flatnonzero(inside & closed & ~deals.won)),
    )
    assert won.mean() < 1.6 * lost.mean()


def test_second_variants_are_clicked_more(market: Market, events: pd.DataFrame) -> None:
    mails = events[events["variant_id"].notna()].drop_duplicates("event_id")
    counts = mails.pivot_table(index="variant_id", columns="event_type", values="event_id", aggfunc="count")
    rate = counts["email_click"] / counts["email_open"]
    assert rate["v2"] > rate["v1"]
