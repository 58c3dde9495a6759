from __future__ import annotations

import decimal
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.data.conversion import Converted, convert, natural_type, rows_where
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.schema import ColumnType

GERMAN = Dialect(decimal=",", thousands=".")
SWISS = Dialect(decimal=".", thousands="'")


def converted(values: list[object] | pa.Array, to: ColumnType, dialect: Dialect | None = None) -> Converted:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return convert(pa.chunked_array([array]), to, dialect or Dialect(), "UTC")


def outcome(done: Converted) -> tuple[list[object], dict[str, list[int] | None]]:
    return done.values.to_pylist(), {f.rule: None if f.rows is None else f.rows.tolist() for f in done.failures}


@pytest.mark.parametrize(
    ("texts", "dialect", "values"),
    [
        (["1", "-2.5", "+.5", "3.", "1e3", "1E-2"], Dialect(), [1, -2.5, 0.5, 3, 1000, 0.01]),
        (["1.234,5", "-12.345.678", "0,25", "999"], GERMAN, [1234.5, -12345678, 0.25, 999]),
        (
            ["1 234,5", "1\u00a0234,5", "1\u202f234\u202f567", "7"],
            Dialect(decimal=",", thousands=" "),
            [1234.5] * 2 + [1234567, 7],
        ),
        (["1'234.50", "1’234’567"], SWISS, [1234.5, 1234567]),
        (["1,234.5", "12"], Dialect(thousands=","), [1234.5, 12]),
        ([" 12 ", "\u00a07"], Dialect(), [12, 7]),
        (
            ["1.234,50 €", "€ 7", "€-7,5", "3"],
            Dialect(decimal=",", thousands=".", currency_sign="€"),
            [1234.5, 7, -7.5, 3],
        ),
        (["EUR 1.5", "2\u00a0EUR"], Dialect(currency_sign="EUR"), [1.5, 2]),
    ],
)
def test_numbers_are_read_as_declared(texts: list[str], dialect: Dialect, values: list[float]) -> None:
    assert outcome(converted(texts, "number", dialect)) == (values, {})


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("1,5", Dialect()),
        ("1.234.567", Dialect()),
        ("12.5", GERMAN),
        ("1.2345", GERMAN),
        ("1234.567", GERMAN),
        ("1 234", Dialect()),
        ("12 34", Dialect(thousands=" ")),
        ("€ 5", Dialect()),
        ("5 %", Dialect()),
        ("(5)", Dialect()),
        ("0x10", Dialect()),
        ("1_000", Dialect()),
        ("--1", Dialect()),
        (".", Dialect()),
        ("true", Dialect()),
        ("٣", Dialect()),
    ],
)
def test_what_is_no_number_in_its_dialect_fails(text: str, dialect: Dialect) -> None:
    assert outcome(converted(["7", text], "number", dialect)) == ([7, None], {"not_a_number": [1]})


@pytest.mark.parametrize("texts", [["1.234"], ["1.234", "12", "-999.000"], ["1.234", "", "5"]])
def test_numbers_that_could_be_thousands_are_refused_as_a_whole(texts: list[str]) -> None:
    assert outcome(converted(texts, "number"))[1] == {"ambiguous_number": None}
    assert outcome(converted(texts, "integer"))[1] == {"ambiguous_number": None}
    for dialect in (Dialect(decimal="."), Dialect(thousands="")):
        assert outcome(converted(texts, "number", dialect))[1] == {}


@pytest.mark.parametrize(
    "texts", [["1.234", "1.23"], ["1.234", "1234"], ["0.234"], ["12", "999"], ["1.234", "1.234e2"]]
)
def test_one_telling_value_makes_a_column_unambiguous(texts: list[str]) -> None:
    values, failures = outcome(converted(texts, "number"))
    assert failures == {}
    assert values == [float(t) for t in texts]


def test_a_telling_value_far_down_counts() -> None:
    assert outcome(converted(["1.234"] * 3000 + ["1.2"], "number"))[1] == {}


def print_number(value: float, mark: str, group: str) -> str:
    text = f"{value:,.3f}" if group else f"{value:.3f}"
    return text.replace(",", "\0").replace(".", mark).replace("\0", group)


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1),
    st.sampled_from([(".", ""), (",", "."), (",", " "), (",", "\u00a0"), (",", "\u202f"), (".", ","), (".", "'")]),
)
def test_printed_numbers_read_back(thousandths: list[int], separators: tuple[str, str]) -> None:
    mark, group = separators
    dialect = Dialect(decimal=mark, thousands=" " if group in ("\u00a0", "\u202f") else group)
    values = [t / 1000 for t in thousandths]
    assert outcome(converted([print_number(v, mark, group) for v in values], "number", dialect)) == (values, {})


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_shortest_floats_read_back_exactly(values: list[float]) -> None:
    assert outcome(converted([repr(v) for v in values], "number", Dialect(decimal="."))) == (values, {})


def test_infinite_and_nan_never_pass() -> None:
    texts = ["1", "inf", "-Infinity", "NaN", "1e999"]
    values, failures = outcome(converted(texts, "number"))
    assert values == [1, None, None, None, None]
    done = converted(texts, "number")
    assert sorted(np.concatenate([f.rows for f in done.failures])) == [1, 2, 3, 4]
    assert set(failures) == {"not_finite"}
    assert outcome(converted([1.0, float("inf"), float("nan")], "number")) == ([1, None, None], {"not_finite": [1]})


def test_whole_numbers() -> None:
    assert outcome(converted(["3", "3.0", "3.5", "x"], "integer")) == (
        [3, 3, None, None],
        {"not_a_number": [3], "not_a_whole_number": [2]},
    )
    assert outcome(converted([3.0, None], "integer")) == ([3, None], {})


def test_words_for_true_and_false() -> None:
    assert outcome(converted(["true", "NO", "1", "", "maybe"], "boolean")) == (
        [True, False, True, None, None],
        {"not_a_boolean": [4]},
    )
    russian = Dialect(true_words=["Да"], false_words=["Нет"])
    assert outcome(converted(["да", "НЕТ", "yes"], "boolean", russian)) == ([True, False, None], {"not_a_boolean": [2]})
    assert outcome(converted([0, 1, None, 2], "boolean")) == ([False, True, None, None], {"not_a_boolean": [3]})


def test_ids_stay_as_they_are_written() -> None:
    ids = ["00123", "1E5", "1e5", "NA", "None", "NULL", "1234567890123456789", "a b", "54e20", "9+1"]
    assert outcome(converted(ids, "id")) == (ids, {})


@pytest.mark.parametrize("mangled", ["1E+05", "1.23457E+11", "1,23457E+11", "123.0", "#N/A", "#REF!", "######"])
def test_ids_that_a_spreadsheet_mangled_fail(mangled: str) -> None:
    assert outcome(converted(["a", mangled], "id"))[1] == {"mangled_id": [1]}


def test_spaces_around_ids_fail_unless_trimmed() -> None:
    assert outcome(converted(["a", " b", "c\u00a0"], "id"))[1] == {"surrounding_spaces": [1, 2]}
    assert outcome(converted(["a", " b", "c\u00a0"], "id", Dialect(trim=True))) == (["a", "b", "c"], {})


def test_typed_ids_become_their_digits_or_fail() -> None:
    assert outcome(converted([123, None, 2**62], "id")) == (["123", None, str(2**62)], {})
    assert outcome(converted([123.0, None, 1.5, 1e15], "id")) == (["123", None, None, None], {"mangled_id": [2, 3]})
    assert outcome(converted([decimal.Decimal("42"), None], "id")) == (["42", None], {})
    assert outcome(converted([True], "id"))[1] == {"wrong_type": None}


def test_text_keeps_everything_but_the_empty_field() -> None:
    texts = ["NA", "None", "NULL", "nan", "null", "  ", "-"]
    assert outcome(converted([*texts, ""], "text")) == ([*texts, None], {})
    assert outcome(converted(["NA", "-", "x"], "text", Dialect(null_values=["NA", "-"])))[0] == [None, None, "x"]
    assert outcome(converted([1.0, 2.5], "text"))[0] == ["1", "2.5"]


def test_tags_are_normalised() -> None:
    assert outcome(converted(["Agile; integrity;agile", " ; ", "Forward  Looking", None], "tags"))[0] == [
        "agile;integrity",
        None,
        "forward looking",
        None,
    ]
    assert outcome(converted(pa.array([["b", "A"], None]), "tags"))[0] == ["a;b", None]


def test_recoding_maps_whole_values_only() -> None:
    column = pa.chunked_array([["Besuch", "Besuche", None]])
    done = convert(column, "text", Dialect(), None, {"Besuch": "web_visit"})
    assert done.values.to_pylist() == ["web_visit", "Besuche", None]


def test_decimals_become_numbers() -> None:
    assert outcome(converted([decimal.Decimal("12.50"), None], "number")) == ([12.5, None], {})


@pytest.mark.parametrize("to", ["number", "timestamp", "tags"])
def test_a_column_of_the_wrong_type_is_refused_as_a_whole(to: ColumnType) -> None:
    done = converted([True, False], to)
    assert outcome(done) == ([None, None], {"wrong_type": None})
    assert re.search(f"is bool, should be {to}", done.failures[0].hint)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (46023, "spreadsheet serial days"),
        (1767225600, "epoch seconds"),
        (1767225600000, "epoch milliseconds"),
        (1767225600000000, "epoch microseconds"),
        (1767225600.5, "epoch seconds"),
        (float("inf"), "a number is no date"),
        (None, "should be timestamp"),
    ],
)
def test_numbers_are_no_timestamps_but_are_named(value: float | None, says: str) -> None:
    done = converted(pa.array([value], None if value is not None else pa.float64()), "timestamp")
    assert done.failures[0].rule == "wrong_type"
    assert says in done.failures[0].hint


@pytest.mark.parametrize("to", ["id", "text", "number", "integer", "boolean", "timestamp", "tags"])
@pytest.mark.parametrize(
    "empty", [pa.array([], pa.string()), pa.array([], pa.null()), pa.nulls(3), pa.nulls(3, pa.string())]
)
def test_nothing_converts_to_nothing(to: ColumnType, empty: pa.Array) -> None:
    assert outcome(converted(empty, to)) == ([None] * len(empty), {})


def test_dictionaries_and_large_strings_are_text() -> None:
    assert outcome(converted(pa.array(["1", "2"]).dictionary_encode(), "number"))[0] == [1, 2]
    assert outcome(converted(pa.array(["1", "2"], pa.large_string()), "number"))[0] == [1, 2]


def test_rows_where_survives_a_column_without_chunks() -> None:
    assert rows_where(pa.chunked_array([], pa.bool_())).tolist() == []


def test_extra_columns_keep_their_own_type() -> None:
    kinds = {pa.int32(): "number", pa.float32(): "number", pa.bool_(): "boolean", pa.date32(): "timestamp"}
    assert {k: natural_type(k) for k in kinds} == kinds
    assert natural_type(pa.string()) == "text"
