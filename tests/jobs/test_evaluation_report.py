from __future__ import annotations

import json
from pathlib import Path

import pytest

from abm_scoring.jobs.evaluation_page import evaluation_page
from abm_scoring.publish.report import render
from tests.jobs.projects import quick, run_json


@pytest.fixture(scope="module")
def figures(trained_project: Path) -> dict[str, object]:
    folder = next(trained_project.parent.rglob("evaluation"))
    assert folder.is_symlink()
    found: dict[str, object] = json.loads((folder / "evaluation.json").read_text())
    return found


def test_training_leaves_a_report_beside_the_models(trained_project: Path, figures: dict[str, object]) -> None:
    page = next(trained_project.parent.rglob("evaluation")) / "evaluation.html"
    text = page.read_text()
    assert "<script" not in text and "What the model cannot know" in text
    assert figures["model_version"] and f"model {figures['model_version']}" in text
    assert figures["test"] and figures["opponents"] and figures["importance"]
    assert figures["learning_curve"] is None


def test_the_page_is_the_figures(figures: dict[str, object]) -> None:
    page = render(evaluation_page(figures))
    assert page == render(evaluation_page(json.loads(json.dumps(figures))))
    for heading in ("Quality", "Are the probabilities right?", "What is the ranking worth?", "Against opponents"):
        assert heading in page
    test = figures["test"]
    assert isinstance(test, dict) and f"{test['auc']:.3f}" in page


def test_untested_figures_are_a_page_too(figures: dict[str, object]) -> None:
    untested = {**figures, "test": None, "test_calibration": None, "appraisal": None, "test_from": None}
    page = render(evaluation_page({**untested, "importance": None, "leak_audit": {}, "model_version": None}))
    assert "not measured" in page and "no model shipped" in page


def test_evaluate_measures_the_same_without_shipping(
    trained_project: Path, figures: dict[str, object], tmp_path: Path
) -> None:
    found = run_json("evaluate", trained_project, *quick(), "--out", tmp_path)
    assert found["test"] == figures["test"] and found["appraisal"] == figures["appraisal"]
    assert len(found["learning_curve"]) == 4
    assert found["model_version"] is None
    assert Path(found["report"]).is_file()
    assert run_json("models", "list", trained_project, "--out", tmp_path) == []


def test_a_training_on_a_sample_says_so_and_keeps_the_level(
    trained_project: Path, figures: dict[str, object], tmp_path: Path
) -> None:
    found = run_json("train", trained_project, *quick(["model.max_feature_rows=4000"]), "--out", tmp_path)
    folder = Path(found["evaluation"])
    told = json.loads((folder / "evaluation.json").read_text())
    assert figures["sample"] is None
    assert found["sample"] == told["sample"] == {"rows": found["sample"]["rows"], "of": found["n_rows"]}
    assert found["sample"]["rows"] == pytest.approx(4000, rel=0.05)
    # Rows are counted as what they stand for, and conversions are what they are.
    assert told["rows"] == figures["rows"] and told["test_from"] == figures["test_from"]
    assert told["converted_accounts"] == figures["converted_accounts"]
    whole, sampled = figures["test"], told["test"]
    assert isinstance(whole, dict)
    assert sampled["log_loss_constant"] == pytest.approx(whole["log_loss_constant"], rel=1e-6)
    assert sampled["log_loss"] == pytest.approx(whole["log_loss"], rel=0.05)
    sentence = f"Features were built for {told['sample']['rows']:,} rows sampled from {told['sample']['of']:,}"
    assert sentence in (folder / "evaluation.html").read_text()
