"""CSV: safe in a spreadsheet, the same bytes every time, and nothing lost on the way."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm_scoring.errors import ConfigError
from abm_scoring.publish import csv_out
from abm_scoring.publish.csv_out import safe_text, write_csv

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
LEADS = ["", " ", "   ", "\t", "\n", "\r", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00", "\u202e", " \t\u00a0"]
PAYLOADS = ["1+1", 'HYPERLINK("http://x","y")', "cmd|' /C calc'!A0", "SUM(A1:A9)", "", 'DDE("a";"b")']
CORPUS = [lead + sign + payload for lead in LEADS for sign in SIGNS for payload in PAYLOADS]
CORPUS += ["\tx", "\rx", "\nx", "\t", "\r\n"]

relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(frame: pd.DataFrame, folder: Path, **dialect: object) -> bytes:
    path = folder / "out.csv"
    path.unlink(missing_ok=True)
    write_csv(frame, path, **dialect)  # type: ignore[arg-type]
    return path.read_bytes()


def rows(data: bytes, delimiter: str = ",") -> list[list[str]]:
    text = data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def cells(column: pd.Series, folder: Path, **dialect: object) -> list[str]:
    data = written(pd.DataFrame({"x": column, "y": 1}), folder, **dialect)
    return [row[0] for row in rows(data, str(dialect.get("delimiter", ",")))[1:]]


def test_a_golden_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "rank": [1, 2],
            "account_name": pd.Series(["Müller, Söhne & Co", None], dtype="str"),
            "score": [97.25, np.nan],
            "is_target": [True, False],
            "data_as_of": pd.to_datetime(["2026-11-21", "2026-11-21"], utc=True),
            "last_activity_at": pd.to_datetime(["2026-11-20T23:59:59.9Z", "NaT"], utc=True, format="ISO8601"),
            "reason": pd.Series(["=SUM(A1)", 'says "hi"\nand leaves'], dtype="str"),
        }
    )
    assert written(frame, tmp_path, decimals={"score": 1}, dates=["data_as_of"]).decode("utf-8") == (
        "\ufeffrank,account_name,score,is_target,data_as_of,last_activity_at,reason\n"
        '1,"Müller, Söhne & Co",97.2,true,2026-11-21,2026-11-20T23:59:59Z,\'=SUM(A1)\n'
        '2,,,false,2026-11-21,,"says ""hi""\nand leaves"\n'
    )
    assert written(frame[["rank", "score", "account_name"]], tmp_path, delimiter=";", decimal=",", bom=False) == (
        b"rank;score;account_name\n1;97,25;M\xc3\xbcller, S\xc3\xb6hne & Co\n2;;\n"
    )


@pytest.mark.fault(49)
def test_no_cell_of_the_corpus_starts_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": pd.Series(CORPUS, dtype="str"), "n": np.arange(len(CORPUS))})
    frame = frame.assign(category=frame["text"].astype("category"), loose=frame["text"].astype(object))
    for delimiter in ",;\t|":
        read = rows(written(frame, tmp_path, delimiter=delimiter), delimiter)[1:]
        assert len(read) == len(CORPUS)
        for text, row in zip(CORPUS, read, strict=True):
            assert row[0] == row[2] == row[3] == "'" + text


@pytest.mark.fault(49)
def test_column_names_are_guarded_too(tmp_path: Path) -> None:
    frame = pd.DataFrame([["a", 1]], columns=["=cmd|' /C calc'!A0", "@n"])
    assert rows(written(frame, tmp_path))[0] == ["'=cmd|' /C calc'!A0", "'@n"]


@pytest.mark.fault(49)
@pytest.mark.parametrize("text", ["a=b", "x-y", "me@home", "'=1", "5 - 3", "Café +", "", "–dash", "·"])
def test_other_text_is_not_touched(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.fault(49)
def test_numbers_are_never_guarded(tmp_path: Path) -> None:
    for column in (pd.Series([-1, -2]), pd.Series([-1.5, -2.5]), pd.Series([-1, pd.NA], dtype="Int64")):
        assert cells(column, tmp_path)[0].startswith("-")


texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8), st.sampled_from(CORPUS))


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8), st.sampled_from(",;\t|"))
@relaxed
def test_text_reads_back_as_it_was_but_for_the_guard(
    tmp_path: Path, given_rows: list[tuple[str | None, str | None]], delimiter: str
) -> None:
    frame = pd.DataFrame(given_rows, columns=["a", "b"], dtype="str")
    read = rows(written(frame, tmp_path, delimiter=delimiter), delimiter)[1:]
    assert len(read) == len(given_rows)
    for want, got in zip(given_rows, read, strict=True):
        for original, cell in zip(want, got, strict=True):
            text = original or ""
            assert cell in (text, "'" + text)
            assert (cell == text) == (safe_text(text) == text)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=8), st.sampled_from(".,"))
@relaxed
def test_floats_without_a_rounding_read_back_exactly(tmp_path: Path, values: list[float], decimal: str) -> None:
    read = cells(pd.Series(values), tmp_path, delimiter=";", decimal=decimal)
    for value, cell in zip(values, read, strict=True):
        assert "e" not in cell.lower()
        assert float(cell.replace(decimal, ".")) == value
        assert cell != "-0"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8), st.integers(0, 6))
@relaxed
def test_a_stated_rounding_is_the_nearest_number_with_as_many_digits(
    tmp_path: Path, values: list[float], digits: int
) -> None:
    for value, cell in zip(values, cells(pd.Series(values), tmp_path, decimals={"x": digits}), strict=True):
        assert abs(Decimal(cell) - Decimal(value)) <= Decimal(10) ** -digits / 2
        assert len(cell.partition(".")[2]) == digits
        assert Decimal(cell) != 0 or not cell.startswith("-")


def test_null_is_empty_in_every_type(tmp_path: Path) -> None:
    columns = [
        pd.Series(["a", None], dtype="str"),
        pd.Series(["a", None], dtype="category"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.5, None]),
        pd.Series([1.5, None], dtype="Float64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([datetime(2026, 1, 1, tzinfo=UTC), None]),
        pd.Series([None, None], dtype=object),
    ]
    assert [cells(column, tmp_path)[1] for column in columns] == [""] * len(columns)
    assert cells(columns[5], tmp_path)[0] == "true"


def test_a_line_is_never_empty(tmp_path: Path) -> None:
    data = written(pd.DataFrame({"x": pd.Series(["a", None, "b"], dtype="str")}), tmp_path)
    assert rows(data) == [["x"], ["a"], [""], ["b"]]


def test_timestamps_are_utc_and_naive_ones_are_refused(tmp_path: Path) -> None:
    local = pd.Series(pd.to_datetime(["2026-03-29T03:30"])).dt.tz_localize("Europe/Berlin")
    assert cells(local, tmp_path) == ["2026-03-29T01:30:00Z"]
    assert cells(pd.Series(pd.to_datetime(["2026-03-29"], utc=True)), tmp_path) == ["2026-03-29T00:00:00Z"]
    with pytest.raises(TypeError, match="time zone"):
        written(pd.DataFrame({"t": pd.to_datetime(["2026-03-29"])}), tmp_path)


def test_what_is_no_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="score holds an infinite"):
        written(pd.DataFrame({"score": [1.0, np.inf]}), tmp_path)
    with pytest.raises(TypeError, match="no text"):
        written(pd.DataFrame({"mixed": pd.Series(["a", 1], dtype=object)}), tmp_path)


@pytest.mark.parametrize(("delimiter", "decimal"), [(",", ","), ("x", "."), (";", ";"), ("", "."), ("\n", ".")])
def test_dialects_that_do_not_work_are_refused(tmp_path: Path, delimiter: str, decimal: str) -> None:
    with pytest.raises(ConfigError) as caught:
        write_csv(pd.DataFrame({"a": [1]}), tmp_path / "out.csv", delimiter=delimiter, decimal=decimal)
    assert caught.value.exit_code == 78
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stands_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(FileExistsError):
        write_csv(pd.DataFrame({"a": [1]}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old"


def test_bytes_follow_from_values_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=50)
    frame = pd.DataFrame({"a": values, "b": [f"t{i % 7}" for i in range(50)], "c": np.arange(50)})
    once = written(frame, tmp_path, decimals={"a": 4})
    pieces = pd.concat([frame.iloc[:20], frame.iloc[20:]]).set_index("c", drop=False)
    same = pieces.assign(b=pieces["b"].astype("category"), c=pieces["c"].astype("Int64"))
    assert written(same, tmp_path, decimals={"a": 4}) == once
    monkeypatch.setattr(csv_out, "_ROWS_AT_ONCE", 7)
    assert written(frame, tmp_path, decimals={"a": 4}) == once
    assert written(frame.iloc[:0], tmp_path, bom=False) == b"a,b,c\n"
