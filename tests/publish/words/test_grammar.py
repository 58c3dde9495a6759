"""Plural forms and figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.publish.words.grammar import GRAMMARS, shown

# Unicode CLDR 46, supplemental/plurals.xml (cardinals): the samples that it lists for each rule.
SAMPLES: dict[tuple[str, str], list[float]] = {
    ("en", "one"): [1],
    ("en", "other"): [0, 2, 16, 100, 1000, 1.5, 0.1],
    ("de", "one"): [1],
    ("de", "other"): [0, 2, 16, 100, 1000, 1.5, 0.1],
    ("ru", "one"): [1, 21, 31, 41, 51, 61, 71, 81, 101, 1001],
    ("ru", "few"): [2, 3, 4, 22, 23, 24, 32, 33, 34, 42, 102, 1002],
    ("ru", "many"): [0, 5, 11, 12, 13, 14, 19, 20, 100, 111, 112, 1000, 1000000],
    ("ru", "other"): [0.1, 1.5, 10.5],
    ("ro", "one"): [1],
    ("ro", "few"): [0, 2, 16, 19, 101, 102, 119, 1001, 0.1, 1.5],
    ("ro", "other"): [20, 35, 99, 100, 120, 1000, 1000000],
}


@pytest.mark.parametrize(("language", "category"), SAMPLES)
def test_plural_categories(language: str, category: str) -> None:
    grammar = GRAMMARS[language]
    assert category in grammar.categories
    for n in SAMPLES[language, category]:
        assert grammar.plural(n) == category, n
        assert grammar.plural(-n) == category, -n


@given(st.sampled_from(sorted(GRAMMARS)), st.floats(0, 1e9))
@settings(max_examples=200, deadline=None)
def test_every_number_has_a_form(language: str, n: float) -> None:
    assert GRAMMARS[language].plural(n) in GRAMMARS[language].categories


@pytest.mark.parametrize(
    ("n", "english", "german"),
    [
        (0, "0", "0"),
        (-0.0, "0", "0"),
        (7, "7", "7"),
        (1200, "1 200", "1 200"),
        (12_000_000, "12 000 000", "12 000 000"),
        (-1200, "-1 200", "-1 200"),
        (12.44, "12.4", "12,4"),
        (2.1, "2.1", "2,1"),
        (0.0372, "0.0372", "0,0372"),
        (99.96, "100", "100"),
        (1234.5, "1 234", "1 234"),
        (3.000001, "3", "3"),
        (1e-20, "0", "0"),
    ],
)
def test_figures(n: float, english: str, german: str) -> None:
    assert GRAMMARS["en"].number(n) == english
    assert GRAMMARS["de"].number(n) == german


@given(st.floats(-1e12, 1e12))
@settings(max_examples=300, deadline=None)
def test_figures_are_true_to_three_digits(n: float) -> None:
    text = GRAMMARS["en"].number(n)
    assert abs(float(text.replace(" ", "")) - n) <= 0.00501 * abs(n) + 1e-12
    assert "e" not in text
    assert GRAMMARS["en"].number(shown(n)) == text


def test_percent() -> None:
    grammar = GRAMMARS["en"]
    assert [grammar.percent(x) for x in (0, 0.004, 0.834, 1)] == ["0 %", "0 %", "83 %", "100 %"]
