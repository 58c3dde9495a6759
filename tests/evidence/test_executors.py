"""Executors that die, and a server far away: the night is the same. Writes docs/evidence/executors.md."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.scale import cluster

from tests.jobs.projects import make_project, quick, run_json

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install abm-scoring[spark]")
if shutil.which("java") is None:
    pytest.skip("there is no Java, which Spark needs: install a Java 17 runtime", allow_module_level=True)

pytestmark = pytest.mark.evidence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "executors.md"
CSV = quick(["outputs.formats=[csv]"])
DAY = "2025-09-01"
#: Small partitions, so that a kill falls between tasks of one night.
EACH = "accounts_per_partition: 20, memory_mb: 100"
#: Kills of an executor in one night.
KILLS = 2


def night(config: Path, out: Path, engine: str) -> dict[str, str]:
    """Hashes of what a night froze and listed, in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(config.parent / "models", out / "models", symlinks=True)
    command = [sys.executable, "-m", "abm_scoring", "score", str(config), "--as-of", DAY, "--out", str(out), "--json"]
    done = subprocess.run(
        [*command, *CSV, "--set", f"engine={engine}"], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    files = json.loads((Path(json.loads(done.stdout)["run"]) / "manifest.json").read_text())["files"]
    return {name: one["sha256"] if isinstance(one, dict) else one for name, one in files.items()}


def executors() -> list[int]:
    """Process ids of the executors' Java machines."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"CoarseGrainedExecutorBackend" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return sorted(found)


@contextmanager
def killing(times: int) -> Iterator[list[int]]:
    """kill -9 for executors while a block runs: each time one that has worked for some seconds."""
    killed: list[int] = []
    ended = threading.Event()

    def hunt() -> None:
        while len(killed) < times and not ended.wait(6.0):
            for pid in [pid for pid in executors() if pid not in killed][:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    hunter = threading.Thread(target=hunt, daemon=True)
    hunter.start()
    try:
        yield killed
    finally:
        ended.set()
        hunter.join()


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server on loopback; its address."""
    import pyspark

    home, port = Path(pyspark.__file__).parent, 15_017
    env = {**os.environ, "SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable}
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    settings = ["--conf", f"spark.connect.grpc.binding.port={port}", "--conf", "spark.ui.enabled=false"]
    log = (folder / "connect.log").open("w")
    submit = [str(home / "bin" / "spark-submit"), "--master", "local[2]", *settings]
    command = [*submit, "--class", server, "spark-internal"]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "connect.log").read_text()[-3000:]
            time.sleep(0.5)
        yield f"sc://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        log.close()


def test_neither_a_dead_executor_nor_a_distant_server_changes_the_night(tmp_path: Path) -> None:
    config = make_project(tmp_path / "project")
    run_json("train", config, *CSV)
    local = night(config, tmp_path / "local", "{kind: local}")
    rows = []
    with cluster(dict(os.environ), tmp_path, "1g") as url:
        spark = f"{{kind: spark, url: '{url}', {EACH}}}"
        begun = time.monotonic()
        calm = night(config, tmp_path / "calm", spark)
        quiet = time.monotonic() - begun
        with killing(KILLS) as killed:
            disturbed = night(config, tmp_path / "disturbed", spark)
        rows.append(("standalone cluster of two workers", 0, calm == local, quiet))
        rows.append(("the same, executors killed", len(killed), disturbed == local, time.monotonic() - begun - quiet))
    with connect_server(tmp_path) as url:
        begun = time.monotonic()
        distant = night(config, tmp_path / "distant", f"{{kind: spark, url: '{url}', {EACH}}}")
        rows.append(("Spark Connect", 0, distant == local, time.monotonic() - begun))
    lines = "".join(f"| {name} | {n} | {'yes' if same else '**no**'} | {s:.0f} |\n" for name, n, same, s in rows)
    PAGE.write_text(
        "# Executors that die, and a distant server\n\n"
        "One night of a small project. *Equal*: frozen scores, lists and transitions have the bytes of the local\n"
        "engine's. Killed: `kill -9` of executors' Java machines while the night ran.\n"
        "`make evidence` writes this page.\n\n"
        f"| engine | executors killed | equal | seconds |\n|---|---|---|---|\n{lines}",
        encoding="utf-8",
    )
    assert len(killed) == KILLS
    assert calm == disturbed == distant == local
