"""Pulls that break off in the middle of a page, answers that are none, and a kill at the worst moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from abm_scoring.data.pulls import store
from tests.data.pulls.stubs import Service, served
from tests.data.pulls.test_pulls import SYSTEMS, Puller, service
from tests.jobs.projects import run_json

pytest.importorskip("hubspot")
pytest.importorskip("simple_salesforce")
#: How each official client names itself over HTTP.
AGENTS = {"hubspot": "hubspot-api-client-python", "salesforce": "python-requests"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "hs-secret")
    monkeypatch.setenv("SALESFORCE_TOKEN", "sf-secret")


@pytest.mark.parametrize("system", SYSTEMS)
def test_answers_that_are_none_are_asked_for_again(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = service(system)
    stub.faults = {0: "html", 2: "cut", 3: "html", 5: "cut"}
    with served(stub):
        puller = Puller(system, stub, tmp_path, monkeypatch)
        puller()
    assert puller.records() == puller.truth()
    assert len(stub.asked) == 6 + 4
    assert all(agent.startswith(AGENTS[system]) for agent in stub.agents), stub.agents


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_pull_killed_while_it_tidies_up_loses_nothing(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages are deleted one by one: what is left of them is no pull to go on with."""

    def killed(folder: Path, **_: Any) -> None:
        sorted(folder.glob("*.parquet"))[0].unlink()
        raise KeyboardInterrupt

    with served(service(system)) as stub:
        puller = Puller(system, stub, tmp_path, monkeypatch)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(store.shutil, "rmtree", lambda folder, **k: folder.exists() and killed(folder, **k))
            puller()
        puller()
    assert puller.records() == puller.truth()
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]


def project(system: str, url: str, folder: Path) -> Path:
    """A config that pulls from a service on this machine, four records a page."""
    what = (
        f"object: companies, properties: [name, numberofemployees], host: '{url}'"
        if system == "hubspot"
        else "object: Account, fields: [Name, NumberOfEmployees]"
    )
    folder.mkdir()
    config = folder / "abm.yaml"
    config.write_text(
        "project: {name: pulled, as_of: 2026-02-01}\n"
        f"pulls:\n  rows: {{kind: {system}, {what}, to: pulled/rows.parquet, page_size: 4}}\n"
        "sources:\n  accounts: {kind: parquet, path: pulled/rows.parquet}\n"
    )
    return config


def killed_while_it_stalls(config: Path, stub: Service, at: int) -> None:
    """Starts the command and kills it, `kill -9`, when half of one answer has come."""
    stub.faults = {at: "stall"}
    process = subprocess.Popen(
        [sys.executable, "-m", "abm_scoring", "pull", str(config)],
        env={**os.environ, "SALESFORCE_URL": stub.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        limit = time.monotonic() + 120
        while not stub.stalled.wait(0.05):
            assert process.poll() is None and time.monotonic() < limit, process.stderr and process.stderr.read()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        stub.released.set()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_process_killed_in_the_middle_of_a_page_goes_on_as_if_nothing_had_been(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(service(system)) as stub:
        monkeypatch.setenv("SALESFORCE_URL", stub.url)
        whole, broken = (project(system, stub.url, tmp_path / name) for name in ("whole", "broken"))
        run_json("pull", whole)
        stub.asked.clear()
        killed_while_it_stalls(broken, stub, at=3)
        assert not (broken.parent / "pulled" / "rows.parquet").exists()
        assert len(stub.asked) == 4
        done = run_json("pull", broken)["pulls"][0]
        assert len(stub.asked) == 4 + 3, "the three pages that had come are not asked for again"
    assert (done["resumed"], done["fetched"], done["records"]) == (True, 23, 23)
    tables = [pq.read_table(config.parent / "pulled" / "rows.parquet") for config in (whole, broken)]
    assert tables[0].replace_schema_metadata(None).equals(tables[1].replace_schema_metadata(None))
    # Everything but the clock in the metadata: the file's columns byte for byte.
    for name in ("whole", "broken"):
        shutil.copy(tmp_path / name / "pulled" / "rows.parquet", tmp_path / name / "again.parquet")
        pq.write_table(
            pq.read_table(tmp_path / name / "again.parquet").replace_schema_metadata(None), tmp_path / f"{name}.parquet"
        )
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "broken.parquet").read_bytes()
