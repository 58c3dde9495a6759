"""Evaluate: train once more without shipping anything, and write the evaluation report with its learning curve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from abm_scoring.jobs.evaluation_report import JSON, PAGE
from abm_scoring.jobs.train import train
from abm_scoring.jobs.workspace import Progress, Workspace, silent
from abm_scoring.learning.bundle_files import parse


@dataclass(frozen=True)
class Evaluated:
    """Where the report stands, and what it says."""

    folder: Path
    figures: dict[str, Any]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `evaluate --json` prints: the figures, and where the page stands."""
        return {"report": str(self.folder / PAGE), **self.figures}


def evaluate(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, progress: Progress = silent) -> Evaluated:
    """Write the evaluation report of what training would come to; no model is published, none is replaced.

    Args:
        workspace: Config and folders.
        as_of: Nothing known at or after this moment is used.
        today: Whether that is the real today.
        progress: Told of each step.
    """
    done = train(workspace, as_of, today, progress, ship="nothing")
    assert done.evaluation is not None
    return Evaluated(done.evaluation, parse((done.evaluation / JSON).read_bytes()), done.warnings)
