"""Every notebook runs from top to bottom, and is committed without output."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
#: What the output of each holds.
SHOWN = {
    "01_train_and_rank": ("lift_at_10pct", "reason_1", "rank correlation"),
    "02_rank_and_qualify": ("lift_at_10pct", "reason_1", "expected conversions", "ABM_Score__c"),
    "03_did_it_pay_off": ("win_rate", "reachable", "disagreement", "cannot be said", "report.xlsx"),
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    done = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = "".join(str(cell.get("outputs", "")) for cell in done.cells)
    assert [text for text in SHOWN[path.stem] if text not in shown] == []


def test_each_is_known() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(SHOWN)
