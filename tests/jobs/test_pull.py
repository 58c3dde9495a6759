from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.data.pulls.stubs import HubSpotStub, served
from tests.jobs.projects import run, run_json

pytest.importorskip("hubspot")
AT = "2026-01-05T10:00:00.000Z"


def test_a_pull_feeds_the_sources_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "hs-secret")
    stub = HubSpotStub({str(i): {"name": f"C{i}", "createdate": AT, "modified": AT} for i in range(1, 8)})
    config = tmp_path / "abm.yaml"
    with served(stub):
        config.write_text(
            "project: {name: pulled, as_of: 2026-02-01}\n"
            "pulls:\n  companies: {kind: hubspot, object: companies, properties: [name, createdate],"
            f" to: pulled/companies.parquet, page_size: 3, host: '{stub.url}'}}\n"
            "sources:\n  accounts: {kind: parquet, preset: hubspot.companies, path: pulled/companies.parquet}\n"
            "features: [{kind: firmographics}]\n"
        )
        found = run_json("pull", config)["pulls"]
        asked = len(stub.asked)
        assert (found[0]["records"], found[0]["since"], asked) == (7, None, 3)
        code, _, err = run("pull", config, "compnies")
        assert (code, "companies" in err) == (64, True)
        stub.die_at = 0
        checked = run_json("check", config)
    assert checked["tables"]["accounts"]["accepted"] == 7
    assert len(stub.asked) == asked  # reading asks nobody
    assert "hs-secret" not in str(pq.read_metadata(tmp_path / "pulled" / "companies.parquet").metadata) + err
