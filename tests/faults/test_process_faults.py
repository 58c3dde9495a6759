"""Faults of the process: signals, limits and a supervisor that dies, with a child stuck in native code."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from abm_scoring.cli import heartbeat, logs

#: A command that does something in a child, after the supervisor has been told to wait for it.
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from abm_scoring.cli import supervision
supervision.GRACE = 0.5
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
supervision.supervise({limit}, {memory})
Path(sys.argv[1]).write_text(str(os.getpid()))
try:
    {work}
except MemoryError:
    sys.exit(71)
finally:
    Path(sys.argv[1] + ".tidied").touch()
"""
#: Holds the interpreter in a loop of C, as a long native call does: no handler runs until it returns.
NATIVE = "sum(range(10**12))"
POLITE = "time.sleep(60)"


def start(tmp_path: Path, work: str, limit: float | None = None, memory: int | None = None) -> subprocess.Popen[str]:
    script = SCRIPT.format(limit=limit, memory=memory, work=work)
    return subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "child")],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def child_of(tmp_path: Path) -> int:
    """The child's process id, once it is at work."""
    for _ in range(1000):
        if (tmp_path / "child").exists() and (text := (tmp_path / "child").read_text()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("the child never began")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.fault(6)
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("work", [NATIVE, POLITE], ids=["native", "polite"])
def test_a_signal_ends_the_command_even_in_native_code(tmp_path: Path, sent: int, code: int, work: str) -> None:
    process = start(tmp_path, work)
    child = child_of(tmp_path)
    process.send_signal(sent)
    assert process.wait(20) == code
    assert not is_alive(child)
    # Who can be asked has tidied up; native code is killed, and the next start sweeps.
    assert (tmp_path / "child.tidied").exists() is (work == POLITE)


@pytest.mark.fault(12)
@pytest.mark.parametrize("work", [NATIVE, POLITE], ids=["native", "polite"])
def test_a_hang_ends_at_the_time_limit(tmp_path: Path, work: str) -> None:
    process = start(tmp_path, work, limit=0.3)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "the time limit of 0.3 s passed" in err and err.count("\n") == 1


@pytest.mark.fault(5)
def test_memory_beyond_the_budget_ends_with_71(tmp_path: Path) -> None:
    process = start(tmp_path, "bytearray(2**32)", memory=2048)
    process.communicate(timeout=20)
    assert process.returncode == 71


@pytest.mark.fault(5)
def test_a_child_that_the_kernel_kills_is_told_as_out_of_memory(tmp_path: Path) -> None:
    process = start(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 71 and "out of memory" in err


@pytest.mark.fault(1)
def test_a_supervisor_that_is_killed_takes_its_child_with_it(tmp_path: Path) -> None:
    process = start(tmp_path, NATIVE)
    child = child_of(tmp_path)
    process.kill()
    process.wait(20)
    for _ in range(500):
        if not is_alive(child):
            return
        time.sleep(0.02)
    raise AssertionError("an orphan goes on")


def test_the_child_s_own_code_is_the_command_s(tmp_path: Path) -> None:
    process = start(tmp_path, "sys.exit(65)")
    process.communicate(timeout=20)
    assert process.returncode == 65


def test_a_command_that_ends_in_time_is_not_told_of_a_limit(tmp_path: Path) -> None:
    process = start(tmp_path, "pass", limit=30)
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 0


class Listener(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.send_response(500 if "broken" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> http.server.HTTPServer:
    found = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    found.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=found.serve_forever, daemon=True).start()
    return found


def test_a_sign_of_life_is_sent_where_it_is_asked_for_and_never_fatal(
    server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(heartbeat.HEARTBEAT, raising=False)
    heartbeat.heartbeat()
    base = f"http://127.0.0.1:{server.server_port}"
    for address in (f"{base}/secret-token", f"{base}/broken", "http://127.0.0.1:9/secret", "file:///etc/passwd"):
        monkeypatch.setenv(heartbeat.HEARTBEAT, address)
        heartbeat.heartbeat()
    assert server.seen == ["/secret-token", "/broken"]  # type: ignore[attr-defined]
    server.shutdown()
    err = capsys.readouterr().err
    assert err.count("warning") == 3 and "secret" not in err and "127.0.0.1" not in err


def test_lines_are_json_where_a_collector_reads_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.FORMAT, "json")
    logs.say("info", "done", exit_code=0)
    logs.say("error", 'no "model"\nhere', exit_code=66)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], second["message"], second["exit_code"]) == ("info", 'no "model"\nhere', 66)
    monkeypatch.delenv(logs.FORMAT)
    logs.say("info", "done")
    assert capsys.readouterr().err == ""


def test_the_command_line_itself_runs_supervised_and_keeps_the_code() -> None:
    command = [
        sys.executable,
        "-m",
        "abm_scoring",
        "--threads",
        "1",
        "--log-format",
        "json",
        "check",
        "/nonexistent.yaml",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 66 and json.loads(done.stderr)["exit_code"] == 66
