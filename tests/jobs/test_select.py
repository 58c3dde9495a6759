from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.data.choosing import choose
from abm_scoring.errors import ConfigError
from tests.jobs.projects import run, run_json

FRAME = pd.DataFrame(
    {"account_id": ["A", "B", "C"], "employee_count": [10.0, 900.0, None], "sector": ["x", "pharma", "pharma"]}
)
EVENTS = pd.DataFrame({"account_id": ["A", "A"], "event_type": ["webinar", "meeting"]})


def test_conditions_are_sql_over_the_account_and_its_tables() -> None:
    assert choose(FRAME, "employee_count > 500 OR sector = 'x'", {})["account_id"].tolist() == ["A", "B"]
    asked = "account_id IN (SELECT account_id FROM events WHERE event_type = 'webinar')"
    assert choose(FRAME, asked, {"events": EVENTS})["account_id"].tolist() == ["A"]
    assert choose(FRAME, "sector = 'read_csv(; drop'", {}).empty
    assert choose(FRAME, "true", {}, limit=2)["account_id"].tolist() == ["A", "B"]


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1; DROP TABLE a",
        "account_id IN (SELECT * FROM read_csv('/etc/passwd'))",
        "account_id IN (SELECT * FROM '/etc/passwd')",
        "account_id = getenv('HOME')",
        "nothing = 1",
        "true) UNION SELECT 1 --",
        "account_id IN (SELECT content FROM read_text('/etc/passwd'))",
    ],
)
def test_a_condition_can_do_nothing_else(where: str) -> None:
    with pytest.raises(ConfigError):
        choose(FRAME, where, {"events": EVENTS})


def test_a_list_needs_no_model_and_can_be_named_and_exported(trained_project: Path, tmp_path: Path) -> None:
    named = ("--set", "lists={big: employee_count > 1000}", "--out", tmp_path)
    found = run_json("select", trained_project, "--where", "big", *named, "--to", tmp_path / "big.csv")
    assert 0 < found["n"] < found["of"] == 500
    written = pd.read_csv(tmp_path / "big.csv")
    assert (written["employee_count"] > 1000).all()
    assert len(written) == found["n"]
    code, _, err = run("select", trained_project, "--where", "bigg", *named)
    assert code == 78
    assert 'did you mean "big"' in err
