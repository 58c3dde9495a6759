from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from abm_scoring.errors import ConfigError
from abm_scoring.learning.specs import SplitSpec
from abm_scoring.learning.splits import Windows, split

START = np.datetime64("2025-01-01T00:00:00.000000")
DAY = np.timedelta64(1, "D")


def days(*offsets: float) -> np.ndarray:
    return START + (np.array(offsets) * 86400e6).astype("timedelta64[us]")


def monthly(n: int) -> np.ndarray:
    return np.array([f"2025-{m + 1:02d}-01" for m in range(n)], dtype="datetime64[us]")


def given_dates() -> st.SearchStrategy[date | None]:
    return st.none() | st.dates(date(2024, 12, 1), date(2026, 6, 1))


@settings(max_examples=150)
@given(
    offsets=st.lists(st.integers(0, 400), max_size=40),
    hours=st.sampled_from([0, 7]),
    embargo=st.none() | st.integers(0, 120),
    choose_from=given_dates(),
    test_from=given_dates(),
    test_share=st.floats(0.05, 0.9),
    choose_share=st.floats(0.05, 0.9),
)
@example([0, 10, 10, 20], 0, 0, None, date(2025, 1, 11), 0.25, 0.3)
def test_laws(
    offsets: list[int],
    hours: int,
    embargo: int | None,
    choose_from: date | None,
    test_from: date | None,
    test_share: float,
    choose_share: float,
) -> None:
    if choose_from and test_from and choose_from >= test_from:
        return
    as_of = days(*(o + hours / 24 for o in offsets)) if offsets else np.empty(0, "datetime64[us]")
    spec = SplitSpec(
        choose_from=choose_from,
        test_from=test_from,
        embargo_days=embargo,
        test_share=test_share,
        choose_share=choose_share,
    )
    w = split(as_of, spec, 90)
    gap = np.timedelta64(90 if embargo is None else embargo, "D")
    assert not (w.train & w.choose).any()
    assert not (w.before_test & w.test).any()
    assert not ((w.train | w.choose) & ~w.before_test).any()
    if w.test_from:
        begin = np.datetime64(w.test_from, "us")
        assert w.test.any()
        assert (w.test == (as_of >= begin)).all()
        assert (w.before_test == ((as_of + gap <= begin) & (as_of < begin))).all()
        assert test_from in (None, w.test_from)
    else:
        assert not w.test.any() and w.before_test.all()
        assert any("test part" in warning for warning in w.warnings)
    if w.choose_from:
        begin = np.datetime64(w.choose_from, "us")
        assert w.train.any() and w.choose.any()
        assert (w.train == ((as_of + gap <= begin) & (as_of < begin) & w.before_test)).all()
        assert (w.choose == ((as_of >= begin) & w.before_test)).all()
        assert choose_from in (None, w.choose_from)
    else:
        assert not w.choose.any() and (w.train == w.before_test).all()
        assert any("choosing part" in warning for warning in w.warnings)


def shares(w: Windows) -> tuple[int, int, int]:
    return int(w.train.sum()), int(w.choose.sum()), int(w.test.sum())


def test_without_an_embargo_the_shares_are_met() -> None:
    w = split(days(*range(100)), SplitSpec(embargo_days=0, test_share=0.25, choose_share=0.4), 90)
    assert shares(w) == (45, 30, 25)


@settings(max_examples=12)
@given(st.lists(st.integers(0, 15), min_size=4, max_size=12), st.integers(0, 6))
def test_placed_dates_maximise_the_weighted_logarithms(offsets: list[int], embargo: int) -> None:
    as_of, spec = days(*offsets), SplitSpec(embargo_days=embargo, test_share=0.3, choose_share=0.4)
    weights = np.array([0.7 * 0.6, 0.7 * 0.4, 0.3])

    def utility(w: Windows) -> float:
        with np.errstate(divide="ignore"):
            return float(weights @ np.log(np.array(shares(w))))

    best = -np.inf
    for choose in range(16):
        for test in range(choose + 1, 16):
            first, last = (START + d * DAY for d in (choose, test))
            dated = spec.model_copy(update={"choose_from": first.item().date(), "test_from": last.item().date()})
            best = max(best, utility(split(as_of, dated, 90)))
    placed = split(as_of, spec, 90)
    if placed.test_from is None:
        assert best == -np.inf
    else:
        assert utility(placed) == pytest.approx(best)


def test_eight_monthly_snapshots_are_enough_for_three_parts() -> None:
    w = split(np.repeat(monthly(8), 10), SplitSpec(), 90)
    assert min(shares(w)) >= 10
    assert w.warnings == ()


def test_a_row_whose_label_ends_where_the_next_part_begins_belongs_to_the_earlier_part() -> None:
    spec = SplitSpec(choose_from=date(2025, 1, 31), test_from=date(2025, 3, 2), embargo_days=30)
    w = split(days(0, 1, 30, 31, 60), spec, 30)
    assert w.train.tolist() == [True, False, False, False, False]
    assert w.choose.tolist() == [False, False, True, False, False]
    assert w.test.tolist() == [False, False, False, False, True]


def test_without_an_embargo_a_row_at_the_start_of_a_part_belongs_to_that_part_alone() -> None:
    spec = SplitSpec(choose_from=date(2025, 1, 11), test_from=date(2025, 1, 21), embargo_days=0)
    w = split(days(9, 10, 20), spec, 90)
    assert (w.train.tolist(), w.choose.tolist(), w.test.tolist()) == (
        [True, False, False],
        [False, True, False],
        [False, False, True],
    )


def test_a_short_embargo_is_warned_about_in_words() -> None:
    w = split(days(*range(100)), SplitSpec(embargo_days=10), 90)
    assert "embargo of 10 days is shorter than the horizon of 90 days" in w.warnings[0]


@pytest.mark.parametrize(("months", "has_choose"), [(1, False), (3, False), (6, True)])
def test_short_history_gives_up_the_test_first_and_says_so(months: int, has_choose: bool) -> None:
    w = split(np.repeat(monthly(months), 5), SplitSpec(), 90)
    assert w.test_from is None and w.before_test.all()
    assert (w.choose_from is not None) == has_choose
    assert any("not enough history for a test part" in warning for warning in w.warnings)


def test_a_given_test_date_stands_even_if_nothing_can_be_chosen_before_it() -> None:
    w = split(monthly(3), SplitSpec(test_from=date(2025, 3, 1), embargo_days=0, choose_from=date(2024, 1, 1)), 90)
    assert w.test_from == date(2025, 3, 1)
    assert w.choose_from is None
    assert w.before_test.sum() == 2


def test_dates_begin_in_the_project_time_zone() -> None:
    midnight_in_vienna = np.array(["2025-02-28T23:00", "2025-03-31T22:00"], dtype="datetime64[us]")
    spec = SplitSpec(test_from=date(2025, 4, 1), choose_from=date(2025, 3, 1), embargo_days=0)
    assert split(midnight_in_vienna, spec, 30, "Europe/Vienna").test.tolist() == [False, True]
    assert split(midnight_in_vienna, spec, 30, "UTC").test.tolist() == [False, False]


def test_dates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose_from 2025-03-01 is not before test_from 2025-03-01"):
        split(monthly(8), SplitSpec(choose_from=date(2025, 3, 1), test_from=date(2025, 3, 1)), 90)


def test_many_dates_are_thinned_without_losing_the_shares() -> None:
    w = split(days(*range(3000)), SplitSpec(embargo_days=0), 90)
    assert np.abs(np.array(shares(w)) / 3000 - [0.525, 0.225, 0.25]).max() < 0.01
