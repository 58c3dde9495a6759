"""Settings of the whole suite, and how workers share it: what takes longest first, each file on one worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Workers whose threads spin starve each other: with one thread of linear algebra each, training takes half the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Machines differ in speed, so a slow example is no failure; continuous integration draws the same examples each time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

#: Folders whose files share fixtures that are dear: one worker makes them for all.
TOGETHER = ("tests/data/market/",)
#: What takes longest, first; all else follows, so that no worker idles at the end. The beginning needs no kernel, which
#: is why kernels are compiled beside it.
FIRST = (
    "tests/data/market/",
    "tests/ranking/mqa/test_laws.py",
    "tests/data/test_five_dialects.py",
    "tests/browser/test_page.py",
    "tests/data/test_real_tables.py",
    "tests/test_config_file.py",
    "tests/notebooks/test_notebooks.py",
    "tests/laws/test_time.py",
    "tests/jobs/test_leaks_and_value.py",
    "tests/jobs/test_models.py",
    "tests/jobs/test_evaluation_report.py",
    "tests/real/test_real_configs.py",
    "tests/test_examples.py",
    "tests/jobs/",
    "tests/learning/",
    "tests/features/",
    "tests/roi/",
)


def unit(nodeid: str) -> str:
    """What runs on one worker: a file, or a folder whose files belong together."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def rank(nodeid: str) -> int:
    """Place in the order of beginning."""
    return next((i for i, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class InOrder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False  # it would put files with many tests first, however short they are
    return InOrder(config, log)


_compiling: list[subprocess.Popen[bytes]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        root = Path(__file__).parents[1]
        _compiling.append(subprocess.Popen([sys.executable, "-m", "tests.kernels"], cwd=root))


def pytest_sessionfinish() -> None:
    for process in _compiling:
        process.terminate()
        process.wait()
