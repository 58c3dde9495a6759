"""Reports as folders: how long they are kept, and what a workbook says in other languages."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook

from abm_scoring.jobs.evaluation_report import prune_evaluations
from abm_scoring.jobs.reporting import Facts, Shown, publish_report
from abm_scoring.publish.pruning import RetentionSpec
from abm_scoring.publish.report import ReportPage

SHEETS = {"cost by kind": pd.DataFrame({"kind": ["media"], "cost": [2.5]})}


class Known(Facts):
    """Facts of a day of which only the hash matters."""

    @property
    def content(self) -> str:
        return f"{self.as_of.day:064x}"


def known(out: Path, day: str, keep: int | None) -> Any:
    project = SimpleNamespace(timezone="UTC")
    config = SimpleNamespace(project=project, retention=RetentionSpec(reports=keep))
    workspace: Any = SimpleNamespace(out=out, name="p", config=config)
    nothing: Any = None
    return Known(workspace, pd.Timestamp(day, tz="UTC"), nothing, nothing, (), None, ())


def made(out: Path, day: str, keep: int | None = None, language: str = "en") -> Path:
    page = ReportPage("KPIs", day, [], [], language)
    return publish_report(known(out, day, keep), "kpis", Shown(page, SHEETS, {"day": day}))


def days(folder: Path) -> list[str]:
    return sorted(p.name[:10] for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != ".")


def test_reports_stay_unless_retention_says_how_many(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        folder = made(tmp_path, day).parent
    assert len(days(folder)) == 3
    made(tmp_path, "2026-01-04", keep=2)
    assert days(folder) == ["2026-01-03", "2026-01-04"]
    assert (folder / "latest").resolve().name.startswith("2026-01-04")
    assert not list(folder.glob(".tmp-*"))


def test_a_report_of_a_past_day_stays_until_the_next_one_is_made(tmp_path: Path) -> None:
    for day in ("2026-01-03", "2026-01-04"):
        made(tmp_path, day, keep=1)
    folder = made(tmp_path, "2025-06-01", keep=1)
    assert folder.is_dir() and days(folder.parent) == ["2025-06-01", "2026-01-04"], "it was asked for; latest is latest"
    made(tmp_path, "2026-01-05", keep=1)
    assert days(folder.parent) == ["2026-01-05"]


def test_what_is_not_a_report_is_left_alone(tmp_path: Path) -> None:
    folder = made(tmp_path, "2026-01-01", keep=1).parent
    (folder / "0000-notes").mkdir()
    made(tmp_path, "2026-01-02", keep=1)
    assert days(folder) == ["0000-notes", "2026-01-02"]


def evaluation(models: Path, name: str, as_of: str, version: str | None) -> Path:
    folder = models / f"evaluation-{name}"
    folder.mkdir()
    (folder / "evaluation.json").write_text(json.dumps({"as_of": as_of, "model_version": version}))
    return folder


@pytest.mark.parametrize(("keep", "left"), [(1, ["c", "d", "e"]), (3, ["b", "c", "d", "e"]), (9, list("abcde"))])
def test_evaluations_of_models_in_use_stay(tmp_path: Path, keep: int, left: list[str]) -> None:
    for version in ("now", "old"):
        (tmp_path / version).mkdir()
    (tmp_path / "champion").symlink_to("now")
    (tmp_path / "champion-before").symlink_to("old")
    for name, day, version in (("a", 1, None), ("d", 2, "old"), ("b", 4, None), ("c", 3, "now"), ("e", 5, None)):
        latest = evaluation(tmp_path, name, f"2026-01-0{day}", version)
    prune_evaluations(tmp_path, keep, latest)
    assert sorted(p.name.removeprefix("evaluation-") for p in tmp_path.glob("evaluation-*")) == left
    assert (tmp_path / "now").is_dir() and (tmp_path / "champion").is_symlink()


@pytest.mark.parametrize(
    ("language", "sheet", "head"), [("en", "cost by kind", "kind"), ("de", "Kosten je Art", "Art")]
)
def test_a_workbook_speaks_the_language_of_its_page(tmp_path: Path, language: str, sheet: str, head: str) -> None:
    book = load_workbook(made(tmp_path, "2026-01-01", language=language) / "report.xlsx")
    assert book.sheetnames == [sheet] and book[sheet]["A1"].value == head
    assert book[sheet]["A2"].value == ("media" if language == "en" else "Medien") and book[sheet]["B2"].value == 2.5
