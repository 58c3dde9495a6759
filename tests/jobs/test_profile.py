from __future__ import annotations

from pathlib import Path

import yaml

from abm_scoring.features.profile import ProfileSpec
from tests.jobs.projects import run, run_json


def test_the_profile_of_a_market(trained_project: Path) -> None:
    found = run_json("profile", trained_project, "--most", "7")
    assert found["source"] == "conversions"
    assert 0 < found["conversions"] < found["companies"]
    assert {row["dimension"] for row in found["groups"]} >= {"sectors", "employee_count", "regions"}
    for row in found["groups"]:
        assert row["rate_low"] <= row["rate"] <= row["rate_high"]
    assert len(found["look_alikes"]) == 7
    assert all(row["account_name"] for row in found["look_alikes"])
    if found["profile"]:
        pasted = yaml.safe_load(found["yaml"])["profile"]
        assert ProfileSpec.model_validate(pasted) == ProfileSpec.model_validate(found["profile"])


def test_it_is_the_same_again_and_nothing_is_written(trained_project: Path) -> None:
    before = sorted(p for p in trained_project.parent.rglob("*"))
    first = run("profile", trained_project)
    assert first[0] == 0 and "most alike" in first[1]
    assert run("profile", trained_project) == first
    assert sorted(p for p in trained_project.parent.rglob("*")) == before


def test_without_conversions_customers_are_learned_from(trained_project: Path) -> None:
    found = run_json(
        "profile", trained_project, "--set", "snapshots.start=2019-01-01", "--set", "snapshots.end=2019-02-01"
    )
    assert found["source"] == "customers"
    assert found["conversions"] > 0
