"""Rows into accounts and time order, against numpy's sort; codes and periods against plain counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.data.text_columns import text_of
from abm_scoring.features import sorting
from abm_scoring.features.relations import local_periods, localise, tied_rows
from abm_scoring.features.sorting import by_account, gather
from abm_scoring.features.text import TextIndex

SPREADS = {
    "even": lambda r, n: r.integers(0, 10**14, n),
    "few moments": lambda r, n: r.integers(0, 3, n),
    "a burst and an outlier": lambda r, n: np.where(r.random(n) < 0.02, -(10**15), r.integers(10**15, 10**15 + 50, n)),
    "centuries": lambda r, n: r.integers(-(2**62), 2**62, n),
    "ascending": lambda r, n: np.sort(r.integers(0, 10**14, n)),
}


@pytest.mark.parametrize("spread", SPREADS)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 3_000), accounts=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_rows_come_by_account_then_moment_and_none_is_lost(spread: str, seed: int, n: int, accounts: int) -> None:
    r = np.random.default_rng(seed)
    account = r.integers(-1, accounts, n).astype(np.int32)
    moment = SPREADS[spread](r, n).astype(np.int64)
    offsets, order, when = by_account(account, moment, accounts)
    kept = np.flatnonzero(account >= 0)
    assert sorted(order.tolist()) == kept.tolist()
    expected = kept[np.lexsort((moment[kept], account[kept]))]
    np.testing.assert_array_equal(when, moment[expected])
    np.testing.assert_array_equal(moment[order], when)
    np.testing.assert_array_equal(account[order], account[expected])
    np.testing.assert_array_equal(offsets, np.searchsorted(account[expected], np.arange(accounts + 1)))
    np.testing.assert_array_equal(gather(moment, order), when)


@given(seed=st.integers(0, 10_000), n=st.integers(0, 30_000), accounts=st.sampled_from([1, 4_096, 4_097, 20_000]))
@settings(max_examples=25, deadline=None)
def test_scattering_block_by_block_is_scattering_at_once(seed: int, n: int, accounts: int) -> None:
    r = np.random.default_rng(seed)
    account, moment = r.integers(-1, accounts, n).astype(np.int32), r.integers(0, 10**14, n)
    offsets = sorting._offsets(account, accounts)
    (order, when), (rows, moments) = (
        (np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int64)) for _ in range(2)
    )
    sorting._scatter(account, moment, offsets, order, when)
    sorting._scatter_in_blocks(account, moment, offsets, rows, moments)
    np.testing.assert_array_equal(rows, order)
    np.testing.assert_array_equal(moments, when)


@given(known=st.lists(st.text(max_size=12), unique=True), asked=st.lists(st.none() | st.text(max_size=12)))
@settings(max_examples=100, deadline=None)
def test_a_text_is_found_at_its_place_or_not_at_all(known: list[str], asked: list[str | None]) -> None:
    asked = [*asked, *known, *(f"{text}\0" for text in known)]
    place = {text: i for i, text in enumerate(known)}
    found = TextIndex.of(pd.Series(known, dtype="str")).codes(text_of(pd.Series(asked, dtype="str")))
    assert found.tolist() == [-1 if text is None else place.get(text, -1) for text in asked]


def test_texts_that_share_a_slot_are_told_apart() -> None:
    # 5 000 texts at up to a quarter of the slots: hundreds of them find their first slot taken.
    known = pd.Series([f"account {i}" for i in range(5_000)], dtype="str")
    strangers = pd.Series([f"nobody {i}" for i in range(5_000)], dtype="str")
    index = TextIndex.of(known)
    np.testing.assert_array_equal(index.codes(text_of(known)), np.arange(5_000))
    assert (index.codes(text_of(strangers)) == -1).all()


@given(seed=st.integers(0, 10_000), length=st.sampled_from([1, 7, 86_400]), shift=st.sampled_from([0, 3]))
@settings(max_examples=50, deadline=None)
def test_periods_are_counted_from_the_first_event_also_before_1970(seed: int, length: int, shift: int) -> None:
    r = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(r.integers(0, 30, 12))])
    when = np.concatenate([np.sort(r.integers(-(10**6), 10**6, n)) for n in np.diff(offsets)] or [np.zeros(0)]).astype(
        "int64"
    )
    found = local_periods(offsets, when, length, shift)
    for a in range(12):
        own = when[offsets[a] : offsets[a + 1]]
        if len(own):
            expected = (own + shift) // length - (own[0] + shift) // length
            np.testing.assert_array_equal(found[offsets[a] : offsets[a + 1]], expected)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_local_codes_number_the_values_of_each_account(seed: int) -> None:
    r = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(r.integers(0, 60, 9))])
    values = r.integers(0, 20, offsets[-1]).astype(np.uint64)
    found = localise(offsets, values)
    for a in range(9):
        seen: dict[int, int] = {}
        for i in range(offsets[a], offsets[a + 1]):
            assert found[i] == (seen.setdefault(int(values[i]), len(seen)) if values[i] else -1)


def test_ties_are_neighbours_of_one_account_only() -> None:
    offsets = np.array([0, 3, 3, 6])
    assert tied_rows(offsets, np.array([1, 1, 2, 2, 5, 5])).tolist() == [0, 1, 4, 5]
