"""Lists of accounts by a condition in SQL, over tables that are handed in and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from abm_scoring.data.sql_queries import locked_connection
from abm_scoring.errors import ConfigError

#: Statements and functions have no business in a condition; the connection refuses files and network besides.
_FORBIDDEN = re.compile(
    r";|--|/\*|\b(attach|copy|create|delete|detach|drop|export|import|insert|install|load|pragma|set|update)\b"
    r"|\b(read_\w+|\w*_scan|glob|getenv|query|query_table|parquet_\w+|sniff_csv|duckdb_\w+|pragma_\w+)\s*\(",
    re.IGNORECASE,
)
_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def choose(
    frame: pd.DataFrame, where: str, tables: Mapping[str, pd.DataFrame], limit: int | None = None
) -> pd.DataFrame:
    """The rows of a frame for which a condition holds.

    Args:
        frame: One row an account, visible as `a`; its columns can be named without it.
        where: A condition in DuckDB's SQL, e.g. `employee_count > 500 AND country IN ('AT', 'DE')`. Sub-queries over
            the tables are allowed: `account_id IN (SELECT account_id FROM events WHERE event_type = 'webinar')`.
        tables: Other tables by name.
        limit: Most rows; None = all.

    Returns:
        The rows that fit, in their order.

    Raises:
        ConfigError: The condition is none, names an unknown column, or tries anything else than to read these tables.
    """
    import duckdb

    found = _FORBIDDEN.search(_STRINGS.sub("''", where))
    if found:
        raise ConfigError(
            f"{found[0].strip()!r} has no place in a condition", where="--where", fix="write a condition only"
        )
    connection = locked_connection()
    try:
        connection.register("a", frame.assign(__row=range(len(frame))))
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
        rows = connection.sql(f"SELECT __row FROM a WHERE ({where}\n) ORDER BY __row").fetchall()
    except duckdb.Error as error:
        text = str(error).split("\n", 1)[0]
        raise ConfigError(
            f"condition refused: {text}", where="--where", fix="columns: abm-scoring select CONFIG"
        ) from error
    finally:
        connection.close()
    chosen = [row for (row,) in rows]
    return frame.iloc[chosen if limit is None else chosen[:limit]].reset_index(drop=True)
