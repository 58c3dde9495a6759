"""Where a canonical table comes from: a CSV, Parquet or Excel file, a query, a database, or several of these.

Each source is a frozen spec with one verb, `read`. What it returns has our column names but the source's own values;
`checks.conform` turns it into a canonical frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from abm_scoring.data.databases import read_database
from abm_scoring.data.file_sources import CsvSource, ExcelSource, ParquetSource
from abm_scoring.data.files import resolve
from abm_scoring.data.presets import PresetTable
from abm_scoring.data.raw import Part
from abm_scoring.data.schema import TableSchema
from abm_scoring.data.sql_queries import run_query
from abm_scoring.data.table_source import TableSource
from abm_scoring.errors import ConfigError
from abm_scoring.spec import Spec


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


OneSource = Annotated[CsvSource | ParquetSource | ExcelSource | SqlSource | DatabaseSource, Field(discriminator="kind")]
Source = Annotated[
    CsvSource | ParquetSource | ExcelSource | SqlSource | DatabaseSource | SparkSource | StackSource,
    Field(discriminator="kind"),
]
StackSource.model_rebuild()
