"""The chain of runs: predecessors, what is off it, and one line of SQL."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from abm_scoring.data.matching.tables import Matches
from abm_scoring.errors import MissingInputError
from abm_scoring.jobs.champion import champion
from abm_scoring.jobs.comparison import Comparison
from abm_scoring.jobs.ledger import FROZEN, chain, read_frozen, score_history
from abm_scoring.jobs.lists import Lists
from abm_scoring.jobs.workspace import open_workspace
from abm_scoring.publish.runs import read_manifest, verify
from abm_scoring.publish.words import Words
from abm_scoring.ranking.ranking import ScoringSpec
from tests.jobs.nights import frozen, score_on, scoring_folder
from tests.jobs.projects import run

DAYS = ("2025-11-03", "2025-11-10", "2025-11-20")


@pytest.fixture(scope="module")
def out(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scoring_folder(trained_project, tmp_path_factory.mktemp("ledger") / "out")


@pytest.fixture(scope="module")
def runs(trained_project: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Three days, the second of them twice with different settings, then a day in between."""
    first, second, third = DAYS
    found = {"first": score_on(trained_project, out, first)}
    found["replaced"] = score_on(trained_project, out, second)
    found["second"] = score_on(trained_project, out, second, ["scoring.reasons=3"])
    found["third"] = score_on(trained_project, out, third)
    found["between"] = score_on(trained_project, out, "2025-11-05")
    return found


def names(*found: dict[str, Any]) -> list[str]:
    return [Path(f["run"]).name for f in found]


def test_the_chain_goes_from_day_to_day_and_leaves_out_what_was_replaced(out: Path, runs: dict[str, Any]) -> None:
    links = chain(out / "runs" / "small")
    assert [link.manifest.run_id for link in links] == names(runs["first"], runs["second"], runs["third"])
    assert [link.manifest.predecessor for link in links] == [None, *names(runs["first"], runs["second"])]


def test_a_replaced_run_keeps_its_folder_and_its_files(runs: dict[str, Any]) -> None:
    assert names(runs["replaced"]) != names(runs["second"])
    assert verify(Path(runs["replaced"]["run"])) == []
    assert read_manifest(Path(runs["replaced"]["run"])).predecessor == names(runs["first"])[0]


def test_a_retrospective_run_compares_with_its_day_before_and_is_not_on_the_chain(runs: dict[str, Any]) -> None:
    between = runs["between"]
    assert between["retrospective"] and frozen(between)["retrospective"].all()
    assert read_manifest(Path(between["run"])).predecessor == names(runs["first"])[0]
    assert frozen(between, "chain")["run_id"].tolist() == names(runs["first"])


def test_one_line_of_sql_reads_the_ledger(out: Path, runs: dict[str, Any]) -> None:
    """The line of docs/how-to/ledger.md."""
    folder = out / "runs" / "small"
    found = duckdb.sql(
        f"SELECT * FROM read_parquet('{folder}/2*/scores.parquet', union_by_name=true) "
        f"SEMI JOIN '{folder}/latest/chain.parquet' USING (run_id)"
    ).df()
    assert sorted(found["run_id"].unique()) == sorted(names(runs["first"], runs["second"], runs["third"]))
    assert not found["retrospective"].any()
    assert not found.duplicated(["account_id", "run_id"]).any()


def test_the_previous_score_is_that_of_the_predecessor(runs: dict[str, Any]) -> None:
    before, now = frozen(runs["second"]).set_index("account_id"), frozen(runs["third"]).set_index("account_id")
    shared = now.index[now["score"].notna()].intersection(before.index[before["score"].notna()])
    assert len(shared) > 50
    pd.testing.assert_series_equal(now["score_previous"][shared], before["score"][shared], check_names=False)
    listed = pd.read_csv(runs["third"]["list"])
    assert (
        listed["score_change"] - (listed["score"] - listed["score_previous"])
    ).abs().max() < 0.11  # one decimal each
    assert set(now["score_trend"].dropna()) <= {"up", "flat", "down"} and now["score_trend"].notna().sum() > 50


def test_the_first_run_has_nothing_to_compare_with(runs: dict[str, Any]) -> None:
    assert "score_previous" not in frozen(runs["first"]) and "score_change" not in pd.read_csv(runs["first"]["list"])


def test_the_history_of_scores_is_read_along_the_chain(out: Path, runs: dict[str, Any]) -> None:
    links = chain(out / "runs" / "small")
    history = score_history(links[1:])
    assert sorted(history["as_of"].dt.strftime("%Y-%m-%d").unique()) == list(DAYS[1:])
    ids = history["account_id"].sort_values().unique()
    between = history["account_id"].between(ids[5], ids[20])
    pd.testing.assert_frame_equal(
        score_history(links[1:], (ids[5], ids[20])), history[between].reset_index(drop=True), check_exact=True
    )
    assert score_history([]).empty


def test_a_stretch_of_accounts_is_compared_as_all_are(out: Path, runs: dict[str, Any]) -> None:
    links = chain(out / "runs" / "small")
    moved = ["score_previous", "score_change", "score_trend", "change_topic", "change_delta", "change_kind"]
    rows = read_frozen(links[-1].folder / FROZEN)
    comparison = Comparison(links[-2], tuple(links[:-1]), links[-1].as_of, ScoringSpec(), True, frozenset({"fit"}))
    whole = comparison.compared(rows.drop(columns=moved, errors="ignore"))
    assert whole[moved].notna().any().all() and len(links) >= 3
    parts = [
        comparison.compared(rows[a : a + 37].drop(columns=moved, errors="ignore")) for a in range(0, len(rows), 37)
    ]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_exact=True)


def test_the_list_is_made_from_frozen_rows_a_block_at_a_time(
    trained_project: Path, out: Path, runs: dict[str, Any], tmp_path: Path
) -> None:
    link = chain(out / "runs" / "small")[-1]
    workspace = open_workspace(trained_project, ["tracking.kind=none"], None, out)
    catalogue = champion(workspace).about.catalogue
    lists = Lists(link.folder / FROZEN, catalogue, Words("en"), {"rung": "x"}, Matches())
    whole = lists.ranked()
    assert whole["rank"].tolist() == list(range(1, link.manifest.counts.ranked + 1))
    parts = list(lists.blocks(tmp_path, 23))
    assert len(parts) > 2
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)
    pd.testing.assert_frame_equal(lists.top(10), whole.head(10), check_exact=True)
    pd.testing.assert_frame_equal(lists.held().ranked(), whole, check_exact=True)
    assert len(lists.not_scored()) == link.manifest.counts.not_scored == len(lists.held().not_scored())


def test_a_run_that_is_gone_from_the_chain_stops_scoring(
    trained_project: Path, out: Path, runs: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "out", symlinks=True)
    shutil.rmtree(tmp_path / "out" / "runs" / "small" / names(runs["first"])[0])
    with pytest.raises(MissingInputError, match=r"predecessor .* is gone"):
        chain(tmp_path / "out" / "runs" / "small")
    code, _, err = run("score", trained_project, "--out", tmp_path / "out", "--as-of", "2025-11-25")
    assert code == 66 and "never pruned" in err and err.count("\n") == 1


def test_a_damaged_log_stops_scoring(trained_project: Path, out: Path, runs: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "out", symlinks=True)
    log = tmp_path / "out" / "runs" / "small" / names(runs["second"])[0] / "mqa_transitions.parquet"
    log.write_bytes(log.read_bytes()[:50])
    code, _, err = run("score", trained_project, "--out", tmp_path / "out", "--as-of", "2025-11-25")
    assert code == 66 and "restore the run" in err


def test_the_model_of_then_scores_a_past_day(trained_project: Path, out: Path, runs: dict[str, Any]) -> None:
    """Another champion since: the past day is still scored by the one that its runs name."""
    assert runs["between"]["model_version"] == runs["first"]["model_version"]
    assert not any("model of that time" in warning for warning in runs["between"]["warnings"])


def test_a_project_without_runs_has_no_chain(tmp_path: Path) -> None:
    assert chain(tmp_path) == [] and chain(tmp_path / "nowhere") == []
