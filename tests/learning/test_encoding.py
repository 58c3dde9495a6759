from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.errors import BadDataError
from abm_scoring.learning.encoded_columns import NumberColumn
from abm_scoring.learning.encoding import Encoding, fit_encoding
from tests.learning.worlds import CATALOGUE, category, market, number

SOME = number("x")
NAMED = category("c")
MARKET = market(accounts=120, dates=3)
FITTED = fit_encoding(MARKET.features, CATALOGUE)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({n: pd.Series(v, dtype="str" if n == "c" else "float64") for n, v in columns.items()})


def column(encoding: Encoding, name: str = "x") -> Any:
    return next(c for c in encoding.columns if c.name == name)


@settings(max_examples=40)
@given(order=st.permutations(list(MARKET.features.columns)))
def test_columns_are_found_by_name_and_extra_ones_ignored(order: list[str]) -> None:
    shuffled = MARKET.features[order].assign(zzz=1.0)
    assert (FITTED.design(shuffled) == FITTED.design(MARKET.features)).all()
    np.testing.assert_array_equal(FITTED.matrix(shuffled), FITTED.matrix(MARKET.features))


def test_it_survives_json() -> None:
    replayed = Encoding.model_validate_json(FITTED.model_dump_json())
    assert replayed == FITTED
    assert (replayed.design(MARKET.features) == FITTED.design(MARKET.features)).all()


def test_the_order_of_training_rows_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(len(MARKET))
    shuffled = fit_encoding(MARKET.features.iloc[order].reset_index(drop=True), CATALOGUE)
    assert column(shuffled, "sector") == column(FITTED, "sector")
    np.testing.assert_allclose(shuffled.design(MARKET.features), FITTED.design(MARKET.features), atol=1e-12)


def test_a_design_has_training_mean_zero() -> None:
    assert np.abs(FITTED.design(MARKET.features).mean(axis=0)).max() < 1e-12
    assert FITTED.design(MARKET.features).shape[1] == sum(FITTED.widths)


@settings(max_examples=30)
@given(st.lists(st.floats(-2, 2), min_size=12, max_size=12))
def test_effects_are_the_design_times_the_weights(weights: list[float]) -> None:
    block = np.array(weights)
    for c in FITTED.columns:
        expected = c.design(MARKET.features) @ block[: c.width]
        np.testing.assert_allclose(c.effect(MARKET.features, block[: c.width]), expected, atol=1e-12)


def test_a_missing_column_is_refused_by_name() -> None:
    with pytest.raises(BadDataError, match="feature 'any_recency' is missing"):
        FITTED.matrix(MARKET.features.drop(columns="any_recency"))


@pytest.mark.fault(35)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers_are_refused(value: float) -> None:
    with pytest.raises(BadDataError, match="'x' is infinite in 1 rows"):
        fit_encoding(frame(x=[1.0, value]), (SOME,))
    fitted = fit_encoding(frame(x=[1.0, 2.0]), (SOME,))
    with pytest.raises(BadDataError, match="infinite"):
        fitted.design(frame(x=[value]))


def test_text_for_a_number_and_numbers_for_a_category_are_refused() -> None:
    with pytest.raises(BadDataError, match="'x' must be a number, not str"):
        fit_encoding(pd.DataFrame({"x": ["1", "2"]}), (SOME,))
    with pytest.raises(BadDataError, match="'c' must be text, not int64"):
        fit_encoding(pd.DataFrame({"c": [1, 2]}), (NAMED,))


def test_names_must_be_unique() -> None:
    with pytest.raises(BadDataError, match=r"repeat: \['x'\]"):
        fit_encoding(frame(x=[1.0, 2.0]), (SOME, SOME))


def test_what_does_not_vary_is_left_out_with_the_reason() -> None:
    data = frame(x=[1.0] * 30, y=[np.nan] * 30, c=["a"] * 30).assign(d=pd.Series([f"v{i}" for i in range(30)]))
    fitted = fit_encoding(data, (SOME, number("y"), NAMED, category("d")))
    assert fitted.columns == ()
    assert fitted.names == ("x", "y", "c", "d")
    assert fitted.dropped == {
        "x": "the same value in every training row",
        "y": "no value in any training row",
        "c": "the same value in every training row",
        "d": "no value in as many as 20 training rows",
    }
    assert fitted.design(data).shape == (30, 0)


def test_a_constant_that_is_sometimes_missing_keeps_its_indicator() -> None:
    fitted = fit_encoding(frame(x=[1.0] * 30 + [np.nan] * 30), (SOME,))
    assert fitted.design(frame(x=[1.0, np.nan])).tolist() == [[0.0, -0.5], [0.0, 0.5]]


def test_missing_numbers_are_average_and_marked() -> None:
    x = [*np.linspace(0, 1, 60), *[np.nan] * 20]
    design = fit_encoding(frame(x=x), (SOME,)).design(frame(x=[np.nan, 0.5]))
    np.testing.assert_allclose(design, [[0, 0.75], [0, -0.25]], atol=1e-12)


def test_few_missing_numbers_get_no_indicator() -> None:
    fitted = fit_encoding(frame(x=[*range(50), *[np.nan] * 5]), (SOME,))
    assert column(fitted).missing_share is None
    assert fitted.design(frame(x=[np.nan])).tolist() == [[0.0]]


def test_heavy_tails_are_put_on_a_logarithmic_scale_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    data = frame(heavy=rng.lognormal(0, 2, 500), even=rng.random(500), normal=rng.normal(5, 1, 500))
    fitted = fit_encoding(data, tuple(number(n) for n in data))
    assert [c.log for c in fitted.columns if isinstance(c, NumberColumn)] == [True, False, False]


def test_nothing_is_extrapolated() -> None:
    fitted = fit_encoding(frame(x=[0.0, 1.0, 2.0]), (SOME,))
    wild = fitted.design(frame(x=[-1e9, 0.0, 2.0, 1e9]))[:, 0]
    assert wild[0] == wild[1] and wild[2] == wild[3]


@pytest.mark.fault(33)
def test_rare_unseen_and_missing_levels_share_a_bucket_and_unseen_ones_are_counted() -> None:
    fitted = fit_encoding(frame(c=["a"] * 50 + ["b"] * 30 + ["r"] * 5 + [None] * 15), (NAMED,))
    learnt = column(fitted, "c")
    assert (learnt.levels, learnt.rare) == (("a", "b"), ("r",))
    assert learnt.shares == pytest.approx((0.5, 0.3, 0.2))
    new = frame(c=["a", "b", "r", None, "new", "newer", "new"])
    one_hot = fitted.design(new) + np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(one_hot.argmax(axis=1), [0, 1, 2, 2, 2, 2, 2])
    np.testing.assert_array_equal(fitted.matrix(new)[:, 0], [0, 1, *[np.nan] * 5])
    assert fitted.unseen(new) == {"c": 3}
    assert fitted.unseen(new.iloc[:4]) == {}


@pytest.mark.fault(29)
def test_the_text_na_is_a_level_like_any_other() -> None:
    fitted = fit_encoding(frame(c=["NA"] * 30 + ["DE"] * 40), (NAMED,))
    assert column(fitted, "c").levels == ("DE", "NA")


def test_levels_of_equal_frequency_are_ordered_by_name() -> None:
    a = fit_encoding(frame(c=["b"] * 20 + ["a"] * 20), (NAMED,))
    b = fit_encoding(frame(c=["a"] * 20 + ["b"] * 20), (NAMED,))
    assert a == b


def test_trees_see_numbers_as_they_are() -> None:
    fitted = fit_encoding(frame(x=[0.0, 1.0, 1e6]), (SOME,))
    np.testing.assert_array_equal(fitted.matrix(frame(x=[-5.0, np.nan, 1e9]))[:, 0], [-5.0, np.nan, 1e9])


def test_features_can_be_left_out_later() -> None:
    fewer = FITTED.without({"sector": "too telling"})
    assert "sector" not in [c.name for c in fewer.columns]
    assert fewer.dropped["sector"] == "too telling"
    assert fewer.names == FITTED.names
