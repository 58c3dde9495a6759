from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# As the command line does: two workers whose threads spin would starve each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Machines differ in speed, so a slow example is no failure; continuous integration draws the same examples each time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
