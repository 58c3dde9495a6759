from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market import BIG_TABLES, Market, MarketSpec, make_market, write_market
from abm_scoring.data.schema import DTYPES, TABLES


def end_of(market: Market) -> pd.Timestamp:
    return pd.Timestamp(market.truth.world.spec.end, tz="UTC")


@pytest.mark.parametrize("name", TABLES)
def test_every_canonical_table_conforms_to_its_schema(market: Market, name: str) -> None:
    schema, frame = TABLES[name], market.tables[name]
    assert name in market.tables and len(frame) > 0
    assert list(frame.columns) == [c.name for c in schema.columns]
    assert isinstance(frame.index, pd.RangeIndex)
    for column in schema.columns:
        values = frame[column.name]
        assert str(values.dtype) == DTYPES[column.type], column.name
        assert not (column.required and values.isna().any()), column.name
        if column.allowed:
            assert set(values.dropna()) <= set(column.allowed), column.name
        if column.minimum is not None:
            assert (values.dropna() >= column.minimum).all(), column.name
        if column.maximum is not None:
            assert (values.dropna() <= column.maximum).all(), column.name
        assert values.notna().any(), f"{column.name} is never filled"


@pytest.mark.parametrize("name", [n for n, t in TABLES.items() if t.key and t.on_duplicate == "refuse"])
def test_keys_are_unique(market: Market, name: str) -> None:
    assert not market.tables[name].duplicated(list(TABLES[name].key)).any()


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_known_or_happens_at_the_end_or_later(market: Market, name: str) -> None:
    frame, end = market.tables[name], end_of(market)
    planned = {"campaigns": ["to"], "target_list": ["to"]}.get(name, [])
    for column in TABLES[name].columns:
        if column.type == "timestamp" and column.name not in planned:
            assert (frame[column.name].dropna() < end).all(), column.name


def test_events_lie_in_the_history_after_their_account_is_known(market: Market) -> None:
    events, start = market.tables["events"], pd.Timestamp(market.truth.world.spec.start, tz="UTC")
    assert events["occurred_at"].min() >= start
    assert (events["known_at"] >= events["occurred_at"]).all()
    first = market.tables["accounts"].groupby("account_id")["known_at"].min()
    named = events[events["account_id"].notna()]
    assert (named["occurred_at"].to_numpy() >= first.reindex(named["account_id"]).to_numpy()).all()


@pytest.mark.parametrize(
    ("table", "column", "other", "key"),
    [
        ("contacts", "account_id", "accounts", "account_id"),
        ("events", "account_id", "accounts", "account_id"),
        ("events", "contact_id", "contacts", "contact_id"),
        ("events", "campaign_id", "campaigns", "campaign_id"),
        ("events", "content_id", "content", "content_id"),
        ("opportunities", "account_id", "accounts", "account_id"),
        ("invoices", "opportunity_id", "opportunities", "opportunity_id"),
        ("costs", "campaign_id", "campaigns", "campaign_id"),
        ("costs", "content_id", "content", "content_id"),
        ("costs", "account_id", "accounts", "account_id"),
        ("accounts", "parent_account_id", "accounts", "account_id"),
        ("target_list", "account_id", "accounts", "account_id"),
        ("experiments", "account_id", "accounts", "account_id"),
        ("experiments", "campaign_id", "campaigns", "campaign_id"),
        ("referrals", "referrer_account_id", "accounts", "account_id"),
    ],
)
def test_references_point_to_rows(market: Market, table: str, column: str, other: str, key: str) -> None:
    assert set(market.tables[table][column].dropna()) <= set(market.tables[other][key])


def test_contacts_of_events_belong_to_the_account_and_are_known(market: Market) -> None:
    contacts = market.tables["contacts"].groupby("contact_id").agg({"account_id": "first", "known_at": "min"})
    events = market.tables["events"].dropna(subset="contact_id")
    named = contacts.loc[events["contact_id"]]
    assert (named["account_id"].to_numpy() == events["account_id"].to_numpy()).all()
    # Answers come later than the mail they answer, so their contact is known a fortiori.
    assert (named["known_at"].to_numpy() <= events["occurred_at"].to_numpy()).all()


def test_ids_and_domains_name_nobody(market: Market) -> None:
    assert not market.tables["contacts"]["contact_id"].str.contains("@").any()
    accounts = market.tables["accounts"].drop_duplicates("account_id")
    domains = accounts["domain"].dropna()
    assert domains.str.fullmatch(r"[a-z0-9-]+\.example").all()
    assert domains.is_unique and accounts["account_name"].is_unique


def test_customers_are_exactly_those_who_won_a_first_deal(market: Market) -> None:
    deals = market.tables["opportunities"].query("kind == 'new' and is_won == True")
    won = deals.groupby("account_id")["closed_at"].min()
    since = market.tables["accounts"].groupby("account_id")["customer_since"].max().dropna()
    pd.testing.assert_series_equal(since.sort_index(), won.sort_index(), check_names=False)
    # The version that says so is known when the outcome is booked, not before.
    versions = market.tables["accounts"].dropna(subset="customer_since")
    booked = deals.groupby("account_id")["known_at"].min()
    assert (versions["known_at"].to_numpy() >= booked.reindex(versions["account_id"]).to_numpy()).all()


def test_no_version_of_an_opportunity_knows_its_future(market: Market) -> None:
    deals = market.tables["opportunities"]
    assert (deals["known_at"] >= deals["created_at"]).all()
    for told in ("closed_at", "cancelled_at"):
        filled = deals.dropna(subset=told)
        assert (filled["known_at"] >= filled[told]).all()
    before = deals[deals["closed_at"].isna()]
    assert before["is_won"].isna().all() and before["stage"].isin(["qualification", "proposal"]).all()
    late = deals.dropna(subset="closed_at").eval("known_at - closed_at") > pd.Timedelta(days=1)
    assert 0.03 < late.mean() < 0.25


def test_invoices_follow_won_deals_and_cancellations_are_credited(market: Market) -> None:
    invoices = market.tables["invoices"]
    last = market.tables["opportunities"].drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")
    deal = last.loc[invoices["opportunity_id"]].reset_index()
    booked = deal["is_won"].fillna(True).astype(bool)  # a deal booked too late for the extract still shows as open
    assert booked.all()
    assert (invoices["currency"].to_numpy() == deal["currency"].to_numpy()).all()
    credited = set(invoices.loc[invoices["amount"] < 0, "opportunity_id"])
    assert credited and credited <= set(last.index[last["cancelled_at"].notna()])
    assert {"EUR", "USD", "CHF"} == set(invoices["currency"])


def test_amounts_convert_back_to_the_true_amounts(market: Market) -> None:
    world = market.truth.world
    deals = market.tables["opportunities"].dropna(subset="closed_at").drop_duplicates("opportunity_id", keep="last")
    deals = deals[deals["kind"] == "new"].sort_values("created_at")
    rates = market.tables["exchange_rates"].sort_values("valid_from")
    joined = pd.merge_asof(deals, rates, left_on="created_at", right_on="valid_from", by="currency")
    amount = joined["amount"] * joined["rate"].fillna(1.0)
    account = joined["account_id"].str[1:].astype("int64") - 1
    true = pd.DataFrame({"account": world.deals.account, "true": world.deals.amount})
    true["created_at"] = pd.to_datetime(world.deals.created, unit="s", utc=True).as_unit("us")
    both = pd.DataFrame({"account": account, "created_at": joined["created_at"], "amount": amount}).merge(true)
    assert len(both) == len(deals)
    np.testing.assert_allclose(both["amount"], both["true"], rtol=1e-4)


def test_values_are_missing_more_often_at_small_companies_and_never_for_all(market: Market) -> None:
    accounts, people = market.tables["accounts"].drop_duplicates("account_id"), market.truth.world.population
    for column in ("sector", "employee_count", "annual_revenue", "founded_year", "values", "region", "domain"):
        assert 0 < accounts[column].isna().mean() < 0.4, column
    row = accounts["account_id"].str[1:].astype("int64").to_numpy() - 1
    small = people.employees[row] < 100
    gap = accounts["annual_revenue"].isna().to_numpy()
    assert gap[small].mean() > gap[~small].mean()


def test_accounts_change_and_arrive_over_time(market: Market) -> None:
    accounts, start = market.tables["accounts"], pd.Timestamp(market.truth.world.spec.start, tz="UTC")
    versions = accounts.groupby("account_id").agg({"known_at": "min", "employee_count": "nunique"})
    assert 0.25 < (versions["known_at"] >= start).mean() < 0.45
    assert (versions["employee_count"] > 1).mean() > 0.1
    child = accounts.drop_duplicates("account_id")["parent_account_id"].notna()
    assert 0.07 <= child.mean() <= 0.09


def test_same_spec_same_tables_and_other_seed_other_tables() -> None:
    spec = MarketSpec(accounts=120, seed=5, months=12, events_per_account=20)
    first, second = make_market(spec).tables, make_market(spec).tables
    other = make_market(spec.model_copy(update={"seed": 6})).tables
    for name in TABLES:
        pd.testing.assert_frame_equal(first[name], second[name])
    assert not first["events"].equals(other["events"])


def test_what_one_table_draws_does_not_shift_another() -> None:
    spec = MarketSpec(accounts=120, seed=5, months=12, events_per_account=20)
    plain = make_market(spec).tables
    noisy = make_market(spec.model_copy(update={"bots": 0.1, "duplicates": 0.2, "events_per_account": 40.0})).tables
    for name in set(TABLES) - {"events"}:
        pd.testing.assert_frame_equal(plain[name], noisy[name])


def test_files_hold_what_the_frames_hold(market: Market, tmp_path: Path) -> None:
    paths = write_market(market, tmp_path)
    assert {p.parent.name for n, p in paths.items() if n.startswith("truth/")} == {"truth"}
    for name in TABLES:
        frame, path = market.tables[name], paths[name]
        assert path.suffix == (".parquet" if name in BIG_TABLES else ".csv")
        if name in BIG_TABLES:
            pd.testing.assert_frame_equal(pd.read_parquet(path).astype(frame.dtypes), frame)
            continue
        assert re.fullmatch(r"[a-z_,]+", path.read_text(encoding="utf-8").splitlines()[0])
        read = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
        for column in TABLES[name].columns:
            given = frame[column.name]
            if column.type == "timestamp":
                got = pd.to_datetime(read[column.name], format="%Y-%m-%dT%H:%M:%SZ", utc=True).astype(given.dtype)
            elif column.type == "boolean":
                got = read[column.name].map({"True": True, "False": False}).astype("boolean")
            elif column.type == "integer":
                got = read[column.name].astype("Int64")
            else:
                got = read[column.name].astype(given.dtype)
            pd.testing.assert_series_equal(got, given)


def test_the_truth_is_written_beside_and_not_into_the_tables(market: Market, tmp_path: Path) -> None:
    paths = write_market(market, tmp_path)
    told = pd.read_parquet(paths["truth/probability"])
    day = told["as_of"].max()
    live = market.truth.probability(day)
    live = live[live["eligible"]]
    np.testing.assert_array_equal(told[told["as_of"] == day]["probability"], live["probability"])
    hidden = {"fit", "hidden_fit", "deal_value", "probability", "state", "satisfaction"}
    for name in TABLES:
        assert not hidden & set(market.tables[name].columns)
