from __future__ import annotations

import os
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
    alive = tmp_path / f"abm-scoring-run-{os.getppid()}-of-another"
    alive.mkdir()
    with scratch_folder() as own:
        assert not left.exists() and alive.exists() and own.is_dir()
    assert list(tmp_path.iterdir()) == [alive]
