"""Time and memory of each command on demo markets of growing size: `python -m benchmarks [ACCOUNTS …]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SIZES = (1_000, 10_000)


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of all cores together, children included.
        peak: Largest resident memory of the process in MiB.
    """

    wall: float
    cpu: float
    peak: float


def cost(*arguments: str) -> Cost:
    """Runs a command of abm-scoring in a process of its own; its output goes to standard error."""
    command = [sys.executable, "-m", "abm_scoring", *arguments]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def main(sizes: list[int]) -> None:
    print("| accounts | command | wall s | CPU s | peak MiB |\n|---:|---|---:|---:|---:|")
    for accounts in sizes:
        with tempfile.TemporaryDirectory() as folder:
            config = str(Path(folder) / "demo" / "abm.yaml")
            steps = {
                "demo": ("demo", "--out", str(Path(folder) / "demo"), "--accounts", str(accounts)),
                "check": ("check", config),
                "train": ("train", config),
                "score": ("score", config),
            }
            for name, arguments in steps.items():
                used = cost(*arguments)
                print(f"| {accounts} | {name} | {used.wall:.1f} | {used.cpu:.1f} | {used.peak:.0f} |", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
