"""Intervals: widths against theory and an exact oracle, streams that are no copies of each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.roi import bootstrap
from abm_scoring.roi.bootstrap import ratio_draws, ratio_interval, resampled_sums, sparse_sums, wilson

RNG = np.random.default_rng(20)
MANY = 3000
NUM, DEN = RNG.lognormal(0, 1, MANY), RNG.gamma(2, 1, MANY)


def delta_width(num: np.ndarray, den: np.ndarray) -> float:
    """Width of the normal 95 % interval of a ratio of sums, by linearisation."""
    rest = num - num.sum() / den.sum() * den
    return float(2 * 1.96 * rest.std() / den.mean() / math.sqrt(len(num)))


def test_the_interval_of_many_families_is_as_wide_as_theory_says() -> None:
    low, high = ratio_interval(NUM, DEN, draws=4000)
    assert low < NUM.sum() / DEN.sum() < high
    assert high - low == pytest.approx(delta_width(NUM, DEN), rel=0.06)


def test_few_families_are_drawn_with_replacement_exactly() -> None:
    # Two families, 0 of 1 and 1 of 1: the four equally likely resamples give 0, ½, ½ and 1.
    drawn = ratio_draws([0, 1], 1, draws=20_000)
    assert [np.mean(drawn == v) for v in (0, 0.5, 1)] == pytest.approx([0.25, 0.5, 0.25], abs=0.015)


def test_few_and_many_agree_where_both_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.column_stack([NUM[:600], DEN[:600]])
    poisson = resampled_sums(values, 4000)
    monkeypatch.setattr(bootstrap, "_FEW", 600)
    exact = resampled_sums(values, 4000)
    one, two = poisson[:, 0] / poisson[:, 1], exact[:, 0] / exact[:, 1]
    assert one.std() == pytest.approx(two.std(), rel=0.06)
    assert one.mean() == pytest.approx(two.mean(), abs=3 * two.std() / math.sqrt(4000) + 1e-3)


def test_rows_of_a_family_are_drawn_together() -> None:
    # Ten rows of each family say the same thing, so the interval must be as wide as that of the families alone.
    family = np.repeat(np.arange(300), 10)
    alone = ratio_interval(NUM[:300], DEN[:300])
    assert ratio_interval(NUM[:300][family], DEN[:300][family], families=family) == pytest.approx(alone)
    wrong = ratio_interval(NUM[:300][family], DEN[:300][family])
    assert wrong[1] - wrong[0] < 0.5 * (alone[1] - alone[0])


def test_weights_have_the_moments_of_poisson() -> None:
    w = bootstrap._TABLE
    assert len(w) == 1024 and w.mean() == 1 and w.var() == 1
    assert np.mean((w - 1) ** 3) == pytest.approx(1, abs=0.01)


def test_draws_are_no_copies_of_one_stream() -> None:
    # Each family's weight as a column of its own: weights of two draws must be uncorrelated, shifted by any lag too.
    n, draws = 2000, 40
    sums = np.empty((draws, n))
    offsets, columns = np.arange(n + 1), np.arange(n)
    sums[:] = sparse_sums(offsets, columns, np.ones((n, 1)), n, draws)[:, :, 0]
    assert set(np.unique(sums)) <= set(range(7))
    centred = sums - sums.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, axis=1)
    for a in range(1, draws):
        shifted = np.fft.irfft(spectrum[0] * np.conj(spectrum[a]), n) / n  # correlation at every lag
        assert np.abs(shifted).max() < 6 / math.sqrt(n)
    assert np.corrcoef(sums[:, :-1].ravel(), sums[:, 1:].ravel())[0, 1] == pytest.approx(0, abs=0.015)
    assert sums.sum(axis=1).std() == pytest.approx(math.sqrt(n), rel=0.35)


def test_sparse_and_dense_sums_are_the_same_draws() -> None:
    n = 700
    dense = resampled_sums(np.column_stack([NUM[:n], DEN[:n]]), 50, seed=3)
    columns = np.tile([0, 1], n)
    values = np.column_stack([NUM[:n], DEN[:n]]).reshape(-1, 1)
    sparse = sparse_sums(np.arange(0, 2 * n + 1, 2), columns, values, 2, 50, seed=3)
    assert sparse[:, :, 0] == pytest.approx(dense)


def test_the_seed_decides_and_nothing_else() -> None:
    assert ratio_interval(NUM, DEN, seed=1, draws=200) == ratio_interval(NUM, DEN, seed=1, draws=200)
    assert ratio_interval(NUM, DEN, seed=1, draws=200) != ratio_interval(NUM, DEN, seed=2, draws=200)


@pytest.mark.parametrize("rows", [([], []), ([1.0, 2.0], [0.0, 0.0])])
def test_a_ratio_without_a_denominator_is_undefined(rows: tuple[list[float], list[float]]) -> None:
    assert all(map(math.isnan, ratio_interval(*rows)))


def test_ids_may_be_text_and_missing() -> None:
    low, high = ratio_interval([1, 0, 1, 1], 1, families=["a", "a", None, "b"])
    assert 0 < low < high <= 1


def test_wilson_of_a_known_case() -> None:
    # 8 of 10, 95 %: Agresti & Coull (1998) and statsmodels give .4902 and .9433.
    assert wilson(8, 10) == pytest.approx((0.49016, 0.94331), abs=1e-4)
    assert all(map(math.isnan, wilson(0, 0)))


@given(n=st.integers(1, 500), share=st.floats(0, 1), level=st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=50)
def test_wilson_holds_the_share_and_mirrors(n: int, share: float, level: float) -> None:
    k = round(share * n)
    low, high = wilson(k, n, level)
    assert 0 <= low <= k / n <= high <= 1
    mirrored = wilson(n - k, n, level)
    assert (1 - high, 1 - low) == pytest.approx(mirrored)
