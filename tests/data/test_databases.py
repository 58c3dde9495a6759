"""A database source gives what the Parquet source gives, bit for bit; a real PostgreSQL server where there is one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.data.file_sources import ParquetSource
from abm_scoring.data.loading import load_tables
from abm_scoring.data.market.market import Market, make_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.data.sources import DatabaseSource
from abm_scoring.errors import ConfigError, MissingInputError, ServiceError

URL = "ABM_TEST_DATABASE"


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(MarketSpec(accounts=80, seed=2, events_per_account=5))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    found = shutil.which("initdb") or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None
    )
    if found is None:
        pytest.skip("no PostgreSQL server is installed")
    # Not in pytest's folder: the server's user must get there, and a socket's path may have 107 characters at most.
    folder, bin_folder = Path(tempfile.mkdtemp(prefix="abm-pg-")), Path(found).resolve().parent
    folder.chmod(0o755)
    who: dict[str, object] = {}
    if os.getuid() == 0:  # the server refuses to run as root
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"

    def run(*command: str | Path) -> None:
        subprocess.run([str(c) for c in command], check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]

    run(bin_folder / "initdb", "-D", data, "-U", "abm", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run(bin_folder / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql://abm@/postgres?host={folder}"
    finally:
        # Where the temporary folder is gone, the server has ended by itself.
        if (data / "postmaster.pid").exists():
            os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _fill(url: str, market: Market) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    for name in ("accounts", "opportunities"):
        market.tables[name].to_sql(name, engine, index=False, if_exists="replace")
    engine.dispose()


def _same(market: Market, folder: Path) -> None:
    parquet, database = {}, {}
    for name in ("accounts", "opportunities"):
        market.tables[name].to_parquet(folder / f"{name}.parquet")
        parquet[name] = ParquetSource(path=f"{name}.parquet")
        database[name] = DatabaseSource(url_env=URL, query=f"SELECT * FROM {name}", timezone="UTC")
    before, after = load_tables(parquet, folder), load_tables(database, folder)
    assert after.fingerprints == load_tables(database, folder).fingerprints
    for name in parquet:
        key = list(market.tables[name].columns)
        one, two = (t.tables[name].sort_values([key[0], "known_at"], ignore_index=True) for t in (before, after))
        pd.testing.assert_frame_equal(two, one)


def test_postgres_equals_parquet(
    postgres: str, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(postgres, market)
    monkeypatch.setenv(URL, postgres)
    _same(market, tmp_path)


def test_postgres_is_only_read(postgres: str, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, postgres)
    for query in (
        "DELETE FROM accounts",
        "SELECT 1; DROP TABLE accounts",
        "WITH d AS (DELETE FROM accounts RETURNING *) SELECT * FROM d",
    ):
        with pytest.raises((ConfigError, ServiceError)):
            load_tables({"accounts": DatabaseSource(url_env=URL, query=query)}, tmp_path)


def test_slow_queries_end(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, postgres)
    source = DatabaseSource(url_env=URL, query="SELECT pg_sleep(30)::text AS account_id", timeout_seconds=1)
    with pytest.raises((ConfigError, ServiceError), match="timeout"):
        load_tables({"accounts": source}, tmp_path)


def test_sqlite_through_sqlalchemy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.executescript(
            "CREATE TABLE a (account_id TEXT, n REAL); INSERT INTO a VALUES ('00123', 7), ('A:b', 8.5)"
        )
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path / 'a.db'}")
    source = DatabaseSource(url_env=URL, query="SELECT account_id, n AS employee_count FROM a WHERE account_id <> ':x'")
    frame = load_tables({"accounts": source}, tmp_path).tables["accounts"]
    assert frame["account_id"].tolist() == ["00123", "A:b"]


def test_secrets_never_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = DatabaseSource(url_env=URL, query="SELECT 1 AS account_id")
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(MissingInputError, match=URL):
        load_tables({"accounts": source}, tmp_path)
    monkeypatch.setenv(URL, "postgresql://user:hunter2@127.0.0.1:1/none")
    with pytest.raises(ServiceError) as caught:
        load_tables({"accounts": source}, tmp_path)
    assert "hunter2" not in str(caught.value)
