"""Who is in question at a moment, and why the others are not."""

from __future__ import annotations

import pytest

from abm_scoring.features.cohort import CohortSpec
from tests.features.tables import at, tables

ACCOUNTS = [
    {"account_id": "a", "sector": "x"},
    {"account_id": "b", "sector": "x", "customer_since": "2025-06-01"},
    {"account_id": "c", "sector": "x", "partner_since": "2025-06-01"},
    {"account_id": "d", "sector": "x"},
    {"account_id": "e"},
    {"account_id": "f", "sector": "x", "known_at": "2025-06-01"},
]
DEALS = [
    {"opportunity_id": "o1", "account_id": "d", "created_at": "2025-06-01", "closed_at": "2025-08-01", "is_won": True},
    {"opportunity_id": "o2", "account_id": "a", "created_at": "2025-01-01", "closed_at": "2025-02-01", "is_won": False},
]
GIVEN = tables(accounts=ACCOUNTS, opportunities=DEALS)
ALL = [a["account_id"] for a in ACCOUNTS]


def status(day: str, cohort: CohortSpec) -> dict[str, str]:
    return dict(zip(ALL, cohort.status(at(GIVEN, *((a, day) for a in ALL))), strict=True))


def test_each_reason_holds_from_the_moment_after_its_date() -> None:
    known = {"a": "eligible", "d": "eligible", "e": "no_data"}
    on_the_day = status("2025-06-01", CohortSpec())
    assert on_the_day == {**known, "b": "eligible", "c": "eligible", "f": "not_yet_known"}
    next_day = status("2025-06-02", CohortSpec())
    assert next_day == {**known, "b": "customer", "c": "partner", "d": "open_opportunity", "f": "eligible"}


def test_a_won_deal_makes_a_customer_and_a_lost_one_a_prospect_again() -> None:
    assert status("2025-08-02", CohortSpec())["d"] == "customer"
    assert status("2025-01-02", CohortSpec())["a"] == "open_opportunity"
    assert status("2025-02-02", CohortSpec())["a"] == "eligible"


def test_expansion_asks_about_customers_only() -> None:
    found = status("2025-08-02", CohortSpec(motion="expansion"))
    assert (found["a"], found["b"], found["d"]) == ("not_a_customer", "eligible", "eligible")


def test_exclusions_can_be_switched_off() -> None:
    found = status("2025-06-02", CohortSpec(motion="any", exclude=()))
    assert {found[a] for a in "abcd"} == {"eligible"}


def test_a_credit_note_alone_makes_no_customer() -> None:
    notes = [
        {"account_id": "a", "invoiced_on": "2025-01-01", "amount": -5.0},
        {"account_id": "b", "invoiced_on": "2025-01-01", "amount": 5.0},
    ]
    given = tables(accounts=[{"account_id": "a", "sector": "x"}, {"account_id": "b", "sector": "x"}], invoices=notes)
    view = at(given, ("a", "2026-01-01"), ("b", "2026-01-01"))
    assert list(CohortSpec().status(view)) == ["eligible", "customer"]


@pytest.mark.parametrize("events", [[], [{"account_id": "e", "occurred_at": "2025-01-01", "event_type": "web_visit"}]])
def test_an_account_of_which_nothing_is_known_but_events_can_be_scored(events: list[dict[str, str]]) -> None:
    given = tables(accounts=[{"account_id": "e"}], **({"events": events} if events else {}))
    assert list(CohortSpec().status(at(given, ("e", "2026-01-01")))) == ["eligible" if events else "no_data"]
