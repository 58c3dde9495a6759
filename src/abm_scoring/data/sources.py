"""Where a canonical table comes from: a CSV, Parquet or Excel file, a query, a database, or several of these.

Each source is a frozen spec with one verb, `read`. What it returns has our column names but the source's own values;
`checks.conform` turns it into a canonical frame.
"""

from __future__ import annotations

import hashlib
import zoneinfo
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from abm_scoring.data.csv_files import csv_pieces, read_csv
from abm_scoring.data.databases import content_hash, read_database
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.excel_files import read_excel
from abm_scoring.data.field_history import FieldHistory, read_changes, with_versions
from abm_scoring.data.files import fingerprint, resolve, unchanged
from abm_scoring.data.normalise.spec import Normalise
from abm_scoring.data.parquet_files import parquet_pieces, parquet_size, read_parquet
from abm_scoring.data.presets import PresetTable, read_preset
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.schema import ColumnType, TableSchema
from abm_scoring.data.selection import Selection, extra_name, select
from abm_scoring.data.sql_queries import run_query
from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.spec import Spec
from abm_scoring.spec_problems import near

#: Bytes that a row of a text file takes, about: only sizes of partitions depend on it.
_CSV_ROW = 60


class TableSource(Spec):
    """What all sources declare."""

    preset: str | None = Field(
        None, description="what a CRM's export looks like: hubspot.companies, or presets/mine.yaml:companies"
    )
    columns: dict[str, str | tuple[str | None, ...] | None] = Field(
        default_factory=dict,
        description="our column: theirs; a list = the first of them that is there (null at its end: or none); "
        "null = do not take their column of that name",
    )
    extra_columns: tuple[str, ...] | dict[str, ColumnType] = Field(
        (), description="columns beyond the schema: a list of names (types as in the source), or name: type"
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description='our column: {their text: our text}, e.g. event_type: {Besuch: web_visit}; "*" = any other text, '
        "an empty text = nothing",
    )
    normalise: dict[str, Normalise] = Field(
        default_factory=dict, description="our column: what its texts are, e.g. country: {kind: country}"
    )
    constants: dict[str, str] = Field(default_factory=dict, description="our column: the text that every row gets")
    skip: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="their column: texts of rows to leave out, e.g. is_deleted: [true]"
    )
    empty_unless: dict[str, str] = Field(
        default_factory=dict,
        description="our column: left empty where that other column of ours is, e.g. closed_at: is_won",
    )
    dialect: Dialect = Field(Dialect(), description="how text values are written")
    timezone: str | None = Field(None, description="zone of times without an offset, e.g. Europe/Berlin")
    on_violation: Literal["refuse", "reject"] = Field(
        "refuse", description="refuse stops at any broken rule; reject leaves up to max_reject_share of the rows out"
    )
    max_reject_share: float = Field(0.01, ge=0, lt=1, description="largest share of rows left out under reject")
    drop_repeats: bool = Field(False, description="count rows that are alike in every column once; real repeats exist")
    max_bytes: int = Field(2 * 2**30, gt=0, description="most bytes a file may hold or unpack to")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        try:
            return value and zoneinfo.ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            hint = near(str(value), sorted(zoneinfo.available_timezones())) or "write one like Europe/Berlin"
            raise ValueError(f"{value!r} is no time zone; {hint}") from None

    def select(self, offered: Sequence[str], schema: TableSchema) -> Selection:
        """Which columns of this source make up the table (see `selection.select`)."""
        for name in self.values:
            if name not in schema.by_name and name not in self.extra_types:
                fix = near(name, schema.by_name) or "name a column of the table"
                raise ConfigError(f"{name!r} is no column of {schema.name}", where="values", fix=fix)
        return select(offered, schema, self.columns, tuple(self.extra_columns))

    @property
    def extra_types(self) -> Mapping[str, ColumnType | None]:
        """Types of the extra columns by our names; None where the source's own counts."""
        typed = self.extra_columns if isinstance(self.extra_columns, dict) else {}
        return {extra_name(wish, self.columns): typed.get(wish) for wish in self.extra_columns}

    def read(self, schema: TableSchema, root: Path) -> RawTable:
        """Read the columns that make up a canonical table.

        Args:
            schema: The canonical table.
            root: Folder that relative paths start from.

        Raises:
            ConfigError: The path leaves the root, or the mapping is wrong.
            MissingInputError: A file is missing.
            BadDataError: A file is not what it should be.
        """
        files = self.files_in(root)
        with unchanged(files):
            offered, table, parts = self._read(files, schema, root)
            sha256 = fingerprint(files) if files else content_hash(table)
        return self.shaped(offered, table, parts, schema, sha256)

    def shaped(
        self, offered: Sequence[str], table: pa.Table, parts: list[Part], schema: TableSchema, sha256: str
    ) -> RawTable:
        """What was read under our names, with the constants and without the rows to skip."""
        selection = self.select([o for o in offered if o not in self._constant_names], schema)
        table, parts = _kept(table, parts, self.skip)
        columns = {ours: table[theirs] for ours, theirs in selection.taken.items()}
        rows = table.num_rows
        constants = {ours: pa.chunked_array([pa.repeat(text, rows)]) for ours, text in self.constants.items()}
        missing = {ours: theirs for ours, theirs in selection.missing.items() if ours not in constants}
        return RawTable(pa.table({**columns, **constants}), tuple(parts), tuple(offered), missing, sha256)

    def held_bytes(self, schema: TableSchema, root: Path) -> tuple[int, int] | None:
        """Rows and bytes, about, that reading this source would hold; None where it cannot be read in pieces."""
        return None

    def pieces(self, schema: TableSchema, root: Path, rows: int, hashed: bool = True) -> Iterator[RawTable]:
        """What `read` gives, about so many rows at a time; every piece has the hash of the whole where it is wanted.

        Only sources whose `held_bytes` is known need it.
        """
        yield self.read(schema, root)

    def settled(self, table: str, root: Path) -> tuple[TableSource, str]:
        """This source with its preset filled in, and the hash of the preset; what it declares itself goes first.

        Raises:
            ConfigError: There is no such preset, or it makes another table.
        """
        if self.preset is None:
            return self, ""
        preset, sha256 = read_preset(self.preset, root)
        if preset.table != table:
            what = f"makes the table {preset.table}, not {table}"
            raise ConfigError(what, where=f"preset {self.preset}", fix="use it for that table")
        return self.model_copy(update=self._completed(preset)), sha256

    def _completed(self, preset: PresetTable) -> dict[str, object]:
        """What the preset adds to this source, by field."""
        columns: dict[str, object] = {ours: (*names, ours, None) for ours, names in preset.columns.items()}
        extra = {name: kind for name, kind in preset.extra_columns.items() if name not in self.extra_columns}
        typed = {**extra, **self.extra_types}
        values = {
            name: {**preset.values.get(name, {}), **self.values.get(name, {})} for name in preset.values | self.values
        }
        plain = self.dialect.date_format is None and preset.date_format
        return {
            "columns": {**columns, **self.columns},
            "extra_columns": typed if extra else self.extra_columns,
            "values": values,
            "constants": {**preset.constants, **self.constants},
            "skip": {**preset.skip, **self.skip},
            "empty_unless": {**preset.empty_unless, **self.empty_unless},
            "dialect": self.dialect.model_copy(update={"date_format": preset.date_format}) if plain else self.dialect,
            "timezone": self.timezone or preset.timezone,
        }

    @property
    def _constant_names(self) -> frozenset[str]:
        return frozenset(self.constants)

    @abstractmethod
    def files_in(self, root: Path) -> list[Path]:
        """Every input file of this source."""

    @abstractmethod
    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        """All columns' names, the wanted ones under the source's names, and where the rows came from."""

    def wanted(self, schema: TableSchema, offered: Sequence[str]) -> list[str]:
        """The columns of the source that `shaped` needs; at least one, which tells the number of rows."""
        taken = self.select(offered, schema).taken.values()
        also = [name for name in self.skip if name in offered]
        return list(dict.fromkeys((*taken, *also))) or list(offered[:1])  # one column tells the number of rows


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


class SqlSource(TableSource):
    """A DuckDB query over files and, read-only, a DuckDB or SQLite database.

    The query sees the declared views and the database's tables only. CSV columns are text there: cast them.
    """

    kind: Literal["sql"] = "sql"
    query: str | None = Field(None, min_length=1, description="one SELECT in DuckDB's SQL; a preset may bring it")
    files: dict[str, str] = Field(default_factory=dict, description="view name: path of .csv, .csv.gz, .parquet")
    database: str | None = Field(None, description="path of a .duckdb or .sqlite file")

    def _completed(self, preset: PresetTable) -> dict[str, object]:
        lacking = [v for v in preset.views if v not in self.files]
        if self.query is None and lacking and self.database is None:
            fix = f"add files: {{{lacking[0]}: PATH}}"
            raise ConfigError(f"needs the files {', '.join(lacking)}", where=f"preset {self.preset}", fix=fix)
        return {**super()._completed(preset), "query": self.query or preset.query}

    def files_in(self, root: Path) -> list[Path]:
        """The files of all views, and the database."""
        paths = [*self.files.values(), *([self.database] if self.database else [])]
        return [file for path in paths for file in resolve(path, root)]

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        views = {name: resolve(path, root) for name, path in self.files.items()}
        database = resolve(self.database, root)[0] if self.database else None
        if self.query is None:
            raise ConfigError("has no query", where="sources", fix="write one, or name a preset that brings one")
        table = run_query(self.query, views, database, self.dialect, self.max_bytes)
        return table.column_names, table, [Part("query", len(table), 1)]


class DatabaseSource(TableSource):
    """A query to a database server: PostgreSQL, or any that SQLAlchemy has a driver for.

    The connection's address, with its secrets, stands in an environment variable and nowhere else.
    """

    kind: Literal["database"] = "database"
    url_env: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable that holds the address, e.g. postgresql://user:secret@host/name",
    )
    query: str = Field(min_length=1, description="one SELECT in the database's SQL")
    timeout_seconds: int = Field(600, ge=1, description="longest that the query may take")

    def files_in(self, root: Path) -> list[Path]:
        """None; the rows that were read are fingerprinted instead."""
        return []

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        table = read_database(self.url_env, self.query, self.dialect, self.timeout_seconds)
        return table.column_names, table, [Part("query", len(table), 1)]


class SparkSource(TableSource):
    """A table or a query of a Spark session; needs `engine: {kind: spark}`."""

    kind: Literal["spark"] = "spark"
    table: str | None = Field(None, min_length=1, description="a table or view of the session's catalogue")
    query: str | None = Field(None, min_length=1, description="one SELECT in Spark's SQL, instead of table")

    @model_validator(mode="after")
    def _one_of_both(self) -> SparkSource:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs either table or query")
        return self

    def files_in(self, root: Path) -> list[Path]:
        """None; the rows that were read are fingerprinted instead."""
        return []

    def landed(self, file: Path) -> ParquetSource:
        """The same source for rows that were laid into a file."""
        shared = {name: getattr(self, name) for name in TableSource.model_fields if name != "preset"}
        return ParquetSource(path=str(file), preset=self.preset, **shared)

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        fix = "set engine.kind: spark, or read the files behind it with kind: parquet"
        raise ConfigError("only a Spark engine reads this source", where=f"sources.{schema.name}", fix=fix)


class StackSource(Spec):
    """Several sources that make up one table, e.g. events from mails, forms and meetings."""

    kind: Literal["stack"] = "stack"
    parts: tuple[OneSource, ...] = Field(min_length=1, description="sources of the same table")


def _kept(table: pa.Table, parts: list[Part], skip: Mapping[str, Sequence[str]]) -> tuple[pa.Table, list[Part]]:
    """The rows that no `skip` names; where some are left out, row numbers count the rows that stay."""
    out = np.zeros(table.num_rows, dtype=bool)
    for name, texts in skip.items():
        if name in table.column_names:
            shown = table[name].cast(pa.string())
            out |= pc.fill_null(pc.is_in(pc.utf8_lower(shown), pa.array([t.lower() for t in texts])), False).to_numpy()
    if not out.any():
        return table, parts
    name = parts[0].name if len(parts) == 1 else f"{parts[0].name} …"
    return table.filter(pa.array(~out)), [Part(f"{name} (kept rows)", int((~out).sum()), 1)]


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


OneSource = Annotated[CsvSource | ParquetSource | ExcelSource | SqlSource | DatabaseSource, Field(discriminator="kind")]
Source = Annotated[
    CsvSource | ParquetSource | ExcelSource | SqlSource | DatabaseSource | SparkSource | StackSource,
    Field(discriminator="kind"),
]
StackSource.model_rebuild()
