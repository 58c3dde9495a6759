"""The shipped configs on the real data sets, as a table; skipped where the data are not at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.jobs.projects import run_json
from tests.real.test_real_configs import CONFIGS, DATA, needs_data

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "real-data.md"
SETS = ("olist", "online_retail", "adventureworks", "maven_crm")
#: Largest log-loss of the shipped configs.
REFERENCE = {"olist": 0.316, "online_retail": 0.592}
HEADER = (
    "data set",
    "rung",
    "rows trained on",
    "test rows",
    "AUC",
    "log-loss",
    "log-loss of the constant",
    "lift at 10 %",
)

pytestmark = pytest.mark.evidence


@needs_data
def test_the_table_of_real_data(tmp_path: Path) -> None:
    lines = [f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    for name in SETS:
        out = tmp_path / name
        found = run_json(
            "train", CONFIGS / f"{name}.yaml", "--data-root", DATA, "--out", out, "--set", "tracking.kind=none"
        )
        lines.append(row(name, found))
        assert (found["rung"] == "none") == (name == "maven_crm")
        assert found["test"]["log_loss"] <= REFERENCE.get(name, 1.0)
    EVIDENCE.write_text(
        "# The shipped configs on real data\n\n"
        "Test part of each set, with 95 % intervals over account families; written by `make evidence` "
        "(tests/evidence/test_real_data.py). Where the data come from: "
        "[how-to/real-data.md](../how-to/real-data.md).\n\n" + "\n".join(lines) + "\n"
    )


def row(name: str, found: dict[str, Any]) -> str:
    test = found["test"]
    metrics = [_with_interval(test, m) for m in ("auc", "log_loss", "log_loss_constant", "lift_at_10pct")]
    return f"| {' | '.join([name, found['rung'], str(found['n_train']), str(found['n_test']), *metrics])} |"


def _with_interval(test: dict[str, Any], name: str) -> str:
    low, high = test[f"{name}_ci"]
    return f"{test[name]:.4f} [{low:.4f}, {high:.4f}]"
