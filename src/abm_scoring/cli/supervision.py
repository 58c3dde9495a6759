"""A command as a supervised child: signals and limits end it even in the middle of native code.

Python runs signal handlers between its own instructions, so a handler waits until LightGBM or DuckDB returns. The
command therefore runs in a forked child, while this process, which does nothing else, waits for the child, for signals
and for the clock. What asks the child to end first asks politely, so that it can tidy up, and then kills it; a run is
published in one step, so a kill at any moment leaves the last one in place.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time

from abm_scoring.cli.logs import say
from abm_scoring.errors import BusyError, MemoryLimitError

#: Address space in MB that the libraries take in any case. With less of it, some of them do not fail but spin.
LEAST_MB = 1_500
#: Seconds that a child has for tidying up before it is killed.
GRACE = 10.0
#: Libraries whose threads a fork would lose. Where one is loaded already, as inside a notebook, nothing is forked.
_NATIVE = frozenset({"numpy", "pyarrow", "lightgbm", "duckdb", "numba"})
_WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_BY_KILL = 0  # si_code of a signal that a process sent; a terminal's own reaches the child by itself
_PR_SET_PDEATHSIG = 1


def supervise(time_limit: float | None, memory_mb: int | None) -> None:
    """Return in a child that does the work; in this process, wait for it and end as it ended.

    Args:
        time_limit: Seconds after which the work is stopped (75).
        memory_mb: Address space that the child may use, in MB (71 when it does not suffice); native libraries reserve
            more than they fill, so it is a limit and not a measurement.

    Raises:
        MemoryLimitError: Not even the libraries fit into `memory_mb` (71).
    """
    if memory_mb is not None and memory_mb < LEAST_MB:
        raise MemoryLimitError(
            f"the libraries alone need {LEAST_MB} MB, and {memory_mb} MB may be used",
            where="--memory-mb",
            fix="raise it; start with four times what a run fills",
        )
    if not _NATIVE.isdisjoint(sys.modules):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    sys.stdout.flush()
    parent, child = os.getpid(), os.fork()
    if not child:
        _become_child(parent, memory_mb)
        return
    code = _wait(child, time_limit)
    os._exit(code)


def _become_child(parent: int, memory_mb: int | None) -> None:
    _die_with(parent)
    if memory_mb is not None:
        limit = memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its supervisor dies, so that no orphan holds the lock or publishes."""
    import ctypes

    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)


def _wait(child: int, time_limit: float | None) -> int:
    """Exit code of this process: the child's, or that of what ended it."""
    ends = None if time_limit is None else time.monotonic() + time_limit
    ended_by: int | None = None
    kill_at: float | None = None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return _code(os.waitstatus_to_exitcode(status), ended_by, time_limit)
        now = time.monotonic()
        if kill_at is not None and now >= kill_at:
            os.kill(child, signal.SIGKILL)
            kill_at = None
        elif ended_by is None and ends is not None and now >= ends:
            ended_by, kill_at = BusyError.exit_code, now + GRACE
            os.kill(child, signal.SIGTERM)
        told = signal.sigtimedwait(_WATCHED, _pause(now, ends if ended_by is None else None, kill_at))
        if told is None or told.si_signo == signal.SIGCHLD:
            continue
        ended_by = 128 + told.si_signo if ended_by is None else ended_by
        kill_at = time.monotonic() + GRACE if kill_at is None else kill_at
        if told.si_signo != signal.SIGINT or told.si_code == _BY_KILL:
            os.kill(child, told.si_signo)


def _pause(now: float, *moments: float | None) -> float:
    """Seconds until the next moment; never longer than a minute, never negative."""
    return max(min([60.0, *(moment - now for moment in moments if moment is not None)]), 0.0)


def _code(child: int, ended_by: int | None, time_limit: float | None) -> int:
    if ended_by == BusyError.exit_code:
        limit = f"{time_limit:g} s"
        say("error", f"the time limit of {limit} passed, nothing was published - raise --time-limit, or see what hangs")
        return ended_by
    if ended_by is not None:
        return ended_by
    if child >= 0:
        return child
    name = signal.Signals(-child).name
    if -child in (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS):
        say(
            "error",
            f"ended by {name}, most likely out of memory - lower engine.accounts_per_partition, or give it more",
        )
        return MemoryLimitError.exit_code
    return 128 - child
