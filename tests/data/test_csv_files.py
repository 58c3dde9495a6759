from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm_scoring.data import csv_files, csv_stream
from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.errors import BadDataError

LIMIT = 10**7
each_example_writes_its_own_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(file: Path, data: bytes, dialect: Dialect | None = None, limit: int = LIMIT) -> list[list[str]]:
    """Header and rows."""
    file.write_bytes(data)
    header, table = read_csv(file, dialect or Dialect(), limit, lambda names: names)
    assert table.column_names == header
    return [header, *(list(row) for row in zip(*table.to_pydict().values(), strict=True))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def refusal(file: Path, data: bytes, dialect: Dialect | None = None, limit: int = LIMIT) -> str:
    with pytest.raises(BadDataError) as caught:
        read(file, data, dialect, limit)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3,\n",
        b"a,b\r\n1,2\r\n3,\r\n",
        b"a,b\r1,2\r3,\r",
        b"\xef\xbb\xbfa,b\n1,2\n3,",
        b"\n\na,b\n1,2\n\n3,\n\n\n",
        b'"a","b"\n"1","2"\n"3",""\n',
    ],
)
def test_line_ends_marks_quotes_and_empty_lines_change_nothing(file: Path, data: bytes) -> None:
    assert read(file, data) == [["a", "b"], ["1", "2"], ["3", ""]]


@pytest.mark.parametrize(
    ("data", "header"), [(b"", []), (b"\r\n\n", []), (b"a,b", ["a", "b"]), (b"a,b\n\n", ["a", "b"])]
)
def test_files_without_rows(file: Path, data: bytes, header: list[str]) -> None:
    assert read(file, data) == [header]


def test_only_chosen_columns_are_read(file: Path) -> None:
    file.write_bytes(b"a,b,c\n1,2,3\n")
    header, table = read_csv(file, Dialect(), LIMIT, lambda names: ["c", "a"])
    assert (header, table.to_pydict()) == (["a", "b", "c"], {"c": ["3"], "a": ["1"]})


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@each_example_writes_its_own_file
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(texts, min_size=n + 1, max_size=n + 1), min_size=1, max_size=8)
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-16"]),
    st.integers(1, 9),
)
def test_whatever_is_written_reads_back(
    file: Path, rows: list[list[str]], delimiter: str, end: str, encoding: str, chunk: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    header = [f"c\n{i}" for i in range(len(rows[0]))]
    writer.writerows([header, *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_stream, "_CHUNK", chunk)  # checks must not depend on where chunks end
        data = out.getvalue().encode(encoding)
        assert read(file, data, Dialect(delimiter=delimiter, encoding=encoding)) == [header, *rows]


@each_example_writes_its_own_file
@given(st.integers(0, 19), st.sampled_from(["one more", "one less", "cut"]), st.integers(0, 2))
def test_a_ragged_row_is_named_by_its_line(file: Path, at: int, how: str, breaks: int) -> None:
    rows = [["1", "x" + "\n" * breaks, "2"] for _ in range(20)]
    rows[at] = {"one more": [*rows[at], "9"], "one less": rows[at][1:], "cut": ["1"]}[how]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    last_line = 1 + sum(1 + sum(f.count("\n") for f in row) for row in rows[: at + 1])
    assert f"t.csv line {last_line}: row of {len(rows[at])} where the header has 3" in refusal(
        file, out.getvalue().encode()
    )


def test_further_ragged_rows_are_counted(file: Path) -> None:
    assert "(2 more such rows)" in refusal(file, b"a,b\n1\n1,2\n1,2,3\n1\n")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,b\n1,2\n1,x\0y\n", "line 3: holds a NUL"),
        (b"a,b\n1,\xff\n", "line 2: byte 0xff is not utf-8"),
        (b"a,b\n1,2\n1,\xc3", "line 3: byte 0xc3 is not utf-8"),
        (b"a,b,a,b\n", "'a', 'b' more than once"),
        (b'a,b\n1,"2"x\n', "line 2: has a quote inside a field"),
        (b'a,b\n1,2\n1,2"\n', "line 3: has a quote inside a field"),
        (b'a,b\n "1",2\n', "line 2: has a quote inside a field"),
        (b'a,b\n1,"2\n3,4\n', "ends inside a quoted field"),
        (b'a,b\n1,2\n3,"', "ends inside a quoted field"),
        ("a,b\n".encode("utf-16"), "is UTF-16"),
        (b"\x1f\x8b\x08", "name it .csv.gz"),
    ],
)
def test_malformed_files_are_refused(file: Path, data: bytes, says: str) -> None:
    assert says in refusal(file, data)


def test_literal_quotes_are_read_where_declared(file: Path) -> None:
    assert read(file, b'a\tb\n24" x\t"y\n', Dialect(delimiter="\t", quote=None))[1] == ['24" x', '"y']


def test_a_utf8_mark_contradicts_another_encoding(file: Path) -> None:
    assert "is UTF-8, not cp1252" in refusal(file, b"\xef\xbb\xbfa,b\n", Dialect(encoding="cp1252"))


def test_huge_fields_are_refused(file: Path) -> None:
    huge = b"x" * (csv_files.MAX_FIELD + 1)
    assert "row 3" in refusal(file, b"a,b\n1,2\n3," + huge + b"\n")
    assert "line 2" in refusal(file, b'a,b\n1,"' + huge * 40 + b'"\n' + b"1,2\n" * 9, limit=10**9)
    assert len(read(file, b"a,b\n1," + huge[:-1] + b"\n")[1][1]) == csv_files.MAX_FIELD


def test_gzip_is_unpacked_and_damage_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "t.csv.gz"
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000)))
    assert len(read(file, whole)) == 5001
    assert "truncated" in refusal(file, whole[:-50])
    assert "damaged" in refusal(file, whole[:200] + b"\xff" * 20 + whole[220:])
    assert "damaged" in refusal(file, b"a,b\n1,2\n")
    assert len(read(file, whole + gzip.compress(b"7,7\n"))) == 5002


def test_the_size_cap_holds_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 20_000_000)
    assert len(bomb) < 100_000
    unpacked = 0
    read_gzip = gzip.GzipFile.read

    def counting(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal unpacked
        data = read_gzip(self, size)
        unpacked += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    assert "unpacks to more than 10,000,000 bytes - raise max_bytes" in refusal(tmp_path / "t.csv.gz", bomb)
    assert unpacked < 12_000_000
