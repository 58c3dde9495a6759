from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from abm_scoring.learning import tracking
from abm_scoring.learning.specs import TrackingSpec
from abm_scoring.learning.tracking import Tracked, track

PARAMS = {"model": {"kind": "auto", "ridge": (0.1, 1.0)}, "features": 3}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="module")
def tracked(store: Path) -> Tracked:
    """One run, recorded from another working directory, with a bundle of one file."""
    (store / "bundle").mkdir()
    (store / "bundle" / "model.json").write_text("{}")
    (store / "elsewhere").mkdir()
    before = Path.cwd()
    os.chdir(store / "elsewhere")
    try:
        metrics = {"test.auc": 0.7, "test.lift": None}
        return track(TrackingSpec(), store / "out", "demo", PARAMS, metrics, {"data": "ab12"}, store / "bundle")
    finally:
        os.chdir(before)


def test_a_run_holds_params_metrics_tags_and_the_bundle(store: Path, tracked: Tracked) -> None:
    from mlflow import MlflowClient

    assert tracked.warning is None and tracked.run_id is not None
    client = MlflowClient(tracking_uri=tracked.uri)
    run = client.get_run(tracked.run_id)
    assert run.data.params == {"model.kind": "auto", "model.ridge": "(0.1, 1.0)", "features": "3"}
    assert run.data.metrics == {"test.auc": 0.7}
    assert run.data.tags["data"] == "ab12"
    assert run.info.status == "FINISHED"
    assert [f.path for f in client.list_artifacts(tracked.run_id, "bundle")] == ["bundle/model.json"]
    experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.name == "demo"
    assert experiment.artifact_location == (store / "out" / "mlflow-artifacts").resolve().as_uri()


def test_nothing_lands_in_the_working_directory(store: Path, tracked: Tracked) -> None:
    assert list((store / "elsewhere").iterdir()) == []
    assert tracked.uri == f"sqlite:///{(store / 'out' / 'mlflow.db').resolve()}"


def test_a_second_run_joins_the_experiment(store: Path, tracked: Tracked) -> None:
    again = track(TrackingSpec(), store / "out", "demo", PARAMS, {}, {}, None)
    assert again.warning is None
    assert again.run_id != tracked.run_id


@pytest.mark.fault(46)
def test_a_locked_database_is_a_warning(store: Path, tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "PATIENCE", 0.2)
    holder = sqlite3.connect(store / "out" / "mlflow.db")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        found = track(TrackingSpec(), store / "out", "demo", PARAMS, {}, {}, None)
    finally:
        holder.close()
    assert found.run_id is None
    assert found.warning is not None and "database is locked" in found.warning


@pytest.mark.fault(46)
@pytest.mark.parametrize("uri", ["nonsense://store", "sqlite:////proc/none/mlflow.db"])
def test_an_unusable_store_is_a_warning(uri: str, tmp_path: Path, tracked: Tracked) -> None:
    found = track(TrackingSpec(uri=uri), tmp_path, "demo", PARAMS, {}, {}, None)
    assert found.run_id is None
    assert found.warning is not None and found.warning.startswith("the run was not tracked: ")
    assert "\n" not in found.warning


def test_a_run_that_could_not_be_completed_is_marked_as_failed(store: Path, tracked: Tracked) -> None:
    from mlflow import MlflowClient

    found = track(TrackingSpec(), store / "out", "broken", PARAMS, {"no such: name?": 1.0}, {}, None)
    assert found.run_id is None and found.warning is not None
    client = MlflowClient(tracking_uri=tracked.uri)
    experiment = client.get_experiment_by_name("broken")
    assert experiment is not None
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_tracking_can_be_switched_off(tmp_path: Path) -> None:
    assert track(TrackingSpec(kind="none"), tmp_path, "demo", {}, {}, {}, None) == Tracked(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_mlflow_is_imported_only_where_it_is_used() -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from abm_scoring.learning.specs import TrackingSpec\nfrom abm_scoring.learning.tracking import track\n"
        "track(TrackingSpec(kind='none'), Path('.'), 'demo', {}, {}, {}, None)\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
