"""Compilation is paid once: a later process finds the machine code, and nobody else can put any there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import pyarrow as pa
from abm_scoring.features import text
text.fingerprints(pa.chunked_array([["a", "b"]]))
print(sum(text._hash_all.stats.cache_hits.values()), sum(text._hash_all.stats.cache_misses.values()))
"""


def hits_and_misses(home: Path) -> tuple[int, int]:
    env = {**os.environ, "XDG_CACHE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True)
    hits, misses = done.stdout.split()
    return int(hits), int(misses)


def test_a_second_process_compiles_nothing_and_a_folder_that_others_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)
    (folder,) = (tmp_path / "abm-scoring").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    hits, _ = hits_and_misses(tmp_path)
    assert hits == 0, "compiled in memory, without the cache"
