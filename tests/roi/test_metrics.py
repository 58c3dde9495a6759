# ruff: noqa: E501 - cases by hand are read as a table
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.roi.metrics.arrays import last_before
from abm_scoring.roi.metrics.catalogue import BY_ID, METRICS
from abm_scoring.roi.metrics.closing import cumulative_incidence
from abm_scoring.roi.metrics.compute import COLUMNS, NON_ABM, figures
from abm_scoring.roi.metrics.intervals import of_middle, two_proportions
from abm_scoring.roi.metrics.names import FIGURES
from abm_scoring.roi.metrics.prepared import Prepared
from abm_scoring.roi.metrics.spec import KpiSpec
from abm_scoring.roi.past import as_known
from abm_scoring.roi.periods import before, current
from tests.roi.kpi_frames import TODAY, deal, event, measure, tables

MQA = pd.DataFrame(
    {
        "account_id": ["a", "b"],
        "entered_at": pd.to_datetime(["2026-02-10", "2026-01-11"], utc=True).astype("datetime64[us, UTC]"),
        "left_at": pd.to_datetime([None, "2026-03-01"], utc=True).astype("datetime64[us, UTC]"),
    }
)
CONTACTS = [
    {
        "contact_id": "1",
        "account_id": "a",
        "buying_role": "decision_maker",
        "stance": "champion",
        "known_at": "2025-01-01",
    },
    {"contact_id": "2", "account_id": "a", "buying_role": "user", "stance": "blocker", "known_at": "2025-01-01"},
    {"contact_id": "3", "account_id": "b", "buying_role": "user", "known_at": "2025-01-01"},
]
MAILS = [
    event("a", "2026-01-05 08:00:00", "email_sent", contact_id="1", campaign_id="k", direction="outbound"),
    event("a", "2026-01-05 08:00:03", "email_open", contact_id="1", campaign_id="k"),
    event("a", "2026-01-06 08:00:00", "email_sent", contact_id="1", campaign_id="k", direction="outbound"),
    event("a", "2026-01-06 09:00:00", "email_open", contact_id="1", campaign_id="k"),
    event("a", "2026-01-06 09:30:00", "email_open", contact_id="1", campaign_id="k"),
    event("a", "2026-01-06 09:31:00", "email_click", contact_id="1", campaign_id="k"),
    event("b", "2026-01-06 08:00:00", "email_sent", contact_id="3", campaign_id="k", direction="outbound"),
    event("b", "2026-01-07 08:00:00", "email_reply", contact_id="3", campaign_id="k"),
    event("b", "2026-01-08 08:00:00", "email_sent", contact_id="3", campaign_id="j", direction="outbound"),
]
TOUCHES = [event("a", f"2026-01-{d:02d}") for d in range(1, 9)] + [event("b", "2026-01-01"), event("b", "2026-01-12")]
CONTENT = [
    event("a", "2026-01-01", "email_sent", content_id="x", direction="outbound"),
    event("a", "2026-01-02", "web_visit", content_id="x", minutes=4.0),
    event("a", "2026-01-02", "form_fill", content_id="x"),
    event("b", "2026-01-03", "ad_impression", content_id="x", direction="outbound"),
    event("b", "2026-01-04", "web_visit", content_id="y", minutes=2.0),
    event("b", "2026-01-05", "content_download", content_id="z"),
]
CUSTOMERS = [
    deal("a", "2025-01-01", "2025-02-01", True, amount=240.0, gross_margin=120.0, contract_months=24.0),
    deal("b", "2025-05-01", "2025-06-01", True, amount=60.0, gross_margin=30.0, contract_months=9.0),
    deal("c", "2026-01-01", "2026-02-01", True, amount=500.0, gross_margin=250.0, contract_months=60.0),
    deal("a", "2026-01-05", "2026-02-05", True, amount=120.0, gross_margin=60.0, contract_months=12.0, kind="upsell"),
]
COSTS = [
    {"incurred_on": "2026-01-10", "kind": "media", "campaign_id": "k", "amount": 100.0},
    {"incurred_on": "2026-01-11", "kind": "hours", "content_id": "x", "hours": 2.0, "hourly_rate": 25.0},
    {"incurred_on": "2026-01-12", "kind": "salaries", "amount": 300.0},
    {"incurred_on": "2026-01-13", "kind": "onboarding", "account_id": "c", "amount": 20.0},
    {"incurred_on": "2026-01-13", "kind": "support", "account_id": "a", "amount": 999.0},
    {"incurred_on": "2026-04-01", "kind": "media", "campaign_id": "k", "amount": 7777.0},
]
CAMPAIGN = [event("c", "2026-01-20", "email_sent", campaign_id="k", direction="outbound")]

#: Metric, tables, what else is known, and the figures worked out by hand.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, float]]] = [
    ("account_traffic", {"events": [*(event("a", f"2026-01-01 08:{m:02d}") for m in (0, 20, 50)), event("a", "2026-01-01 09:21"),
                                    event("b", "2026-01-01")],
                         "target_list": [{"account_id": "a", "from": "2026-01-01"}],
                         "anonymous_traffic": [{"day": "2026-01-01", "sessions": 5}, {"day": "2026-04-01", "sessions": 99}]},
     {}, {"account_traffic": 2, "account_traffic_share": 2 / 8}),
    ("reach", {"events": [*(event("a", "2026-01-01", contact_id=str(i)) for i in range(12)), event("b", "2026-03-31", contact_id="z"),
                          event("b", "2026-01-02", "email_sent", contact_id="y", direction="outbound")]},
     {}, {"reach": (1 + 0.1 + 0) / 3, "reach_contacts": 13 / 3, "reach_accounts_at_goal": 1 / 3, "reach_committee": 13 / 17 / 3,
          "reach_accounts_with_committee": 0}),
    ("role_coverage", {"contacts": CONTACTS, "events": [event("a", "2026-01-01", contact_id="2")]},
     {}, {"role_coverage": 3 / 12, "role_coverage_engaged": 1 / 12}),
    ("content_engagement_rate", {"events": CONTENT}, {},
     {"content_engagement_rate": 3 / 4, "content_dwell_minutes": 3.0, "content_downloads": 1,
      "content_engagement_rate_by_channel": 3 / 4}),
    ("content_conversion_rate", {"events": CONTENT}, {}, {"content_conversion_rate": 1 / 2}),
    ("email_open_rate", {"events": MAILS}, {}, {"email_open_rate": 1 / 4}),
    ("email_click_rate", {"events": MAILS}, {}, {"email_click_rate": 1 / 4}),
    ("email_reply_rate", {"events": MAILS}, {}, {"email_reply_rate": 1 / 4}),
    ("ad_engagement_rate", {"events": [*(event("a", "2026-01-01", "ad_impression", direction="outbound"),) * 8,
                                       event("a", "2026-01-01", "ad_click")]}, {}, {"ad_engagement_rate": 1 / 8}),
    ("impressions", {"events": CONTENT}, {}, {"impressions": 3}),
    ("brand_sentiment", {"events": [event("a", "2026-01-01", sentiment=0.5), event("b", "2026-01-01", sentiment=-0.1)],
                         "surveys": [{"account_id": "a", "answered_at": "2026-01-01", "sentiment": 0.8}]},
     {}, {"brand_sentiment": 0.4}),
    ("sales_conversations", {"events": [event("a", "2026-01-01", "meeting"), event("b", "2026-01-01", "sales_conversation")],
                             "contacts": CONTACTS}, {},
     {"sales_conversations": 2, "contacts_champion": 1, "contacts_supporter": 0, "contacts_blocker": 1}),
    ("social_engagements", {"events": [event("a", "2026-01-01", "social_engagement"), event("a", "2025-12-31", "social_engagement")]},
     {}, {"social_engagements": 1}),
    ("mqa_accounts", {}, {"mqa": MQA}, {"mqa_accounts": 1}),
    ("mqa_rate", {}, {"mqa": MQA, "scored": MQA.assign(as_of=TODAY - pd.Timedelta(days=1))}, {"mqa_rate": 1 / 2}),
    ("sql_accounts", {"events": [event("a", "2026-01-01", "sql_created"), event("a", "2026-01-02", "sql_created"),
                                 event("b", "2026-04-01", "sql_created")]}, {}, {"sql_accounts": 1}),
    ("touches_to_qualification", {"events": TOUCHES}, {"mqa": MQA},
     {"touches_to_qualification": 4.5, "touches_to_qualification_q1": 2.75, "touches_to_qualification_q3": 6.25, "touches_in_band": 0.5}),
    ("days_to_identify", {"events": TOUCHES}, {"mqa": MQA}, {"days_to_identify": (40 + 10) / 2}),
    ("days_to_close", {"events": [event("a", "2026-01-01"), event("b", "2026-01-11")],
                       "opportunities": [deal("a", "2026-01-05", "2026-01-21", True), deal("b", "2026-01-20", "2026-03-02", True),
                                         deal("a", "2026-01-06", "2026-03-21", True, kind="upsell")]},
     {}, {"days_to_close": 35, "days_to_close_mean": 35}),
    ("influenced_pipeline", {"events": [event("a", "2026-01-01"), event("b", "2026-01-01", "meeting"), event("b", "2026-01-02")],
                             "opportunities": [deal("a", "2026-01-05", amount=100.0), deal("b", "2026-01-05", "2026-01-09", True, amount=10.0),
                                               deal("c", "2026-01-05", amount=1.0), deal("a", "2025-01-01", "2025-02-01", True, amount=9.0)]},
     {}, {"influenced_pipeline": 110, "sourced_pipeline": 100}),
    ("target_conversion", {"events": [event("a", "2026-01-02", "sql_created"), event("b", "2026-01-02", "sql_created")],
                           "opportunities": [deal("a", "2026-01-03", "2026-02-01", True), deal("c", "2026-01-03", "2026-02-01", False)]},
     {"mqa": MQA}, {"target_conversion": 1 / 3, "mqa_to_sql": 0 / 2, "sql_to_opportunity": 1 / 2, "opportunity_to_won": 1 / 2}),
    ("win_rate", {"opportunities": [deal("a", "2026-01-01", "2026-02-01", True), deal("b", "2026-01-01", "2026-02-01", False),
                                    deal("c", "2026-01-01", "2026-02-01", False), deal("c", "2026-01-02"),
                                    deal("c", "2025-01-01", "2025-02-01", True)]}, {}, {"win_rate": 1 / 3}),
    ("interaction_conversion_rate", {"events": [event("a", "2026-01-01")] * 10,
                                     "opportunities": [deal("a", "2026-01-01", "2026-02-01", True), deal("b", "2026-01-01", "2026-02-01", True)]},
     {}, {"interaction_conversion_rate": 1 / 10}),
    ("average_deal_value", {"opportunities": CUSTOMERS}, {}, {"average_deal_value": 310, "median_deal_value": 310}),
    ("pipeline_velocity", {"opportunities": [deal("a", "2026-01-01", "2026-01-11", True, amount=100.0),
                                             deal("b", "2026-01-01", "2026-01-31", False), deal("c", "2026-03-01"), deal("b", "2026-03-01")]},
     {}, {"pipeline_velocity": 2 * 100 * 0.5 / 10}),
    ("acv", {"opportunities": CUSTOMERS}, {}, {"acv": (100 + 120) / 2}),
    ("clv", {"opportunities": CUSTOMERS}, {}, {"clv": math.nan}),
    ("clv", {"opportunities": CUSTOMERS}, {"spec": {"lifetime_years": 4.0}}, {"clv": 100 * 0.5 * 4}),
    ("clv", {"opportunities": CUSTOMERS}, {"spec": {"lifetime_years": 4.0, "discount_rate": 0.1}}, {"clv": 50 * 0.75 / 0.35}),
    ("tam", {"opportunities": CUSTOMERS}, {"spec": {"tam_basis": "customers"}}, {"tam": (60 + 500 + 120) / 3 * 2}),
    ("cac_simple", {"opportunities": CUSTOMERS, "costs": COSTS}, {}, {"cac_simple": 150}),
    ("cac_full", {"opportunities": CUSTOMERS, "costs": COSTS}, {}, {"cac_full": 470}),
    ("clv_to_cac", {"opportunities": CUSTOMERS, "costs": COSTS}, {"spec": {"lifetime_years": 4.0}}, {"clv_to_cac": 200 / (470 / 2)}),
    ("cac_payback_months", {"opportunities": CUSTOMERS, "costs": COSTS}, {}, {"cac_payback_months": 235 / (50 / 12)}),
    ("expansion_revenue", {"opportunities": CUSTOMERS}, {}, {"expansion_revenue": 120, "expansion_share": 120 / 620}),
    ("referrals", {"opportunities": CUSTOMERS, "referrals": [{"referrer_account_id": "a", "account_id": "c", "referred_at": "2026-01-10"},
                                                            {"referrer_account_id": "a", "account_id": "b", "referred_at": "2026-01-10"}]},
     {}, {"referrals": 2, "referrals_converted": 1 / 2}),
    ("nps", {"surveys": [{"account_id": "a", "answered_at": "2026-01-01", "nps": n} for n in (10, 9, 8, 7, 6)]}, {}, {"nps": 20}),
    ("retention_rate", {"opportunities": CUSTOMERS}, {}, {"retention_rate": 1 / 2}),
    ("net_revenue_retention", {"opportunities": CUSTOMERS}, {}, {"net_revenue_retention": (120 + 120) / (120 + 80)}),
    ("cost_per", {"opportunities": CUSTOMERS, "costs": COSTS, "events": [event("a", "2026-01-01"), *CAMPAIGN]}, {"mqa": MQA},
     {"cost_per": 150 / 2, "cost_per_opportunity": 150 / 2, "cost_per_mqa": 150 / 2, "cost_per_engaged_account": 150,
      "cost_per_campaign": 100, "cost_per_content_item": 50}),
    ("roi", {"opportunities": CUSTOMERS, "costs": COSTS, "events": CAMPAIGN}, {}, {"roi": (250 - 150) / 150}),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "rows", "about", "expected"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(metric: str, rows: dict[str, Any], about: dict[str, Any], expected: dict[str, float]) -> None:
    found = measure(tables(**rows), metric, **dict(about))
    for name, value in expected.items():
        row = found[name]
        if math.isnan(value):
            assert math.isnan(row["value"]) and row["reason"]
        else:
            assert row["value"] == pytest.approx(value), (name, row["reason"])


def test_every_metric_has_a_case_by_hand() -> None:
    assert {m.id for m in METRICS} - {c[0] for c in CASES} == {"incremental_roi", "associational_roi"}


def test_names_are_those_of_the_catalogue() -> None:
    assert {m.id: tuple(m.figures) for m in METRICS} == FIGURES
    assert all(next(iter(m.figures)) == m.id for m in METRICS)
    names = [name for m in METRICS for name in m.figures]
    assert len(names) == len(set(names)) and list(BY_ID) == [m.id for m in METRICS]


def test_without_any_table_every_figure_says_why() -> None:
    data = Prepared.of(tables(), KpiSpec())
    found = figures(data, current("quarter", TODAY, "UTC"))
    known = found[found["value"].notna()]
    assert set(known["figure"]) <= {"mqa_accounts"} and (found.loc[found["value"].isna(), "reason"] != "").all()
    assert list(found.columns) == list(COLUMNS)


def test_influence_and_conversion_are_never_added() -> None:
    """Each figure keeps its own metric's lever, and no figure sums others: the frame has exactly one row a figure."""
    found = figures(Prepared.of(tables(events=CONTENT), KpiSpec()), current("quarter", TODAY, "UTC"))
    assert found["figure"].is_unique and set(found["lever"]) == {"influence", "conversion"}
    assert {r.figure: r.lever for r in found.itertuples()} == {f: m.lever for m in METRICS for f in m.figures}


def test_target_accounts_and_the_others_are_apart() -> None:
    given = tables(
        events=[event(a, "2026-01-01", contact_id=a) for a in "ab"],
        target_list=[{"account_id": "a", "from": "2025-01-01", "tier": "1"}, {"account_id": "c", "from": "2026-04-01"}],
    )
    assert measure(given, "reach")["reach_contacts"]["value"] == 1
    assert measure(given, "reach", NON_ABM)["reach_contacts/"]["value"] == 0.5
    assert measure(given, "reach", "tier")["reach_contacts/1"]["n"] == 1


def test_a_cost_that_belongs_to_no_account_is_not_split_among_accounts() -> None:
    given = tables(opportunities=CUSTOMERS, costs=COSTS, target_list=[{"account_id": "c", "from": "2025-01-01"}])
    assert measure(given, "cac_simple", NON_ABM) == {} and measure(given, "cac_simple")["cac_simple"]["value"] == 150


def test_by_campaign_counts_each_campaign_alone() -> None:
    found = measure(tables(events=MAILS), "email_reply_rate", "campaign")
    assert found["email_reply_rate/k"]["value"] == pytest.approx(1 / 3) and found["email_reply_rate/j"]["value"] == 0


def test_a_share_of_families_has_wilsons_interval_and_relatives_do_not_count_twice() -> None:
    given = tables(4, opportunities=[deal("a", "2026-01-01", "2026-02-01", True)])
    alone = measure(given, "target_conversion")["target_conversion"]
    assert alone["method"] == "Wilson" and alone["n"] == 4
    assert (alone["low"], alone["high"]) == pytest.approx((0.0456, 0.6994), abs=1e-3)
    related = given.replace(
        accounts=given["accounts"].assign(parent_account_id=pd.Series([None, "a", None, None], dtype="str"))
    )
    assert measure(related, "target_conversion")["target_conversion"]["n"] == 3


def test_a_running_period_is_held_against_the_same_days() -> None:
    day = pd.Timestamp("2026-02-15", tz="UTC").as_unit("us")
    now = current("quarter", day, "Europe/Berlin")
    assert (now.name, now.start.isoformat()) == ("2026-Q1 to date", "2025-12-31T23:00:00+00:00")
    earlier = before(now, "quarter", "Europe/Berlin")
    assert earlier.days == pytest.approx(now.days) and earlier.start.isoformat() == "2025-09-30T22:00:00+00:00"
    assert current("month", TODAY, "UTC").name == "2026-03" and not current("quarter", TODAY, "UTC").running


def test_a_past_day_sees_nothing_of_what_came_later() -> None:
    given = tables(
        events=[event("a", "2026-01-01", known_at="2026-05-01")],
        opportunities=[
            deal("a", "2026-01-01", amount=1.0, known_at="2026-01-01"),
            deal("a", "2026-01-01", "2026-02-01", True, amount=2.0, known_at="2026-04-02"),
            deal("b", "2026-01-01", "2026-04-01", True, amount=3.0),
        ],
    )
    known = as_known(given, TODAY)
    assert known["events"].empty and known["opportunities"]["amount"].tolist() == [1.0, 3.0]
    assert known["opportunities"]["is_won"].isna().all() and known["opportunities"]["closed_at"].isna().all()


def test_last_before_agrees_with_a_search_by_hand() -> None:
    rng = np.random.default_rng(0)
    key, at, of_key, of_at = (rng.integers(0, k, n) for k, n in ((4, 60), (30, 60), (5, 80), (30, 80)))
    for same in (False, True):
        found = last_before(key, at, of_key, of_at, same=same)
        for i, place in enumerate(found):
            fitting = [
                t for k, t in zip(key, at, strict=True) if k == of_key[i] and (t < of_at[i] or (same and t == of_at[i]))
            ]
            assert (at[place] if place >= 0 else None) == (max(fitting) if fitting else None)


def test_cumulative_incidence_without_censoring_is_the_share() -> None:
    time, cause = np.array([1.0, 2, 3, 4]), np.array([1, 2, 1, 2])
    shares = {h: s for h, s, _, _ in cumulative_incidence(time, cause, np.zeros(4), (1, 3, 9))}
    assert shares == pytest.approx({1: 0.25, 3: 0.5, 9: 0.5})


def test_cumulative_incidence_by_hand_with_open_cases() -> None:
    # At day 2 one of three is won; at day 5, one case having left at 3, one of one is lost.
    found = list(cumulative_incidence(np.array([2.0, 3, 5]), np.array([1, 0, 2]), np.zeros(3), (2, 5)))
    assert [s for _, s, _, _ in found] == pytest.approx([1 / 3, 1 / 3])
    open_end = list(cumulative_incidence(np.array([2.0, 9]), np.array([1, 0]), np.zeros(2), (5, 30)))
    assert open_end[0][1] == 0.5 and math.isnan(open_end[1][1])


def test_medians_of_few_cases_have_honest_intervals() -> None:
    nine = np.array([60.0, 73, 52, 63, 84, 58, 65, 44, 68])
    assert of_middle(nine, 0.5, np.arange(9), 100)[:2] == (52, 73)  # ranks 2 and 8: binomial(9, ½), 96.1 %
    low, high, method = of_middle(nine[:3], 0.5, np.arange(3), 100)
    assert low < 52 and high > 73 and method.startswith("t on")
    assert math.isnan(of_middle(nine[:1], 0.5, np.arange(1), 100).low)


def test_two_proportions_against_published_figures() -> None:
    # Newcombe (1998), table II, method 10: 56/70 against 48/80.
    difference, p, low, high = two_proportions(56, 70, 48, 80)
    assert (difference, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-4) and p == pytest.approx(
        0.0080, abs=5e-4
    )
