"""Paths of a small story, and the laws of time and bookkeeping."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.families import families
from abm_scoring.errors import BadDataError
from abm_scoring.roi.journeys import Journeys, JourneySpec, journeys
from tests.roi.frames import day, rows

AS_OF = day("2025-07-01")
TOGETHER = JourneySpec(direction="together", lookback_days=90)
ACCOUNTS = rows("accounts", "account_id parent_account_id", ("A", None), ("A2", "A"), ("B", None), ("C", None))
FAMILIES = families(ACCOUNTS)
EVENTS = rows(
    "events",
    "occurred_at event_type account_id channel campaign_id direction",
    ("2025-01-10", "email_open", "A", "email", "k1", "inbound"),
    ("2025-02-01", "ad_impression", "A", "ads", "k2", None),
    ("2025-03-01", "web_visit", "A", "web", None, None),
    ("2025-03-10", "web_visit", "A2", "web", None, "inbound"),
    ("2025-03-15", "meeting", "A", "sales", None, "outbound"),  # the moment at which the deal closed
    ("2025-05-20", "web_visit", "A", "web", "k1", None),
    ("2025-06-01", "web_visit", "B", "web", None, None),
    ("2025-06-02", "web_visit", "B", None, None, None),  # names no channel
    ("2025-01-05", "web_visit", "B", "ads", None, None),  # more than a lookback before as_of
    ("2025-07-01", "web_visit", "B", "email", None, None),  # the future
)
DEALS = rows(
    "opportunities",
    "opportunity_id account_id created_at closed_at is_won amount gross_margin",
    ("won", "A", "2025-02-15", "2025-03-15", True, 1000.0, 400.0),
    ("lost", "B", "2025-06-03", "2025-06-20", False, 500.0, 100.0),
    ("open", "B", "2025-06-25", None, None, 700.0, None),
    ("cold", "C", "2025-04-01", "2025-05-01", True, None, 10.0),
    ("later", "A", "2025-06-01", "2025-07-01", True, 9.0, 9.0),
)


def story(spec: JourneySpec = TOGETHER, **changes: object) -> Journeys:
    given: dict = {"events": EVENTS, "opportunities": DEALS, "families": FAMILIES, "as_of": AS_OF} | changes
    return journeys(**given, spec=spec)


def as_text(found: Journeys) -> list[tuple[str, str | None, str]]:
    paths = found.paths
    texts = [
        " > ".join(paths.units[c] for c in paths.codes[a:b])
        for a, b in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]
    deals = [None if pd.isna(d) else d for d in found.frame["opportunity_id"]]
    return list(zip(found.frame["account_id"], deals, texts, strict=True))


def test_one_path_a_closed_deal_and_one_an_unconverted_account_and_lookback() -> None:
    found = story()
    assert as_text(found) == [
        ("A", "won", "email > ads > web"),
        ("C", "cold", ""),
        ("B", "lost", "web"),
        ("A", None, "sales"),  # before 2 April, the beginning of the last lookback
        ("A", None, "web"),
        ("A2", None, "web"),
        ("B", None, "ads"),
    ]
    assert found.frame["is_won"].tolist() == [True, True, *[False] * 5]
    assert found.paths.wins.tolist() == [1, 1, 0, 0, 0, 0, 0] and found.paths.nulls.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert found.paths.money.tolist() == [1000, *[0] * 6]
    assert (found.without_unit, found.without_value) == (1, 1)
    assert found.paths.family is not None and found.paths.family.tolist() == [0, 2, 1, 0, 0, 0, 1]


def test_days_milestones_and_first_touches_are_kept() -> None:
    found = story()
    assert found.paths.days is not None and found.paths.milestone is not None
    assert found.paths.days[:3].tolist() == [64, 42, 14]
    assert found.paths.milestone.tolist() == [1, -1, 0, -1, -1, -1, -1]  # the advert was the last before it was opened
    assert found.frame["first_at"].iloc[0] == day("2025-01-10") and pd.isna(found.frame["first_at"].iloc[1])
    assert found.frame["ended_at"].iloc[3] == day("2025-04-02") and found.frame["ended_at"].iloc[4] == AS_OF


def test_a_family_can_be_one_traveller() -> None:
    found = story(TOGETHER.model_copy(update={"by": "family"}))
    assert as_text(found)[0] == ("A", "won", "email > ads > web > web")
    assert not any(account == "A2" for account, _, _ in as_text(found))


def test_inbound_and_outbound_are_told_apart() -> None:
    apart = story(TOGETHER.model_copy(update={"direction": "apart"}))
    assert (
        as_text(apart)[0][2] == "email, inbound > ads, outbound > web, inbound"
    )  # an impression is outbound by its type
    for way, text in (("inbound", "email > web"), ("outbound", "ads")):
        assert as_text(story(TOGETHER.model_copy(update={"direction": way})))[0][2] == text
    counts = story().touches.set_index("unit")
    assert counts.loc["web"].tolist() == [4, 0, 3] and counts.loc["sales"].tolist() == [0, 1, 1]
    assert story().outbound[:3].tolist() == [False, True, False]


def test_units_other_than_channels_and_chosen_event_types() -> None:
    found = story(TOGETHER.model_copy(update={"unit": "campaign"}))
    assert as_text(found)[0][2] == "k1 > k2"
    found = story(TOGETHER.model_copy(update={"event_types": ("web_visit",)}))
    assert as_text(found)[0][2] == "web"


def test_a_path_may_end_when_the_deal_was_opened() -> None:
    found = story(TOGETHER.model_copy(update={"ends_at": "created"}))
    assert as_text(found)[0] == ("A", "won", "email > ads")
    assert found.paths.milestone is not None and found.paths.milestone[0] == 1


def test_the_lookback_reaches_back_from_the_end() -> None:
    assert as_text(story(TOGETHER.model_copy(update={"lookback_days": 14})))[0][2] == "web"  # at its edge: inside
    assert as_text(story(TOGETHER.model_copy(update={"lookback_days": 13.9})))[0][2] == ""


def test_margin_instead_of_amount() -> None:
    assert story(value="gross_margin").paths.money.sum() == 410
    with pytest.raises(BadDataError, match="no column gross_margin"):
        story(value="gross_margin", opportunities=DEALS.drop(columns="gross_margin"))


def test_a_period_leaves_out_what_closed_before_it() -> None:
    found = story(since=day("2025-05-01"))
    assert [d for _, d, _ in as_text(found)] == ["cold", "lost", None]
    assert as_text(found)[-1] == ("A", None, "web")


def test_kinds_can_be_left_out() -> None:
    deals = DEALS.assign(kind=pd.Series(["renewal", None, None, None, None], dtype="str"))
    found = story(TOGETHER.model_copy(update={"kinds": ("new",)}), opportunities=deals)
    assert "won" not in [d for _, d, _ in as_text(found)]


def test_a_deal_of_an_unknown_account_is_refused() -> None:
    with pytest.raises(BadDataError, match="1 opportunities belong to no known account"):
        story(opportunities=DEALS.assign(account_id=["X", *DEALS["account_id"][1:]]))


def test_no_events_and_no_deals_are_no_fault() -> None:
    assert as_text(story(events=EVENTS.iloc[:0])) == [("A", "won", ""), ("C", "cold", ""), ("B", "lost", "")]
    assert {d for _, d, _ in as_text(story(opportunities=DEALS.iloc[:0]))} == {None}
    assert len(story(events=EVENTS.iloc[:0], opportunities=DEALS.iloc[:0]).paths) == 0


def same(one: Journeys, two: Journeys) -> bool:
    pd.testing.assert_frame_equal(one.frame, two.frame)
    return as_text(one) == as_text(two) and np.array_equal(one.paths.money, two.paths.money)


def test_nothing_at_or_after_as_of_changes_a_path() -> None:
    late = rows(
        "events", "occurred_at event_type account_id channel", ("2025-07-01", "web_visit", "A", "web"),
        ("2025-09-01", "web_visit", "C", "new channel"),
    )  # fmt: skip
    learned = EVENTS.iloc[:1].assign(known_at=AS_OF, occurred_at=day("2025-03-02"))
    events = pd.concat([EVENTS.assign(known_at=pd.NaT), late, learned], ignore_index=True)
    events["known_at"] = pd.to_datetime(events["known_at"], utc=True).dt.as_unit("us")
    assert same(story(), story(events=events))
    open_deal = DEALS["opportunity_id"].isin(["open", "later"])
    assert same(story(), story(opportunities=DEALS[~open_deal]))
    undone = DEALS.assign(is_won=DEALS["is_won"].mask(DEALS["opportunity_id"] == "later", False))
    assert same(story(), story(opportunities=undone))


def test_the_last_version_known_of_a_deal_counts() -> None:
    versions = rows(
        "opportunities",
        "opportunity_id account_id created_at closed_at is_won amount known_at",
        ("won", "A", "2025-02-15", None, None, 900.0, "2025-02-15"),
        ("won", "A", "2025-02-15", "2025-03-15", True, 800.0, "2025-05-01"),
        ("won", "A", "2025-02-15", "2025-03-15", True, 1000.0, "2025-03-16"),
        ("won", "A", "2025-02-15", "2025-03-15", False, 0.0, "2025-07-01"),  # learned too late
    )
    found = story(opportunities=versions)
    assert as_text(found)[0] == ("A", "won", "email > ads > web") and found.paths.money.sum() == 800
    assert not story(opportunities=versions, as_of=day("2025-03-16")).frame["is_won"].any()  # not heard of yet


@given(st.permutations(range(len(EVENTS))), st.permutations(range(len(DEALS))))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_changes_nothing(order: list[int], deals: list[int]) -> None:
    assert same(story(), story(events=EVENTS.iloc[order], opportunities=DEALS.iloc[deals]))


@given(
    touches=st.lists(st.tuples(st.integers(0, 400), st.sampled_from("ABC")), max_size=25),
    closes=st.lists(st.tuples(st.integers(0, 400), st.sampled_from("ABC")), max_size=5),
    lookback=st.sampled_from([10, 90, 365]),
)
@settings(max_examples=60, deadline=None)
def test_every_touch_is_in_a_path_and_the_unconverted_ones_once(
    touches: list[tuple[int, str]], closes: list[tuple[int, str]], lookback: int
) -> None:
    start = day("2024-01-01")
    when = [str(start + pd.Timedelta(days=d, minutes=7 * i % 60)) for i, (d, _) in enumerate(touches)]
    events = rows(
        "events", "occurred_at event_type account_id channel",
        *((t, "web_visit", a, f"c{i}") for i, (t, (_, a)) in enumerate(zip(when, touches, strict=True))),
    )  # fmt: skip
    deals = rows(
        "opportunities", "opportunity_id account_id created_at closed_at is_won amount",
        *((f"o{i}", a, str(start), str(start + pd.Timedelta(days=d, minutes=1)), True, 1.0)
          for i, (d, a) in enumerate(closes)),
    )  # fmt: skip
    as_of = start + pd.Timedelta(days=300)
    found = journeys(events, deals, FAMILIES, as_of, TOGETHER.model_copy(update={"lookback_days": lookback}))
    counted: dict[tuple[str, str | None], list[str]] = {}
    for account, deal, text in as_text(found):
        counted.setdefault((account, deal), []).extend(text.split(" > ") if text else [])
    # The slow way, straight from the words.
    expected: dict[tuple[str, str | None], set[str]] = {}
    used: set[str] = set()
    for i, (d, account) in enumerate(closes):
        end = start + pd.Timedelta(days=d, minutes=1)
        if end < as_of:
            begin = end - pd.Timedelta(days=lookback)
            own = {
                f"c{k}"
                for k, (t, (_, a)) in enumerate(zip(when, touches, strict=True))
                if a == account and begin <= pd.Timestamp(t) < end
            }
            expected[account, f"o{i}"] = own
            used |= own
    for k, (t, (_, a)) in enumerate(zip(when, touches, strict=True)):
        if f"c{k}" not in used and pd.Timestamp(t) < as_of:
            expected.setdefault((a, None), set()).add(f"c{k}")
    assert {key: set(names) for key, names in counted.items()} == expected
    assert all(len(names) == len(set(names)) for names in counted.values())
    ends = found.frame["ended_at"].repeat(found.frame["touches"]).to_numpy()
    assert found.paths.days is not None and (found.paths.days > 0).all() and len(ends) == len(found.paths.days)
    assert (found.paths.days <= lookback).all()
