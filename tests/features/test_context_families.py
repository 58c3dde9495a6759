"""Family, peers and category rates by example and against plain counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.features.build import features_at, resolve
from abm_scoring.features.category_rates import CategoryRatesSpec
from abm_scoring.features.family_tree import FamilySpec
from abm_scoring.features.history import History
from abm_scoring.features.peers import PeersSpec
from tests.features.tables import LATER, rows_of, tables


def visit(account: str, day: str, **more: object) -> dict[str, object]:
    return {"account_id": account, "occurred_at": day, "event_type": "web_visit", **more}


def test_what_sister_companies_did_is_rolled_up_and_the_own_activity_is_not() -> None:
    given = tables(
        accounts=[
            {"account_id": "mother"},
            {"account_id": "a", "parent_account_id": "mother"},
            {"account_id": "b", "parent_account_id": "mother", "customer_since": "2025-01-01"},
            {"account_id": "stranger"},
        ],
        events=[
            visit("a", "2026-01-05"),
            visit("b", "2026-01-07"),
            visit("b", "2026-01-08"),
            visit("mother", "2025-12-20"),
            visit("stranger", "2026-01-09"),
        ],
    )
    history = History.of(given, until=LATER)
    specs = resolve([FamilySpec(kind="family", windows_days=(7, 30))], history)
    found = features_at(history, rows_of(("a", "2026-01-10"), ("stranger", "2026-01-10")), specs)
    assert found.loc[0].to_dict() == {
        "family_accounts": 3,
        "family_customers": 1,
        "family_recency": 2,
        "family_events_7d": 2,
        "family_active_7d": 1,
        "family_events_30d": 3,
        "family_active_30d": 2,
    }
    assert found.loc[1].fillna(-1).tolist() == [1, 0, -1, 0, 0, 0, 0]


def test_a_subsidiary_counts_from_when_it_was_known_to_be_one() -> None:
    given = tables(
        accounts=[
            {"account_id": "a", "known_at": "2025-01-01"},
            {"account_id": "b", "known_at": "2025-01-01"},
            {"account_id": "b", "parent_account_id": "a", "known_at": "2026-02-01"},
        ],
        events=[visit("b", "2026-01-07")],
    )
    history = History.of(given, until=LATER)
    specs = resolve([FamilySpec(kind="family", windows_days=(90,))], history)
    found = features_at(history, rows_of(("a", "2026-01-20"), ("a", "2026-02-02")), specs)
    assert found["family_accounts"].tolist() == [1, 2]
    assert found["family_events_90d"].tolist() == [0, 1]


def test_the_rank_among_peers_is_the_share_with_less_activity() -> None:
    r = np.random.default_rng(4)
    counts = r.integers(0, 6, 40)
    sectors = np.array(["steel", "pharma"])[r.integers(0, 2, 40)]
    ids = [f"a{i:02d}" for i in range(40)]
    given = tables(
        accounts=[{"account_id": i, "sector": s} for i, s in zip(ids, sectors, strict=True)],
        events=[visit(i, "2026-01-05") for i, n in zip(ids, counts, strict=True) for _ in range(n)],
    )
    history = History.of(given, until=LATER)
    specs = resolve([PeersSpec(kind="peers", windows_days=(30,), min_peers=5)], history)
    rows = rows_of(*((i, "2026-01-20") for i in ids))
    found = features_at(history, rows, specs)["sector_rank_30d"]
    for place in range(40):
        peers = counts[sectors == sectors[place]]
        expected = ((peers < counts[place]).sum() + (peers == counts[place]).sum() / 2) / len(peers)
        assert found[place] == pytest.approx(expected)


def test_few_peers_and_an_unknown_sector_give_no_rank() -> None:
    given = tables(
        accounts=[{"account_id": "a", "sector": "steel"}, {"account_id": "b"}], events=[visit("a", "2026-01-05")]
    )
    history = History.of(given, until=LATER)
    specs = resolve([PeersSpec(kind="peers", windows_days=(30,))], history)
    assert features_at(history, rows_of(("a", "2026-01-20"), ("b", "2026-01-20")), specs).isna().all(axis=None)


def test_a_category_rate_counts_settled_outcomes_only_and_is_shrunk() -> None:
    def account(name: str, known: str, customer: str | None = None) -> dict[str, object]:
        return {
            "account_id": name,
            "sector": "steel" if name < "m" else "pharma",
            "known_at": known,
            "customer_since": customer,
        }

    given = tables(
        accounts=[
            account("a", "2025-01-01", "2025-01-20"),  # converted within 30 days
            account("b", "2025-01-01", "2025-03-15"),  # too late to count
            account("c", "2025-01-01"),
            account("d", "2025-06-01", "2025-06-05"),  # converted, but its trial settles on 3 July
            account("n", "2025-01-01"),
            account("z", "2025-01-01", "2024-06-01"),  # a customer before it was known: no trial
        ],
        events=[visit("c", "2025-02-01")],
    )
    history = History.of(given, until=LATER)
    spec = CategoryRatesSpec(kind="category_rates", by=("sector",), horizon_days=30, settle_days=2, strength=2.0)
    specs = resolve([spec], history)
    found = features_at(
        history, rows_of(("c", "2025-01-15"), ("c", "2025-07-02"), ("c", "2025-07-10"), ("n", "2025-07-10")), specs
    )["sector_conversion_rate"]
    assert np.isnan(found[0]), "nothing has settled yet"
    assert found[1] == pytest.approx((1 + 2 * 1 / 4) / (3 + 2))
    assert found[2] == pytest.approx((2 + 2 * 2 / 5) / (4 + 2))
    assert found[3] == pytest.approx((0 + 2 * 2 / 5) / (1 + 2))


def test_categories_without_a_column_are_left_out() -> None:
    given = tables(accounts=[{"account_id": "a"}], events=[visit("a", "2025-02-01", channel="web")])
    (spec,) = resolve([CategoryRatesSpec(kind="category_rates")], History.of(given, until=LATER))
    assert [f.name for f in spec.features()] == ["first_channel_conversion_rate"]


def test_dates_only_matter_for_rows_that_are_asked_for() -> None:
    given = tables(accounts=[{"account_id": "a", "sector": "s"}], events=[visit("a", "2026-01-05")])
    history = History.of(given, until=LATER)
    rows = rows_of(("a", "2026-01-20"))
    (spec,) = resolve([PeersSpec(kind="peers", windows_days=(30,), min_peers=2)], history)
    assert isinstance(spec, PeersSpec)
    peers = spec.peers(history, pd.Series(rows["as_of"]).astype("int64").to_numpy())
    assert list(peers) == [(30, int(pd.Timestamp("2026-01-20", tz="UTC").timestamp() * 1e6))]
