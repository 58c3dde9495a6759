"""Scoring a trained project night by night into a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tests.jobs.projects import quick, run_json


def scoring_folder(config: Path, folder: Path) -> Path:
    """An output folder with the project's models and no runs."""
    folder.mkdir(exist_ok=True)
    (folder / "models").symlink_to(config.parent / "models")
    return folder


def score_on(config: Path, out: Path, day: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """One run of the command line, as of a day; only CSV is written, unless told otherwise."""
    return run_json("score", config, "--out", out, "--as-of", day, *quick(["outputs.formats=[csv]", *overrides]))


def frozen(run: dict[str, Any], name: str = "scores") -> pd.DataFrame:
    """What a run froze."""
    return pd.read_parquet(Path(run["run"]) / f"{name}.parquet")
