"""Parquet: values kept, bytes that follow from them alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from abm_scoring.publish.parquet_out import write_parquet


def frozen(n: int = 1000) -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "account_id": pd.Series([f"{i:05d}" for i in range(n)], dtype="str"),
            "sector": pd.Series(random.choice(["pharma", "retail", ""], n), dtype="str").replace("", None),
            "raw_score": np.where(random.random(n) < 0.1, np.nan, random.normal(size=n)),
            "known_contacts": pd.Series(random.integers(0, 9, n), dtype="Int64"),
            "withheld": random.random(n) < 0.05,
            "mqa_since": pd.to_datetime(random.integers(1_600_000_000, 1_700_000_000, n), unit="s", utc=True).as_unit(
                "us"
            ),
        }
    )


def written(frame: pd.DataFrame, folder: Path) -> bytes:
    path = folder / "out.parquet"
    path.unlink(missing_ok=True)
    write_parquet(frame, path)
    return path.read_bytes()


def test_values_read_back(tmp_path: Path) -> None:
    frame = frozen()
    written(frame, tmp_path)
    back = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(back.astype({"known_contacts": "Int64"}), frame)


def test_bytes_do_not_depend_on_how_pandas_holds_the_frame(tmp_path: Path) -> None:
    frame = frozen(150_000)  # several row groups and pages
    once = written(frame, tmp_path)
    assert written(frame.copy(), tmp_path) == once
    pieces = pd.concat([frame.iloc[:333], frame.iloc[333:77_777], frame.iloc[77_777:]]).set_index(
        "account_id", drop=False
    )
    other = pieces.assign(
        sector=pieces["sector"].astype("category"),
        account_id=pieces["account_id"].astype(object),
        mqa_since=pieces["mqa_since"].dt.tz_convert("Europe/Berlin").dt.as_unit("ns"),
    )
    assert written(other, tmp_path) == once


def test_pieces_of_a_row_group_each_give_the_bytes_of_the_whole(tmp_path: Path) -> None:
    n = 70_000
    frame = pd.DataFrame({"id": pd.Series([f"a{i}" for i in range(n)], dtype="str"), "x": np.arange(n) / 7})
    frame.loc[40_000:, "id"] = None  # the last pieces have no text at all
    write_parquet(frame, tmp_path / "whole")
    write_parquet((frame[a : a + 32_768] for a in range(0, n, 32_768)), tmp_path / "pieces")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


def test_bytes_do_depend_on_values_and_order(tmp_path: Path) -> None:
    frame = frozen()
    once = written(frame, tmp_path)
    assert written(frame.iloc[::-1], tmp_path) != once
    assert written(frame.assign(raw_score=frame["raw_score"] + 1e-12), tmp_path) != once


def test_no_metadata_of_pandas(tmp_path: Path) -> None:
    written(frozen(), tmp_path)
    assert b"pandas" not in (parquet.read_schema(tmp_path / "out.parquet").metadata or {})


def test_an_empty_frame_keeps_its_columns(tmp_path: Path) -> None:
    written(frozen(0), tmp_path)
    assert list(pd.read_parquet(tmp_path / "out.parquet")) == list(frozen(0))


def test_what_would_not_last_is_refused(tmp_path: Path) -> None:
    for column in (pd.Series([{"a": 1}]), pd.Series(pd.to_datetime(["2026-01-01"])), pd.Series([b"x"])):
        with pytest.raises(ValueError, match="column x has type"):
            write_parquet(pd.DataFrame({"x": column}), tmp_path / "out.parquet")
        assert list(tmp_path.iterdir()) == []


def test_a_file_that_stands_is_not_overwritten(tmp_path: Path) -> None:
    written(frozen(1), tmp_path)
    with pytest.raises(FileExistsError):
        write_parquet(frozen(1), tmp_path / "out.parquet")
