"""Training runs in MLflow: best effort, for scoring needs nothing of it."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm_scoring.learning.specs import TrackingSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Seconds after which a locked store is given up.
PATIENCE = 10.0
#: MLflow refuses longer parameter values.
_LONGEST = 6000


@dataclass(frozen=True)
class Tracked:
    """Where a run was recorded, or why it was not.

    Attributes:
        run_id: MLflow's id; None where nothing was recorded.
        uri: Tracking URI.
        warning: What went wrong, in words.
    """

    run_id: str | None
    uri: str | None
    warning: str | None


def track(
    spec: TrackingSpec,
    folder: Path,
    experiment: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float | None],
    tags: Mapping[str, str],
    artifacts: Path | None,
) -> Tracked:
    """Record one training run; whatever fails is returned as a warning, never raised.

    Args:
        spec: Whether and where.
        folder: Holds `mlflow.db` and `mlflow-artifacts` where the spec names no URI.
        experiment: Name of the experiment where the spec gives none.
        params: Parameter → value; nested mappings become dotted names.
        metrics: Metric → value; undefined ones are left out.
        tags: Tag → text, such as fingerprints of the data.
        artifacts: Folder to store beside the run, usually the bundle.
    """
    if spec.kind == "none":
        return Tracked(None, None, None)
    uri = uri_of(spec, folder)
    try:
        return Tracked(_log(spec, folder, uri, experiment, params, metrics, tags, artifacts), uri, None)
    except Exception as error:  # MLflow raises whatever its store, its network or its driver raises.
        line = str(error).strip().splitlines()
        return Tracked(None, uri, f"the run was not tracked: {type(error).__name__}: {line[0] if line else ''}")


def _log(
    spec: TrackingSpec,
    folder: Path,
    uri: str,
    experiment: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float | None],
    tags: Mapping[str, str],
    artifacts: Path | None,
) -> str:
    with local_store(folder, local=spec.uri is None) as location:
        client, experiment_id = _open(uri, spec.experiment or experiment, location)
        run = client.create_run(experiment_id, tags={"mlflow.source.name": "abm-scoring", **tags})
    run_id = str(run.info.run_id)
    try:
        _write(client, run_id, params, metrics)
        if artifacts is not None:
            client.log_artifacts(run_id, str(artifacts), "bundle")
        client.set_terminated(run_id)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    return run_id


def _write(client: MlflowClient, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float | None]) -> None:
    from mlflow.entities import Metric, Param

    flat = [Param(name, str(value)[:_LONGEST]) for name, value in _flatten(params)]
    found = [Metric(name, value, 0, 0) for name, value in metrics.items() if value is not None]
    client.log_batch(run_id, metrics=found, params=flat)


def _flatten(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def uri_of(spec: TrackingSpec, folder: Path) -> str:
    """Where runs and models are recorded."""
    return spec.uri or f"sqlite:///{(folder / 'mlflow.db').resolve()}"


def client_of(uri: str) -> MlflowClient:
    """A client that leaves MLflow's global settings alone."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    # Its notes on creating tables would break the silence of a cron job.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # A local store is its own registry, whatever this process or its environment uses otherwise.
    return MlflowClient(tracking_uri=uri, registry_uri=uri if uri.startswith("sqlite:") else None)


def _open(uri: str, experiment: str, location: str | None) -> tuple[MlflowClient, str]:
    """A client and the id of the experiment, created where it does not exist."""
    client = client_of(uri)
    found = client.get_experiment_by_name(experiment)
    return client, str(found.experiment_id if found else client.create_experiment(experiment, location))


@contextmanager
def local_store(folder: Path, local: bool) -> Iterator[str | None]:
    """For the local store, hold its lock and give the absolute place of artifacts.

    Two processes that meet a new SQLite file would both create its tables.
    """
    if not local:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _probe(folder / "mlflow.db")
        yield (folder / "mlflow-artifacts").resolve().as_uri()


def _probe(database: Path) -> None:
    """Raise soon where another process holds the database; MLflow would retry for minutes."""
    connection = sqlite3.connect(database, timeout=PATIENCE)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    finally:
        connection.close()
