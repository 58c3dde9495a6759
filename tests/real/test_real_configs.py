"""The shipped configs on the real data sets; skipped where the data are not at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.projects import run, run_json

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ABM_SCORING_DATA_ROOT") or ROOT.parent / "shared" / "data")
CONFIGS = ROOT / "configs"

needs_data = pytest.mark.skipif(not (DATA / "olist_funnel").is_dir(), reason=f"no real data at {DATA}")


#: Settings that the figures below hardly depend on; tests/evidence/test_real_data.py takes the configs as they are.
FEWER = ("model.boosting.bags=1", "model.boosting.trees=100", "model.ridge=[0.005, 0.03]")


def train(name: str, out: Path, *overrides: str) -> dict[str, Any]:
    given = [p for o in ("model.bootstrap=50", "tracking.kind=none", *overrides) for p in ("--set", o)]
    return run_json("train", CONFIGS / f"{name}.yaml", "--data-root", DATA, "--out", out, *given)


@needs_data
def test_olist_meets_its_reference_without_a_leak(tmp_path: Path) -> None:
    found = train("olist", tmp_path)
    assert found["n_test"] == 2655
    assert found["test"]["log_loss"] <= 0.316
    assert 0.69 <= found["test"]["auc"] <= 0.72
    assert set(found["features"]) == {"first_touch_channel", "first_touch_content", "contact_weekday"}
    assert any("embargo of 0 days" in warning for warning in found["warnings"])


@needs_data
def test_online_retail_meets_its_reference_without_a_leak(tmp_path: Path) -> None:
    found = train("online_retail", tmp_path, *FEWER, "snapshots.every=20 days")
    assert found["test_from"].startswith("2011-09-10") and not found["warnings"]
    assert found["test"]["log_loss"] <= 0.592
    assert 0.74 <= found["test"]["auc"] <= 0.76


@needs_data
def test_there_is_nothing_to_learn_from_maven_and_the_tool_says_so(tmp_path: Path) -> None:
    found = train("maven_crm", tmp_path)
    assert found["rung"] == "none" and found["bundle"] is None
    assert "nothing beats the constant" in found["reason"]
    assert run("score", CONFIGS / "maven_crm.yaml", "--data-root", DATA, "--out", tmp_path)[0] == 66


@needs_data
def test_adventureworks_trains_and_takes_no_leaking_column(tmp_path: Path) -> None:
    found = train("adventureworks", tmp_path, *FEWER)
    assert found["rung"] in ("logistic", "average")
    leaks = ("firstorder", "lastorder", "order_frequency", "order_month")
    assert not [f for f in found["features"] if any(leak in f for leak in leaks)]
    scored = run_json("score", CONFIGS / "adventureworks.yaml", "--data-root", DATA, "--out", tmp_path)
    assert scored["n_ranked"] + scored["n_not_scored"] == 701
