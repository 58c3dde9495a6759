"""One trained project for all tests that only score with it, also where several processes run them."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.projects import make_project, quick, run_json


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Any]:
    """What `train --json` printed for the shared project, and its `config`."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "trained"
    shared.mkdir(exist_ok=True)
    with (shared / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / "training.json"
        if not done.exists():
            config = make_project(shared / "project")
            found = run_json("train", config, *quick())
            done.write_text(json.dumps({**found, "config": str(config)}))
    found = json.loads(done.read_text())
    assert found["bundle"]
    return dict(found)


@pytest.fixture(scope="session")
def trained_project(training: dict[str, Any]) -> Path:
    """Config of a project with a champion and no runs; runs belong into another folder (see `scoring_folder`)."""
    return Path(training["config"])
