"""Spark gives what this machine gives: the same run, byte for byte, by the same functions in its executors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.projects import run_json

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install abm-scoring[spark]")
if shutil.which("java") is None:
    pytest.skip("there is no Java, which Spark needs: install a Java 17 runtime", allow_module_level=True)


SPARK = ["engine={kind: spark, url: 'local[2]', accounts_per_partition: 130, memory_mb: 100}"]
PROJECT_FILES = ("scores.parquet", "target_accounts.csv", "not_scored.csv", "mqa_transitions.parquet")


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
