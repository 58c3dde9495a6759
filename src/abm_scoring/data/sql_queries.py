"""A DuckDB query over declared files and at most one database, which it can only read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa

from abm_scoring.data.cells import column_of
from abm_scoring.data.conversion import clean_text
from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import file_errors
from abm_scoring.errors import BadDataError, BusyError, ConfigError

if TYPE_CHECKING:
    import duckdb

_SQLITE_MAGIC = b"SQLite format 3\0"
#: The query sees what is registered and nothing else: no files, no network, no extensions, no Python variables.
_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def run_query(
    query: str, views: Mapping[str, Sequence[Path]], database: Path | None, dialect: Dialect, max_bytes: int
) -> pa.Table:
    """Run one SELECT.

    Args:
        query: One statement in DuckDB's SQL.
        views: Name of a view → CSV or Parquet files. CSV columns are text, empty fields null.
        database: A DuckDB or SQLite file, opened read-only; its tables are visible by name.
        dialect: How the CSV files are written.
        max_bytes: Most bytes a CSV file may unpack to.

    Returns:
        The result with Arrow types; decimals and huge integers stay exact.

    Raises:
        ConfigError: The query is no single SELECT, or names an unknown table.
        BadDataError: It names an unknown column, or fails on a value.
        BusyError: Another process holds the database.
    """
    import duckdb

    is_sqlite = database is not None and _is_sqlite(database)
    with closing(_connect(None if is_sqlite else database)) as connection:
        if database is not None and is_sqlite:
            for name, table in _sqlite_tables(database, query, dialect).items():
                connection.register(name, table)
        for name, files in views.items():
            connection.register(name, _view(name, files, dialect, max_bytes))
        connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
        try:
            _must_be_one_select(connection, query)
            return connection.sql(query).to_arrow_table()
        except duckdb.OutOfMemoryException as error:
            raise MemoryError("the query does not fit into memory") from error
        except duckdb.Error as error:
            raise _translate(error) from error


def locked_connection() -> duckdb.DuckDBPyConnection:
    """A connection in memory that can read neither files nor network; what it may see is registered by the caller."""
    return _connect(None)


def _connect(database: Path | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    if database is None:
        return duckdb.connect(":memory:", config=_LOCKED)
    try:
        with file_errors(database):
            return duckdb.connect(str(database), read_only=True, config=_LOCKED)
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise BusyError("is in use by another process", where=database.name, fix="try again later") from error
        raise BadDataError("is neither a DuckDB nor a SQLite database", where=database.name) from error


def _view(name: str, files: Sequence[Path], dialect: Dialect, max_bytes: int) -> object:
    import pyarrow.dataset as dataset

    if all(f.suffix == ".parquet" for f in files):
        try:
            return dataset.dataset([str(f) for f in files], format="parquet")
        except (pa.ArrowInvalid, OSError) as error:
            raise BadDataError("is no intact Parquet file", where=files[0].name, fix="export it again") from error
    if not all(f.name.endswith((".csv", ".csv.gz")) for f in files):
        what = f"view {name} is neither CSV nor Parquet"
        raise ConfigError(what, where=files[0].name, fix="use .csv, .csv.gz or .parquet")
    tables = [read_csv(f, dialect, max_bytes, lambda header: header)[1] for f in files]
    headers = {tuple(t.column_names) for t in tables}
    if len(headers) > 1:
        raise BadDataError("files have different columns", where=f"view {name}", fix="make one view for each shape")
    table = pa.concat_tables(tables)
    columns = {c: clean_text(table[c], dialect) for c in table.column_names}
    return pa.table(columns) if columns else pa.table({"empty": pa.array([], pa.string())})


def _is_sqlite(database: Path) -> bool:
    with file_errors(database), database.open("rb") as stream:
        return stream.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC


def _sqlite_tables(database: Path, query: str, dialect: Dialect) -> dict[str, pa.Table]:
    """The tables and views that the query mentions, copied out by the standard library (no extension to download)."""
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(database.absolute()))}?mode=ro", uri=True, timeout=1)
        ) as connection:
            connection.execute("PRAGMA query_only = 1")
            names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            used = [n for (n,) in names if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", query, re.IGNORECASE)]
            return {name: _sqlite_table(connection, name, dialect) for name in used}
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BusyError("is in use by another process", where=database.name, fix="try again later") from error
        raise BadDataError(f"cannot be read: {error}", where=database.name) from error
    except sqlite3.DatabaseError as error:
        raise BadDataError(f"is damaged: {error}", where=database.name) from error


def _sqlite_table(connection: sqlite3.Connection, name: str, dialect: Dialect) -> pa.Table:
    quoted = name.replace('"', '""')
    cursor = connection.execute(f'SELECT * FROM "{quoted}"')
    names = [d[0] for d in cursor.description]
    rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table({n: column_of(cells, dialect) for n, cells in zip(names, columns, strict=True)})


def _must_be_one_select(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    import duckdb

    statements = connection.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError("query is not one SELECT statement", where="sources", fix="write one SELECT, WITH … included")


def _translate(error: duckdb.Error) -> Exception:
    import duckdb

    text = str(error).split("\n", 1)[0]
    if isinstance(error, duckdb.ParserException | duckdb.CatalogException | duckdb.PermissionException):
        return ConfigError(f"query refused: {text}", fix="name files under files: and tables of the database")
    if isinstance(error, duckdb.BinderException):
        return BadDataError(f"query does not fit its tables: {text}", fix="compare it with the columns of its input")
    masked = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text)
    return BadDataError(f"query failed on a value: {masked}", fix="find it with TRY_CAST")
