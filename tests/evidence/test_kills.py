"""kill -9 at random moments of train and score. Writes docs/evidence/kills.md."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from abm_scoring import cli
from abm_scoring.publish.runs import list_runs, verify
from tests.jobs.projects import make_project, quick
from tests.publish.helpers import private, public

#: Command, whether it is started as a user starts it (supervised, from a cold interpreter) or forked off this warm one,
#: and how many kills.
ROUNDS = (("score", False, 95), ("train", False, 95), ("score", True, 5), ("train", True, 5))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "kills.md"
CSV = quick(["outputs.formats=[csv]"])


def started(args: list[str], cold: bool) -> int:
    """Process id of a command in a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(silence, stream)
    if cold:
        os.execv(sys.executable, [sys.executable, "-m", "abm_scoring", *args])
    sys.argv = ["abm-scoring", *args]
    code = 70
    try:
        cli.main()
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        os._exit(code)


def ended(pid: int, within: float) -> int | None:
    """Exit code of a command that ends in time; None, and everything of it is killed, where it does not."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def published(out: Path) -> dict[str, object]:
    """What is public, without the times in the runs' manifests and in the mark of success, and without locks."""
    seen = {name: what for name, what in public(out).items() if "/." not in name}
    return {
        n: b for n, b in seen.items() if n.startswith("models/") or not n.endswith(("manifest.json", "last_success"))
    }


def harm(kind: str, cold: bool, config: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill one command again and again, and look at what stands after every kill."""
    out, runs = config.parent, config.parent / "runs" / "small"
    score = ["score", str(config), "--as-of", "2025-12-01", *CSV]
    job = ["train", str(config), *CSV] if kind == "train" else score
    ended(started(job, cold), 600)
    begun = time.monotonic()
    assert ended(started(job, cold), 600) == 0
    whole = time.monotonic() - begun
    assert ended(started(score, False), 600) == 0
    truth, moments = published(out), random.Random(seed)
    counted = dict.fromkeys(("kills", "torn", "clean-ups", "different"), 0)
    while counted["kills"] < kills:
        if kind == "score":  # nothing stands, so that a kill can fall into every step
            shutil.rmtree(out / "runs")
        counted["kills"] += ended(started(job, cold), moments.uniform(0, whole)) is None
        counted["torn"] += any(verify(folder) for folder in list_runs(runs))
        counted["clean-ups"] += ended(started(score, False), 600) != 0
        counted["different"] += published(out) != truth or bool(private(runs))
    return counted


@pytest.mark.evidence
def test_no_kill_tears_a_publication(tmp_path: Path) -> None:
    config = make_project(tmp_path)
    assert ended(started(["train", str(config), *CSV], True), 600) == 0
    found = {}
    for seed, (kind, cold, kills) in enumerate(ROUNDS):
        found[f"{kind}, {'supervised' if cold else 'the worker itself'}"] = harm(kind, cold, config, kills, seed)
    rows = "".join(f"| {name} | {' | '.join(str(n) for n in c.values())} |\n" for name, c in found.items())
    PAGE.write_text(
        f"# Kills\n\nSIGKILL at {sum(kills for *_, kills in ROUNDS)} moments drawn evenly over the run of a command.\n"
        "After each kill every public run is hashed again, and the day is scored once more. A model is compared\n"
        "byte by byte, one of a run without the times in its manifest. `make evidence` writes this page.\n\n"
        "| command | kills | torn publications | manual clean-ups | re-runs with other bytes |\n"
        f"|---|---|---|---|---|\n{rows}",
        encoding="utf-8",
    )
    assert all(c["torn"] == c["clean-ups"] == c["different"] == 0 for c in found.values())
