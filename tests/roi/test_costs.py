"""The cost ledger: a story that can be added up by hand, and sums that are right to the cent."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.roi.cents import allocate, to_cents
from abm_scoring.roi.cost_spec import CostSpec
from abm_scoring.roi.costs import NO_TIER, UNALLOCATED, CostLedger, ledger
from tests.roi.frames import day, rows

AS_OF = day("2025-07-01")
COSTS = rows(
    "costs",
    "incurred_on kind campaign_id content_id account_id hours hourly_rate amount currency",
    ("2025-05-10", "media", "k1", None, None, None, None, 300.0, None),
    ("2025-05-12", "hours", "k2", None, None, 2.0, 50.0, None, None),
    ("2025-05-31", "platform", None, None, None, None, None, 100.01, None),
    ("2025-06-05", "hours", None, "c1", None, 3.0, 20.0, None, None),
    ("2025-06-06", "support", None, None, "B", None, None, 40.0, None),
    ("2025-06-07", "salaries", None, None, None, None, None, 1000.0, None),
    ("2025-06-30", "platform", None, None, None, None, None, 70.0, None),  # no campaign spent anything in June
    ("2025-06-30", "hours", "k1", None, None, 5.0, None, None, None),  # no price
    ("2025-07-01", "media", "k1", None, None, None, None, 9999.0, None),  # the future
)
EVENTS = rows(
    "events",
    "occurred_at event_type account_id channel campaign_id content_id",
    ("2025-05-01", "ad_click", "A", "ads", "k1", "c1"),
    ("2025-05-02", "ad_click", "A", "ads", "k1", None),
    ("2025-05-03", "ad_click", "B", "ads", "k1", None),
    ("2025-06-04", "email_open", "B", "email", "k2", "c1"),
    ("2025-06-05", "email_open", "B", "email", "k2", "c1"),
    ("2025-06-06", "web_visit", "C", "web", None, None),
    ("2025-07-01", "ad_click", "C", "ads", "k1", "c1"),  # the future
)
CAMPAIGNS = rows(
    "campaigns",
    "campaign_id campaign_name budget from to channel",
    ("k1", "One", 400.0, "2025-05-01", "2025-06-01", "display"),
    ("k2", "Two", None, "2025-05-01", None, None),
    ("k3", "Three", 50.0, "2025-06-01", None, None),
)
TARGETS = rows(
    "target_list", "account_id tier from to", ("A", "one", "2025-01-01", None), ("B", "two", "2025-01-01", None)
)
TABLES = {"costs": COSTS, "events": EVENTS, "campaigns": CAMPAIGNS, "target_list": TARGETS}


def story(spec: CostSpec | None = None, since: str | None = None, **tables: pd.DataFrame) -> CostLedger:
    return ledger(Tables(TABLES | tables), AS_OF, spec, since=day(since) if since else None)


def view(found: CostLedger, name: str) -> dict[str, int]:
    frame = found.views[name]
    return dict(zip(frame.iloc[:, 0], frame["cents"], strict=True))


def test_every_cost_is_somewhere_and_the_rest_is_visible() -> None:
    found = story()
    assert found.total_cents == 30000 + 10000 + 10001 + 6000 + 4000 + 100000 + 7000
    # May's platform fee by May's spend, 3 : 1; the content by its touches, one in k1 and two in k2.
    assert view(found, "campaign") == {"k1": 30000 + 7501 + 2000, "k2": 10000 + 2500 + 4000, UNALLOCATED: 111000}
    assert found.unallocated_cents == 107000  # salaries and June's fee; account B's support is not without an owner
    assert set(found.lines["rule"]) == {"direct", "by_spend", "by_use", "unallocated"}


def test_views_put_the_same_lines_into_other_drawers() -> None:
    found = story()
    k1, k2 = 37501, 12500  # without the content, whose touches are known
    assert view(found, "kind") == {
        "hours": 16000, "media": 30000, "platform": 17001, "salaries": 100000, "support": 4000,
    }  # fmt: skip
    # k1 carries the channel it was planned for; k2's touches were all e-mail.
    assert view(found, "channel") == {"display": k1 + 2000, "email": k2 + 4000, UNALLOCATED: 111000}
    assert view(found, "content") == {"c1": 6000 + k1 + k2, UNALLOCATED: 111000}
    # k1: two touches of A, one of B; its content: one of A; all of k2: B.
    assert view(found, "account") == {"A": 25001 + 2000, "B": 12500 + k2 + 4000 + 4000, UNALLOCATED: 107000}
    assert view(found, "tier") == {"one": 27001, "two": 33000, UNALLOCATED: 107000}
    away = story(target_list=TARGETS.iloc[:1])
    assert view(away, "tier")[NO_TIER] == 33000


def test_budgets_are_held_against_what_was_booked() -> None:
    found = story().budgets.set_index("campaign_id")
    assert found.loc["k1", ["budget", "booked", "left", "share_of_budget", "shared"]].tolist() == [
        400, 300, 100, 0.75, 95.01,
    ]  # fmt: skip
    assert found.loc["k2", "booked"] == 100 and pd.isna(found.loc["k2", "left"])
    assert pd.isna(found.loc["k3", "booked"])  # nothing was booked, which is not 0


def test_an_hour_without_a_price_is_no_cost_of_zero() -> None:
    assert story().unpriced.to_dict("records") == [{"kind": "hours", "rows": 1, "hours": 5.0}]
    priced = story(CostSpec(hourly_rate=10.0))
    assert priced.unpriced.empty and priced.total_cents == story().total_cents + 5000


@pytest.mark.parametrize(
    ("rule", "k1", "k2", "k3"),
    [
        ("spend", 37501, 12500, 0),
        # May: three touches of k1. June: two of k2.
        ("touches", 30000 + 10001, 10000 + 7000, 0),
        # May: k1 and k2 ran; June: k2 and k3 (k1 ended as June began).
        ("evenly", 30000 + 5001, 10000 + 5000 + 3500, 3500),
        ("none", 30000, 10000, 0),
    ],
)
def test_shared_costs_follow_the_stated_rule(rule: str, k1: int, k2: int, k3: int) -> None:
    found = view(story(CostSpec(share_by=rule, content_by_use=False)), "campaign")  # type: ignore[arg-type]
    assert [found.get(k, 0) for k in ("k1", "k2", "k3")] == [k1, k2, k3]
    assert sum(found.values()) == story().total_cents


def test_a_period_counts_its_own_costs_and_touches() -> None:
    found = story(since="2025-06-01")
    assert found.total_cents == 6000 + 4000 + 100000 + 7000
    assert view(found, "campaign") == {"k2": 6000, UNALLOCATED: 111000}


def test_foreign_costs_are_converted_at_their_day_or_refused() -> None:
    costs = COSTS.assign(currency=pd.Series(["USD", *[None] * 8], dtype="str"))
    with pytest.raises(BadDataError, match=r"costs: 1 amounts have no exchange rate, e\.g\. USD on 2025-05-10"):
        story(costs=costs)
    rates = rows(
        "exchange_rates", "valid_from currency rate", ("2025-01-01", "USD", 0.9), ("2025-06-01", "USD", 0.5)
    )  # fmt: skip
    found = story(costs=costs, exchange_rates=rates)
    assert found.total_cents == story().total_cents - 3000
    hours = costs.assign(currency=pd.Series([None, "USD", *[None] * 7], dtype="str"))
    assert story(costs=hours, exchange_rates=rates).total_cents == story().total_cents - 1000


def test_costs_alone_are_enough_and_none_are_no_fault() -> None:
    alone = ledger(Tables({"costs": COSTS}), AS_OF)
    assert alone.total_cents == story().total_cents
    assert view(alone, "account") == {"B": 4000, UNALLOCATED: alone.total_cents - 4000}
    nothing = ledger(Tables({}), AS_OF)
    assert nothing.total == 0 and nothing.budgets.empty and all(v.empty for v in nothing.views.values())


def test_nothing_at_or_after_as_of_counts() -> None:
    before = story(costs=COSTS.iloc[:8], events=EVENTS.iloc[:6])
    pd.testing.assert_frame_equal(story().lines, before.lines)
    for name in before.views:
        pd.testing.assert_frame_equal(story().views[name], before.views[name])


def test_the_result_is_json() -> None:
    found = json.loads(json.dumps(story().as_json(), allow_nan=False))
    assert found["total"] == 1670.01 and found["views"]["campaign"][-1] == {"campaign_id": UNALLOCATED, "cost": 1110.0}


@st.composite
def bookkeeping(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    maybe = lambda of: st.one_of(st.none(), st.sampled_from(of))  # noqa: E731
    n = draw(st.integers(1, 12))
    lines = [
        (
            f"2025-0{draw(st.integers(1, 6))}-10",
            draw(st.sampled_from(["media", "platform", "salaries"])),
            draw(maybe(["k1", "k2", "k3"])),
            draw(maybe(["c1", "c2"])),
            draw(maybe(["A", "B"])),
            draw(st.integers(-1_000_000, 10_000_000)) / draw(st.sampled_from([1, 100, 1000])),
        )
        for _ in range(n)
    ]
    seen = [
        (
            f"2025-0{draw(st.integers(1, 6))}-11",
            "ad_click",
            draw(st.sampled_from(["A", "B", "C"])),
            draw(maybe(["ads", "web"])),
            draw(maybe(["k1", "k2"])),
            draw(maybe(["c1", "c2"])),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]
    return (
        rows("costs", "incurred_on kind campaign_id content_id account_id amount", *lines),
        rows("events", "occurred_at event_type account_id channel campaign_id content_id", *seen),
    )


@given(bookkeeping(), st.sampled_from(["spend", "touches", "evenly", "none"]), st.booleans())
@settings(max_examples=8, deadline=None)
def test_every_view_adds_up_to_the_total_to_the_cent(
    books: tuple[pd.DataFrame, pd.DataFrame], rule: str, by_use: bool
) -> None:
    costs, events = books
    found = story(CostSpec(share_by=rule, content_by_use=by_use), costs=costs, events=events)  # type: ignore[arg-type]
    exact = sum(Decimal(repr(a)) for a in costs["amount"]) * 100
    assert abs(found.total_cents - exact) <= Decimal("0.5")
    assert {name: int(frame["cents"].sum()) for name, frame in found.views.items()} == dict.fromkeys(
        found.views, found.total_cents
    )
    per_cost = found.lines.groupby("cost")["cents"].sum().to_numpy()
    assert (np.abs(per_cost - costs["amount"].to_numpy() * 100) < 1 + 1e-6).all()


@given(
    st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1e6)), max_size=30),
)
@settings(max_examples=80)
def test_divided_cents_add_up_and_stay_within_a_cent(cents: list[int], members: list[tuple[int, float]]) -> None:
    group = [*range(len(cents)), *(g for g, _ in members if g < len(cents))]
    weight = np.array([*(1.0 for _ in cents), *(w for g, w in members if g < len(cents))])
    parts = allocate(cents, group, weight)
    assert np.bincount(group, parts).astype(int).tolist() == cents
    sums = np.bincount(group, weight)
    assert (np.abs(parts - np.array(cents)[group] * weight / sums[group]) < 1 + 1e-3).all()


def test_the_largest_remainder_gets_the_cent() -> None:
    assert allocate([100], [0, 0, 0], [1, 1, 1]).tolist() == [34, 33, 33]
    assert allocate([100], [0, 0, 0], [2, 1, 3]).tolist() == [33, 17, 50]
    assert allocate([-100], [0, 0, 0], [1, 1, 1]).tolist() == [-33, -33, -34]
    assert allocate([5], [0, 0], [0, 0]).tolist() == [3, 2]  # no weight: evenly


@given(st.lists(st.integers(-(10**11), 10**11), max_size=50))
def test_whole_cents_stay_what_they_are(cents: list[int]) -> None:
    assert to_cents([c / 100 for c in cents]).tolist() == cents


def test_smaller_fractions_are_rounded_once_in_their_sum() -> None:
    thirds = [0.003] * 1000
    assert to_cents(thirds).sum() == 300 and np.round(thirds, 2).sum() == 0
