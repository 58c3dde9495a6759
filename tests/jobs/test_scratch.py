from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from abm_scoring.jobs.scratch import scratch_folder


def test_a_killed_run_leaves_nothing_behind_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    begun = "from abm_scoring.jobs.scratch import scratch_folder as s; import os\n"
    killed = begun + "with s() as f: (f / 'x').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "x").exists() and left.stat().st_mode & 0o077 == 0
    with scratch_folder() as alive, scratch_folder() as own:  # ids of processes are the same in many containers
        assert not left.exists() and alive.is_dir() and own.is_dir()
        with scratch_folder():
            assert alive.is_dir() and own.is_dir()
    assert not list(tmp_path.iterdir())
