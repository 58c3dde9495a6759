"""Nine customers and four wish accounts: a list by fit, and no probability."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from abm_scoring.jobs.init import write_template
from tests.jobs.projects import run_json


def test_nine_customers_give_a_list_by_fit_that_claims_no_probability(tmp_path: Path) -> None:
    # A demo keeps a config that is there already.
    (tmp_path / "demo").mkdir()
    config = write_template("machine_builder", tmp_path / "demo" / "abm.yaml", "machine-builder")
    config.write_text(config.read_text() + "\ntracking: {kind: none}\n")
    found = run_json("demo", "--out", config.parent, "--scenario", "machine-builder")
    assert found["train"]["rung"] == "profile" and found["train"]["test"] is None
    ranked = pd.read_csv(found["score"]["list"])
    assert "conversion_probability" not in ranked or ranked["conversion_probability"].isna().all()
    top = ranked.head(10)
    assert top["sector"].isin(["pharma", "biotechnology"]).mean() >= 0.8
    assert top[["reason_1", "reason_2", "reason_3"]].notna().all(axis=None)
    left_out = pd.read_csv(found["score"]["not_scored"])
    assert (left_out["status"] == "customer").sum() == 9
    wish = pd.read_csv(tmp_path / "demo" / "data" / "target_list.csv", dtype=str)["account_id"]
    assert len(set(ranked["account_id"].astype(str)) & set(wish)) >= 4
