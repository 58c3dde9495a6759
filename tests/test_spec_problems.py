from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.spec_problems import near

KEYS = ("windows_days", "columns", "kind", "horizon_days", "path")


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("colums", "columns"),
        ("Columns", "columns"),
        ("window-days", "windows_days"),
        ("horizon days", "horizon_days"),
        ("pth", "path"),
        ("knid", "kind"),
    ],
)
def test_a_mistyped_word_is_recognised(word: str, meant: str) -> None:
    assert near(word, KEYS) == f'did you mean "{meant}"?'


@pytest.mark.parametrize("word", ["", "zzz", "tomorrow"])
def test_nothing_is_suggested_where_nothing_is_near(word: str) -> None:
    assert near(word, KEYS) == ""


@given(st.sampled_from(KEYS), st.data())
def test_one_letter_left_out_is_always_recognised(key: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(key) - 1))
    assert near(key[:cut] + key[cut + 1 :], KEYS) == f'did you mean "{key}"?'


def test_of_words_that_differ_in_case_only_the_first_is_meant() -> None:
    assert near("YES", ["yes", "Yes"]) == 'did you mean "yes"?'
