"""The main way through, from files on disk to published lists, by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.publish.runs import read_manifest, verify
from abm_scoring.ranking.columns import NOT_SCORED, RANKED
from tests.jobs.projects import quick, run, run_json

CSV = quick(["outputs.formats=[csv]"])


@pytest.fixture(scope="module")
def project(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that runs stand beside its models as they do for a user."""
    folder = tmp_path_factory.mktemp("project") / "project"
    shutil.copytree(trained_project.parent, folder, symlinks=True)
    return folder / trained_project.name


@pytest.fixture(scope="module")
def trained(training: dict[str, Any]) -> dict[str, Any]:
    return training


@pytest.fixture(scope="module")
def scored(project: Path, trained: dict[str, Any]) -> dict[str, Any]:
    assert trained["bundle"]
    return run_json("score", project, *quick())


def test_training_reports_what_a_data_scientist_needs(trained: dict[str, Any]) -> None:
    assert trained["rung"] in ("logistic", "average")
    assert min(trained["n_train"], trained["n_choose"], trained["n_test"]) > 0
    for metrics in (trained["test"], *trained["opponents"].values()):
        for name in ("auc", "log_loss", "log_loss_constant", "pr_auc", "brier", "lift_at_10pct"):
            low, high = metrics[f"{name}_ci"]
            assert low <= metrics[name] <= high
    assert set(trained["opponents"]) == {"constant", "fit_only", "points"}
    assert trained["test"]["log_loss"] < trained["test"]["log_loss_constant"]


def test_every_account_is_on_exactly_one_list(project: Path, scored: dict[str, Any]) -> None:
    ranked, left_out = pd.read_csv(scored["list"], dtype=str), pd.read_csv(scored["not_scored"], dtype=str)
    accounts = pd.read_csv(project.parent / "data" / "accounts.csv", dtype=str)["account_id"].unique()
    assert sorted([*ranked["account_id"], *left_out["account_id"]]) == sorted(accounts)
    assert (scored["n_ranked"], scored["n_not_scored"]) == (len(ranked), len(left_out))
    assert {"customer", "partner", "open_opportunity"} <= set(left_out["status"])
    assert left_out["reason"].notna().all()
    assert list(left_out.columns) == [c.name for c in NOT_SCORED]


def test_the_list_is_ordered_complete_and_in_words(scored: dict[str, Any]) -> None:
    ranked = pd.read_csv(scored["list"])
    # The first run has none before it, and nothing had to be matched.
    absent = {"score_previous", "score_change", "score_trend", "change_reason", "match_confidence", "anonymous_share"}
    assert list(ranked.columns) == [c.name for c in RANKED if c.name not in absent]
    assert list(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert ranked["conversion_probability"].is_monotonic_decreasing
    assert ranked["conversion_probability"].between(0, 1).all()
    assert ranked["score"].between(0, 100).all()
    assert list(ranked["grade"]) == sorted(ranked["grade"])
    assert ranked["reason_1"].notna().mean() > 0.9
    assert ranked["reason_1"].str.contains("website visits|employees|target sector|engag|touch", regex=True).any()


def test_a_second_run_of_the_day_changes_no_byte(project: Path, scored: dict[str, Any]) -> None:
    run_folder = Path(scored["run"])
    before = {p.name: p.read_bytes() for p in run_folder.iterdir()}
    again = run_json("score", project, *quick())
    assert again["run"] == scored["run"]
    assert {p.name: p.read_bytes() for p in run_folder.iterdir()} == before
    assert verify(run_folder) == []


def test_other_chunks_give_the_same_bytes(project: Path, scored: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(project.parent / "models", tmp_path / "models", symlinks=True)
    small = run_json("score", project, "--out", tmp_path, *quick(["engine.accounts_per_partition=137"]))
    whole, parts = (pd.read_parquet(Path(s["run"]) / "scores.parquet") for s in (scored, small))
    pd.testing.assert_frame_equal(parts.drop(columns="run_id"), whole.drop(columns="run_id"), check_exact=True)


def test_a_run_for_an_earlier_day_is_retrospective(project: Path, scored: dict[str, Any]) -> None:
    latest = Path(scored["run"]).parent / "latest"
    pointed = latest.readlink()
    earlier = run_json("score", project, "--as-of", "2025-11-15", *CSV)
    assert earlier["retrospective"] and read_manifest(Path(earlier["run"])).retrospective
    assert latest.readlink() == pointed


def test_a_backfilled_day_equals_what_that_day_gave(project: Path, scored: dict[str, Any], tmp_path: Path) -> None:
    """Tables that end on a day, scored on that day, give the list that `--as-of` gives later."""
    day = pd.Timestamp("2025-11-15", tz="UTC")
    shutil.copytree(project.parent, tmp_path / "then", symlinks=True, ignore=shutil.ignore_patterns("runs"))
    data = tmp_path / "then" / "data"
    events = pd.read_parquet(data / "events.parquet")
    known = events["known_at"].fillna(events["occurred_at"])
    events[(events["occurred_at"] < day) & (known < day)].to_parquet(data / "events.parquet", index=False)
    contacts = pd.read_parquet(data / "contacts.parquet")
    contacts[~(contacts["known_at"] >= day)].to_parquet(data / "contacts.parquet", index=False)
    then = run_json("score", tmp_path / "then" / "abm.yaml", "--as-of", "2025-11-15", *CSV)
    later = run_json("score", project, "--as-of", "2025-11-15", *CSV)
    assert Path(then["list"]).read_bytes() == Path(later["list"]).read_bytes()


def test_silence_is_success(project: Path, scored: dict[str, Any]) -> None:
    assert run("score", project, *CSV) == (0, "", "")


def test_the_chain_names_its_predecessor(project: Path, scored: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(project.parent / "models", tmp_path / "models", symlinks=True)
    first = run_json("score", project, "--out", tmp_path, "--as-of", "2025-12-01", *CSV)
    second = run_json("score", project, "--out", tmp_path, "--as-of", "2025-12-02", *CSV)
    assert read_manifest(Path(second["run"])).predecessor == Path(first["run"]).name


@pytest.mark.fault(40)
def test_without_a_model_the_message_names_the_command(project: Path, tmp_path: Path) -> None:
    code, out, err = run("score", project, "--out", tmp_path)
    assert (code, out) == (66, "")
    assert f"abm-scoring train {project}" in err and err.count("\n") == 1


@pytest.mark.fault(41)
def test_a_damaged_model_is_refused_and_the_run_stays(project: Path, trained: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(project.parent / "models", tmp_path / "models", symlinks=True)
    model = tmp_path / "models" / "small" / Path(trained["bundle"]).name / "model.json"
    model.write_bytes(model.read_bytes()[:-20])
    code, _, err = run("score", project, "--out", tmp_path, *quick())
    assert code == 66 and "not what was written" in err
    assert not (tmp_path / "runs" / "small" / "latest").exists()


def test_permuted_labels_ship_nothing(project: Path, tmp_path: Path) -> None:
    """Deals dealt out to other accounts at random: there is nothing to learn, and the tool says so."""
    shutil.copytree(project.parent / "data", tmp_path / "data")
    shutil.copy(project, tmp_path / "abm.yaml")
    deals = pd.read_csv(tmp_path / "data" / "opportunities.csv", dtype=str)
    accounts = pd.read_csv(tmp_path / "data" / "accounts.csv", dtype=str)["account_id"].drop_duplicates()
    deals["account_id"] = accounts.sample(len(deals), replace=True, random_state=1).to_numpy()
    deals.to_csv(tmp_path / "data" / "opportunities.csv", index=False)
    features = "features=[{kind: firmographics}, {kind: value_fit}, {kind: engagement}]"
    found = run_json("train", tmp_path / "abm.yaml", *quick([features]))
    assert found["rung"] == "none" and found["bundle"] is None
    assert "nothing beats the constant" in found["reason"]
    code, _, err = run("score", tmp_path / "abm.yaml", *quick([features]))
    assert code == 66 and "there is no model" in err


def test_check_counts_every_table(project: Path) -> None:
    found = run_json("check", project)
    assert found["tables"]["events"]["duplicates"] > 0 and found["tables"]["events"]["anonymous"] > 0
    assert found["tables"]["accounts"]["accepted"] == found["tables"]["accounts"]["rows_in"]


def test_warnings_say_when_the_config_has_left_the_model(project: Path, scored: dict[str, Any]) -> None:
    code, _, err = run("score", project, *quick(["outputs.formats=[csv]", "label.horizon_days=60"]))
    assert code == 0 and "label changed since the model was trained" in err


def test_a_bundle_is_text_and_json(trained: dict[str, Any]) -> None:
    folder = Path(trained["bundle"])
    assert {p.suffix for p in folder.iterdir()} <= {".json", ".txt"}
    assert json.loads((folder / "manifest.json").read_text())["version"] == trained["model_version"]
