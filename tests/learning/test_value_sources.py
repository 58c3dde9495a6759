from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from abm_scoring.data.tables import Tables
from abm_scoring.features.history import History
from abm_scoring.learning.labels import EventOccurred, OpportunityCreated, OpportunityWon
from abm_scoring.learning.value_sources import (
    AutoValue,
    EventValue,
    Invoiced,
    NoValue,
    ValueSpec,
    WonAmount,
    resolve_value,
)

AS_OF = pd.Timestamp("2025-03-01", tz="UTC")
DAY = pd.Timedelta(days=1)


def stamps(*values: pd.Timestamp | None) -> pd.Series:
    return pd.Series(list(values)).astype("datetime64[us, UTC]")


def accounts(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"account_id": pd.Series(list(ids), dtype="str")})


def history(**frames: pd.DataFrame) -> History:
    return History.of(Tables({"accounts": accounts("a", "b"), **frames}), until=AS_OF + 1000 * DAY)


def rows(*ids: str) -> pd.DataFrame:
    return accounts(*ids).assign(as_of=stamps(*[AS_OF] * len(ids)))


def opportunities(*deals: tuple[str, str, pd.Timestamp, bool, float | None, str]) -> pd.DataFrame:
    name, owner, closed, won, amount, kind = zip(*deals, strict=True)
    return pd.DataFrame(
        {
            "opportunity_id": list(name),
            "account_id": list(owner),
            "created_at": stamps(*[AS_OF - 100 * DAY] * len(deals)),
            "closed_at": stamps(*closed),
            "is_won": pd.array(won, dtype="boolean"),
            "amount": pd.array(amount, dtype="Float64").astype("float64"),
            "kind": list(kind),
        }
    )


DEALS = opportunities(
    ("before", "a", AS_OF - DAY, True, 1.0, "new"),
    ("first moment", "a", AS_OF, True, 10.0, "new"),
    ("inside", "a", AS_OF + 40 * DAY, True, 100.0, "upsell"),
    ("end", "a", AS_OF + 90 * DAY, True, 1000.0, "new"),
    ("lost", "a", AS_OF + DAY, False, 10_000.0, "new"),
    ("nameless", "b", AS_OF + DAY, True, None, "new"),
)


def test_won_amounts_are_those_of_the_half_open_horizon() -> None:
    found = WonAmount(kind="won_amount").recorded(history(opportunities=DEALS)).amounts(rows("a", "b"), 90)
    np.testing.assert_array_equal(found, [110.0, np.nan])


def test_only_the_kinds_that_count_count() -> None:
    found = WonAmount(kind="won_amount", kinds=("new",)).recorded(history(opportunities=DEALS)).amounts(rows("a"), 90)
    assert found.tolist() == [10.0]


def test_the_past_is_what_was_known_before() -> None:
    source = WonAmount(kind="won_amount")
    assert source.recorded(history(opportunities=DEALS)).past(rows("a", "b"), 90).tolist() == [1.0, 0.0]
    late = DEALS.assign(known_at=stamps(*[AS_OF + 5 * DAY] * len(DEALS)))
    assert source.recorded(history(opportunities=late)).past(rows("a"), 90).tolist() == [0.0]


def test_versions_of_a_deal_are_one_deal() -> None:
    deal = ("d", "a", AS_OF + DAY, True)
    versions = opportunities((*deal, 70.0, "new"), (*deal, 80.0, "new"))
    versions["known_at"] = stamps(AS_OF + 2 * DAY, AS_OF + 3 * DAY)
    found = WonAmount(kind="won_amount").recorded(history(opportunities=versions)).amounts(rows("a"), 90)
    assert found.tolist() == [80.0]


def test_what_is_typical_counts_lost_and_open_deals_opened_before() -> None:
    source, known = WonAmount(kind="won_amount"), history(opportunities=DEALS)
    assert source.recorded(known).typical(None) == pytest.approx((1 + 10 + 100 + 1000 + 10_000) / 5)
    assert source.recorded(known).typical(np.datetime64("2024-01-01")) is None
    assert Invoiced(kind="invoiced").recorded(known).typical(None) is None


@pytest.mark.fault(48)
def test_credit_notes_lessen_what_was_invoiced() -> None:
    invoices = pd.DataFrame(
        {
            "account_id": ["a", "a", "a"],
            "invoiced_on": stamps(AS_OF + DAY, AS_OF + 2 * DAY, AS_OF - 2 * DAY),
            "amount": [50.25, -20.0, 7.0],
        }
    )
    source, known = Invoiced(kind="invoiced"), history(invoices=invoices)
    np.testing.assert_array_equal(source.recorded(known).amounts(rows("a", "b"), 90), [30.25, np.nan])
    assert source.recorded(known).past(rows("a", "b"), 90).tolist() == [7.0, 0.0]


EVENTS = pd.DataFrame(
    {
        "account_id": ["a", "a", "b"],
        "occurred_at": stamps(AS_OF + DAY, AS_OF + 2 * DAY, AS_OF + DAY),
        "event_type": ["order", "web_visit", "order"],
        "value": [12.5, 99.0, np.nan],
    }
)


def test_event_values_are_those_of_the_named_types() -> None:
    source = EventValue(kind="event_value", event_types=("order",))
    np.testing.assert_array_equal(source.recorded(history(events=EVENTS)).amounts(rows("a", "b"), 90), [12.5, np.nan])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-5, 12), st.integers(-300, 300)), max_size=12))
def test_sums_are_what_a_plain_loop_finds(bills: list[tuple[str, int, int]]) -> None:
    owner, day, amount = zip(*bills, strict=True) if bills else ((), (), ())
    invoices = pd.DataFrame(
        {
            "account_id": pd.Series(owner, dtype="str"),
            "invoiced_on": stamps(*[AS_OF + d * DAY for d in day]),
            "amount": [a / 100 for a in amount],
        }
    )
    found = Invoiced(kind="invoiced").recorded(history(invoices=invoices)).amounts(rows("a", "b"), 7)
    for account, value in zip("ab", found, strict=True):
        here = [a / 100 for o, d, a in bills if o == account and 0 <= d < 7]
        assert (np.isnan(value) and not here) or value == pytest.approx(sum(here), abs=1e-9)


def test_auto_follows_the_label() -> None:
    won, kept = OpportunityWon(kinds=("new",)), AutoValue(gross_margin_rate=0.4)
    found = resolve_value(kept, won, history(opportunities=DEALS))
    assert found == WonAmount(kind="won_amount", kinds=("new",), gross_margin_rate=0.4)
    assert isinstance(resolve_value(kept, won, history(opportunities=DEALS.drop(columns="amount"))), NoValue)
    assert isinstance(resolve_value(kept, OpportunityCreated(kind="opportunity_created"), history()), NoValue)
    ordered = EventOccurred(kind="event", event_types=("order",))
    assert resolve_value(kept, ordered, history(events=EVENTS)).kind == "event_value"
    assert resolve_value(kept, ordered, history(events=EVENTS.drop(columns="value"))).kind == "none"
    assert resolve_value(NoValue(), won, history(opportunities=DEALS)) == NoValue()


def test_the_kind_may_be_left_out_and_must_be_known() -> None:
    read: TypeAdapter[ValueSpec] = TypeAdapter(ValueSpec)
    assert read.validate_python({"gross_margin_rate": 0.5}) == AutoValue(gross_margin_rate=0.5)
    assert read.validate_python({"kind": "invoiced"}) == Invoiced(kind="invoiced")
    for wrong in ({"kind": "guess"}, {"gross_margin_rate": 40}, {"kind": "won_amount", "event_types": ["order"]}):
        with pytest.raises(ValidationError):
            read.validate_python(wrong)
