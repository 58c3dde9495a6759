"""One run at a time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from abm_scoring.errors import BusyError, OutputError
from abm_scoring.publish.lock import LOCK, folder_lock
from tests.publish.helpers import fork, outcome


def hold(folder: Path, ready: Path) -> None:
    with folder_lock(folder):
        ready.touch()
        time.sleep(60)


def wait_for(path: Path) -> None:
    until = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.fault(11)
def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    first = fork(lambda: hold(tmp_path, tmp_path / "ready"))
    try:
        wait_for(tmp_path / "ready")
        with pytest.raises(BusyError, match=f"process {first}") as caught, folder_lock(tmp_path):
            pass
        assert caught.value.exit_code == 75
    finally:
        os.kill(first, signal.SIGKILL)
    assert outcome(first) == -signal.SIGKILL
    with folder_lock(tmp_path):  # the kernel let go of it
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


@pytest.mark.fault(11)
def test_is_not_taken_twice_within_a_process_and_free_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with folder_lock(tmp_path), pytest.raises(BusyError), folder_lock(tmp_path):
            pass
    assert (tmp_path / LOCK).exists()


def test_folders_do_not_hinder_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with folder_lock(tmp_path / "a"), folder_lock(tmp_path / "b"):
        pass


def test_is_free_after_an_error_and_after_a_child_that_outlives_the_run(tmp_path: Path) -> None:
    child = 0
    with pytest.raises(KeyError), folder_lock(tmp_path):
        child = fork(lambda: time.sleep(60))
        raise KeyError
    try:
        with folder_lock(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        outcome(child)


def test_a_lock_file_with_strange_text_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_bytes(b"\xff" * 100)
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


@pytest.mark.fault(52)
def test_a_linked_lock_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / LOCK).symlink_to(victim)
    with pytest.raises(OutputError), folder_lock(tmp_path):
        pass
    assert victim.read_text() == "mine"


@pytest.mark.fault(7)
def test_a_missing_folder_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(OutputError), folder_lock(tmp_path / "missing"):
        pass
