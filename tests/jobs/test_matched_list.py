"""The list says how surely an account's rows are its own, where rows had to be matched."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.jobs.nights import score_on, scoring_folder

DAY = "2025-12-01"
#: A third of the events lose their account and keep the web domain, a few lose both.
EVENTS = """
SELECT e.* EXCLUDE (account_id, contact_id),
       CASE WHEN hash(event_id) % 3 = 0 THEN NULL ELSE e.account_id END AS account_id,
       CASE WHEN hash(event_id) % 3 = 0 AND hash(event_id) % 30 > 0 THEN a.domain END AS web_domain
FROM events e JOIN accounts a USING (account_id)
"""


def listed(run: dict[str, object]) -> pd.DataFrame:
    return pd.read_csv(str(run["list"]), dtype={"account_id": "str"})


def test_the_list_tells_how_surely_rows_were_matched(trained_project: Path, tmp_path: Path) -> None:
    plain = listed(score_on(trained_project, scoring_folder(trained_project, tmp_path / "plain"), DAY))
    assert {"match_confidence", "anonymous_share"}.isdisjoint(plain)
    source = {
        "kind": "sql",
        "files": {"events": "data/events.parquet", "accounts": "data/accounts.csv"},
        "query": " ".join(EVENTS.split()),
        "columns": {"web_domain": "web_domain"},
    }
    out = scoring_folder(trained_project, tmp_path / "matched")
    found = listed(score_on(trained_project, out, DAY, [f"sources.events={source}"]))
    assert list(found)[-2:] == ["match_confidence", "anonymous_share"]
    sure = found["match_confidence"].dropna()
    assert len(sure) > len(found) / 2
    assert sure.between(0.97, 1).all()
    assert sure.mean() == pytest.approx(1 - 0.03 * 0.3, abs=0.003)
    assert found["anonymous_share"].unique() == pytest.approx([1 / 30], abs=0.01)
