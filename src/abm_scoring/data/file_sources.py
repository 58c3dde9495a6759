"""Canonical tables from files: CSV, Parquet and Excel."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field

from abm_scoring.data.csv_files import csv_pieces, read_csv
from abm_scoring.data.excel_files import read_excel
from abm_scoring.data.field_history import FieldHistory, read_changes, with_versions
from abm_scoring.data.files import fingerprint, resolve, unchanged
from abm_scoring.data.parquet_files import parquet_pieces, parquet_size, read_parquet
from abm_scoring.data.presets import PresetTable
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.schema import TableSchema
from abm_scoring.data.table_source import TableSource
from abm_scoring.errors import BadDataError

#: Bytes that a row of a text file takes, about: only sizes of partitions depend on it.
_CSV_ROW = 60


class _FileSource(TableSource):
    path: str = Field(min_length=1, description="file under the data root or absolute path; wildcards read many")
    history: FieldHistory | None = Field(
        None, description="file of field changes, so that each version is known from when it was true"
    )

    def files_in(self, root: Path) -> list[Path]:
        """The files that `path` names."""
        return resolve(self.path, root)

    def read(self, schema: TableSchema, root: Path) -> RawTable:
        """Read the table, and its versions where it has a history; see `TableSource.read`."""
        raw = super().read(schema, root)
        if self.history is None:
            return raw
        files = resolve(self.history.path, root)
        with unchanged(files):
            changes = read_changes(self.history, root, self.dialect, self.timezone, self.max_bytes)
        raw = replace(raw, sha256=hashlib.sha256(f"{raw.sha256} {fingerprint(files)}".encode()).hexdigest())
        return with_versions(raw, schema.key[0], changes, self._fields_of(schema), self.dialect, self.timezone)

    def held_bytes(self, schema: TableSchema, root: Path) -> tuple[int, int] | None:
        """See `TableSource.held_bytes`; a table with a history needs all its rows at once."""
        if self.history is not None:
            return None
        sizes = [self._size(file, schema) for file in self.files_in(root)]
        known = [size for size in sizes if size is not None]
        return (sum(n for n, _ in known), sum(b for _, b in known)) if len(known) == len(sizes) else None

    def pieces(self, schema: TableSchema, root: Path, rows: int, hashed: bool = True) -> Iterator[RawTable]:
        """Read the files one after the other, in pieces; see `TableSource.pieces`."""
        files = self.files_in(root)
        with unchanged(files):
            sha256, first = fingerprint(files) if hashed else "", None
            for file in files:
                done = self._first_row
                for offered, piece in self._file_pieces(file, schema, rows):
                    first = first or (file, offered)
                    _same_columns(first[0], first[1], file, offered)
                    yield self.shaped(offered, piece, [Part(file.name, len(piece), done)], schema, sha256)
                    done += len(piece)

    def _size(self, file: Path, schema: TableSchema) -> tuple[int, int] | None:
        """Rows and bytes that the wanted columns of one file unpack to, about; None where nobody can say."""
        return None

    def _file_pieces(self, file: Path, schema: TableSchema, rows: int) -> Iterator[tuple[list[str], pa.Table]]:
        """All columns' names and the wanted ones of one file, piece by piece; at least one piece."""
        yield self._read_file(file, schema)

    def _completed(self, preset: PresetTable) -> dict[str, object]:
        given, known = self.history, preset.history
        if given is None or known is None:
            return super()._completed(preset)
        empty = {n: getattr(known, n) for n in ("id", "at", "field", "value", "old", "names") if not getattr(given, n)}
        return {**super()._completed(preset), "history": given.model_copy(update=empty)}

    def _fields_of(self, schema: TableSchema) -> dict[str, list[str]]:
        """Their field name → our columns that it fills."""
        fields: dict[str, list[str]] = {}
        for ours in dict.fromkeys((*schema.by_name, *self.extra_types)):
            names = self.columns.get(ours, ours)
            for theirs in (names,) if isinstance(names, str) else names or ():
                if theirs is not None:
                    fields.setdefault(theirs, []).append(ours)
        return fields

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        headers, tables = zip(*(self._read_file(f, schema) for f in files), strict=True)
        for file, header in zip(files, headers, strict=True):
            _same_columns(files[0], headers[0], file, header)
        parts = [Part(f.name, len(t), self._first_row) for f, t in zip(files, tables, strict=True)]
        return headers[0], _stacked(tables, files), parts

    @abstractmethod
    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        """All columns' names and the wanted ones of one file."""

    @property
    def _first_row(self) -> int:
        return 1


class CsvSource(_FileSource):
    """Text tables, .csv or .csv.gz, read strictly."""

    kind: Literal["csv"] = "csv"

    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        return read_csv(file, self.dialect, self.max_bytes, partial(self.wanted, schema))

    def _file_pieces(self, file: Path, schema: TableSchema, rows: int) -> Iterator[tuple[list[str], pa.Table]]:
        return csv_pieces(file, self.dialect, self.max_bytes, partial(self.wanted, schema))

    def _size(self, file: Path, schema: TableSchema) -> tuple[int, int] | None:
        packed = 10 if file.suffix == ".gz" else 1
        size = file.stat().st_size * packed
        return size // _CSV_ROW, size

    @property
    def _first_row(self) -> int:
        return 2


class ParquetSource(_FileSource):
    """Parquet files."""

    kind: Literal["parquet"] = "parquet"

    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        return read_parquet(file, self.max_bytes, partial(self.wanted, schema))

    def _file_pieces(self, file: Path, schema: TableSchema, rows: int) -> Iterator[tuple[list[str], pa.Table]]:
        return parquet_pieces(file, self.max_bytes, partial(self.wanted, schema), rows)

    def _size(self, file: Path, schema: TableSchema) -> tuple[int, int] | None:
        return parquet_size(file, partial(self.wanted, schema))


class ExcelSource(_FileSource):
    """One sheet of an .xlsx workbook.

    Ids that the sheet holds as whole numbers of up to 15 digits become their digits; zeros that the spreadsheet
    dropped in front stay lost, which the share of orphans then shows. Other numbers are refused as ids.
    """

    kind: Literal["excel"] = "excel"
    sheet: str | None = Field(None, description="name of the sheet; may be left out where there is only one")
    header_row: int = Field(1, ge=1, description="row that holds the column names, or the first of them")
    header_height: int = Field(
        1, ge=1, le=5, description="rows that the header takes; names of merged cells are joined"
    )

    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        choose = partial(self.wanted, schema)
        return read_excel(file, self.sheet, self.header_row, self.dialect, self.max_bytes, choose, self.header_height)

    @property
    def _first_row(self) -> int:
        return self.header_row + self.header_height


def _same_columns(first: Path, expected: Sequence[str], file: Path, header: Sequence[str]) -> None:
    if set(header) != set(expected):
        odd = sorted(set(header) ^ set(expected))
        what = f"has other columns than {first.name}: {', '.join(map(repr, odd[:5]))}"
        raise BadDataError(what, where=file.name, fix="give all files of one table the same columns")


def _stacked(tables: Sequence[pa.Table], files: Sequence[Path]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        where = f"{files[0].name} … {files[-1].name}"
        what = "a column has different types in different files"
        raise BadDataError(what, where=where, fix="export them alike") from error
