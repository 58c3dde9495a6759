from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from abm_scoring.data.files import file_errors, fingerprint, resolve, unchanged
from abm_scoring.errors import AccessError, BadDataError, BusyError, ConfigError, DiskError, MissingInputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/part").mkdir(parents=True)
    for name in ("root/a.csv", "root/part/2.csv", "root/part/1.csv", "root/part/x[1].csv", "outside.csv"):
        (tmp_path / name).write_text(name)
    return tmp_path / "root"


def test_one_file_or_many(root: Path) -> None:
    assert resolve("a.csv", root) == [root / "a.csv"]
    assert resolve("part/?.csv", root) == [root / "part/1.csv", root / "part/2.csv"]
    assert resolve("**/*.csv", root)[0] == root / "a.csv"
    assert resolve("part/x[1].csv", root) == [root / "part/x[1].csv"]
    assert resolve(str(root.parent / "*.csv"), root) == [root.parent / "outside.csv"]


@pytest.mark.parametrize("path", ["../outside.csv", "part/../../outside.csv", "../*.csv", "part/../../*.csv"])
def test_relative_paths_stay_under_the_root(root: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="leaves"):
        resolve(path, root)


@pytest.mark.parametrize("path", ["link.csv", "*k.csv", "door/../outside.csv", "door/*.csv"])
def test_links_out_of_the_root_are_not_followed(root: Path, path: str) -> None:
    (root / "link.csv").symlink_to(root.parent / "outside.csv")
    (root.parent / "beside").mkdir()
    (root.parent / "beside/b.csv").touch()
    (root / "door").symlink_to(root.parent / "beside")
    with pytest.raises(ConfigError, match="leaves"):
        resolve(path, root)


def test_links_inside_the_root_are_followed(root: Path) -> None:
    (root / "link.csv").symlink_to(root / "a.csv")
    assert resolve("link.csv", root)[0].read_text() == "root/a.csv"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("aa.csv", 'did you mean "a.csv"'),
        ("part", "is a folder"),
        ("*.txt", "no file matches"),
        ("no/way.csv", "no such"),
    ],
)
def test_missing_files(root: Path, path: str, says: str) -> None:
    with pytest.raises(MissingInputError, match=says):
        resolve(path, root)


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.csv")
    with pytest.raises(MissingInputError, match="regular"):
        resolve("pipe.csv", root)


def test_fingerprints_name_bytes(root: Path) -> None:
    a, one, two = root / "a.csv", root / "part/1.csv", root / "part/2.csv"
    assert fingerprint([a]) == hashlib.sha256(b"root/a.csv").hexdigest()
    both = fingerprint([one, two])
    one.write_text("changed")
    assert fingerprint([one, two]) != both


def test_a_file_that_grows_while_it_is_read_is_refused(root: Path) -> None:
    with unchanged([root / "a.csv"]):
        pass
    with pytest.raises(BusyError, match=r"a\.csv.*written to"), unchanged([root / "a.csv"]):
        (root / "a.csv").write_text("longer than before")


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (FileNotFoundError(2, "x"), MissingInputError),
        (PermissionError(13, "x"), AccessError),
        (EOFError(), BadDataError),
        (OSError("corrupt page"), BadDataError),
        (OSError(5, "Input/output error"), DiskError),
    ],
)
def test_errors_of_the_system_become_ours(error: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours), file_errors(Path("f")):
        raise error
