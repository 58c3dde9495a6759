"""What is said of a whole column, or of its distinct texts, is what looking at every text says."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abm_scoring.data import conversion
from abm_scoring.data.conversion import convert
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.schema import ColumnType
from abm_scoring.data.text_columns import Entries, may_hold, only_visible, repeats_itself

TEXTS = st.lists(
    st.none()
    | st.sampled_from(["", "A1", "1.0", "1E+05", "#N/A", " a", "a ", "b\u00a0", "\x00", "é", "a b"])
    | st.text()
)
KINDS = st.sampled_from([pa.string(), pa.large_string()])
GERMAN = Dialect(decimal=",", thousands=".", null_values=("NA",), true_words=("ja",), false_words=("nein",))


def chunked(texts: list[str | None], kind: pa.DataType, cut: int) -> pa.ChunkedArray:
    """A column of two chunks, both of them slices."""
    whole = pa.array(["x", *texts, " "], kind)
    return pa.chunked_array([whole[1 : 1 + cut], whole[1 + cut : 1 + len(texts)]], kind)


@given(texts=TEXTS, kind=KINDS, cut=st.integers(0, 5))
@example(texts=["a\x7f"], kind=pa.string(), cut=0)
def test_a_look_at_the_bytes_never_misses_anything(texts: list[str | None], kind: pa.DataType, cut: int) -> None:
    column = chunked(texts, kind, min(cut, len(texts)))
    known = [text for text in texts if text is not None]
    if only_visible(column):
        assert all(text == text.strip() and text.isascii() for text in known)
        assert column.equals(pc.utf8_trim_whitespace(column)) or not len(column)
    assert may_hold(column, b".#") or not any("." in text or "#" in text for text in known)


def test_a_look_at_the_bytes_clears_plain_ids() -> None:
    column = pa.chunked_array([pa.array(["A-1", "B_2", None, ""])])
    assert only_visible(column) and not may_hold(column, b".+#")
    assert not only_visible(pa.chunked_array([pa.array(["A 1"])]))
    assert not only_visible(pa.chunked_array([pa.array(["A"], pa.string_view())]))
    assert may_hold(pa.chunked_array([pa.array(["A"], pa.string_view())]), b".")


@given(texts=TEXTS, cut=st.integers(0, 5), index=st.sampled_from([pa.int8(), pa.uint8(), pa.int32(), pa.int64()]))
def test_entries_are_the_column(texts: list[str | None], cut: int, index: pa.DataType) -> None:
    column = chunked(texts, pa.string(), min(cut, len(texts)))
    kept = pa.chunked_array([c.dictionary_encode().cast(pa.dictionary(index, pa.string())) for c in column.chunks])
    for given_column in (column, kept, kept.slice(1)):
        entries = Entries.of(given_column)
        shown = given_column.to_pylist()
        assert entries.spread(pa.chunked_array([entries.values])).to_pylist() == shown
        assert set(entries.values.to_pylist()) == set(shown) - {None}, "none that no row has"
        for place, text in enumerate(entries.values.to_pylist()):
            assert entries.rows([place]).tolist() == [i for i, own in enumerate(shown) if own == text]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("to", "texts"),
    [
        ("id", ["A1", " A1", "1.0", "", None, "NA", "é"]),
        ("text", ["a", "NA", "", None]),
        ("number", ["1.234,5", "7", "x", "inf", None, "-1"]),
        ("integer", ["1.000", "7", "7,5", None]),
        ("boolean", ["ja", "NEIN", "vielleicht", None]),
        ("tags", ["b; A", "a;b", " ; ", None]),
        ("timestamp", ["2024-03-31", "2024-03-31 02:30:00", "45000", "2024-01-01T00:00:00Z", None]),
    ],
)
@pytest.mark.parametrize("recode", [None, {"a": "b", "A1": "", "7": "8"}])
def test_distinct_texts_convert_like_all_texts(
    to: ColumnType, texts: list[str | None], recode: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = pa.chunked_array([pa.array(texts * 600), pa.array(texts[::-1])])
    # The first chunk's dictionary has an entry that no row has: it would be refused.
    unused = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), ["7", "1.000", "2.000.0"])
    kept = pa.chunked_array([pa.array(texts * 600).dictionary_encode(), plain.chunk(1).dictionary_encode()])
    found = [convert(column, to, GERMAN, "Europe/Berlin", recode) for column in (plain, kept)]
    if to == "number":
        assert not convert(pa.chunked_array([unused]), to, GERMAN, None).failures
    monkeypatch.setattr(conversion, "repeats_itself", lambda text: False)
    expected = convert(plain, to, GERMAN, "Europe/Berlin", recode)
    assert (repeats_itself(plain) and len(expected.failures) > 0) or to in ("text", "tags")
    for one in found:
        assert one.values.to_pylist() == expected.values.to_pylist()
        assert [(f.rule, f.hint, f.rows.tolist()) for f in one.failures if f.rows is not None] == [
            (f.rule, f.hint, f.rows.tolist()) for f in expected.failures if f.rows is not None
        ]


def test_what_an_unused_entry_says_counts_for_nothing() -> None:
    """A row group's dictionary holds texts of rows that are not in the piece: `12.5` would make `1.234` unambiguous."""
    shared = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), ["1.234", "12.5"])
    (failure,) = convert(pa.chunked_array([shared]), "number", Dialect(), None).failures
    assert failure.rule == "ambiguous_number" and failure.rows is None


def test_a_column_repeats_itself_or_not() -> None:
    assert repeats_itself(pa.chunked_array([pa.array(["a", "b", None] * 1000)]))
    assert not repeats_itself(pa.chunked_array([pa.array([str(i) for i in range(3000)])]))
    assert not repeats_itself(pa.chunked_array([pa.array(["a"] * 100)])), "too few to gain anything"
