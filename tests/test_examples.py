"""The examples are what a user copies: each of them is read, and what can be run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

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
    """No image is built here; the proof below builds one where there is a builder."""
    found = instructions()
    names = [name for name, _ in found]
    assert set(names) <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "VOLUME", "ENTRYPOINT"}
    assert names[0] == "FROM" and names[-1] == "ENTRYPOINT" and names.count("USER") == 1
    assert "RUN" not in names[names.index("USER") :]
    python = tuple(map(int, re.findall(r"python:(\d+)\.(\d+)-slim", found[0][1])[0]))
    assert python >= (3, 11)
    assert dict(found)["USER"] not in ("root", "0")
    assert dict(found)["VOLUME"] == dict(found)["WORKDIR"] == "/project"
    assert "XDG_CACHE_HOME=/project/" in " ".join(what for name, what in found if name == "ENV")
    assert json.loads(dict(found)["ENTRYPOINT"]) == ["abm-scoring"]


def test_a_build_is_sent_what_it_copies_and_no_more() -> None:
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sent = {line[1:] for line in ignore if line.startswith("!")}
    copied = {source for name, what in instructions() if name == "COPY" for source in what.split()[:-1]}
    assert ignore[0] == "*" and sent == copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_image_installs_nothing_without_a_hash() -> None:
    steps = [step for name, what in instructions() if name == "RUN" for step in what.split("&&")]
    packages, own = (set(step.split()) for step in steps if "pip install" in step)
    assert packages >= {"--require-hashes", "-r", "requirements-run.lock"}
    assert own >= {"--no-index", "--no-deps", "--no-build-isolation", "."}


def pins(lock: str) -> dict[tuple[str, str], str]:
    """Name and version of each pin of a lock file, with the lines that belong to it."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\n]+)((?:.*\n)(?:[ ].*\n?)*)", text, flags=re.MULTILINE)
    return {(name, version): rest for name, version, rest in blocks}


def hashes(block: str) -> set[str]:
    return set(re.findall(r"sha256:[0-9a-f]{64}", block))


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in requirements}


def test_what_an_image_runs_is_what_was_tested() -> None:
    run_lock, tested = pins("requirements-run.lock"), pins("requirements.lock")
    assert "://" not in (ROOT / "requirements-run.lock").read_text(encoding="utf-8")
    assert [pin for pin, block in run_lock.items() if not hashes(block)] == []
    assert [pin for pin in run_lock if pin in tested and hashes(run_lock[pin]) != hashes(tested[pin])] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    builders = named(project["build-system"]["requires"])
    for pin in run_lock.keys() - tested.keys():  # only what builds the package may stand outside the tested lock
        asked_by = set(re.findall(r"^    # +(?:via )?([a-z-]+)$", run_lock[pin], re.MULTILINE))
        assert pin[0] in builders or (asked_by and asked_by <= builders), pin


def test_an_image_has_every_source_and_no_tool_of_developers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    there = {name for name, _ in pins("requirements-run.lock")}
    needed = named([*project["dependencies"], *extras["crm"], *extras["match"], *extras["postgres"]])
    assert needed - there == set()
    assert there & (named([*extras["dev"], *extras["spark"]]) - {"abm-scoring"}) == set()


def test_the_cron_job_of_kubernetes_runs_the_image_as_its_user() -> None:
    text = (EXAMPLES / "cronjob.yaml").read_text()
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert all(FIELD.fullmatch(field) for field in job["spec"]["schedule"].split())
    task = job["spec"]["jobTemplate"]["spec"]
    pod = task["template"]["spec"]
    (night,) = pod["containers"]
    (rule,) = task["podFailurePolicy"]["rules"]
    assert pod["restartPolicy"] == "Never"  # which a policy of failures asks for
    assert rule["onExitCodes"]["containerName"] == night["name"] and 75 in rule["onExitCodes"]["values"]
    from abm_scoring.cli.heartbeat import HEARTBEAT
    from abm_scoring.cli.supervision import GRACE
    from abm_scoring.jobs.workspace import SIGNING_KEY

    assert (
        HEARTBEAT in (EXAMPLES / "cronjob.yaml").read_text() and SIGNING_KEY in (EXAMPLES / "cronjob.yaml").read_text()
    )
    assert pod["terminationGracePeriodSeconds"] > GRACE
    made = " ".join(what for name, what in instructions() if name == "RUN")
    assert f"useradd --uid {pod['securityContext']['runAsUser']} " in made
    mounts = {mount["mountPath"]: mount["name"] for mount in night["volumeMounts"]}
    assert set(mounts) == {dict(instructions())["VOLUME"], "/tmp"}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    code, _, err = run(*(a if a != "abm.yaml" else "no.yaml" for a in night["args"]))
    assert code == 66, err  # the command line is right, only its configuration is not there


def podman(*arguments: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = ["podman", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image, built of this checkout, where podman and the image that it starts from are at hand."""
    base = instructions()[0][1]
    if os.getuid():
        pytest.skip("only root gives mounted folders to the user of the image")
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    if podman("image", "exists", base).returncode:
        pytest.skip(f"{base} is not on this machine; podman pull {base}")
    tag = "localhost/abm-scoring:proof"
    built = podman("build", "--pull=never", "-f", EXAMPLES / "Containerfile", "-t", tag, ROOT, timeout=1800)
    assert built.returncode == 0, built.stderr[-2000:]
    yield tag
    podman("image", "rm", tag)


@pytest.mark.evidence
def test_a_container_scores_a_mounted_project(image: str, opt: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(opt, project, symlinks=True, ignore=shutil.ignore_patterns(".venv", "runs"))
    for path in (project, *project.rglob("*")):
        os.chown(path, 10001, 10001, follow_symlinks=False)
    mounted = ("run", "--rm", "--read-only", "--tmpfs", "/tmp", "-v", f"{project}:/project", image)
    missing = podman(*mounted, "score", "no.yaml")
    assert missing.returncode == 66, missing.stderr
    scored = podman(*mounted, "score", "abm.yaml", timeout=600)
    assert (scored.returncode, scored.stdout) == (0, ""), scored.stderr
    latest = (project / "runs" / "small" / "latest").resolve()
    assert {path.stat().st_uid for path in latest.iterdir()} == {10001}
    assert (project / ".cache" / "abm-scoring").is_dir()


@pytest.mark.evidence
def test_a_container_that_is_stopped_ends_as_the_command_does(image: str, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    os.chown(tmp_path / "demo", 10001, 10001)
    mount = f"{tmp_path / 'demo'}:/project"
    started = podman("run", "-d", "--stop-timeout", "30", "-v", mount, image, "demo", "--out", "market")
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    try:
        begun = time.monotonic()
        while not (tmp_path / "demo" / "market").is_dir() and time.monotonic() < begun + 120:
            time.sleep(0.2)
        assert podman("stop", name).returncode == 0
        assert podman("wait", name).stdout.strip() == "143"
    finally:
        podman("rm", "--force", name)
