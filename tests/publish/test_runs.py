"""What is known of run folders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.errors import ConfigError, MissingInputError
from abm_scoring.publish.manifest import MANIFEST
from abm_scoring.publish.runs import check_name, list_runs, read_manifest, resolve_pointer, run_id, verify
from abm_scoring.publish.staged import publish_folder
from tests.publish.helpers import a_manifest, writer

HASH = "0a1b2c3d4e5f" + "0" * 52
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))


def test_run_ids_by_example() -> None:
    assert run_id(datetime(2026, 11, 21, tzinfo=UTC), HASH) == "2026-11-21-0a1b2c3d4e5f"
    assert run_id(datetime(2026, 11, 21, 6, 30, tzinfo=UTC), HASH) == "2026-11-21T063000Z-0a1b2c3d4e5f"
    berlin = timezone(timedelta(hours=1))
    assert run_id(datetime(2026, 11, 21, 0, 0, tzinfo=berlin), HASH) == "2026-11-20T230000Z-0a1b2c3d4e5f"
    for bad in ("", "xyz", "0A1B2C3D4E5F", "../../etc/pass"):
        with pytest.raises(ValueError, match="hexadecimal"):
            run_id(datetime(2026, 11, 21, tzinfo=UTC), bad)
    with pytest.raises(ValueError, match="time zone"):
        run_id(datetime(2026, 11, 21), HASH)


@given(moments, moments)
@settings(max_examples=200, deadline=None)
def test_run_ids_sort_by_time_and_are_plain_names(a: datetime, b: datetime) -> None:
    first, second = run_id(a, HASH), run_id(b, HASH)
    assert (first < second) == (a < b)
    assert (first == second) == (a == b)
    check_name(first)


@given(moments.map(lambda t: t.replace(hour=0, minute=0, second=0, microsecond=0)), st.integers(1, 86_399))
@settings(max_examples=50, deadline=None)
def test_midnight_sorts_before_the_rest_of_its_day(day: datetime, seconds: int) -> None:
    assert (
        run_id(day, "f" * 12)
        < run_id(day + timedelta(seconds=seconds), "0" * 12)
        < run_id(day + timedelta(1), "0" * 12)
    )


def test_no_pointer_means_nothing_was_published(tmp_path: Path) -> None:
    assert resolve_pointer(tmp_path) is None
    assert resolve_pointer(tmp_path / "missing") is None


@pytest.mark.fault(52)
@pytest.mark.parametrize("target", ["../outside", "/etc", "runs/../../outside", ".", "..", ".hidden", "chained", "a/b"])
def test_a_pointer_that_leads_elsewhere_is_refused(tmp_path: Path, target: str) -> None:
    parent = tmp_path / "runs"
    for folder in (tmp_path / "outside", parent / "real", parent / ".hidden", parent / "a" / "b"):
        folder.mkdir(parents=True)
    (parent / "chained").symlink_to("../outside")
    (parent / "latest").symlink_to(target)
    with pytest.raises(ConfigError, match="leads out") as caught:
        resolve_pointer(parent)
    assert caught.value.exit_code == 78


@pytest.mark.fault(52)
def test_a_pointer_that_is_no_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(ConfigError, match="no link"):
        resolve_pointer(tmp_path)


def test_a_pointer_to_a_run_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("run-1")
    with pytest.raises(MissingInputError, match="gone"):
        resolve_pointer(tmp_path)


def test_lists_complete_runs_only(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "missing") == []
    for name in ("2026-11-22-b", "2026-11-21-a"):
        publish_folder(tmp_path, name, "latest", writer(name))
    (tmp_path / ".tmp-1-x").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / ".lock").touch()
    assert [p.name for p in list_runs(tmp_path)] == ["2026-11-21-a", "2026-11-22-b"]


def test_reads_the_manifest(tmp_path: Path) -> None:
    folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1", predecessor="run-0"))
    assert read_manifest(folder).predecessor == "run-0"
    assert read_manifest(folder).files.keys() == {"list.csv", "frozen/scores.bin"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": "x"}', "\x00", a_manifest("r").to_json()[:-20]])
def test_a_damaged_manifest_is_named_without_a_dump(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(MissingInputError) as caught:
        read_manifest(tmp_path)
    assert caught.value.exit_code == 66
    assert "\n" not in str(caught.value)


def test_a_manifest_of_a_later_version_is_named(tmp_path: Path) -> None:
    later = a_manifest("r").to_json().replace('"schema_version": 1', '"schema_version": 2')
    (tmp_path / MANIFEST).write_text(later)
    with pytest.raises(MissingInputError, match=r"schema_version.*upgrade"):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no run"):
        verify(tmp_path)


def test_verify_finds_every_damage(tmp_path: Path) -> None:
    folder = publish_folder(tmp_path, "run-1", "latest", writer("run-1"))
    assert verify(folder) == []
    listed, scores = folder / "list.csv", folder / "frozen" / "scores.bin"
    whole = listed.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 1
    listed.write_bytes(bytes(flipped))
    assert verify(folder) == ["list.csv: has other content than was published"]
    listed.write_bytes(whole[:-1])
    assert verify(folder) == [f"list.csv: has {len(whole) - 1} bytes instead of {len(whole)}"]
    listed.unlink()
    scores.rename(folder / "copy")
    scores.symlink_to("../copy")
    assert verify(folder) == [
        "copy: is not in the manifest",
        "frozen/scores.bin: is not a file",
        "list.csv: is missing",
    ]
    folder.rename(tmp_path / "run-2")
    assert verify(tmp_path / "run-2")[0] == "the manifest belongs to run run-1"
