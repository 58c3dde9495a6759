"""A night whose events are too many to hold: files, partitions and processes change nothing of what it gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.jobs.ledger import FROZEN, read_frozen
from tests.jobs.projects import quick, run_json

#: 20 000 events of 500 accounts, in a megabyte.
SMALL = ["engine.memory_mb=1", "engine.accounts_per_partition=90"]


def night(config: Path, out: Path, *overrides: str) -> tuple[Path, dict[str, Any]]:
    """Folder and manifest of a first night."""
    shutil.copytree(config.parent / "models", out / "models", symlinks=True)
    given = [part for text in ("outputs.formats=[csv]", *overrides) for part in ("--set", text)]
    folder = Path(run_json("score", config, "--as-of", "2025-09-01", "--out", out, *given)["run"])
    return folder, json.loads((folder / "manifest.json").read_text())


@pytest.fixture(scope="module")
def held(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The night in memory."""
    return night(trained_project, tmp_path_factory.mktemp("held"))


@pytest.mark.parametrize("processes", [1, 2])
def test_files_and_processes_change_not_a_byte(
    processes: int, trained_project: Path, held: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, manifest = night(trained_project, tmp_path, *SMALL, f"engine.processes={processes}")
    assert folder.name == held[0].name
    assert manifest["files"] == held[1]["files"]
    for name in ("counts", "noise", "gates", "warnings", "unseen", "inputs"):
        assert manifest[name] == held[1][name]


def test_text_files_are_streamed_as_well(
    trained_project: Path, held: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    frame = pd.read_parquet(trained_project.parent / "data" / "events.parquet")
    moments = frame.select_dtypes("datetimetz")
    frame[moments.columns] = moments.apply(lambda c: c.dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"))
    pd.concat([frame, frame.head(50)]).to_csv(tmp_path / "events.csv", index=False)
    own = "sources.events={kind: csv, path: " + str(tmp_path / "events.csv") + "}"
    folder, manifest = night(trained_project, tmp_path, *SMALL, own)
    mine, theirs = (
        read_frozen(f / FROZEN).drop(columns=["run_id", "config_hash"], errors="ignore") for f in (folder, held[0])
    )
    assert mine.equals(theirs)
    before = held[1]["inputs"]["events"]["duplicates"]
    assert manifest["inputs"]["events"]["duplicates"] == before + 50


def test_training_gives_the_same_model(training: dict[str, Any], tmp_path: Path) -> None:
    found = run_json("train", training["config"], "--out", tmp_path, *quick(SMALL))
    assert found["model_version"] == training["model_version"]
    own = {"bundle", "evaluation", "config"}
    assert {k: v for k, v in found.items() if k not in own} == {k: v for k, v in training.items() if k not in own}
