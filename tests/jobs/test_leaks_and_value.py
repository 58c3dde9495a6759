"""Training from the command line: a planted leak stops it, an allowed one does not, and money stands in the results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.learning.bundle import read_bundle
from tests.jobs.projects import make_project, quick, run, run_json

LEAK = "contract_pages"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market whose accounts have a column that sales fill once a contract is signed; it has no date."""
    config = make_project(tmp_path_factory.mktemp("leak"))
    accounts = pd.read_csv(config.parent / "data/accounts.csv", dtype=str)
    deals = pd.read_csv(config.parent / "data/opportunities.csv", dtype=str)
    won = set(deals[deals["is_won"].str.lower() == "true"]["account_id"])
    filled = accounts["account_id"].isin(won)
    accounts[LEAK] = [str(10 + i % 7) if f else None for i, f in enumerate(filled)]
    accounts.to_csv(config.parent / "data/accounts.csv", index=False)
    text = config.read_text()
    source = "{kind: csv, path: data/accounts.csv}"
    text = text.replace(source, source.replace("}", f", extra_columns: {{{LEAK}: number}}}}"))
    config.write_text(text.replace("features:\n", f"features:\n  - {{kind: columns, numbers: [{LEAK}]}}\n"))
    return config


@pytest.fixture(scope="module")
def allowed(project: Path) -> dict[str, Any]:
    why = f"model.leakage.allow={{{LEAK}: drafted before the offer}}"
    rate = "value={gross_margin_rate: 0.5}"
    return run_json("train", project, *quick((why, rate)))


def test_a_leak_stops_training_and_says_how_to_go_on(project: Path) -> None:
    code, out, err = run("train", project, *quick())
    assert code == 65 and out == ""
    assert "leak suspected" in err and LEAK in err and "model.leakage.allow" in err
    assert err.count("\n") == 1
    assert not list((project.parent / "models").glob("*/*/manifest.json"))


def test_an_allowed_leak_is_shown_in_the_output_and_travels_with_the_model(allowed: dict[str, Any]) -> None:
    audited = allowed["leak_audit"]
    assert {finding["feature"] for finding in audited["findings"]} == {LEAK}
    assert audited["allowed"] == {LEAK: "drafted before the offer"}
    assert LEAK in audited["undated"]
    assert any(f"{LEAK}: " in warning and "drafted before the offer" in warning for warning in allowed["warnings"])
    manifest = json.loads((Path(allowed["bundle"]) / "manifest.json").read_bytes())
    assert manifest["about"]["results"]["leak_audit"] == audited
    assert audited["forward_auc"] == allowed["test"]["auc"]
    assert 0.5 < audited["random_split_auc"] <= 1


def test_money_and_intervals_are_in_the_results_and_in_the_bundle(allowed: dict[str, Any]) -> None:
    assert allowed["value"]["source"] == "won_amount" and allowed["value"]["gross_margin_rate"] == 0.5
    assert 0.5 < allowed["value"]["test"]["value_ratio"] < 2
    assert allowed["intervals"] == {"level": 0.9, "refits": 40}
    bundle = read_bundle(Path(allowed["bundle"]))
    scored = bundle.score(bundle.golden.frame(bundle.about.catalogue))
    assert (scored["probability_low"] <= scored["probability"]).all()
    assert (scored["probability"] <= scored["probability_high"]).all()
    expected = scored["probability"] * scored["expected_deal_value"] * 0.5
    pd.testing.assert_series_equal(scored["expected_value"], expected, check_names=False)
