from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.tables import Tables
from abm_scoring.features.history import History
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import Value, Valued, train_value, with_values
from abm_scoring.learning.value_sources import NoValue, WonAmount
from tests.learning.worlds import market

QUICK = ModelSpec(ridge=(0.01, 0.1), boosting=BoostingSpec(trees=30, bags=1), threads=1, bootstrap=60)
SOURCE = WonAmount(kind="won_amount", gross_margin_rate=0.4)


@cache
def nothing() -> History:
    accounts = pd.DataFrame({"account_id": pd.Series(["a"], dtype="str")})
    return History.of(Tables({"accounts": accounts}), until=pd.Timestamp("2026-01-01", tz="UTC"))


def valued_market(seed: int = 0) -> TrainingSet:
    """Conversions are worth 1 to 8 thousand, the more the better the fit; past value says nothing."""
    rows = market(accounts=400, dates=12, strength=1.5, seed=seed)
    rng = np.random.default_rng(seed + 100)
    worth = 1000 * np.exp(2 * rows.features["fit_total"].to_numpy() + rng.normal(0, 0.3, len(rows)))
    return replace(rows, value=np.where(rows.converted, worth, np.nan), past_value=rng.random(len(rows)))


ROWS = valued_market()


# Made when a test asks, because every worker reads every file.
@cache
def trained() -> Outcome:
    return train_ladder(ROWS, SplitSpec(), QUICK)


def train(rows: TrainingSet = ROWS, outcome: Outcome | None = None, **source: Any) -> Valued:
    return train_value(rows, outcome or trained(), SOURCE.model_copy(update=source), SOURCE.recorded(nothing()), QUICK)


@cache
def valued() -> Valued:
    return train()


def test_expected_value_is_probability_times_worth_times_margin() -> None:
    value = valued().value
    assert isinstance(value, Value)
    p = np.linspace(0, 1, len(ROWS))
    columns = value.columns(ROWS.features, p)
    np.testing.assert_allclose(columns["expected_value"], p * columns["expected_deal_value"] * 0.4)
    assert (columns["expected_deal_value"] > 0).all()


def test_the_test_part_tells_errors_of_volume_from_errors_of_value() -> None:
    test = valued().results["test"]
    assert test["value_ratio"] == pytest.approx(1, abs=0.1)
    assert test["total_ratio_ci"][0] < test["total_ratio"] < test["total_ratio_ci"][1]
    held = ROWS.take(trained().windows.test)
    assert held.value is not None and trained().test_probability is not None
    assert test["realised"] == pytest.approx(np.nansum(held.value))
    assert test["volume_ratio"] == pytest.approx(trained().test_probability.sum() / held.converted.sum())


def test_ranking_by_value_holds_more_of_it_than_ranking_by_probability_or_by_the_past() -> None:
    test = valued().results["test"]
    assert test["top_decile_share"] > test["top_decile_share_by_probability"]
    assert test["top_decile_share"] > test["past_value"]["top_decile_share"]


def test_the_largest_deal_and_the_cap_are_reported() -> None:
    assert ROWS.value is not None
    value = ROWS.value.copy()
    place = int(np.flatnonzero(ROWS.converted & trained().windows.test)[0])
    value[place] = 1e9
    found = train(replace(ROWS, value=value))
    shipped, test = found.results["shipped"], found.results["test"]
    assert shipped["largest"] == 1e9 and shipped["largest_share"] > 0.9
    assert shipped["capped_rows"] == pytest.approx(0.01 * shipped["rows"], abs=2)
    assert shipped["capped_away_share"] > 0.9
    assert test["largest_share"] > 0.9
    assert test["total_ratio"] < 0.1 and test["total_ratio_without_largest"] == pytest.approx(1, abs=0.25)


def test_nothing_after_the_test_begins_is_used_for_its_figures() -> None:
    """A test row's value must move its realised side only."""
    assert ROWS.value is not None
    doubled = replace(ROWS, value=np.where(trained().windows.test, 2 * ROWS.value, ROWS.value))
    before, after = valued().results["test"], train(doubled).results["test"]
    assert after["total_ratio"] == pytest.approx(before["total_ratio"] / 2)


def test_few_wins_get_the_pooled_value() -> None:
    found = train(min_wins=10_000)
    assert found.results["shipped"]["kind"] == "pooled"
    assert found.value is not None
    assert found.value.severity.values(ROWS.features.iloc[:5]).std() == 0


def test_unknown_values_are_left_out_and_said() -> None:
    assert ROWS.value is not None
    hidden = np.random.default_rng(0).random(len(ROWS)) < 0.3
    found = train(replace(ROWS, value=np.where(hidden, np.nan, ROWS.value)))
    assert len(found.warnings) == 1 and "have no value and are not learnt from" in found.warnings[0]
    assert found.results["test"]["value_ratio"] == pytest.approx(1, abs=0.1)
    assert valued().warnings == ()


def test_new_customers_have_no_past_to_compare_with() -> None:
    assert train(replace(ROWS, past_value=np.zeros(len(ROWS)))).results["test"]["past_value"] is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"value": None}, "the data do not say what a conversion is worth"),
        ({"value": np.full(len(ROWS), np.nan)}, "no conversion has a positive value"),
        ({"value": np.zeros(len(ROWS))}, "no conversion has a positive value"),
    ],
)
def test_without_values_nothing_is_expected(change: dict[str, Any], why: str) -> None:
    found = train(replace(ROWS, **change))
    assert found.value is None and found.results["reason"] == why and found.results["shipped"] is None


def test_without_a_probability_nothing_is_expected() -> None:
    profile = train_ladder(ROWS, SplitSpec(), QUICK.model_copy(update={"kind": "profile"}))
    found = train(outcome=profile)
    assert found.value is None and found.results["reason"] == "no probability is claimed"


def test_rows_get_their_values_from_the_history() -> None:
    deals = pd.DataFrame(
        {
            "opportunity_id": ["o"],
            "account_id": [ROWS.account_id[0]],
            "created_at": pd.Series([pd.Timestamp("2024-12-01", tz="UTC")]).astype("datetime64[us, UTC]"),
            "closed_at": pd.Series([pd.Timestamp("2025-01-11", tz="UTC")]).astype("datetime64[us, UTC]"),
            "is_won": pd.array([True], dtype="boolean"),
            "amount": [77.0],
        }
    )
    ids = pd.DataFrame({"account_id": pd.Series(sorted(set(ROWS.account_id.tolist())), dtype="str")})
    history = History.of(Tables({"accounts": ids, "opportunities": deals}), until=pd.Timestamp("2026-06-01", tz="UTC"))
    everybody = replace(ROWS, converted=np.ones(len(ROWS), bool), value=None, past_value=None)
    found = with_values(everybody, SOURCE, SOURCE.recorded(history))
    own = np.flatnonzero(ROWS.account_id == ROWS.account_id[0])
    assert found.value is not None and found.past_value is not None
    assert found.value[own[0]] == 77.0 and np.isnan(found.value[own[1]])
    assert found.past_value[own].tolist()[:4] == [0.0, 77.0, 77.0, 77.0]
    assert np.isnan(np.delete(found.value, own[0])).all()
    assert with_values(everybody, NoValue(), NoValue().recorded(history)).value is None
    others = replace(everybody, converted=np.arange(len(ROWS)) == own[1])
    nobody = with_values(others, SOURCE, SOURCE.recorded(history))
    assert nobody.value is not None and np.isnan(nobody.value).all()
