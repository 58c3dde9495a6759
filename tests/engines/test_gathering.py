"""Scores of partitions put together: how accounts were divided, and how many rows are held, makes no difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.engines.gathering import Gathered, gathered
from abm_scoring.engines.scoring import ScoredAccounts

N = 50
ROWS = pd.DataFrame(
    {
        "account_id": pd.Series([f"a{i:03d}" for i in range(N)], dtype="str"),
        "status": pd.Series(["eligible"] * 40 + ["customer"] * 10, dtype="str"),
        "raw_score": [float(i) for i in range(40)] + [np.nan] * 10,
        "known_contacts": [float(i % 4) for i in range(40)] + [np.nan] * 10,
        "seen": pd.Series([pd.Timestamp("2026-01-01", tz="UTC")] * N).dt.as_unit("us"),
    }
)


def of(folder: Path, *rows: list[int]) -> Gathered:
    """The rows divided in a way; without scores there is no column of them, and full columns of counts are integers."""
    parts = []
    for chosen in rows:
        part = ROWS.iloc[chosen].reset_index(drop=True)
        part = part.drop(columns=["raw_score", "known_contacts"]) if part["raw_score"].isna().all() else part
        whole = "known_contacts" in part and part["known_contacts"].notna().all()
        parts.append(part.astype({"known_contacts": "int64"}) if whole else part)
    folder.mkdir()
    return gathered((ScoredAccounts(part, {"f": np.array([len(part)])}, {"u": 1}) for part in parts), folder)


DIVIDED = [
    [list(range(N))],
    [list(range(0, N, 2)), list(range(1, N, 2))],
    [list(range(25, 40)), list(range(40, N)), list(range(25))],
]


@pytest.mark.parametrize("rows", DIVIDED)
@pytest.mark.parametrize("size", [7, 100])
def test_blocks_put_together_are_the_rows_by_account(tmp_path: Path, rows: list[list[int]], size: int) -> None:
    found = of(tmp_path / "x", *rows)
    chosen = np.arange(N) % 3 != 0
    blocks = list(found.blocks(chosen, size))
    assert len(blocks) == -(-chosen.sum() // size)
    assert all((block.dtypes == blocks[0].dtypes).all() for block in blocks)
    wanted = ROWS[chosen].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True)[list(ROWS)], wanted, check_exact=True)
    assert found.counts["f"].tolist() == [N] and found.unseen == {"u": len(rows)}


@pytest.mark.parametrize("rows", DIVIDED)
def test_columns_are_those_that_there_are(tmp_path: Path, rows: list[list[int]]) -> None:
    found = of(tmp_path / "x", *rows).columns(["raw_score", "account_id", "probability"])
    pd.testing.assert_frame_equal(found, ROWS[["raw_score", "account_id"]], check_exact=True)
