"""One trained project for all tests that only score with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.projects import make_project, quick, run_json


@pytest.fixture(scope="session")
def trained_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config of a project with a champion and no runs; runs belong into another folder (see `scoring_folder`)."""
    config = make_project(tmp_path_factory.mktemp("trained"))
    assert run_json("train", config, *quick())["bundle"]
    return config
