"""Where a canonical table comes from: a CSV, Parquet or Excel file, or a query.

Each source is a frozen spec with one verb, `read`. What it returns has our column names but the source's own values;
`checks.conform` turns it into a canonical frame.
"""

from __future__ import annotations

import zoneinfo
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, field_validator

from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.excel_files import read_excel
from abm_scoring.data.files import fingerprint, resolve, unchanged
from abm_scoring.data.parquet_files import read_parquet
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.schema import ColumnType, TableSchema
from abm_scoring.data.selection import Selection, extra_name, select
from abm_scoring.data.sql_queries import run_query
from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.spec import Spec
from abm_scoring.spec_problems import near


class TableSource(Spec):
    """What all sources declare."""

    columns: dict[str, str | None] = Field(
        default_factory=dict, description="our column: theirs; null = do not take their column of that name"
    )
    extra_columns: tuple[str, ...] | dict[str, ColumnType] = Field(
        (), description="columns beyond the schema: a list of names (types as in the source), or name: type"
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="our column: {their text: our text}, e.g. event_type: {Besuch: web_visit}"
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
        sha256 = fingerprint(files)
        with unchanged(files):
            offered, table, parts = self._read(files, schema, root)
        selection = self.select(offered, schema)
        data = pa.table({ours: table[theirs] for ours, theirs in selection.taken.items()})
        return RawTable(data, tuple(parts), tuple(offered), selection.missing, sha256)

    @abstractmethod
    def files_in(self, root: Path) -> list[Path]:
        """Every input file of this source."""

    @abstractmethod
    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        """All columns' names, the wanted ones under the source's names, and where the rows came from."""

    def _wanted(self, schema: TableSchema, offered: Sequence[str]) -> list[str]:
        taken = self.select(offered, schema).taken.values()
        return list(dict.fromkeys(taken)) or list(offered[:1])  # one column tells the number of rows


class _FileSource(TableSource):
    path: str = Field(min_length=1, description="file under the data root or absolute path; wildcards read many")

    def files_in(self, root: Path) -> list[Path]:
        """The files that `path` names."""
        return resolve(self.path, root)

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        headers, tables = zip(*(self._read_file(f, schema) for f in files), strict=True)
        for file, header in zip(files, headers, strict=True):
            if set(header) != set(headers[0]):
                odd = sorted(set(header) ^ set(headers[0]))
                what = f"has other columns than {files[0].name}: {', '.join(map(repr, odd[:5]))}"
                raise BadDataError(what, where=file.name, fix="give all files of one table the same columns")
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
        return read_csv(file, self.dialect, self.max_bytes, partial(self._wanted, schema))

    @property
    def _first_row(self) -> int:
        return 2


class ParquetSource(_FileSource):
    """Parquet files."""

    kind: Literal["parquet"] = "parquet"

    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        return read_parquet(file, self.max_bytes, partial(self._wanted, schema))


class ExcelSource(_FileSource):
    """One sheet of an .xlsx workbook.

    Ids that the sheet holds as whole numbers of up to 15 digits become their digits; zeros that the spreadsheet
    dropped in front stay lost, which the share of orphans then shows. Other numbers are refused as ids.
    """

    kind: Literal["excel"] = "excel"
    sheet: str | None = Field(None, description="name of the sheet; may be left out where there is only one")
    header_row: int = Field(1, ge=1, description="row that holds the column names")

    def _read_file(self, file: Path, schema: TableSchema) -> tuple[list[str], pa.Table]:
        choose = partial(self._wanted, schema)
        return read_excel(file, self.sheet, self.header_row, self.dialect, self.max_bytes, choose)

    @property
    def _first_row(self) -> int:
        return self.header_row + 1


class SqlSource(TableSource):
    """A DuckDB query over files and, read-only, a DuckDB or SQLite database.

    The query sees the declared views and the database's tables only. CSV columns are text there: cast them.
    """

    kind: Literal["sql"] = "sql"
    query: str = Field(min_length=1, description="one SELECT in DuckDB's SQL")
    files: dict[str, str] = Field(default_factory=dict, description="view name: path of .csv, .csv.gz, .parquet")
    database: str | None = Field(None, description="path of a .duckdb or .sqlite file")

    def files_in(self, root: Path) -> list[Path]:
        """The files of all views, and the database."""
        paths = [*self.files.values(), *([self.database] if self.database else [])]
        return [file for path in paths for file in resolve(path, root)]

    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        views = {name: resolve(path, root) for name, path in self.files.items()}
        database = resolve(self.database, root)[0] if self.database else None
        table = run_query(self.query, views, database, self.dialect, self.max_bytes)
        return table.column_names, table, [Part("query", len(table), 1)]


def _stacked(tables: Sequence[pa.Table], files: Sequence[Path]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        where = f"{files[0].name} … {files[-1].name}"
        what = "a column has different types in different files"
        raise BadDataError(what, where=where, fix="export them alike") from error


Source = Annotated[CsvSource | ParquetSource | ExcelSource | SqlSource, Field(discriminator="kind")]
