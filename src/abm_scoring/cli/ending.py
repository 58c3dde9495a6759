"""How a process ends: the exit code and the one line that says why."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import NoReturn

import typer

from abm_scoring.cli.app import app
from abm_scoring.cli.logs import say
from abm_scoring.errors import AbmError, AccessError, DiskError, MemoryLimitError, UsageError

#: What native libraries call it; they raise errors of their own, or their text says so.
_MEMORY_WORDS = (
    "bad_alloc",
    "out of memory",
    "cannot allocate memory",
    "unable to allocate",
    "malloc of size",
    "failed to map segment",  # a library that finds no room for itself
)


def main() -> NoReturn:
    """Run the command line and end the process with the exit code of what happened."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Threads that wait for one another should sleep: spinning brings a busy machine to a stand.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    code = 0
    try:
        app(standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:
        if os.environ.get("ABM_SCORING_DEBUG"):
            raise
        code, message = failure(error)
        if message:
            say("error", message, exit_code=code)
    else:
        say("info", "done", exit_code=0)
    # Not within the handler: there the error would keep its frames alive, and DuckDB complains of that at the end.
    sys.exit(code)


def failure(error: BaseException) -> tuple[int, str]:
    """Exit code and the one line that says what is wrong, where, and how to fix it."""
    if isinstance(error, AbmError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return 130, ""
    if hasattr(error, "format_message"):  # of click, or of the copy of it that typer carries
        return UsageError.exit_code, f"{error.format_message()} - see `abm-scoring --help`"
    if _is_memory(error):
        return (
            MemoryLimitError.exit_code,
            "out of memory - lower engine.accounts_per_partition or give the job more memory",
        )
    if isinstance(error, PermissionError):
        code = AccessError.exit_code
        return code, f"{error.filename}: no permission - run as the folder's owner or change its mode"
    if isinstance(error, OSError):
        return DiskError.exit_code, f"{error.filename or 'a file'}: {error.strerror or error} - nothing was published"
    return 70, f"{type(error).__name__}: {error} - this is a bug; run again with `abm-scoring --debug …` and report it"


def _is_memory(error: BaseException) -> bool:
    """Whether memory is what was lacking; under a limit, a library that is not found is one that found no room."""
    said = str(error).lower()
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return (
        isinstance(error, MemoryError)
        or any(word in said for word in _MEMORY_WORDS)
        or (limited and "shared object" in said)
    )
