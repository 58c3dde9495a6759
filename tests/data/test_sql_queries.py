from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm_scoring.data import sql_queries
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.sql_queries import run_query
from abm_scoring.errors import BadDataError, BusyError, ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("id,n,note\n00123,5,\n7,6,NA\n")
    pq.write_table(pa.table({"id": ["00123", "8"], "x": [1, 2]}), tmp_path / "b.parquet")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.execute("CREATE TABLE deals AS SELECT '00123' AS id, 12.50::DECIMAL(10, 2) AS amount")
    with closing(sqlite3.connect(tmp_path / "d.sqlite")) as connection, connection:
        connection.execute('CREATE TABLE "my deals" (id TEXT, amount, at TEXT)')
        connection.execute("INSERT INTO \"my deals\" VALUES ('00123', 12.5, '2026-01-02'), ('7', 3, NULL)")
        connection.execute("CREATE TABLE photos (content BLOB)")
        connection.execute("INSERT INTO photos VALUES (x'00ff')")
        connection.execute('CREATE VIEW big AS SELECT * FROM "my deals" WHERE amount > 10')
    return tmp_path


def run(folder: Path, query: str, database: str | None = None, **views: str) -> list[dict[str, object]]:
    files = {name: [folder / path] for name, path in views.items()}
    return run_query(query, files, folder / database if database else None, Dialect(), 10**7).to_pylist()


def test_files_join_and_csv_columns_are_text(folder: Path) -> None:
    query = "SELECT id, n, note, x FROM a LEFT JOIN b USING (id) ORDER BY id"
    assert run(folder, query, a="a.csv", b="b.parquet") == [
        {"id": "00123", "n": "5", "note": None, "x": 1},
        {"id": "7", "n": "6", "note": "NA", "x": None},
    ]


def test_several_files_are_one_view(folder: Path) -> None:
    (folder / "a2.csv").write_text("id,n,note\n9,9,\n")
    views = {"a": [folder / "a.csv", folder / "a2.csv"]}
    assert run_query("SELECT count(*) AS n FROM a", views, None, Dialect(), 10**7).to_pylist() == [{"n": 3}]
    (folder / "a2.csv").write_text("id,m\n9,9\n")
    with pytest.raises(BadDataError, match="different columns"):
        run_query("SELECT * FROM a", views, None, Dialect(), 10**7)


def test_a_duckdb_database_joins_with_files(folder: Path) -> None:
    (row,) = run(folder, "SELECT n, amount FROM deals JOIN a USING (id)", "c.duckdb", a="a.csv")
    assert (row["n"], str(row["amount"])) == ("5", "12.50")


def test_a_sqlite_database_speaks_the_same_sql(folder: Path) -> None:
    rows = run(
        folder, 'SELECT d.*, n FROM "my deals" AS d JOIN a USING (id) ORDER BY amount DESC', "d.sqlite", a="a.csv"
    )
    assert [(r["id"], r["amount"], r["at"], r["n"]) for r in rows] == [
        ("00123", 12.5, "2026-01-02", "5"),
        ("7", 3.0, None, "6"),
    ]
    assert run(folder, "SELECT id FROM big", "d.sqlite") == [{"id": "00123"}]
    with pytest.raises(BadDataError, match="binary"):
        run(folder, "SELECT * FROM photos", "d.sqlite")


def test_exact_numbers_stay_exact(folder: Path) -> None:
    table = run_query("SELECT 0.1::DECIMAL(5, 2) AS d, 170141183460469231::HUGEINT AS h", {}, None, Dialect(), 10**7)
    assert [str(v) for v in table.to_pylist()[0].values()] == ["0.10", "170141183460469231"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{folder}/a.csv')",
        "SELECT * FROM '{folder}/b.parquet'",
        "SELECT * FROM read_csv('{folder}/*.csv')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM sqlite_scan('{folder}/d.sqlite', 'photos')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/c.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "DROP TABLE deals",
        "INSERT INTO deals SELECT * FROM deals",
        "CREATE TEMP TABLE t AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nowhere",
        "PRAGMA version",
        "",
    ],
)
@pytest.mark.parametrize("database", [None, "c.duckdb"])
def test_the_query_can_only_read_what_is_declared(folder: Path, query: str, database: str | None) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(ConfigError):
        run(folder, query.format(folder=folder), database)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_variables_of_the_program_are_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_queries, "secret", pa.table({"a": [1]}), raising=False)
    with pytest.raises(ConfigError, match="secret does not exist"):
        run_query("SELECT * FROM secret", {}, None, Dialect(), 10**7)


def test_a_query_that_does_not_fit_its_data_is_bad_data(folder: Path) -> None:
    with pytest.raises(BadDataError, match='column "nn" not found'):
        run(folder, "SELECT nn FROM a", a="a.csv")
    with pytest.raises(BadDataError) as caught:
        run(folder, "SELECT note::INT FROM a", a="a.csv")
    assert "NA" not in str(caught.value)
    (folder / "a.csv").write_text("id,n\n1\n")
    with pytest.raises(BadDataError, match=r"a\.csv line 2"):
        run(folder, "SELECT * FROM a", a="a.csv")


def test_a_database_in_use_is_busy(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "d.sqlite")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError):
            run(folder, "SELECT * FROM photos", "d.sqlite")


def test_what_is_no_database_is_refused(folder: Path) -> None:
    (folder / "x.duckdb").write_bytes(b"hello" * 1000)
    (folder / "x.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    for name in ("x.duckdb", "x.sqlite"):
        with pytest.raises(BadDataError):
            run(folder, "SELECT 1", name)
    (folder / "e.txt").write_text("x")
    with pytest.raises(ConfigError, match="neither CSV nor Parquet"):
        run(folder, "SELECT 1", e="e.txt")
