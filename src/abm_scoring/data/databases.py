"""A query to a database server, read-only: PostgreSQL and whatever else SQLAlchemy has a driver for."""

from __future__ import annotations

import hashlib
import os
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from abm_scoring.data.cells import column_of
from abm_scoring.data.dialect import Dialect
from abm_scoring.errors import BadDataError, ConfigError, MissingInputError, ServiceError

#: What people write for PostgreSQL → the driver that the extra `postgres` installs.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_BATCH = 50_000


def read_database(url_env: str, query: str, dialect: Dialect, timeout_seconds: int) -> pa.Table:
    """Run one SELECT on a database server.

    Args:
        url_env: Environment variable that holds the address, secrets included.
        query: One SELECT in the database's SQL; it runs in a transaction that is rolled back.
        dialect: How text values are written.
        timeout_seconds: Longest that a PostgreSQL query may take.

    Returns:
        The result in Arrow types; exact decimals become float64, nested values are refused.

    Raises:
        MissingInputError: The variable is not set.
        ConfigError: The address or the query is wrong, or its driver is not installed.
        ServiceError: The server does not answer, or takes too long.
        BadDataError: A column has a type that no table column can hold.
    """
    import sqlalchemy as sa

    if not _is_select(query):
        raise ConfigError("query is not one SELECT statement", where="sources", fix="write one SELECT, WITH … included")
    url = _url(url_env)
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    except (ImportError, sa.exc.ArgumentError) as error:
        fix = "pip install abm-scoring[postgres], or the driver of your database"
        raise ConfigError(f"no driver for {url.drivername}", where=f"${url_env}", fix=fix) from error
    try:
        with engine.connect() as connection:
            _make_safe(connection, timeout_seconds)
            statement = sa.text(query.replace(":", r"\:"))
            result = connection.execute(statement, execution_options={"stream_results": True})
            return _table(list(result.keys()), result, dialect)
    except sa.exc.OperationalError as error:
        raise ServiceError(_reason(error), where=f"${url_env}", fix="check that the database answers") from None
    except sa.exc.DBAPIError as error:
        raise ConfigError(
            f"query refused: {_reason(error)}", where=f"${url_env}", fix="try it in the database"
        ) from None


def _url(url_env: str) -> Any:
    import sqlalchemy as sa

    address = os.environ.get(url_env)
    if not address:
        fix = f"export {url_env}=postgresql://user:secret@host/name"
        raise MissingInputError(f"the environment variable {url_env} is not set", fix=fix)
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError:
        raise ConfigError(
            "holds no database address", where=f"${url_env}", fix="dialect://user:secret@host/name"
        ) from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _is_select(query: str) -> bool:
    """Whether it begins like one and holds no second statement; PostgreSQL's transaction is read-only besides."""
    text = query.strip().rstrip(";")
    return re.match(r"(?i)(select|with)\b", text) is not None and ";" not in text


def _make_safe(connection: Any, timeout_seconds: int) -> None:
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        connection.execute(sa.text(f"SET LOCAL statement_timeout = {timeout_seconds * 1000:d}"))
        connection.execute(sa.text("SET LOCAL TimeZone = 'UTC'"))


def _table(names: list[str], result: Any, dialect: Dialect) -> pa.Table:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadDataError(f"query gives {', '.join(twice)} more than once", fix="rename with AS")
    batches: list[list[list[Any]]] = []
    while rows := result.fetchmany(_BATCH):
        batches.append([list(column) for column in zip(*rows, strict=True)])
    cells = [[c for batch in batches for c in batch[i]] for i in range(len(names))]
    return pa.table({n: _column(n, column, dialect) for n, column in zip(names, cells, strict=True)})


def _column(name: str, cells: list[Any], dialect: Dialect) -> pa.Array:
    kinds = {type(c) for c in cells if c is not None}
    if kinds <= {Decimal, int, float} and Decimal in kinds:
        return pa.array([None if c is None else float(c) for c in cells], pa.float64(), from_pandas=False)
    if kinds & {dict, set}:
        raise BadDataError("holds nested values", where=f"column {name}", fix="select the part you need as text")
    if kinds == {list}:
        return pa.array([None if c is None else ";".join(map(str, c)) for c in cells], pa.string())
    if any(getattr(c, "tzinfo", None) is not None for c in cells):
        return pa.array(cells, pa.timestamp("us", "UTC"))
    if kinds == {UUID}:
        cells = [None if c is None else str(c) for c in cells]
    return column_of(cells, dialect)


def _reason(error: Any) -> str:
    """The database's own first line, without the query, its parameters or an address."""
    return str(error.orig).strip().split("\n", 1)[0][:200]


def content_hash(table: pa.Table) -> str:
    """SHA-256 of the rows of a table, whatever their order."""
    columns = [table[name].cast(pa.string()).to_pylist() for name in sorted(table.column_names)]
    lines = sorted(map(repr, zip(*columns, strict=True)))
    return hashlib.sha256("\n".join([repr(sorted(table.column_names)), *lines]).encode()).hexdigest()
