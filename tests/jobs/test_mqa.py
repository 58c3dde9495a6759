"""MQAs through the command line: nights in a row, replay, and the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.engines.nights import score_nights
from abm_scoring.features.history import History
from abm_scoring.jobs.champion import champion, scoring_task
from abm_scoring.jobs.ledger import TRANSITIONS, Link, transitions
from abm_scoring.jobs.workspace import load, open_workspace
from abm_scoring.publish.runs import read_manifest
from abm_scoring.ranking.mqa.compare import as_nights
from abm_scoring.ranking.mqa.log import state_of
from abm_scoring.ranking.mqa.replay import replay
from tests.jobs.nights import frozen, score_on, scoring_folder
from tests.jobs.projects import quick, run, run_json

#: A policy under which everything happens within ten days.
POLICY = [
    "outputs.formats=[csv]",
    "scoring.mqa.threshold={kind: fixed, enter: 70, leave: 60}",
    "scoring.mqa.evidence=[{kind: engaged_contacts, at_least: 1}]",
    "scoring.mqa.min_days=1",
    "scoring.mqa.max_days=5",
    "scoring.mqa.capacity=20",
    "scoring.mqa.cooldown_days={expired: 2}",
]
DAYS = pd.date_range("2025-10-01", periods=10, tz="UTC")


@pytest.fixture(scope="module")
def out(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scoring_folder(trained_project, tmp_path_factory.mktemp("mqa") / "out")


@pytest.fixture(scope="module")
def links(trained_project: Path, out: Path) -> list[Link]:
    """Ten nights, each going on from the one before; `test_nights` shows that nightly runs give the same."""
    first, last = (f"{day:%Y-%m-%d}" for day in (DAYS[0], DAYS[-1]))
    args = ("--from", first, "--to", last, "--out", out, *quick(POLICY))
    found = run_json("backfill", trained_project, *args)
    return [Link(Path(folder), read_manifest(Path(folder))) for folder in found["runs"]]


@pytest.fixture(scope="module")
def log(links: list[Link]) -> pd.DataFrame:
    return transitions(links)


def test_nights_in_a_row_give_the_log_of_a_replay_from_scratch(
    trained_project: Path, out: Path, log: pd.DataFrame
) -> None:
    """The replay builds the features of all nights at once and never sees a run."""
    workspace = open_workspace(trained_project, [p for p in quick(POLICY) if p != "--set"], out=out)
    config, until = workspace.config, DAYS[-1] + pd.Timedelta(days=1)
    _, tables, _ = load(workspace, until, False)
    history, bundle = History.of(tables, until=until), champion(workspace)
    nights = [d.as_unit("us") for d in DAYS]
    rows = score_nights(
        history,
        nights,
        bundle,
        scoring_task(config, bundle, until),
        config.label,
        lambda *_: None,
    )
    assert config.scoring.mqa is not None
    done = replay(as_nights(rows, config.scoring.mqa), tables["dispositions"], config.scoring.mqa)
    pd.testing.assert_frame_equal(done.log, log)
    assert {"enter_threshold", "leave_threshold", "max_age", "cooldown_over"} <= set(log["rule"])
    assert any(rule.startswith("sales_") for rule in log["rule"])


def test_each_run_records_its_own_night_and_publishes_the_state_after_it(links: list[Link], log: pd.DataFrame) -> None:
    for link, day in zip(links, DAYS, strict=True):
        own = pd.read_parquet(link.folder / TRANSITIONS)
        assert (own["as_of"] == day).all()
        state = state_of(log[log["as_of"] <= day]).set_index("account_id")
        listed = pd.read_csv(link.folder / "target_accounts.csv", dtype={"account_id": str}).set_index("account_id")
        expected = state["status"].reindex(listed.index).fillna("none")
        assert listed["mqa_status"].tolist() == expected.tolist()
        assert link.manifest.mqa is not None
        assert link.manifest.mqa.open == (state["status"] == "mqa").sum() <= 20
    ages = (DAYS[-1] - pd.to_datetime(listed["mqa_since"], utc=True)).dt.days
    assert (ages.dropna() == listed["mqa_age_days"].dropna()).all() and ages.notna().sum() > 10


def test_what_sales_decides_tomorrow_does_not_change_today(log: pd.DataFrame) -> None:
    """An answer is honoured on the first night after it."""
    sales = log[log["rule"].str.startswith("sales_") & (log["from"] == "mqa")]
    assert len(sales) > 0
    # `value` is the answer's age in whole days: an MQA is answered within the night that follows.
    assert (sales["value"] <= 1).all()


def test_the_breaker_is_told_and_recorded(trained_project: Path, tmp_path: Path) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    low = ["outputs.formats=[csv]", "scoring.mqa={threshold: {kind: fixed, enter: 40, leave: 20}, min_days: 0}"]
    high = ["outputs.formats=[csv]", "scoring.mqa={threshold: {kind: fixed, enter: 99.9, leave: 99}, min_days: 0}"]
    score_on(trained_project, out, "2025-12-01", low)
    held = score_on(trained_project, out, "2025-12-02", high)
    assert held["mqa"]["breaker_tripped"] and held["mqa"]["flips_wanted"] > held["mqa"]["left"]
    assert any("max_flip_share" in warning for warning in held["warnings"])
    assert not frozen(held, "mqa_transitions")["rule"].isin(["enter_threshold", "leave_threshold"]).any()


def test_a_policy_may_be_switched_off(trained_project: Path, tmp_path: Path) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    found = score_on(trained_project, out, "2025-12-01", ["scoring.mqa=null"])
    assert found["mqa"] is None and not (Path(found["run"]) / "mqa_transitions.parquet").exists()
    assert "mqa_status" not in pd.read_csv(found["list"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scoring.mqa={threshold: {kind: capacity}}", "needs mqa.capacity"),
        ("scoring.mqa.threshold={kind: fixed, enter: 50, leave: 60}", "must not lie above enter"),
        ("scoring.mqa.evidence=[{kind: meetings}]", "engaged_contacts"),
    ],
)
def test_a_policy_that_cannot_be_is_a_fault_of_the_config(
    trained_project: Path, tmp_path: Path, override: str, message: str
) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    code, _, err = run("score", trained_project, "--out", out, "--as-of", "2025-12-01", *quick([override]))
    assert code == 78 and message in err and err.count("\n") == 1
    assert not (out / "runs" / "small" / "latest").exists()


def test_the_list_may_be_ordered_by_expected_value(trained_project: Path, tmp_path: Path) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    found = score_on(trained_project, out, "2025-12-01", ["scoring.rank_by=expected_value"])
    assert pd.read_csv(found["list"])["expected_value"].is_monotonic_decreasing


@pytest.fixture(scope="module")
def simulated(trained_project: Path, out: Path) -> dict[str, Any]:
    return run_json("mqa", "simulate", trained_project, "--out", out, "--weeks", "12", *quick(POLICY))


def test_the_simulator_sets_a_policy_beside_todays_and_plain_rules(simulated: dict[str, Any]) -> None:
    assert set(simulated["policies"]) == {"policy", "today", "no_hysteresis", "rule_points", "vendor_default"}
    assert simulated["nights"] == 12
    for found in simulated["policies"].values():
        assert found["flips_per_account_month"] >= 0 and 0 < found["conversions_held"] <= 1
        low, high = found["precision_ci"]
        assert low <= found["precision"] <= high
    flips = {name: found["flips_per_account_month"] for name, found in simulated["policies"].items()}
    assert flips["policy"] <= flips["no_hysteresis"] and flips["rule_points"] > 0
    assert simulated["policies"]["policy"]["open_most"] <= 20


def test_the_simulating_model_knows_nothing_of_the_nights(simulated: dict[str, Any]) -> None:
    model = simulated["model"]
    assert model["kind"] == "refit" and model["knows_until"] == simulated["first"] and not model["saw_the_nights"]
    assert not any("flattered" in warning for warning in simulated["warnings"])


def test_the_simulating_model_is_of_the_kind_that_is_asked_for(trained_project: Path, out: Path) -> None:
    small = ("model.ridge=[0.01]", "model.boosting.trees=30", "model.hazard.horizons_days=[90]")
    args = ("--out", out, "--weeks", "1", *quick([*POLICY, *small, "model.kind=hazard"]))
    found = run_json("mqa", "simulate", trained_project, *args)
    assert found["model"]["rung"] == "hazard" and found["model"]["knows_until"] == found["first"]


def test_the_champion_is_owned_up_to_where_it_has_seen_the_nights(trained_project: Path, out: Path) -> None:
    args = ("--out", out, "--weeks", "4", "--model", "champion", *quick())
    found = run_json("mqa", "simulate", trained_project, *args)
    assert found["model"]["saw_the_nights"] and any("flattered" in warning for warning in found["warnings"])
    assert set(found["policies"]) == {"policy", "no_hysteresis", "rule_points", "vendor_default"}


def test_the_simulator_writes_nothing(trained_project: Path, tmp_path: Path) -> None:
    out = scoring_folder(trained_project, tmp_path / "out")
    code, _, err = run(
        "mqa", "simulate", trained_project, "--out", out, "--weeks", "2", "--model", "champion", *quick()
    )
    assert code == 0, err
    assert [p.name for p in out.iterdir()] == ["models"]


def test_an_unknown_model_is_a_fault_of_the_command_line(trained_project: Path) -> None:
    code, _, err = run("mqa", "simulate", trained_project, "--model", "oracle")
    assert code == 64 and "refit or champion" in err
