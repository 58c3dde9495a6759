"""The manifest: strict, sorted, and the only place of times."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from abm_scoring.publish.hashing import FileHash, content_hash, hash_file, hash_files
from abm_scoring.publish.manifest import MANIFEST, Manifest, installed_versions, write_manifest
from tests.publish.helpers import a_manifest


def test_reads_back_as_written() -> None:
    manifest = a_manifest(
        "r", predecessor="q", score_quantiles={"0.5": 51.25}, expected_conversions=3.5, warnings=("w",)
    )
    assert Manifest.model_validate_json(manifest.to_json()) == manifest


def test_json_is_sorted_and_ends_with_a_newline() -> None:
    text = a_manifest("r").to_json()
    body = json.loads(text)
    assert list(body) == sorted(body)
    assert text.endswith("}\n")
    assert text == a_manifest("r").to_json()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("field", ["score_quantiles", "timings", "expected_conversions"])
def test_numbers_are_finite(field: str, bad: float) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate(
            {**dict(a_manifest("r")), field: bad if field == "expected_conversions" else {"a": bad}}
        )
    text = a_manifest("r").to_json().replace('"expected_conversions": null', '"expected_conversions": NaN')
    assert "NaN" in text
    with pytest.raises(ValidationError):
        Manifest.model_validate_json(text)


def test_times_are_utc_and_never_naive() -> None:
    local = datetime(2026, 11, 21, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    assert a_manifest("r", as_of=local).as_of == datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert '"as_of": "2026-11-21T00:30:00Z"' in a_manifest("r", as_of=local).to_json()
    with pytest.raises(ValidationError):
        a_manifest("r", as_of=datetime(2026, 11, 21))


@pytest.mark.parametrize("name", ["../other/list.csv", "/etc/passwd", "a//b", "./a", ""])
def test_files_lie_inside_the_run(name: str) -> None:
    with pytest.raises(ValidationError):
        a_manifest("r", files={name: FileHash(sha256="0" * 64, bytes=1)})


def test_unknown_keys_and_later_versions_are_refused() -> None:
    with pytest.raises(ValidationError):
        a_manifest("r", secret="x")
    with pytest.raises(ValidationError):
        a_manifest("r", schema_version=2)


def test_is_written_once(tmp_path: Path) -> None:
    write_manifest(tmp_path, a_manifest("r"))
    assert (tmp_path / MANIFEST).read_bytes() == a_manifest("r").to_json().encode()
    with pytest.raises(FileExistsError):
        write_manifest(tmp_path, a_manifest("r"))


def test_versions_are_found_without_importing_anything() -> None:
    before = set(sys.modules)
    versions = installed_versions()
    assert {"lightgbm", "pandas"} <= versions.libraries.keys()
    assert not {"lightgbm", "duckdb", "sklearn"} & (set(sys.modules) - before)
    assert installed_versions(["no-such-library"]).libraries == {"no-such-library": "not installed"}


def test_hashes_by_known_values(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "abc.txt").write_bytes(b"abc")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    # FIPS 180-2, appendix B.1: SHA-256 of "abc"
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_file(tmp_path / "b" / "abc.txt") == FileHash(sha256=abc, bytes=3)
    assert list(hash_files(tmp_path)) == ["b/abc.txt", "empty"]
    assert list(hash_files(tmp_path, apart=("empty",))) == ["b/abc.txt"]


def test_content_hash_sees_names_and_bytes_but_no_order() -> None:
    one, two = FileHash(sha256="1" * 64, bytes=1), FileHash(sha256="2" * 64, bytes=1)
    assert content_hash({"a": one, "b": two}) == content_hash({"b": two, "a": one})
    assert len({content_hash(f) for f in ({"a": one}, {"b": one}, {"a": two}, {"a": one, "b": two}, {})}) == 5
