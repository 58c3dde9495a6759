"""A folder for what does not fit into memory, gone with the run: also where an earlier run was killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abm_scoring.publish.workshop import sweep, workshop

_PREFIX = "abm-scoring-run-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that only this user can read; those of runs that were killed are removed."""
    base = Path(tempfile.gettempdir())
    sweep(base, _PREFIX)
    with workshop(base, _PREFIX) as folder:
        yield folder
