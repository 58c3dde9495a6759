from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.jobs.projects import quick, run, run_json

OFF = ("--set", "tracking.kind=none")


def then(config: Path) -> str:
    """A year before the last matured snapshot of the market."""
    newest = str(run_json("models", "show", config)["last_as_of"])[:10]
    return f"{int(newest[:4]) - 1}{newest[4:]}"


@pytest.fixture(scope="module")
def project(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own with a poor champion and a better challenger, both of an earlier day."""
    config = tmp_path_factory.mktemp("models") / "project" / "abm.yaml"
    shutil.copytree(trained_project.parent / "data", config.parent / "data")
    shutil.copy(trained_project, config)
    day = then(trained_project)
    poor = run_json("train", config, *quick(["model.kind=logistic", "model.ridge=[0.00001]"]), "--as-of", day)
    made = run_json("train", config, *quick(), "--as-of", day, "--challenger")
    assert poor["bundle"] and made["bundle"] and made["model_version"] != champion(config) == poor["model_version"]
    return config


def champion(config: Path) -> str:
    return str(next(row["version"] for row in run_json("models", "list", config) if row["champion"]))


def challenger(config: Path) -> str:
    return str(next(row["version"] for row in run_json("models", "list", config) if not row["champion"]))


def test_the_list_names_the_champion_and_what_each_was_trained_on(project: Path) -> None:
    rows = run_json("models", "list", project)
    assert [row["champion"] for row in rows].count(True) == 1
    assert len(rows) == 2
    for row in rows:
        assert row["rung"] in ("logistic", "average") and row["converted_rows"] > 0
        assert row["test"]["auc"] > 0.4
    code, out, _ = run("models", "list", project)
    assert code == 0 and champion(project) in out and "champion" in out


def test_a_model_is_shown_by_the_beginning_of_its_version(project: Path) -> None:
    wanted = challenger(project)
    found = run_json("models", "show", project, wanted[:7])
    assert found["version"] == wanted and not found["champion"]
    assert found["features"] and found["results"]["test"]
    assert run_json("models", "show", project)["version"] == champion(project)


@pytest.mark.fault(40)
def test_what_does_not_exist_is_said(project: Path, tmp_path: Path) -> None:
    code, _, err = run("models", "show", project, "ffffffffffff")
    assert code == 66 and "there is no model 'ffffffffffff'" in err
    code, _, err = run("models", "show", project, "--out", tmp_path)
    assert code == 66 and "abm-scoring train" in err
    assert run_json("models", "list", project, "--out", tmp_path) == []
    code, _, err = run("models", "rollback", project)
    assert code == 66 and "no earlier champion" in err


@pytest.mark.fault(41)
def test_a_damaged_model_is_neither_shown_nor_promoted(project: Path, tmp_path: Path) -> None:
    copied = tmp_path / "project"
    shutil.copytree(project.parent, copied, symlinks=True)
    version = challenger(copied / "abm.yaml")
    next(copied.glob(f"**/models/*/{version}/model.json")).write_text("{}")
    before = champion(copied / "abm.yaml")
    for command in (("show",), ("promote", "--force")):
        code, _, err = run("models", command[0], copied / "abm.yaml", version, *command[1:])
        assert code == 66 and "not what was written" in err
    assert champion(copied / "abm.yaml") == before


def test_nothing_is_promoted_where_both_have_seen_all_rows(project: Path) -> None:
    before = champion(project)
    last = str(run_json("models", "show", project)["last_as_of"])[:10]
    code, _, err = run("models", "promote", project, challenger(project), "--as-of", last)
    assert code == 65 and "nothing to compare the models on" in err
    assert champion(project) == before


def test_a_promotion_can_be_rolled_back_and_the_rollback_undone(project: Path) -> None:
    old, new = champion(project), challenger(project)
    moved = run_json("models", "promote", project, new, "--force", *OFF)
    assert moved == {"promoted": True, "champion": new, "before": old, "comparison": None, "warnings": []}
    assert run_json("models", "promote", project, new, *OFF)["promoted"] is False
    scored = run_json("score", project)
    assert scored["model_version"] == new
    assert run_json("models", "rollback", project, *OFF)["champion"] == old
    assert champion(project) == old
    assert run_json("models", "rollback", project, *OFF)["champion"] == new
    assert run_json("models", "rollback", project, *OFF)["champion"] == old


def test_models_are_compared_on_what_came_after_both(project: Path) -> None:
    old, new = champion(project), challenger(project)
    found = run_json("models", "promote", project, new, *OFF)
    compared = found["comparison"]
    assert compared["rows"] > 100 and compared["conversions"] > 0
    assert found["promoted"] == compared["better"] == (not compared["reasons"])
    assert found["champion"] == (new if found["promoted"] else old)
    if found["promoted"]:
        run_json("models", "rollback", project, *OFF)
