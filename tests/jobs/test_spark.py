"""Spark gives what this machine gives: the same run, byte for byte, by the same functions in its executors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.engines.spark_session import open_session
from abm_scoring.jobs.delivery import delivered
from abm_scoring.jobs.ledger import FROZEN, read_frozen
from abm_scoring.jobs.train import prepared_from, training_task
from abm_scoring.jobs.workspace import open_workspace
from tests.engines.test_training_parts import same as same_set
from tests.jobs.projects import run, run_json

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install abm-scoring[spark]")
if shutil.which("java") is None:
    pytest.skip("there is no Java, which Spark needs: install a Java 17 runtime", allow_module_level=True)


SPARK = ["engine={kind: spark, url: 'local[2]', accounts_per_partition: 130, memory_mb: 100}"]


@pytest.fixture(scope="module")
def held(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The night of the local engine."""
    return night(trained_project, tmp_path_factory.mktemp("held"))


@pytest.fixture(scope="module", autouse=True)
def _stopped() -> Iterator[None]:
    """No session outlives this module."""
    yield
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()


def night(config: Path, out: Path, *overrides: str) -> tuple[Path, dict[str, Any]]:
    """Folder and manifest of a first night."""
    shutil.copytree(config.parent / "models", out / "models", symlinks=True)
    given = [part for text in ("outputs.formats=[csv]", *overrides) for part in ("--set", text)]
    folder = Path(run_json("score", config, "--as-of", "2025-09-01", "--out", out, *given)["run"])
    return folder, json.loads((folder / "manifest.json").read_text())


def same(mine: tuple[Path, dict[str, Any]], theirs: tuple[Path, dict[str, Any]]) -> None:
    assert mine[1]["files"] == theirs[1]["files"]
    for name in ("counts", "noise", "gates", "warnings", "unseen", "inputs"):
        assert mine[1][name] == theirs[1][name], name


def test_a_night_on_spark_is_the_local_one_byte_for_byte(
    trained_project: Path,
    held: tuple[Path, dict[str, Any]],
    tmp_path: Path,
) -> None:
    found = night(trained_project, tmp_path, *SPARK)
    assert found[0].name == held[0].name
    same(found, held)
    session = open_session(None, {}, tmp_path)
    assert session.sparkContext._jsc.getPersistentRDDs().isEmpty(), "a run leaves nothing in the executors"


def test_a_training_set_made_by_executors_is_that_of_this_machine(trained_project: Path) -> None:
    """A sample, with rows whose outcome is not final, and every family of features that looks across accounts."""
    more = ("model.kind=hazard", "model.max_feature_rows=1500", "features=[{kind: value_fit}, {kind: category_rates}]")
    found = []
    for engine in ([], SPARK):
        workspace = open_workspace(trained_project, (*more, *engine))
        as_of = workspace.moment("2025-09-01")
        with delivered(workspace, as_of, False) as delivery:
            found.append(prepared_from(workspace.config, delivery, training_task(workspace.config, as_of)))
    here, there = found
    assert here.sample is not None and here.waiting is not None and here.after_outcome
    same_set(there, here)


def test_tables_of_the_session_are_read_where_they_are(
    trained_project: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A view of events of which some name a contact only, and a query of accounts, in the session that is active."""
    data = trained_project.parent / "data"
    events = pd.read_parquet(data / "events.parquet")
    by_contact = events["contact_id"].notna() & (events.index % 5 == 0)
    events["account_id"] = events["account_id"].mask(by_contact)
    events.to_parquet(tmp_path / "events.parquet", coerce_timestamps="us")
    theirs = f"sources.events={{kind: parquet, path: {tmp_path / 'events.parquet'}}}"
    local = night(trained_project, tmp_path_factory.mktemp("local"), theirs)
    session = open_session("local[2]", {}, tmp_path)
    session.read.parquet((tmp_path / "events.parquet").as_uri()).createOrReplaceTempView("seen")
    session.read.csv((data / "accounts.csv").as_uri(), header=True).createOrReplaceTempView("companies")
    own = ("sources.events={kind: spark, table: seen}", "engine={kind: spark, accounts_per_partition: 200}")
    companies = "sources.accounts={kind: spark, query: SELECT * FROM companies}"
    spark = night(trained_project, tmp_path_factory.mktemp("spark"), *own, companies)
    mine, other = (read_frozen(f / FROZEN).drop(columns=["run_id"], errors="ignore") for f, _ in (spark, local))
    assert mine.equals(other)
    for name in ("rows_in", "rows_accepted", "duplicates", "other"):
        assert spark[1]["inputs"]["events"][name] == local[1]["inputs"]["events"][name]


def test_every_command_reads_tables_of_the_session(trained_project: Path, tmp_path: Path) -> None:
    data = trained_project.parent / "data"
    session = open_session("local[2]", {}, tmp_path)
    session.read.parquet((data / "events.parquet").as_uri()).createOrReplaceTempView("seen")
    own = ("--set", "sources.events={kind: spark, table: seen}", "--set", "engine={kind: spark}")
    found = run_json("check", trained_project, "--as-of", "2025-09-01", *own)["tables"]["events"]
    local = run_json("check", trained_project, "--as-of", "2025-09-01")["tables"]["events"]
    assert found["accepted"] == local["accepted"] > 0


def test_what_an_executor_refuses_is_refused_in_the_same_words(trained_project: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_project.parent / "models", tmp_path / "models", symlinks=True)
    events = pd.read_parquet(trained_project.parent / "data" / "events.parquet")
    events["contact_id"] = "someone@example.com"
    events.to_parquet(tmp_path / "events.parquet", coerce_timestamps="us")
    theirs = ("--set", f"sources.events={{kind: parquet, path: {tmp_path / 'events.parquet'}}}")
    args = ("score", trained_project, "--as-of", "2025-09-01", "--out", tmp_path, *theirs)
    there = run(*args, "--set", SPARK[0])
    here = run(*args)
    assert there[0] == here[0] == 65
    assert "contact ids are e-mail addresses" in there[2] and "someone@" not in there[2]


def test_the_registered_model_is_a_function_of_ready_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    import numpy as np
    import pyarrow as pa
    from pyspark.sql.functions import struct

    from abm_scoring.learning.bundle import write_bundle
    from abm_scoring.learning.registry import CHAMPION, Registry
    from abm_scoring.learning.selection import train_ladder
    from abm_scoring.learning.shipping import make_bundle
    from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec, TrackingSpec
    from abm_scoring.learning.tracking import track
    from tests.learning.worlds import market

    spec = ModelSpec(boosting=BoostingSpec(trees=10, bags=1), ridge=(0.1,), bootstrap=50, threads=1)
    rows = market(accounts=200, dates=10)
    made = make_bundle(train_ladder(rows, SplitSpec(), spec), rows, {})
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", made)
    tracked = track(TrackingSpec(), tmp_path / "mlflow", "demo", {}, {}, {}, None)
    assert tracked.run_id is not None
    Registry(TrackingSpec(), tmp_path / "mlflow", "demo").register(tracked.run_id, made, tmp_path / "bundle", True)
    where = f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}"
    for name in (
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
    ):  # MLflow's setters write them, and nobody takes them back
        monkeypatch.setenv(name, where)
    mlflow.set_tracking_uri(where)
    mlflow.set_registry_uri(where)
    session = open_session("local[2]", {}, tmp_path)
    features = session.createDataFrame(
        pa.Table.from_pandas(made.golden.frame(made.about.catalogue), preserve_index=False)
    )
    columns = "raw_score double, probability double"
    score = mlflow.pyfunc.spark_udf(session, f"models:/demo@{CHAMPION}", env_manager="local", result_type=columns)
    found = features.select(score(struct(*features.columns)).alias("r")).select("r.*").toArrow()
    assert np.array_equal(found["raw_score"].to_numpy(), np.array(made.golden.raw_score))


def test_without_java_the_message_says_what_to_install(
    trained_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        active.stop()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    shutil.copytree(trained_project.parent / "models", tmp_path / "models", symlinks=True)
    code, _, said = run("score", trained_project, "--as-of", "2025-09-01", "--out", tmp_path, "--set", SPARK[0])
    assert code == 66 and "no Java" in said and "Java 17" in said
    assert not list((tmp_path / "runs").rglob("manifest.json"))


def test_the_local_engine_says_who_reads_a_table_of_a_session(trained_project: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_project.parent / "models", tmp_path / "models", symlinks=True)
    own = "sources.events={kind: spark, table: seen}"
    code, _, said = run("score", trained_project, "--as-of", "2025-09-01", "--out", tmp_path, "--set", own)
    assert code == 78 and "engine.kind: spark" in said
