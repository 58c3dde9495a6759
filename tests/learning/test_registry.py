from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.bundle import Bundle, write_bundle
from abm_scoring.learning.registry import CHAMPION, VERSION, Registry
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.shipping import make_bundle
from abm_scoring.learning.specs import BoostingSpec, ModelSpec, SplitSpec, TrackingSpec
from abm_scoring.learning.tracking import track
from tests.learning.worlds import market

BIN = Path(sys.executable).parent
PATIENCE = 90


@pytest.fixture(scope="module")
def made() -> Bundle:
    spec = ModelSpec(boosting=BoostingSpec(trees=15, bags=1), ridge=(0.1,), bootstrap=50, threads=1)
    rows = market(accounts=250, dates=10)
    return make_bundle(train_ladder(rows, SplitSpec(), spec), rows, {})


@pytest.fixture(scope="module")
def store(made: Bundle, tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, str, Path]:
    """A local store with one run and its registered bundle: the registry, the run's id, the store's folder."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "bundle").mkdir()
    write_bundle(folder / "bundle", made)
    tracked = track(TrackingSpec(), folder / "mlflow", "demo", {}, {}, {}, None)
    assert tracked.run_id is not None, tracked.warning
    registry = Registry(TrackingSpec(), folder / "mlflow", "demo")
    assert registry.register(tracked.run_id, made, folder / "bundle", champion=True) is None
    return registry, tracked.run_id, folder / "mlflow"


def uri(folder: Path) -> str:
    return f"sqlite:///{(folder / 'mlflow.db').resolve()}"


def test_the_champion_is_loaded_without_pickle_and_scores_as_the_bundle(
    made: Bundle, store: tuple[Registry, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri(store[2]))
    mlflow.set_registry_uri(uri(store[2]))
    mlflow.set_tracking_uri(uri(store[2]))
    loaded = mlflow.pyfunc.load_model(f"models:/demo@{CHAMPION}")
    rows = made.golden.frame(made.about.catalogue)
    found = loaded.predict(rows)
    assert np.allclose(found["raw_score"].astype(float), made.golden.raw_score, rtol=1e-12)
    wanted = made.score(rows)
    assert (
        found["reason_1_topic"].tolist()
        == wanted["reason_1_topic"].astype(object).where(lambda s: s.notna(), None).tolist()
    )
    # Columns are found by name, and those that are not given are missing.
    shuffled = rows[rows.columns[::-1]].drop(columns="any_recency")
    bare = made.score(rows.assign(any_recency=np.nan))["raw_score"]
    assert np.allclose(loaded.predict(shuffled)["raw_score"].astype(float), bare)
    assert loaded.metadata.signature.inputs.input_names() == [f.name for f in made.about.catalogue]
    assert loaded.input_example is not None
    assert not list(store[2].rglob("*.pkl"))


def test_the_alias_moves_to_the_version_of_a_bundle(made: Bundle, store: tuple[Registry, str, Path]) -> None:
    from mlflow import MlflowClient

    registry, run_id, folder = store
    client = MlflowClient(tracking_uri=uri(folder))
    assert client.get_model_version_by_alias("demo", CHAMPION).tags[VERSION] == made.version
    assert registry.promote(made.version) is None
    told = registry.promote("ffffffffffff")
    assert told is not None and "no version with model_version ffffffffffff" in told
    assert Registry(TrackingSpec(kind="none"), folder, "demo").promote(made.version) is None
    (folder.parent / "report").mkdir()
    (folder.parent / "report" / "evaluation.json").write_text("{}")
    assert registry.attach(run_id, folder.parent / "report", "evaluation") is None
    assert [f.path for f in client.list_artifacts(run_id, "evaluation")] == ["evaluation/evaluation.json"]


@pytest.mark.fault(46)
def test_an_unreachable_registry_is_a_warning(made: Bundle, tmp_path: Path) -> None:
    told = Registry(TrackingSpec(uri="nonsense://store"), tmp_path, "demo").promote(made.version)
    assert told is not None and told.startswith("the registry was not told: ") and "\n" not in told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(*command: str, port: int, probe: str, log: Path, environment: dict[str, str]) -> Iterator[str]:
    """A server in a process group of its own, once it answers; gone afterwards."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", **environment}
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(BIN / "mlflow"), *command], stdout=output, stderr=output, env=given, start_new_session=True
        )
    try:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{address}{probe}", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


needs_server = pytest.mark.skipif(
    not (BIN / "mlflow").is_file() or not (BIN / "uvicorn").is_file(), reason="mlflow or uvicorn is not installed"
)


@pytest.mark.slow
@needs_server
def test_the_registered_model_is_served(made: Bundle, store: tuple[Registry, str, Path], tmp_path: Path) -> None:
    rows = made.golden.frame(made.about.catalogue).head(3)
    split = rows.astype(object).where(rows.notna(), None)
    request = json.dumps({"dataframe_split": {"columns": list(rows.columns), "data": split.to_numpy().tolist()}})
    port = free_port()
    serve = ("models", "serve", "-m", f"models:/demo@{CHAMPION}", "-p", str(port), "--env-manager", "local", "-w", "1")
    tracking = {"MLFLOW_TRACKING_URI": uri(store[2]), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    with serving(*serve, port=port, probe="/ping", log=tmp_path / "serve.log", environment=tracking) as address:
        asked = urllib.request.Request(f"{address}/invocations", request.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found = pd.DataFrame(json.load(answer)["predictions"])
    assert np.allclose(found["raw_score"].astype(float), made.golden.raw_score[:3], rtol=1e-9)


@pytest.mark.evidence
@needs_server
def test_a_remote_store_is_written_to(made: Bundle, tmp_path: Path) -> None:
    port, quiet = free_port(), {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    backend = ("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--workers", "1")
    server = ("server", "-p", str(port), *backend, "--artifacts-destination", str(tmp_path / "artifacts"))
    with serving(*server, port=port, probe="/health", log=tmp_path / "server.log", environment=quiet) as address:
        spec = TrackingSpec(uri=address)
        tracked = track(spec, tmp_path / "unused", "remote", {"a": 1}, {"auc": 0.7}, {}, None)
        assert tracked.warning is None and tracked.run_id is not None
        (tmp_path / "bundle").mkdir()
        write_bundle(tmp_path / "bundle", made)
        registry = Registry(spec, tmp_path / "unused", "remote")
        assert registry.register(tracked.run_id, made, tmp_path / "bundle", champion=False) is None
        assert registry.promote(made.version) is None
    assert not (tmp_path / "unused").exists()


def test_a_local_store_is_its_own_registry_whatever_the_process_uses(
    made: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", made)
    tracked = track(TrackingSpec(), tmp_path / "mlflow", "own", {}, {}, {}, None)
    assert tracked.run_id is not None
    own = Registry(TrackingSpec(), tmp_path / "mlflow", "own")
    assert own.register(tracked.run_id, made, tmp_path / "bundle", champion=True) is None
    assert not (tmp_path / "elsewhere.db").exists()
