"""The bytes of a CSV file, unpacked, decoded and proved well-formed before any parser sees them.

Parsers forgive: they drop text after a NUL, join `"a"b` into `ab`, and read an unclosed quote to the end of the file.
This stream refuses such input with its line number, in one pass and bounded memory.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import file_errors
from abm_scoring.errors import BadDataError

_UTF8_MARK, _UTF16_MARKS, _GZIP_MAGIC = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff"), b"\x1f\x8b"
_CHUNK = 1 << 20


class CleanStream(io.RawIOBase):
    """Readable stream of strict UTF-8 without byte order mark.

    Args:
        file: A .csv or .csv.gz file.
        dialect: Encoding, delimiter and quote that the file must keep to.
        max_bytes: Most bytes the file may unpack to.

    Raises:
        BadDataError: On reading, at the first byte that breaks a rule; `where` names file and line.
    """

    def __init__(self, file: Path, dialect: Dialect, max_bytes: int) -> None:
        self._name, self._file, self._limit, self._size = file.name, file, max_bytes, 0
        with file_errors(file):
            self._source = gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # noqa: SIM115 - closed in close()
        self._encoding = dialect.encoding
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)("strict")
        self._quotes = _QuoteGuard(dialect, self._name) if dialect.quote else None
        self._lines, self._pending, self._ended, self._started = 0, b"", False, False

    def readable(self) -> bool:
        """Always true."""
        return True

    def close(self) -> None:
        """Close the file too."""
        self._source.close()
        super().close()

    def unread(self, data: bytes) -> None:
        """Put bytes back, to be read again first."""
        self._pending = data + self._pending

    def read(self, size: int = -1) -> bytes:
        """Up to `size` clean bytes; fewer than asked for only at the end."""
        parts, have = [self._pending], len(self._pending)
        while (size < 0 or have < size) and not self._ended:
            parts.append(self._next_chunk())
            have += len(parts[-1])
        data = b"".join(parts)
        data, self._pending = (data, b"") if size < 0 else (data[:size], data[size:])
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with clean bytes; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next_chunk(self) -> bytes:
        raw = self._unpack()
        self._ended = not raw
        if not self._started:
            raw = self._check_marks(raw)
        clean = self._decode(raw)
        nul = clean.find(b"\0")
        if nul >= 0:
            raise self._refusal("holds a NUL character", clean[:nul], "export it again; text after a NUL gets lost")
        if self._quotes:
            self._quotes.check(clean, self._lines, self._ended)
        self._lines += clean.count(b"\n")
        return clean

    def _unpack(self) -> bytes:
        try:
            with file_errors(self._file):
                raw = self._source.read(_CHUNK)
        except zlib.error as error:
            raise BadDataError(f"is damaged ({error})", where=self._name, fix="export it again") from error
        self._size += len(raw)
        if self._size > self._limit:
            what = f"unpacks to more than {self._limit:,} bytes" if self._file.suffix == ".gz" else "is too large"
            raise BadDataError(what, where=self._name, fix="raise max_bytes if the file is meant to be so large")
        return raw

    def _check_marks(self, raw: bytes) -> bytes:
        self._started = True
        if raw.startswith(_GZIP_MAGIC):
            raise BadDataError("is compressed", where=self._name, fix="name it .csv.gz")
        if raw.startswith(_UTF16_MARKS) and self._encoding != "utf-16":
            raise BadDataError("is UTF-16", where=self._name, fix="declare dialect.encoding: utf-16")
        if raw.startswith(_UTF8_MARK) and self._encoding != "utf-8":
            what, fix = f"is UTF-8, not {self._encoding}", "declare dialect.encoding: utf-8"
            raise BadDataError(what, where=self._name, fix=fix)
        return raw.removeprefix(_UTF8_MARK)

    def _decode(self, raw: bytes) -> bytes:
        try:
            text = self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self._encoding, "replace").encode()
            what = f"byte 0x{error.object[error.start]:02x} is not {self._encoding}"
            fix = "declare dialect.encoding, e.g. cp1251, cp1252, cp1250 or utf-16"
            raise self._refusal(what, before, fix) from error
        return raw if self._encoding == "utf-8" else text.encode()

    def _refusal(self, what: str, before: bytes, fix: str) -> BadDataError:
        line = self._lines + before.count(b"\n") + 1
        return BadDataError(what, where=f"{self._name} line {line}", fix=fix)


class _QuoteGuard:
    """Every quote either opens a field (after a separator), closes one (before a separator), or is doubled."""

    def __init__(self, dialect: Dialect, name: str) -> None:
        self._quote, self._name = ord(dialect.quote or ""), name
        self._edges = np.zeros(256, dtype=bool)
        self._edges[[ord(dialect.delimiter), ord("\r"), ord("\n"), self._quote]] = True
        self._tail, self._seen = b"\n", 0

    def check(self, chunk: bytes, lines: int, last: bool) -> None:
        window = self._tail + chunk + (b"\n" if last else b"")
        self._tail = window[-2:]
        data = np.frombuffer(window, dtype=np.uint8)
        at = np.flatnonzero(data[1:-1] == self._quote) + 1
        opens = (self._seen + np.arange(len(at))) % 2 == 0
        wrong = np.flatnonzero(~self._edges[np.where(opens, data[at - 1], data[at + 1])])
        self._seen += len(at)
        if len(wrong):
            skipped = len(window) - len(chunk) - last
            before = window[skipped : max(int(at[wrong[0]]), skipped)]
            self._refuse("has a quote inside a field", lines + before.count(b"\n") + 1)
        if last and self._seen % 2:
            self._refuse("ends inside a quoted field; a quote is missing or the file is truncated", None)

    def _refuse(self, what: str, line: int | None) -> None:
        where = self._name if line is None else f"{self._name} line {line}"
        raise BadDataError(what, where=where, fix="double quotes inside quoted fields, or declare dialect.quote: null")
