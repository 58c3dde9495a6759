"""Drift: truths about PSI, and what counts as drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.reference import Histogram
from abm_scoring.monitoring.drift import FEWEST_EXPECTED, DriftSpec, compare, joined, psi, threshold

COUNTS = st.lists(st.integers(0, 200), min_size=3, max_size=12)


def test_psi_of_a_table_that_can_be_counted_by_hand() -> None:
    # (p - q) ln(p / q) with p = (20.5, 10.5) / 31 and q = (10.5, 20.5) / 31: twice 10 / 31 · ln(20.5 / 10.5)
    assert psi(np.array([20, 10]), np.array([10, 20])) == pytest.approx(2 * 10 / 31 * np.log(20.5 / 10.5))


@settings(max_examples=50)
@given(COUNTS, st.data())
def test_psi_is_symmetric_never_negative_and_zero_for_equal_shares(now: list[int], data: st.DataObject) -> None:
    before = data.draw(st.lists(st.integers(0, 200), min_size=len(now), max_size=len(now)))
    assert psi(np.array(now), np.array(before)) == pytest.approx(psi(np.array(before), np.array(now)))
    assert psi(np.array(now), np.array(before)) >= 0
    assert psi(np.array(now), np.array(now)) == pytest.approx(0)


@settings(max_examples=50)
@given(COUNTS, st.data(), st.booleans())
def test_joined_bins_lose_no_row_and_are_filled(now: list[int], data: st.DataObject, ordered: bool) -> None:
    before = data.draw(st.lists(st.integers(0, 200), min_size=len(now), max_size=len(now)))
    a, b = joined(np.array(now), np.array(before), ordered)
    assert a.sum() == (sum(now) if len(a) else 0) or sum(now) + sum(before) == 0
    assert b.sum() == (sum(before) if len(b) else 0) or sum(now) + sum(before) == 0
    if len(a) > 1:
        pooled = a + b
        assert (pooled / pooled.sum() * min(a.sum(), b.sum()) >= FEWEST_EXPECTED - 1e-9).all()


def test_the_threshold_falls_with_size_and_knows_nothing_of_nothing() -> None:
    limits = [threshold(10, n, 5000, 0.05) for n in (100, 1000, 10_000)]
    assert limits == sorted(limits, reverse=True)
    # chi-squared with 9 degrees of freedom has its 95 % quantile at 16.92.
    assert limits[0] == pytest.approx(16.919 * (1 / 100 + 1 / 5000), rel=1e-4)
    assert threshold(1, 100, 100, 0.05) == threshold(10, 0, 100, 0.05) == float("inf")


def histogram(name: str, *counts: int) -> Histogram:
    return Histogram(name=name, kind="number", edges=tuple(range(len(counts) - 2)), counts=counts)


def test_a_source_that_went_silent_is_told_as_missing() -> None:
    before = histogram("visits", 400, 300, 200, 100)
    (found,) = compare([before], {"visits": np.array([10, 0, 0, 490])}, DriftSpec())
    assert found.drifted and found.more_missing(0.1)
    assert (found.missing, found.missing_before) == (0.98, 0.1)


def test_what_is_certain_but_small_is_no_drift_and_features_share_the_level() -> None:
    before = histogram("visits", 50_000, 50_000, 0)
    now = {"visits": np.array([51_000, 49_000, 0])}
    (found,) = compare([before], now, DriftSpec())
    assert not found.drifted and found.threshold == 0.05
    (alone,) = compare([before], now, DriftSpec(floor=0))
    (one_of_many,) = compare([before], now, DriftSpec(floor=0), extra=149)
    assert alone.drifted and one_of_many.threshold and alone.threshold
    assert one_of_many.threshold > alone.threshold


def test_nothing_to_compare_is_no_drift() -> None:
    before = histogram("visits", 50, 50, 0)
    (found,) = compare([before], {"visits": np.array([0, 0, 0])}, DriftSpec())
    assert not found.drifted
    assert compare([before], {}, DriftSpec()) == ()
    # Counts by other bins, of another version of the model, cannot be compared.
    assert compare([before], {"visits": np.array([1, 2])}, DriftSpec()) == ()


def test_categories_and_numbers_fall_into_their_bins() -> None:
    number = Histogram(name="a", kind="number", edges=(1.0, 5.0), counts=(0, 0, 0, 0))
    frame = pd.DataFrame({"a": [0.5, 1.0, 4.9, 5.0, np.nan]})
    assert number.count(frame).tolist() == [1, 2, 1, 1]
    category = Histogram(name="c", kind="category", levels=("x", "y"), counts=(0, 0, 0, 0))
    assert category.count(pd.DataFrame({"c": ["x", "z", "y", None, "x"]})).tolist() == [2, 1, 1, 1]
