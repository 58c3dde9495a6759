"""CSV read strictly, every field as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from abm_scoring.data.conversion import rows_where
from abm_scoring.data.csv_stream import CleanStream
from abm_scoring.data.dialect import Dialect
from abm_scoring.errors import BadDataError

#: Largest field accepted, in bytes; a larger one is nearly always a quote gone astray.
MAX_FIELD = 1 << 20
_BLOCK = 1 << 24
_LINE_END = re.compile(rb"[\r\n]")


def read_csv(
    file: Path, dialect: Dialect, max_bytes: int, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[list[str], pa.Table]:
    """Read chosen columns of a CSV file as text.

    Args:
        file: A .csv or .csv.gz file.
        dialect: How it is written.
        max_bytes: Most bytes it may unpack to.
        choose: Given the header, the columns to read.

    Returns:
        The header, and a table of `string` columns without nulls (an empty field is the empty text). A file of no
        bytes has an empty header. Empty lines between records are skipped.

    Raises:
        BadDataError: Ragged rows, duplicate headers, NUL, stray quotes, huge fields, bad bytes: with the line number.
    """
    headers, tables = zip(*csv_pieces(file, dialect, max_bytes, choose), strict=True)
    return headers[0], pa.concat_tables(tables)


def csv_pieces(
    file: Path, dialect: Dialect, max_bytes: int, choose: Callable[[Sequence[str]], Sequence[str]]
) -> Iterator[tuple[list[str], pa.Table]]:
    """The same, a block of the file at a time; at least one piece, which may be empty."""
    with CleanStream(file, dialect, max_bytes) as stream:
        header = _header(stream, dialect, file)
        wanted = list(choose(header))
        start = stream.read(1 << 16)
        stream.unread(start)
        if not start.strip(b"\r\n"):
            yield header, pa.table({name: pa.array([], pa.string()) for name in wanted})
            return
        done = 0
        try:
            for batch in _parse(stream, header, wanted, dialect):
                piece = pa.Table.from_batches([batch])
                for name in wanted:
                    _refuse_huge(piece[name], name, file, done)
                done += len(piece)
                yield header, piece
        except pa.ArrowInvalid as error:
            raise _explain(file, dialect, max_bytes, len(header)) from error


def _refuse_huge(column: pa.ChunkedArray, name: str, file: Path, before: int) -> None:
    rows = rows_where(pc.greater(pc.binary_length(column), MAX_FIELD))
    if len(rows):
        what = f"column {name!r} has a field of more than {MAX_FIELD:,} bytes"
        raise BadDataError(what, where=f"{file.name} row {before + rows[0] + 2}", fix="look for an unclosed quote")


def _header(stream: CleanStream, dialect: Dialect, file: Path) -> list[str]:
    data = b""
    while (end := _record_end(data, dialect)) is None:
        more = stream.read(1 << 16)
        data += more
        if not more or len(data) > MAX_FIELD:
            end = len(data)
            break
    stream.unread(data[end:])
    first = data[:end].decode()
    empty: list[str] = []
    names = next((row for row in _reader(io.StringIO(first, newline=""), dialect) if row), empty)
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        listed = ", ".join(map(repr, twice))
        raise BadDataError(f"header holds {listed} more than once", where=file.name, fix="rename one of the columns")
    return names


def _record_end(data: bytes, dialect: Dialect) -> int | None:
    """Position after the first record that is not an empty line; None while it is incomplete."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    quote, quotes, last = (dialect.quote or "").encode(), 0, start
    for match in _LINE_END.finditer(data, start):
        quotes += data.count(quote, last, match.start()) if quote else 0
        last = match.end()
        if quotes % 2 == 0:
            return last
    return None


def _parse(stream: CleanStream, header: list[str], wanted: list[str], dialect: Dialect) -> Iterator[pa.RecordBatch]:
    return arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(column_names=header, block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=dialect.quote is not None
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            include_columns=wanted,
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )


def _reader(lines: io.TextIOBase, dialect: Dialect) -> csv._reader:  # type: ignore[name-defined]
    if dialect.quote is None:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)


def _explain(file: Path, dialect: Dialect, max_bytes: int, width: int) -> BadDataError:
    """Read again, slowly, to name the lines that the fast parser refused."""
    limit = csv.field_size_limit(MAX_FIELD)
    ragged: list[tuple[int, int]] = []
    try:
        with CleanStream(file, dialect, max_bytes) as stream:
            rows = _reader(io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", newline=""), dialect)
            for row in rows:
                if row and len(row) != width:
                    ragged.append((rows.line_num, len(row)))
    except csv.Error:
        what = f"has a field of more than {MAX_FIELD:,} bytes"
        return BadDataError(what, where=f"{file.name} line {rows.line_num}", fix="look for an unclosed quote")
    finally:
        csv.field_size_limit(limit)
    if not ragged:
        return BadDataError("is not well-formed CSV", where=file.name, fix="check dialect.delimiter and dialect.quote")
    (line, fields), others = ragged[0], len(ragged) - 1
    what = f"row of {fields} where the header has {width} fields" + (f" ({others} more such rows)" if others else "")
    return BadDataError(what, where=f"{file.name} line {line}", fix="the row is cut, or a separator is not quoted")
