"""A HubSpot-shaped market gives the list of the canonical one, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from abm_scoring.data.market.hubspot import SOURCES, write_hubspot
from abm_scoring.data.market.market import make_market
from tests.jobs.projects import MARKET, run_json


def test_a_hubspot_export_scores_to_the_same_list(trained_project: Path, tmp_path: Path) -> None:
    write_hubspot(make_market(MARKET).tables, tmp_path)
    config = yaml.safe_load(trained_project.read_text())
    others = {name: {"kind": "csv", "path": f"{name}.csv"} for name in config["sources"] if name not in SOURCES}
    config["sources"] = {**SOURCES, **others}
    config["project"]["as_of"] = "2026-01-01"
    shaped = tmp_path / "abm.yaml"
    shaped.write_text(yaml.safe_dump(config))
    lists = []
    for name, path in (("canonical", trained_project), ("hubspot", shaped)):
        out = tmp_path / f"out-{name}"
        shutil.copytree(trained_project.parent / "models", out / "models", symlinks=True)
        done = run_json("score", path, "--out", out)
        lists.append(Path(done["list"]).read_text().splitlines())
    # The export's contacts had to be matched, so its list says how surely: two more columns at the end.
    assert lists[1][0] == lists[0][0] + ",match_confidence,anonymous_share"
    lists[1] = [line.rsplit(",", 2)[0] for line in lists[1]]
    ours, theirs = (["".join(line.rpartition(",")[:2]) for line in found] for found in lists)  # without config_hash
    assert len(ours) > 100
    assert ours == theirs
