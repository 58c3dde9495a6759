"""The examples are what a user copies: each of them is read, and what can be run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.conftest import trained_project, training  # noqa: F401 - fixtures
from tests.jobs.projects import run

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
FIELD = re.compile(r"(\*|[0-9]+)(,[0-9]+|-[0-9]+|/[0-9]+)*")
COMMAND = Path(sys.executable).with_name("abm-scoring")


@pytest.fixture(scope="module")
def opt(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """What stands at /opt/abm in the examples: a project with a model, and the command in its own .venv."""
    folder = tmp_path_factory.mktemp("opt") / "abm"
    shutil.copytree(trained_project.parent, folder, symlinks=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "abm-scoring").symlink_to(COMMAND)
    return folder


def crontab() -> tuple[dict[str, str], list[str]]:
    """Variables and entries, as cron reads them."""
    lines = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    return variables, [line for line in lines if not re.match(r"[A-Z]+=", line)]


def test_the_lines_for_cron_run_as_cron_runs_them(opt: Path) -> None:
    variables, entries = crontab()
    assert len(entries) == 2
    for entry, codes in zip(entries, ((0,), (0, 66)), strict=True):  # 66: the monitor may have an alarm to tell
        *fields, command = entry.split(None, 5)
        assert all(FIELD.fullmatch(field) for field in fields)
        assert "%" not in command  # which cron would read as the end of the line
        bare = {"PATH": "/usr/bin:/bin", "HOME": str(opt), "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", "")}
        bare["XDG_CACHE_HOME"] = bare["XDG_CACHE_HOME"] or str(Path.home() / ".cache")
        mine = {name: value.replace("/opt/abm", str(opt)) for name, value in variables.items()}
        line = command.replace("/opt/abm", str(opt))
        done = subprocess.run(
            ["/bin/sh", "-c", line], env={**bare, **mine}, cwd=opt, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in codes, done.stderr
        assert done.stdout == ""
    assert json.loads((opt / "runs" / "small" / "last_success").read_text())["as_of"].startswith("2026-01-01")
    assert "<html" in (opt / "monitoring.html").read_text()


def test_systemd_accepts_the_service_and_its_timer(tmp_path: Path) -> None:
    service = (EXAMPLES / "abm-scoring.service").read_text()
    program, *arguments = shlex.split(service.partition("ExecStart=")[2].partition("\n")[0])
    assert program == "/opt/abm/.venv/bin/abm-scoring"
    code, _, err = run(*(a if a != "/opt/abm/abm.yaml" else tmp_path / "no.yaml" for a in arguments))
    assert code == 66, err  # the command line is right, only its configuration is not there
    from abm_scoring.cli.heartbeat import HEARTBEAT
    from abm_scoring.jobs.workspace import SIGNING_KEY

    assert HEARTBEAT in service and SIGNING_KEY in service
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    units = []
    for name in ("abm-scoring.service", "abm-scoring.timer"):
        unit = tmp_path / name
        unit.write_text((EXAMPLES / name).read_text().replace(program, str(COMMAND)))
        units.append(str(unit))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    about = [line for line in done.stderr.splitlines() if "abm-scoring" in line]
    assert (done.returncode, about) == (0, [])


def instructions() -> list[tuple[str, str]]:
    """Instruction and argument, continued lines joined."""
    text = (EXAMPLES / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def test_the_containerfile_copies_what_is_there_and_runs_as_nobody_special() -> None:
    """No image is built here: that needs a builder and a registry of images."""
    found = instructions()
    names = [name for name, _ in found]
    assert set(names) <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "VOLUME", "ENTRYPOINT"}
    assert names[0] == "FROM" and names[-1] == "ENTRYPOINT" and names.count("USER") == 1
    python = tuple(map(int, re.findall(r"python:(\d+)\.(\d+)-slim", found[0][1])[0]))
    assert python >= (3, 11)
    for _, what in (one for one in found if one[0] == "COPY"):
        *sources, target = what.split()
        assert target and [s for s in sources if not (ROOT / s).exists()] == []
    installing = " ".join(what for name, what in found if name == "RUN")
    assert "--require-hashes -r requirements.lock" in installing and "useradd" in installing
    assert dict(found)["USER"] not in ("root", "0")
    assert json.loads(dict(found)["ENTRYPOINT"]) == ["abm-scoring"]
