"""Contacts by role and earlier deals, by example."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.features.build import features_at, resolve
from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.pipeline import PipelineSpec
from tests.features.tables import LATER, rows_of, tables


def contact(contact_id: str, role: str, known_at: str | None, **more: str) -> dict[str, str | None]:
    return {"contact_id": contact_id, "account_id": "a", "buying_role": role, "known_at": known_at, **more}


def touch(event_type: str, contact_id: str) -> dict[str, str]:
    return {"account_id": "a", "occurred_at": "2026-01-20", "event_type": event_type, "contact_id": contact_id}


GROUP = tables(
    accounts=[{"account_id": "a"}],
    contacts=[
        contact("p", "decision_maker", "2026-01-01", seniority="c_level"),
        contact("q", "user", "2026-01-01", seniority="staff"),
        contact("r", "user", "2026-02-01", seniority="staff"),
        contact("s", "it", None),
        contact("t", "finance", "2026-01-01", objected_at="2026-01-15"),
    ],
    events=[touch("meeting", "p"), touch("email_sent", "q"), touch("meeting", "s")],
)


def one(given: object, spec: FeatureSpec, day: str) -> pd.Series:
    history = History.of(given, until=LATER)  # type: ignore[arg-type]
    return features_at(history, rows_of(("a", day)), resolve([spec], history)).iloc[0]


def test_roles_count_known_contacts_with_a_date_who_have_not_objected() -> None:
    spec = BuyingGroupSpec(kind="buying_group", roles=("decision_maker", "user", "it", "finance"))
    found = one(GROUP, spec, "2026-02-01")
    assert found.to_dict() == {
        "contacts_known": 2,  # r becomes known on the day itself, s has no date, t objected
        "contacts_engaged": 1,  # q was only written to
        "roles_known": 2,
        "roles_engaged": 1,
        "roles_missing": 2,
        "senior_known": 1,
        "senior_engaged": 1,
    }
    assert one(GROUP, spec, "2026-01-15")["roles_known"] == 3


def test_engagement_of_a_contact_fades_after_its_window() -> None:
    spec = BuyingGroupSpec(kind="buying_group", engaged_days=30)
    assert one(GROUP, spec, "2026-02-19")["contacts_engaged"] == 1
    assert one(GROUP, spec, "2026-02-20")["contacts_engaged"] == 0


def deal(number: str, created: str, closed: str, won: bool, amount: float) -> dict[str, object]:
    dates = {"created_at": created, "closed_at": closed}
    return {"opportunity_id": number, "account_id": "a", **dates, "is_won": won, "amount": amount}


DEALS = tables(
    accounts=[{"account_id": "a", "customer_since": "2025-01-01"}],
    opportunities=[
        deal("1", "2024-11-01", "2025-01-01", True, 100.0),
        deal("2", "2025-02-01", "2025-03-01", False, 50.0),
        deal("3", "2025-04-01", "2025-06-01", True, 70.0),
    ],
)


def test_a_deal_counts_as_what_it_was_known_to_be_then() -> None:
    spec = PipelineSpec(kind="pipeline")
    found = one(DEALS, spec, "2025-06-01")
    assert (found["prior_opportunities"], found["prior_wins"], found["prior_losses"]) == (3, 1, 1)
    assert found["earlier_revenue"] == 100 and found["days_since_close"] == 92
    later = one(DEALS, spec, "2025-06-02")
    assert (later["prior_wins"], later["earlier_revenue"], later["days_since_close"]) == (2, 170, 1)
    assert round(later["tenure_years"], 2) == 0.42


def test_before_anything_there_is_nothing() -> None:
    found = one(DEALS, PipelineSpec(kind="pipeline"), "2024-01-01")
    assert found["prior_opportunities"] == 0 and found["earlier_revenue"] == 0
    assert np.isnan(found["tenure_years"]) and np.isnan(found["days_since_close"])
