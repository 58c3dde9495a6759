from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.folds import inner_folds
from tests.learning.worlds import market


@settings(max_examples=25)
@given(dates=st.integers(6, 14), embargo=st.integers(0, 60), seed=st.integers(0, 5))
def test_forward_folds_keep_the_embargo_and_check_each_row_once(dates: int, embargo: int, seed: int) -> None:
    rows = market(accounts=40, dates=dates, level=0.0, seed=seed)
    folds = inner_folds(rows, embargo, seed)
    checked = np.concatenate([check for _, check in folds])
    assert len(np.unique(checked)) == len(checked)
    for fit, check in folds:
        assert rows.as_of[fit].max() + np.timedelta64(embargo, "D") <= rows.as_of[check].min()
        assert not set(fit) & set(check)


@pytest.mark.parametrize("dates", [1, 2])
def test_short_history_falls_back_to_families_which_stay_whole(dates: int) -> None:
    rows = market(accounts=200, dates=dates, level=0.0)
    folds = inner_folds(rows, 90, seed=3)
    assert len(folds) == 5
    assert sorted(np.concatenate([check for _, check in folds])) == list(range(len(rows)))
    for fit, check in folds:
        assert not set(rows.family[fit]) & set(rows.family[check])


def test_folds_without_both_outcomes_are_not_used() -> None:
    rows = market(accounts=60, dates=1, level=-20.0)
    assert inner_folds(rows, 0, seed=0) == []
