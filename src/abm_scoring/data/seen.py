"""What a CSV file seems to be: encoding, separators, numbers, dates. For proposals only; no run ever guesses."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

#: Bytes and rows that are looked at.
SAMPLE_BYTES, SAMPLE_ROWS = 1 << 20, 5_000
#: What is looked at of the rest of a large file: lines of a piece, and pieces.
_LATER_ROWS, _PIECES = 50, 64
_DELIMITERS = (",", ";", "\t", "|")
_SINGLE_BYTE = ("cp1251", "cp1252", "cp1250")
#: Signs that stand inside words only where the encoding is wrong.
_ODD = re.compile(
    r"\w[¤¦§¨ª¬®°±²³¶·¸¹º¼½¾×÷¿¡ÐÞðþ¢£¥]\w|[A-Za-z][а-яА-Я]|[а-яА-Я][A-Za-z]|[ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ]|[^\W\d_A-Za-z]\d"
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
    """

    dialect: dict[str, object]
    header: list[str]
    cells: pd.DataFrame
    aware: bool | None
    dates: dict[str, str]
    numbers: tuple[str, ...]
    remarks: tuple[str, ...]


def look_at(file: Path) -> Seen:
    """Look at the beginning of a .csv or .csv.gz file."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        raw = stream.read(SAMPLE_BYTES)
        whole = len(raw) < SAMPLE_BYTES
        encoding, told = _encoding(raw, whole)
        pieces, foreign = _rest(stream) if not whole and encoding != "utf-16" else ([], b"")
    if foreign and encoding == "utf-8":  # letters beyond ASCII may come late
        encoding, told = _encoding(b"".join(n for n in raw.splitlines(True) if not n.isascii()) + foreign, True)
    text = raw.decode(encoding, "ignore").removeprefix("\ufeff")
    delimiter, rows = _rows(text, whole)
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    later = [r for p in pieces for r in _parsed(p.decode(encoding, "ignore"), delimiter, True)]
    fitting = [r for r in (*body, *later) if len(r) == len(header)]
    cells = pd.DataFrame(fitting, columns=header, dtype="str")
    dialect, seen = cell_dialect(cells)
    dialect = {
        **({"encoding": encoding} if encoding != "utf-8" else {}),
        **({"delimiter": delimiter} if delimiter != "," else {}),
        **dialect,
    }
    ragged = sum(len(r) != len(header) for r in body)
    remarks = [told, f"{len(header)} columns between {_sign(delimiter)}", *seen.remarks]
    if ragged:
        remarks.append(f"{ragged} of the first {len(body)} rows have another number of fields than the header")
    return Seen(dialect, header, cells, seen.aware, seen.dates, seen.numbers, tuple(remarks))


def cell_dialect(cells: pd.DataFrame) -> tuple[dict[str, object], Seen]:
    """Dialect keys for numbers and dates of text cells, and what was seen."""
    dialect: dict[str, object] = {}
    dates, aware, told = _dates(cells)
    rest = [str(c) for c in cells if c not in dates]
    numbers = tuple(c for c in rest if _all(cells[c], _ANY_NUMBER) and not _ids(cells[c]))
    signs, more = _number_signs(cells, numbers)
    if signs and signs != (".", ""):
        dialect |= {"decimal": signs[0], **({"thousands": signs[1]} if signs[1] else {})}
    formats = sorted({f for f in dates.values() if f != "ISO 8601"})
    if formats:
        dialect["date_format"] = formats[0] if len(formats) == 1 and "ISO 8601" not in dates.values() else formats
    return dialect, Seen(
        dialect, [str(c) for c in cells], cells, aware, dates, numbers, (*told, *more, *_mangled(cells))
    )


def _encoding(raw: bytes, whole: bool) -> tuple[str, str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "a byte order mark says UTF-16"
    try:
        raw.decode() if whole else raw[: raw.rfind(b"\n") + 1].decode()
        return "utf-8", "UTF-8" if not raw.isascii() else "plain ASCII"
    except UnicodeDecodeError:
        pass
    scored = {e: _oddness(raw.decode(e, "replace")) for e in _SINGLE_BYTE}
    best = min(_SINGLE_BYTE, key=lambda e: scored[e])
    words = re.findall(r"\w*[^\x00-\x7f]\w*", raw.decode(best, "replace"))[:3]
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
        fits = [f for f in DATE_FORMATS if _reads(values, f)]
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


def _reads(values: pd.Series, form: str) -> bool:
    sample = values.drop_duplicates()
    if pd.to_datetime(sample.head(3), format=form, errors="coerce").isna().any():
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
