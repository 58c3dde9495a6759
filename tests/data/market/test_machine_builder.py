from __future__ import annotations

import pandas as pd
import pytest

from abm_scoring.data.market import MACHINE_BUILDER_PROFILE, MACHINE_BUILDER_TARGETS, Market, make_machine_builder
from abm_scoring.data.schema import DTYPES, TABLES


@pytest.fixture(scope="module", params=[7, 2])
def builder(request: pytest.FixtureRequest) -> Market:
    return make_machine_builder(request.param)


@pytest.fixture(scope="module")
def customers(builder: Market) -> pd.DataFrame:
    latest = builder.tables["accounts"].drop_duplicates("account_id", keep="last").set_index("account_id")
    return latest[latest["customer_since"].notna()]


def test_nine_customers_as_described(customers: pd.DataFrame) -> None:
    assert customers["country"].value_counts().to_dict() == {"DE": 4, "AT": 3, "US": 2}
    assert set(customers["sector"]) == {"pharma", "medical_technology"}
    assert customers["employee_count"].between(800, 3_500).all()


def test_only_they_have_won(builder: Market, customers: pd.DataFrame) -> None:
    deals = builder.tables["opportunities"]
    assert set(deals.loc[deals["is_won"].fillna(False).astype(bool), "account_id"]) == set(customers.index)
    assert len(set(deals["account_id"])) > len(customers)


def test_days_from_first_touch_to_signature_have_median_63(builder: Market, customers: pd.DataFrame) -> None:
    events = builder.tables["events"]
    first = events.groupby("account_id")["occurred_at"].min()
    days = (customers["customer_since"] - first[customers.index]).dt.total_seconds() / 86_400
    assert days.median() == 63 and days.mean() == 63 and days.nunique() == 9
    assert MACHINE_BUILDER_TARGETS["days_to_close_before"] == 63


def test_four_wish_accounts_two_with_head_offices_overseas_and_branches_here(builder: Market) -> None:
    listed = builder.tables["target_list"]
    wishes = listed.loc[listed["tier"] == "one-to-one", "account_id"]
    accounts = builder.tables["accounts"].drop_duplicates("account_id").set_index("account_id")
    assert len(wishes) == 4 and len(listed) == 13
    overseas = [a for a in wishes if accounts.loc[a, "country"] not in ("AT", "DE", "CH")]
    assert len(overseas) == 2
    for head in overseas:
        branches = accounts[accounts["parent_account_id"] == head]
        assert len(branches) == 2 and set(branches["country"]) <= {"AT", "DE", "CH"}


def test_there_are_prospects_to_rank_and_leads_to_count(builder: Market) -> None:
    eligible = builder.truth.probability("2026-01-01")["eligible"]
    assert 180 <= eligible.sum() <= 208
    leads = builder.tables["events"].query("event_type == 'sql_created'")
    assert leads["account_id"].nunique() > 9


def test_contacts_engaged_are_fewer_than_wanted(builder: Market, customers: pd.DataFrame) -> None:
    events = builder.tables["events"]
    engaged = events[(events["direction"] == "inbound") & events["account_id"].isin(customers.index)]
    reach = engaged.groupby("account_id")["contact_id"].nunique()
    assert len(reach) == 9 and 2 < reach.mean() < MACHINE_BUILDER_TARGETS["reach"]


def test_profile_and_tables_conform(builder: Market) -> None:
    assert builder.profile == MACHINE_BUILDER_PROFILE
    assert builder.profile["sectors"] == ("pharma", "biotechnology")
    for name, schema in TABLES.items():
        for column in schema.columns:
            assert str(builder.tables[name][column.name].dtype) == DTYPES[column.type]
