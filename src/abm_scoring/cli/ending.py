"""How a process ends: the exit code and the one line that says why."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import typer

from abm_scoring.cli.app import app
from abm_scoring.errors import AbmError, DiskError, UsageError


def main() -> NoReturn:
    """Run the command line and end the process with the exit code of what happened."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Threads that wait for one another should sleep: spinning brings a busy machine to a stand.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:
        if os.environ.get("ABM_SCORING_DEBUG"):
            raise
        code, message = failure(error)
        if message:
            print(f"abm-scoring: {message}", file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


def failure(error: BaseException) -> tuple[int, str]:
    """Exit code and the one line that says what is wrong, where, and how to fix it."""
    if isinstance(error, AbmError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return 130, ""
    if hasattr(error, "format_message"):  # of click, or of the copy of it that typer carries
        return UsageError.exit_code, f"{error.format_message()} - see `abm-scoring --help`"
    if isinstance(error, MemoryError):
        return 71, "out of memory - lower engine.accounts_per_partition or give the job more memory"
    if isinstance(error, PermissionError):
        return 77, f"{error.filename}: no permission - run as the folder's owner or change its mode"
    if isinstance(error, OSError):
        return DiskError.exit_code, f"{error.filename or 'a file'}: {error.strerror or error} - nothing was published"
    return 70, f"{type(error).__name__}: {error} - this is a bug; run again with `abm-scoring --debug …` and report it"
