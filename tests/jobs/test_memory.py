"""The memory preflight: what plainly cannot fit is refused before any work."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.data.tables import Tables
from abm_scoring.errors import MemoryLimitError
from abm_scoring.jobs import memory
from abm_scoring.jobs.workspace import open_workspace
from tests.jobs.nights import scoring_folder
from tests.jobs.projects import quick, run
from tests.publish.helpers import fork, outcome

TABLES = Tables({"accounts": pd.DataFrame({"account_id": ["a", "b", "c"]}), "events": pd.DataFrame(index=range(1000))})


def test_scoring_needs_its_events_and_the_features_of_one_partition() -> None:
    whole, cut = (memory.scoring_bytes(TABLES, 50, accounts) for accounts in (10, 1))
    assert whole - cut == 2 * 50 * 8 * 2  # two accounts fewer, 50 numbers of 8 bytes, twice
    assert cut > 1000 * 8


def test_reading_needs_what_the_files_hold(trained_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = open_workspace(trained_project)
    data = trained_project.parent / "data"
    least = sum(file.stat().st_size for file in data.glob("*.csv"))
    assert memory.reading_bytes(workspace) > least
    held = sum(len(pd.read_parquet(data / f"{name}.parquet")) * 8 for name in ("contacts", "events"))
    assert memory.reading_bytes(workspace) - least > held
    one_by_one = open_workspace(trained_project, ["engine.memory_mb=1"])
    monkeypatch.setattr(memory, "_held", lambda file: 3 * 2**20 if file.stem == "events" else file.stat().st_size)
    largest = max(file.stat().st_size for file in data.iterdir() if file.is_file() and file.stem != "events")
    assert memory.reading_bytes(one_by_one) == largest  # the largest of the others alone


@pytest.mark.fault(5)
def test_a_budget_that_is_too_small_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    memory.require_memory(0, "nothing")  # as it is here
    monkeypatch.setattr(memory, "budgets", lambda: iter([memory.Budget(900, 700, "--memory-mb")]))
    memory.require_memory(200 * 2**20, "scoring")
    said = re.escape("scoring needs 901 MB or more, and 900 MB may be used")
    with pytest.raises(MemoryLimitError, match=said) as told:
        memory.require_memory(201 * 2**20, "scoring")
    assert told.value.exit_code == 71 and str(told.value).startswith("--memory-mb: ")


def test_the_budget_of_a_process_is_what_its_limit_says() -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
        own = next(one for one in memory.budgets() if one.set_by == "--memory-mb")
        assert own.limit_mb == 2**20 and 0 < own.used_mb < 2**20

    assert outcome(fork(limited)) == 0
    assert [one for one in memory.budgets() if one.set_by == "--memory-mb"] == []


@pytest.mark.fault(5)
def test_what_does_not_even_hold_the_libraries_is_refused_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "abm_scoring", "--memory-mb", "900", "score", str(tmp_path / "abm.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 71, done.stderr
    assert done.stderr.count("\n") == 1 and "need 1500 MB, and 900 MB may be used" in done.stderr


@pytest.mark.fault(5)
def test_a_night_that_cannot_fit_is_refused_before_it_is_computed(
    trained_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget holds what is used already, and too little more for the tables, or for scoring them."""
    from abm_scoring.engines.local import LocalEngine

    out = scoring_folder(trained_project, tmp_path / "out")
    monkeypatch.setattr(LocalEngine, "score", lambda *_: pytest.fail("was computed"))
    monkeypatch.setattr(memory, "budgets", lambda: iter([memory.Budget(1000, 1000, "--memory-mb")]))
    for work in ("reading the tables", "scoring"):
        code, _, err = run("score", trained_project, "--out", out, *quick(["outputs.formats=[csv]"]))
        assert code == 71 and re.search(f"{work} needs 10[0-9]{{2}} MB or more, and 1000 MB may be used", err), err
        monkeypatch.setattr("abm_scoring.jobs.delivery.reading_bytes", lambda _: 0)
    assert list((out / "runs" / "small").glob("2*")) == []
