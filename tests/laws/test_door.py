"""The laws can fail: with `<=` for `<` in the time rule, every feature family breaks the law of the future."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import abm_scoring
from tests.laws.test_time import few_worlds_break
from tests.laws.worlds import FAMILIES

PACKAGE = Path(abm_scoring.__file__).parent
PROBE = "from tests.laws.test_time import few_worlds_break; print(*few_worlds_break())"


def test_no_family_breaks_with_the_rule_as_it_is() -> None:
    assert few_worlds_break() == []


def test_every_family_breaks_when_the_present_counts_as_past(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "abm_scoring")
    rule = tmp_path / "abm_scoring" / "features" / "moments.py"
    text = rule.read_text()
    assert text.count("return moment < as_of") == 1
    rule.write_text(text.replace("return moment < as_of", "return moment <= as_of"))
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted(FAMILIES)
