"""The command line: one function a command, no logic. The only place that reads the clock and ends the process."""

from __future__ import annotations

# Each module joins its commands to the application; `--help` lists them in this order.
# isort: off
from abm_scoring.cli import project, data, learning, models, nights, runs, monitor, doctor, returns, plan
from abm_scoring.cli.app import app
from abm_scoring.cli.ending import main
# isort: on

__all__ = [
    "app",
    "data",
    "doctor",
    "learning",
    "main",
    "models",
    "monitor",
    "nights",
    "plan",
    "project",
    "returns",
    "runs",
]
