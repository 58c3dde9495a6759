from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.shares import ShareTable, share_table


def test_it_is_the_share_of_training_values_below() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    table = share_table(values)
    probes = np.linspace(-2.5, 2.5, 41)
    below = [100 * (values < x).mean() for x in probes]
    np.testing.assert_allclose(table.share(probes), below, atol=0.5)


@settings(max_examples=100)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.lists(st.floats(-5, 5), max_size=20))
def test_laws(values: list[int], probes: list[float]) -> None:
    table = share_table(np.array(values, float))
    shares = table.share(np.sort(np.array(probes, float)))
    assert ((shares >= 0) & (shares <= 100)).all()
    assert (np.diff(shares) >= 0).all()
    assert table.share(np.array([min(values), max(values) + 1.0])).tolist() == [0, 100]


def test_equal_values_have_the_share_below_all_of_them() -> None:
    table = share_table(np.array([0.0] * 50 + [1.0] * 50))
    assert table.share(np.array([1.0]))[0] == pytest.approx(50, abs=1)
    assert table.share(np.array([0.0]))[0] == 0


def test_without_values_nothing_is_claimed() -> None:
    assert np.isnan(ShareTable(quantiles=()).share(np.zeros(2))).all()
    assert share_table(np.empty(0)) == ShareTable(quantiles=())


def test_a_single_batch_and_rows_one_by_one_agree() -> None:
    table = share_table(np.arange(30.0))
    probes = np.linspace(-1, 31, 77)
    assert table.share(probes).tolist() == [table.share(probes[i : i + 1])[0] for i in range(77)]
