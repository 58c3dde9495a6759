"""What a CSV file seems to be: encoding, separators, numbers, dates. For proposals only; no run ever guesses."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.errors import UsageError

#: Bytes and rows that are looked at.
SAMPLE_BYTES, SAMPLE_ROWS = 1 << 20, 5_000
#: What is looked at of the rest of a large file: lines of a piece, and pieces.
_LATER_ROWS, _PIECES = 50, 64
#: Words that stand in a row of totals.
_TOTALS = (
    "total",
    "summe",
    "gesamt",
    "итого",
    "всего",
    "sum",
    "grand total",
    "gesamtsumme",
    "subtotal",
    "zwischensumme",
    "total general",
)
_DELIMITERS = (",", ";", "\t", "|")
_SINGLE_BYTE = ("cp1251", "cp1252", "cp1250")
#: Bytes beyond ASCII that they read alike («», –, €, ®) tell none of them apart; each → a space.
_ALIKE = bytes(
    32 if b > 127 and len({bytes([b]).decode(e, "replace") for e in _SINGLE_BYTE}) == 1 else b for b in range(256)
)
#: Signs that stand inside words only where the encoding is wrong.
_ODD = re.compile(
    r"\w[¤¦§¨ª¬®°±²³¶·¸¹º¼½¾×÷¿¡ÐÞðþ¢£¥]\w|[A-Za-z][а-яА-Я]|[а-яА-Я][A-Za-z]|[ЂЃѓЉЊЌЋЏђˆ]|[^\W\d_A-Za-z]\d"
)

#: Date formats that exports use, ISO 8601 aside; pairs that differ in the order of day and month stand side by side.
DATE_FORMATS = tuple(
    sign.join(order) + time
    for sign, orders in (
        (".", ("dmY", "dmy")),
        ("/", ("dmY", "mdY", "dmy", "mdy", "Ymd")),
        ("-", ("dmY", "mdY", "dmy", "mdy")),
    )
    for order in (tuple(f"%{part}" for part in o) for o in orders)
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(\s?(Z|[+-]\d{2}:?\d{2}))?)?")
_AWARE = re.compile(r".*(Z|[+-]\d{2}:?\d{2})")
_SPACE = "[ \u00a0\u202f\u2009]"
#: Decimal and thousands signs → what proves them; tried in order.
_NUMBERS = {
    (",", "."): r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(\.\d{3}){2,}",
    (".", ","): r"[+-]?\d{1,3}(,\d{3})+\.\d+|[+-]?\d{1,3}(,\d{3}){2,}",
    (",", " "): rf"[+-]?\d{{1,3}}({_SPACE}\d{{3}})+(,\d+)?",
    (".", "'"): r"[+-]?\d{1,3}(['’]\d{3})+(\.\d+)?",
    (",", ""): r"[+-]?\d+,(\d{1,2}|\d{4,})",
    (".", ""): r"[+-]?(\d+\.(\d{1,2}|\d{4,})|\d{4,}\.\d+)",
}
_ANY_NUMBER = re.compile(rf"[+-]?\d[\d.,'’]*(?:{_SPACE}\d{{3}})*(?:[.,]\d+)?")
#: What stands beside amounts in exports.
_MONEY = r"(?:[€$£¥₽]|EUR|USD|GBP|CHF|RON|RUB|lei|руб\.?)"
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


@dataclass(frozen=True)
class Seen:
    """What a text table seems to be.

    Attributes:
        dialect: Keys of `Dialect` that differ from the default.
        header: Column names.
        cells: Sample of the rows, all text.
        aware: True where times carry an offset, False where they need a zone, None where there are none.
        dates: Column → its date format, `ISO 8601` included.
        numbers: Columns of numbers.
        remarks: What was seen and what is doubtful, a sentence each.
        totals: Column → texts by which rows of totals are known; such rows are not in `cells`.
    """

    dialect: dict[str, object]
    header: list[str]
    cells: pd.DataFrame
    aware: bool | None
    dates: dict[str, str]
    numbers: tuple[str, ...]
    remarks: tuple[str, ...]
    totals: Mapping[str, list[str]] = field(default_factory=dict)


def look_at(file: Path) -> Seen:
    """Look at the beginning of a .csv or .csv.gz file, and here and there in the rest.

    Raises:
        UsageError: Its first row is no header.
    """
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        raw = stream.read(SAMPLE_BYTES)
        whole = len(raw) < SAMPLE_BYTES
        encoding, told = _encoding(raw, whole)
        pieces, foreign = _rest(stream) if not whole and encoding != "utf-16" else ([], b"")
    if foreign and encoding == "utf-8":  # letters beyond ASCII may come late
        encoding, told = _encoding(b"".join(n for n in raw.splitlines(True) if not n.isascii()) + foreign, True)
    text = raw.decode(encoding, "ignore").removeprefix("\ufeff")
    delimiter, rows = _rows(text, whole)
    _refuse_titles(text, whole, file.name)
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    later = [r for p in pieces for r in _parsed(p.decode(encoding, "ignore"), delimiter, True)]
    if whole and len(body) >= SAMPLE_ROWS:  # a row of totals stands at the end
        later = _parsed("\n".join(text.splitlines()[-_LATER_ROWS:]), delimiter, True)
    fitting = [r for r in (*body, *later) if len(r) == len(header)]
    sums = [r for r in fitting if _is_total(r)]
    totals, skip = totals_of(header, sums)
    cells = pd.DataFrame([r for r in fitting if not _is_total(r)], columns=header, dtype="str")
    dialect, seen = cell_dialect(cells)
    dialect = {
        **({"encoding": encoding} if encoding != "utf-8" else {}),
        **({"delimiter": delimiter} if delimiter != "," else {}),
        **dialect,
    }
    ragged = sum(len(r) != len(header) for r in body)
    remarks = [told, f"{len(header)} columns between {_sign(delimiter)}", *seen.remarks]
    if totals:
        remarks.append(f"rows of totals are left out: {', '.join(map(repr, totals))}")
    if ragged:
        remarks.append(f"{ragged} of the first {len(body)} rows have another number of fields than the header")
    return Seen(dialect, header, cells, seen.aware, seen.dates, seen.numbers, tuple(remarks), skip)


def totals_of(header: Sequence[str], body: Sequence[Sequence[Any]]) -> tuple[list[str], dict[str, list[str]]]:
    """Words like "Summe:" in rows, and the same by column."""
    found: dict[str, list[str]] = {}
    for row in body:
        for name, cell in zip(header, row, strict=False):
            if _says_total(cell) and cell not in found.setdefault(name, []):
                found[name].append(cell)
    kept = {name: cells for name, cells in found.items() if cells}
    return [c for cells in kept.values() for c in cells], kept


def _is_total(row: Sequence[str]) -> bool:
    """A word for a total in a row of which a quarter is empty: a company may be called Total."""
    return any(map(_says_total, row)) and 4 * sum(not c.strip() for c in row) >= len(row)


def _says_total(cell: object) -> bool:
    return isinstance(cell, str) and cell.strip().rstrip(":").lower() in _TOTALS


def cell_dialect(cells: pd.DataFrame) -> tuple[dict[str, object], Seen]:
    """Dialect keys for numbers and dates of text cells, and what was seen."""
    dialect: dict[str, object] = {}
    dates, aware, told = _dates(cells)
    rest = [str(c) for c in cells if c not in dates]
    sign, beside = _currency_sign(cells, rest)
    told = [*told, *beside]
    bare = cells
    if sign:
        dialect["currency_sign"] = sign
        cells = cells.assign(**{c: cells[c].str.replace(sign, "", regex=False).str.strip() for c in rest})
    numbers = tuple(c for c in rest if _all(cells[c], _ANY_NUMBER) and not _ids(cells[c]))
    signs, more = _number_signs(cells, numbers)
    if signs and signs != (".", ""):
        dialect |= {"decimal": signs[0], **({"thousands": signs[1]} if signs[1] else {})}
    formats = sorted({f for f in dates.values() if f != "ISO 8601"})
    if formats:
        dialect["date_format"] = formats[0] if len(formats) == 1 and "ISO 8601" not in dates.values() else formats
    return dialect, Seen(dialect, [str(c) for c in bare], bare, aware, dates, numbers, (*told, *more, *_mangled(cells)))


def _currency_sign(cells: pd.DataFrame, columns: Sequence[str]) -> tuple[str | None, list[str]]:
    """The only sign that stands beside numbers, and what is to be said of it."""
    amount = re.compile(rf"(?:{_MONEY}{_SPACE}?)?{_ANY_NUMBER.pattern}(?:{_SPACE}?{_MONEY})?")
    found: dict[str, str] = {}
    for name in columns:
        values = _filled(cells[name])
        if len(values) and values.str.contains(_MONEY, regex=True).any() and _all(values, amount):
            found |= {str(s): f"{name}: amounts like {v}" for s, v in _with_sign(values)}
    if len(found) > 1:
        return None, [f"amounts in several currencies, {', '.join(sorted(found))}: one column cannot hold them"]
    return next(iter(found), None), [f"{told}: {sign} is left out of them" for sign, told in found.items()]


def _with_sign(values: pd.Series) -> list[tuple[str, str]]:
    """Each sign of a column with the first value that has it."""
    signs = values.str.extract(f"({_MONEY})", expand=False)
    return list(zip(signs.dropna().drop_duplicates(), values[signs.dropna().drop_duplicates().index], strict=True))


def _encoding(raw: bytes, whole: bool) -> tuple[str, str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "a byte order mark says UTF-16"
    try:
        raw.decode() if whole else raw[: raw.rfind(b"\n") + 1].decode()
        return "utf-8", "UTF-8" if not raw.isascii() else "plain ASCII"
    except UnicodeDecodeError:
        pass
    telling = raw.translate(_ALIKE)
    if telling.isascii():
        return "cp1252", "not UTF-8, and no letter says what else: cp1252, which here reads like cp1250 and cp1251"
    scored = {e: _oddness(telling.decode(e, "replace")) for e in _SINGLE_BYTE}
    best = min(_SINGLE_BYTE, key=lambda e: scored[e])
    words = re.findall(r"\w*[^\x00-\x7f]\w*", telling.decode(best, "replace"))[:3]
    return best, f"not UTF-8; read as {best} it says {', '.join(words)}: check that these words are right"


def _rest(stream: io.BufferedIOBase) -> tuple[list[bytes], bytes]:
    """A few whole lines from all over what is left of a file, and its lines that hold more than ASCII."""
    pieces, every, foreign = [], 1, b""
    for at, chunk in enumerate(iter(lambda: stream.read(SAMPLE_BYTES), b"")):
        lines = chunk[: chunk.rfind(b"\n") + 1].splitlines(keepends=True)[1:]
        if len(foreign) < SAMPLE_BYTES and not chunk.isascii():
            foreign += b"".join(line for line in lines if not line.isascii())
        if at % every == 0:
            pieces.append(b"".join(lines[-_LATER_ROWS:]))
        if len(pieces) > _PIECES:
            pieces, every = pieces[::2], 2 * every
    return pieces, foreign


def _oddness(text: str) -> float:
    """How little a decoding looks like words: odd signs inside words, capitals after small letters, rare letters."""
    foreign = [c for c in text if ord(c) > 127]
    if not foreign:
        return 0.0
    odd = len(_ODD.findall(text)) + 3 * text.count("\ufffd")
    mixed = len(re.findall(r"[a-zà-ÿа-яё][A-ZÀ-ßА-ЯЁ]", text))
    lonely = len(re.findall(r"(?<![а-яё])[а-яё](?![а-яё])", text, flags=re.IGNORECASE))
    crowded = len(re.findall(r"[à-ÿÀ-ßĀ-ſ]{4,}", text))
    rare = len(re.findall(r"[ĹĽŔŕĺľůŮőŐűŰ]", text)) * 0.3 + len(re.findall(r"[ÃÂÎãâîÊêÕõ]", text)) * 0.2
    return (odd + mixed + lonely + 4 * crowded + rare) / len(foreign)


def _rows(text: str, whole: bool) -> tuple[str, list[list[str]]]:
    found = {d: _parsed(text, d, whole) for d in _DELIMITERS}

    def fits(delimiter: str) -> tuple[float, int]:
        rows = found[delimiter]
        width = len(rows[0]) if rows else 0
        alike = sum(len(r) == width for r in rows) / max(len(rows), 1)
        return (alike if width > 1 else 0, width)

    best = max(_DELIMITERS, key=fits)
    return best, found[best]


def _refuse_titles(text: str, whole: bool, name: str) -> None:
    """A table whose first row names no columns, with the row that does; readers take the first row for the header."""
    found = [_parsed(text, delimiter, whole) for delimiter in _DELIMITERS]
    rows = max(found, key=lambda rows: sum(len(r) > 1 and len(r) == len(rows[-1]) for r in rows))
    width = Counter(map(len, rows[:200])).most_common(1)[0][0] if rows else 0
    named = [
        at for at, row in enumerate(rows[:50]) if len(row) == width and len({c for c in row if c.strip()}) == width
    ]
    if width > 1 and len(set(rows[0])) < width:
        below = f"remove the {named[0]} lines above row {named[0] + 1}" if named else "give each column a name"
        raise UsageError("its first row names no columns, or two alike", where=name, fix=below)


def _parsed(text: str, delimiter: str, whole: bool) -> list[list[str]]:
    try:
        rows = [
            r
            for r, _ in zip(
                csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), range(SAMPLE_ROWS + 1), strict=False
            )
            if r
        ]
    except csv.Error:
        return []
    return rows if whole or len(rows) > SAMPLE_ROWS else rows[:-1]


def _dates(cells: pd.DataFrame) -> tuple[dict[str, str], bool | None, list[str]]:
    dates: dict[str, str] = {}
    told: list[str] = []
    aware: bool | None = None
    for name in map(str, cells):
        values = _filled(cells[name])
        if values.empty or not values.str.contains(r"\d", regex=True).all():
            continue
        if _all(values, _ISO):
            dates[name] = "ISO 8601"
            aware = bool(_all(values, _AWARE)) if aware is None else aware and bool(_all(values, _AWARE))
            continue
        sample = values.drop_duplicates()
        fits = [f for f in DATE_FORMATS if _reads(sample, f)]
        swapped = {f.replace("%d", "*").replace("%m", "%d").replace("*", "%m") for f in fits} & set(fits)
        if fits and swapped:
            told.append(f"{name}: day and month cannot be told apart in any row ({values.iloc[0]}): say which is right")
        if fits:
            dates[name], aware = fits[0], False
            told.append(f"{name}: dates like {values.iloc[0]}, read as {fits[0]}")
        elif _all(values, re.compile(r"\d{10}|\d{13}|\d{5}(\.\d+)?")) and re.search(
            r"date|time|datum|дата|data\b|_at$|zeit", name, re.I
        ):
            told.append(
                f"{name}: numbers like {values.iloc[0]} look like epoch or spreadsheet dates: convert with kind: sql"
            )
    return dates, aware, told


def _reads(sample: pd.Series, form: str) -> bool:
    """Whether all of some distinct texts are dates of this century or the last in a format."""
    try:
        for text in sample.head(3):
            datetime.strptime(text, form)
    except ValueError:
        return False
    years = pd.to_datetime(sample, format=form, errors="coerce")
    return bool(years.notna().all() and years.dt.year.between(1901, 2099).all())


def _number_signs(cells: pd.DataFrame, numbers: Sequence[str]) -> tuple[tuple[str, str] | None, list[str]]:
    values = pd.concat([_filled(cells[c]) for c in numbers]) if numbers else pd.Series(dtype="str")
    proofs = {signs: values[values.str.fullmatch(pattern)] for signs, pattern in _NUMBERS.items()}
    proved = {signs: found.iloc[0] for signs, found in proofs.items() if len(found)}
    told = [f"numbers like {example}: decimal {s[0]!r}, thousands {s[1]!r}" for s, example in proved.items()]
    wide = [s for s in proved if s[1]]
    if wide and {s[0] for s in proved} == {wide[0][0]}:
        return wide[0], told
    if len({s[0] for s in proved}) > 1:
        return None, [*told, "numbers are written in two ways: declare what is right for each file"]
    either = values[values.str.fullmatch(_EITHER)]
    if not proved and len(either):
        return None, [f"{either.iloc[0]} may be one and a bit or a thousand: declare dialect.decimal and thousands"]
    if proved and len(either):
        mark = next(iter(proved))[0]
        other = "." if mark == "," else ","
        if either.str.contains(other, regex=False).any():
            return (mark, other), told
    return next(iter(proved), None), told


def _mangled(cells: pd.DataFrame) -> list[str]:
    told = []
    for name in cells:
        bad = _filled(cells[name])[
            lambda v: v.str.fullmatch(r"\d([.,]\d+)?[eE]\+\d{2,3}|#(N/A|REF!|VALUE!|NAME\?|DIV/0!)|#+")
        ]
        if len(bad):
            told.append(
                f"{name}: {len(bad)} values like {bad.iloc[0]} were mangled by a spreadsheet: export it as text"
            )
    return told


def _filled(column: pd.Series) -> pd.Series:
    text = column.dropna().str.strip()
    return text[text != ""]


def _all(values: pd.Series, pattern: re.Pattern[str]) -> bool:
    text = _filled(values)
    return bool(len(text)) and bool(text.str.fullmatch(pattern).all())


def _ids(values: pd.Series) -> bool:
    """Digits with leading zeros, or all of one length and distinct: ids, not quantities."""
    text = _filled(values)
    return bool(text.str.fullmatch(r"0\d+").any())


def _sign(delimiter: str) -> str:
    return {"\t": "tabs", ",": "commas", ";": "semicolons"}.get(delimiter, repr(delimiter))
