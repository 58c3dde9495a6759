"""How the package compiles: machine code is made once for a user and version, and kept on disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numba

from abm_scoring.features import moments

#: Modules whose functions are compiled; a change in one of them must not meet machine code of the other.
_SOURCES = ("compiled", "moments", "text", "sorting", "events", "kernel", "shapes", "relations", "noise")
_settings: Any = numba.config


def _private_cache() -> None:
    # The compile cache is pickle, so it lives where only this user can write. Its folder is named after the sources,
    # because numba itself would not notice a change of the time rule, which stands in another file.
    room = Path(__file__).parent
    sources = b"".join(f.read_bytes() for name in _SOURCES if (f := room / f"{name}.py").is_file())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "abm-scoring"
    folder = base / f"kernel-{hashlib.sha256(sources).hexdigest()[:12]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o022
    except (OSError, RuntimeError):
        return
    if mine and os.access(folder, os.W_OK):
        _settings.CACHE_DIR = str(folder)


_private_cache()

#: Decorator of every compiled function: releases the interpreter, so that threads run side by side.
compiled: Any = numba.njit(cache=bool(_settings.CACHE_DIR), nogil=True)
is_before: Any = numba.njit(inline="always")(moments.is_before)
