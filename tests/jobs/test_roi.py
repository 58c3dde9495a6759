from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm_scoring.data.market.machine_builder import make_machine_builder
from abm_scoring.data.market.market import write_market
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.reporting import mqa_spells, plain
from tests.jobs.nights import score_on, scoring_folder
from tests.jobs.projects import run, run_json

_QUICK = ("roi.kpis.draws=100", "roi.kpis.series=1", "roi.attribution.draws=50", "roi.kpis.segments=[region]")
FAST = tuple(part for override in _QUICK for part in ("--set", override))
TARGETS = ("--set", "roi.targets.sql_accounts=3 this quarter", "--set", "roi.targets.win_rate=99 %")


HOLDOUT = ("scoring.holdout={share: 0.3, salt: spring}",)


@pytest.fixture(scope="module")
def project(trained_project: Path) -> Path:
    return trained_project


@pytest.fixture(scope="module")
def out(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one matured run, which withheld three families in ten."""
    folder = scoring_folder(project, tmp_path_factory.mktemp("roi") / "out")
    score_on(project, folder, "2025-06-01", HOLDOUT)
    return folder


@pytest.fixture(scope="module")
def kpis(project: Path, out: Path) -> dict[str, Any]:
    return run_json("kpis", project, *FAST, *TARGETS, "--out", out)


@pytest.fixture(scope="module")
def roi(project: Path, out: Path) -> dict[str, Any]:
    return run_json("roi", project, *FAST, *TARGETS, "--set", HOLDOUT[0], "--out", out)


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_kpis_publish_a_report_that_stands_alone(kpis: dict[str, Any], out: Path) -> None:
    found = files(kpis["report"])
    assert list(found) == ["report.html", "report.json", "report.xlsx"]
    assert b"default-src" in found["report.html"] and b"<script" not in found["report.html"]
    told = json.loads(found["report.json"])
    assert told["figures"] == kpis["figures"] and told["groups"] and "report" not in told
    assert (out / "reports/small/kpis/latest").resolve() == Path(kpis["report"]).resolve()


def test_every_figure_has_a_value_or_a_reason(kpis: dict[str, Any]) -> None:
    for row in kpis["figures"]:
        assert (row["value"] is None) == bool(row["reason"]), row["figure"]


def test_targets_are_judged(kpis: dict[str, Any]) -> None:
    by = {t["metric"]: t for t in kpis["targets"]}
    assert by["win_rate"]["status"] == "missed" and by["win_rate"]["reachable"] == "n/a: not a count"
    sql = by["sql_accounts"]
    assert sql["status"] == ("met" if sql["value"] >= 3 else "missed") and sql["low"] < sql["value"] < sql["high"]


def test_a_second_run_changes_nothing(project: Path, out: Path, roi: dict[str, Any]) -> None:
    before = files(roi["report"])
    again = run_json("roi", project, *FAST, *TARGETS, "--set", HOLDOUT[0], "--out", out)
    assert again == roi and files(again["report"]) == before


def test_a_past_report_can_be_made_again_from_later_tables(
    project: Path, out: Path, kpis: dict[str, Any], tmp_path: Path
) -> None:
    """What the tables learned after a day does not change that day's report."""
    day = "2025-05-15"
    early = run_json("kpis", project, *FAST, "--as-of", day, "--out", out)
    cut = pd.Timestamp(day, tz="UTC")
    for name, columns in (("events", ["occurred_at", "known_at"]), ("contacts", ["known_at"])):
        path = project.parent / "data" / f"{name}.parquet"
        frame = pd.read_parquet(path)
        kept = frame[(frame[columns].isna() | (frame[columns] < cut)).all(axis=1)]
        (tmp_path / "data").mkdir(exist_ok=True)
        kept.to_parquet(tmp_path / "data" / f"{name}.parquet", index=False)
    for path in (project.parent / "data").glob("*.csv"):
        frame = pd.read_csv(path, dtype=str)
        if "known_at" in frame:
            known = pd.to_datetime(frame["known_at"], utc=True, format="ISO8601")
            frame = frame[known.isna() | (known < cut)]
        frame.to_csv(tmp_path / "data" / path.name, index=False)
    then = run_json("kpis", project, *FAST, "--as-of", day, "--data-root", tmp_path, "--out", tmp_path)
    assert then["figures"] == early["figures"] and then["anomalies"] == early["anomalies"]
    latest = (out / "reports/small/kpis/latest").resolve().name
    assert latest.startswith("2026-01-01"), "a past report does not become the latest"


def test_the_first_screen_says_spent_influenced_caused_and_what_came_in(roi: dict[str, Any]) -> None:
    page = (Path(roi["report"]) / "report.html").read_text(encoding="utf-8")
    first = page[: page.index("<section")]
    for text in (
        "Spent",
        "Influenced",
        "ROI on credit",
        "Caused (incremental_roi)",
        "associational_roi",
        "Came in ÷ forecast",
    ):
        assert text in first
    assert roi["roi"] == pytest.approx((roi["influenced"] - roi["campaign_cost"]) / roi["campaign_cost"])
    assert "does not say what" in page and roi["returns"] == "gross_margin" and "gross margin" in page


def test_the_holdout_says_what_was_caused_and_the_ledger_how_the_forecast_did(roi: dict[str, Any]) -> None:
    own = roi["trials"][0]
    assert own["name"] == "holdout" and own["n_control"] > 0
    assert roi["verdict"] == roi["incremental_roi"]["verdict"] in ("positive", "negative", "cannot tell")
    (run,) = roi["predicted_against_realised"]["runs"]
    assert run["as_of"].startswith("2025-06-01") and roi["forecast"]["wins"] > 0


def test_mqa_figures_come_from_the_ledger(kpis: dict[str, Any]) -> None:
    by = {row["figure"]: row for row in kpis["figures"]}
    assert by["mqa_accounts"]["value"] >= 0 and by["mqa_rate"]["denominator"] > 100


def test_views_of_cost_reconcile_with_the_total(roi: dict[str, Any]) -> None:
    for rows in roi["costs"]["views"].values():
        assert round(100 * sum(row["cost"] for row in rows)) == round(100 * roi["spent"])


def test_credit_of_every_rule_sums_to_what_was_won(roi: dict[str, Any]) -> None:
    credits = pd.DataFrame(roi["credit"]["rules"]["credits"])
    for _, rows in credits.groupby("rule"):
        assert rows["money"].sum() == pytest.approx(roi["credit"]["money"], rel=1e-9)


def test_without_costs_roi_has_a_reason_instead_of_a_value(project: Path, tmp_path: Path) -> None:
    text = project.read_text().replace("  costs: {kind: csv, path: data/costs.csv}\n", "")
    config = tmp_path / "abm.yaml"
    config.write_text(text)
    found = run_json("roi", config, *FAST, "--data-root", project.parent, "--out", tmp_path)
    assert found["roi"] is None and "no campaign cost is known" in found["roi_reason"] and found["spent"] is None
    assert found["verdict"].startswith("no holdout") and found["incremental_roi"] is None


def test_the_machine_builder_sees_its_targets_filled(tmp_path: Path) -> None:
    write_market(make_machine_builder(), tmp_path / "data")
    config = write_template("machine_builder", tmp_path / "abm.yaml", "machines")
    found = {t["metric"]: t for t in run_json("kpis", config, *FAST)["targets"]}
    days = found["days_to_close"]
    assert (days["baseline"], days["value"], days["goal"], days["n"]) == (63, 65, 50, 3)
    assert days["status"] == "missed" and days["low"] < 44 and days["high"] > 68 and "few cases" in days["method"]
    assert found["reach"]["figure"] == "reach_contacts" and found["reach"]["value"] is not None
    assert found["sql_accounts"]["goal"] == 3 and found["sql_accounts"]["low"] is not None


def test_an_unknown_target_is_refused_with_its_place(project: Path) -> None:
    code, _, err = run("kpis", project, "--set", "roi.targets.win_rat=1")
    assert code == 78 and "win_rate" in err


def test_spells_of_a_log() -> None:
    day = pd.to_datetime(["2026-01-01", "2026-01-05", "2026-01-09", "2026-01-02"], utc=True).astype(
        "datetime64[us, UTC]"
    )
    log = pd.DataFrame({"account_id": ["a", "a", "a", "b"], "as_of": day, "to": ["mqa", "expired", "mqa", "mqa"]})
    found = mqa_spells(log)
    assert found["account_id"].tolist() == ["a", "a", "b"]
    assert [v.day if v == v else None for v in found["left_at"]] == [5, None, None]


def test_plain_values_are_json() -> None:
    given = {
        "a": math.nan,
        "b": pd.Timestamp("2026-01-01", tz="UTC"),
        "c": [pd.NA, 1],
        "d": pd.DataFrame({"x": [math.inf]}),
    }
    assert json.dumps(plain(given), allow_nan=False)
