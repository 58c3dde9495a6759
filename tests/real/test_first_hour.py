"""The tutorial that begins with a file of invoices and nothing else, command by command as it is written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.jobs.projects import run, run_json
from tests.real.test_real_configs import DATA

FILE = DATA / "online_retail" / "invoices.parquet"
PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "your-own-data.md"
COMMANDS = [
    shlex.split(c) for c in re.findall(r"^abm-scoring ((?:init|check|train|score) .*)$", PAGE.read_text(), re.M)
]
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {DATA}")


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the first command printed, in a folder that holds the file."""
    (tmp_path / "shop" / "data").mkdir(parents=True)
    shutil.copy(FILE, tmp_path / "shop" / "data" / FILE.name)
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*COMMANDS[0])
    assert code == 0, err
    return out


def test_the_tutorial_prints_what_is_seen(begun: str) -> None:
    assert [c[0] for c in COMMANDS] == ["init", "check", "train", "score"]
    shown = re.search(r"```text\n(.*?)```", PAGE.read_text(), re.S)
    assert shown and shown[1] == begun
    assert "as_of: 2011-12-10" in Path("shop/abm.yaml").read_text()


@pytest.mark.evidence
def test_the_tutorial_ends_with_a_list(begun: str) -> None:
    checked, trained, scored = (run_json(*command) for command in COMMANDS[1:])
    assert begun
    assert not checked["findings"] and not checked["refused"] and not checked["warnings"]
    assert {n: t["accepted"] for n, t in checked["tables"].items()} == {
        "accounts": 4372,
        "events": 22190,
        "invoices": 22190,
    }
    assert trained["rung"] == "average" and trained["test"]["auc"] > 0.73
    listed = pd.read_csv(scored["list"])
    assert len(listed) == scored["n_ranked"] > 4000
    assert listed["reason_1"].notna().mean() > 0.99
