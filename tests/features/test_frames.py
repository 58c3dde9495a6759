"""The face for data scientists: from frames or files to one frame, whole or in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.errors import BadDataError, ConfigError, MissingInputError
from abm_scoring.features import batches
from abm_scoring.features.build import resolve
from abm_scoring.features.columnar import ParquetColumns
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.frames import build_features, feature_catalogue
from tests.laws.worlds import FAMILIES, PROFILE, World, make_world

SPECS = [FAMILIES[name] for name in FAMILIES]


def settled(world: World) -> list:  # type: ignore[type-arg]
    return list(resolve(SPECS, world.history, PROFILE))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("from_file", [True, False])
def test_partitions_within_a_budget_equal_the_whole(
    seed: int, from_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_partitions", lambda *_: 5)
    world = make_world(seed, n_accounts=12, n_events=200)
    tables = dict(world.tables.frames)
    if from_file:
        tables["events"].to_parquet(tmp_path / "events.parquet", row_group_size=50)
        tables["events"] = tmp_path / "events.parquet"
    rows, specs = world.rows().sample(frac=1.0, random_state=seed), settled(world)
    whole = build_features(world.tables, rows, specs)
    part = build_features(tables, rows, specs, memory_mb=64)
    pd.testing.assert_frame_equal(part, whole[part.columns], check_exact=True)
    assert set(part) == set(whole)


def test_partitions_without_any_event_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_partitions", lambda *_: 3)
    world = make_world(2)
    tables = {**world.tables.frames, "events": world.tables["events"].iloc[:0]}
    whole = build_features(tables, world.rows(), settled(world))
    part = build_features(tables, world.rows(), settled(world), memory_mb=64)
    pd.testing.assert_frame_equal(part, whole[part.columns], check_exact=True)


def test_a_smaller_budget_makes_more_partitions(tmp_path: Path) -> None:
    world = make_world(1)
    given = tmp_path / "events.parquet"
    world.tables["events"].to_parquet(given)
    big = pd.DataFrame({"account_id": "001", "as_of": world.dates[0]}, index=range(1_000_000))
    sizes = [
        batches._partitions(ParquetColumns(given, "events"), big, settled(world), np.float64, mb)
        for mb in (64, 512, 65_536)
    ]
    assert sizes[0] > sizes[1] > sizes[2] == 1


def test_a_large_account_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(batches, "LARGE_ACCOUNT", 10)
    world = make_world(1)
    build_features(world.tables, world.rows(), settled(world), memory_mb=64)
    assert "account 000 has" in caplog.text


def test_specs_that_leave_types_open_cannot_be_worked_off_in_parts() -> None:
    world = make_world(1)
    with pytest.raises(ConfigError, match="event types or groups open"):
        build_features(world.tables, world.rows(), [EngagementSpec()], memory_mb=64)


def test_rows_keep_their_index_and_order_and_accounts_come_from_the_snapshots() -> None:
    world = make_world(5)
    rows = world.rows().sample(frac=1.0, random_state=1)
    specs = [EngagementSpec(windows_days=(30,), measures=("count",), measures_by_type=())]
    found = build_features({"events": world.tables["events"]}, rows, specs)
    assert found.index.equals(rows.index)
    again = build_features({"events": world.tables["events"]}, rows.sort_index(), specs)
    pd.testing.assert_frame_equal(found.sort_index(), again)


def test_float32_is_the_same_rounded() -> None:
    world = make_world(6)
    specs = settled(world)
    wide, narrow = (build_features(world.tables, world.rows(), specs, dtype=d) for d in (np.float64, np.float32))
    assert narrow["any_count_30d"].dtype == np.float32
    measured = [c for c in wide if narrow[c].dtype == np.float32]
    pd.testing.assert_frame_equal(wide[measured].astype(np.float32), narrow[measured], check_exact=True)


def test_the_catalogue_is_a_frame_in_the_order_of_the_columns() -> None:
    world = make_world(1)
    specs = settled(world)
    found = feature_catalogue(specs)
    assert list(found.index) == list(build_features(world.tables, world.rows(), specs).columns)
    assert (found["meaning"].str.len() > 10).all()
    assert found.loc["any_count_7d", "unit"] == "events"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    rows = make_world(1).rows()
    with pytest.raises(MissingInputError, match="no such file"):
        build_features({"events": tmp_path / "nowhere.parquet"}, rows, [EngagementSpec()])
    with pytest.raises(BadDataError, match="event_type"):
        build_features({"events": pd.DataFrame({"occurred_at": rows["as_of"]})}, rows, [EngagementSpec()])
    with pytest.raises(BadDataError, match="canonical table"):
        build_features({"visits": rows}, rows, [EngagementSpec()])
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadDataError, match="intact"):
        build_features({"events": tmp_path / "torn.parquet"}, rows, [EngagementSpec()])
