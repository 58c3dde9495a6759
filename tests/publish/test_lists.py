"""From codes to what people read in a list."""

from __future__ import annotations

import pandas as pd

from abm_scoring.publish.lists import ranked_list
from abm_scoring.publish.words import Words


def test_mqa_rules_and_changes_become_sentences() -> None:
    rows = pd.DataFrame(
        {
            "rank": [1, 2],
            "mqa_status": ["mqa", "none"],
            "mqa_reason": pd.Series(["enter_threshold", None], dtype="str"),
            "change_topic": pd.Series(["meeting", None], dtype="str"),
            "change_delta": [-0.2, float("nan")],
            "change_kind": pd.Series(["behaviour", None], dtype="str"),
        }
    )
    columns = ["rank", "mqa_status", "mqa_reason", "change_reason", "tier"]
    found = ranked_list(rows, (), columns, Words("de"), {})
    assert list(found) == columns[:-1]
    assert found["mqa_status"].tolist() == ["mqa", "none"], "a code that filters and other systems can rely on"
    assert found["mqa_reason"].iloc[0] == "Score und Belege haben die Eintrittsschwelle erreicht"
    assert found["change_reason"].iloc[0] == "Score gesunken: Termine"
    assert found[["mqa_reason", "change_reason"]].isna().sum().tolist() == [1, 1]
