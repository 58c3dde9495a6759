"""Agreement with the ideal customer profile, by example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.features.build import features_at, resolve
from abm_scoring.features.history import History
from abm_scoring.features.profile import ProfileSpec, SizeRange
from abm_scoring.features.value_fit import ValueFitSpec, size_fit
from tests.features.tables import LATER, rows_of, tables

PROFILE = ProfileSpec.model_validate(
    {"sectors": ["Pharma"], "employee_count": 1000, "countries": ["AT", "DE"], "values": ["agile", "integrity"]}
)


def fit(account: dict[str, Any], others: list[dict[str, Any]] | None = None, profile: ProfileSpec = PROFILE) -> Any:
    given = tables(accounts=[{"account_id": "a", **account}, *(others or [])])
    history = History.of(given, until=LATER)
    specs = resolve([ValueFitSpec(kind="value_fit")], history, profile)
    return features_at(history, rows_of(("a", "2026-01-01")), specs).iloc[0]


def test_a_perfect_account_fits_in_every_dimension() -> None:
    found = fit({"sector": "pharma", "employee_count": 900, "country": "AT", "values": "integrity;agile"})
    assert (found[["fit_size", "fit_sector", "fit_region", "fit_values", "fit_total"]] == 1).all()


def test_an_unknown_dimension_is_unknown_and_leaves_the_total_to_the_others() -> None:
    found = fit({"sector": "steel", "employee_count": None, "country": "AT", "values": None})
    assert np.isnan(found["fit_size"]) and np.isnan(found["fit_values"])
    assert found["fit_sector"] == 0 and found["fit_region"] == 1 and found["fit_total"] == 0.5


def test_size_falls_with_the_log_distance_to_the_range() -> None:
    wanted = SizeRange(low=500, high=2000)
    found = size_fit(pd.Series([500, 2000, 1000, 4000, 250, 16000, 62.5, 1e6, np.nan]), wanted)
    third = 1 - np.log(2) / np.log(8)
    np.testing.assert_allclose(found, [1, 1, 1, third, third, 0, 0, 0, np.nan], atol=1e-12)


def test_a_branch_in_a_wanted_country_makes_the_whole_family_fit() -> None:
    branch = {"account_id": "b", "parent_account_id": "a", "country": "DE"}
    assert fit({"country": "US"})["fit_region"] == 0
    assert fit({"country": "US"}, [branch])["fit_region"] == 1


def test_a_branch_that_becomes_known_later_does_not_count_yet() -> None:
    branch = {"account_id": "b", "parent_account_id": "a", "country": "DE", "known_at": "2026-01-01"}
    assert fit({"country": "US", "known_at": "2020-01-01"}, [branch])["fit_region"] == 0


def test_likeness_to_customers_counts_only_those_who_were_customers_then() -> None:
    before = {"account_id": "b", "sector": "pharma", "customer_since": "2025-12-31"}
    after = {"account_id": "c", "sector": "steel", "customer_since": "2026-01-01"}
    assert fit({"sector": "pharma"}, [before, after])["fit_similar_customers"] == 1
    assert fit({"sector": "steel"}, [before, after])["fit_similar_customers"] == 0
    assert np.isnan(fit({"sector": "steel"}, [after])["fit_similar_customers"])


def test_weights_move_the_total() -> None:
    heavy = PROFILE.model_copy(update={"weights": {"sector": 3.0}})
    assert fit({"sector": "pharma", "country": "US"}, profile=heavy)["fit_total"] == pytest.approx(0.75)


@pytest.mark.parametrize("weights", [{"sectr": 1.0}, {"sector": -1.0}])
def test_impossible_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="sect"):
        ProfileSpec(weights=weights)
