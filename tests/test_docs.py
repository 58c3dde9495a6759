from __future__ import annotations

import ast
import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from abm_scoring.config import Config
from abm_scoring.data.reports import TableReport
from abm_scoring.data.schema import TABLES
from abm_scoring.jobs.doctor import Check
from abm_scoring.learning.evaluation import evaluate
from abm_scoring.monitoring.drift import Drift
from abm_scoring.monitoring.watch import Cohort, Point
from abm_scoring.ranking.columns import NOT_SCORED, RANKED

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_what_the_code_says(generate: ModuleType) -> None:
    assert generate.main(["--check"]) == 0


def test_a_stale_page_is_named_and_repaired(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main([]) == 0
    page = tmp_path / "docs/reference/tables.md"
    page.write_text(page.read_text().replace("account_id", "account"))
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/reference/tables.md is not what the code says; run: make docs\n"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_table_and_column_is_documented(generate: ModuleType) -> None:
    page = generate.tables()
    for table in TABLES.values():
        section = page.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE) == [c.name for c in table.columns]


def test_every_column_of_the_lists_is_documented(generate: ModuleType) -> None:
    rows = re.findall(r"^\| `(\w+)`", generate.list_columns(), flags=re.MULTILINE)
    assert rows == [c.name for c in (*RANKED, *NOT_SCORED)]


def test_every_section_of_the_configuration_is_documented(generate: ModuleType) -> None:
    sections = re.findall(r"^## (\w+)", generate.config(), flags=re.MULTILINE)
    assert sections == list(Config.model_fields)


def keys_without_meaning(schema: dict[str, Any]) -> list[str]:
    return [
        f"{owner}.{key}"
        for owner, definition in schema["$defs"].items()
        for key, value in definition.get("properties", {}).items()
        if key != "kind" and "description" not in value and "$ref" not in value
    ]


def test_every_key_of_the_configuration_has_a_meaning(generate: ModuleType) -> None:
    assert keys_without_meaning(json.loads(generate.schema())) == []


def test_every_family_kind_is_documented_with_its_features(generate: ModuleType) -> None:
    schema = json.loads(generate.schema())
    kinds = set(schema["properties"]["features"]["items"]["discriminator"]["mapping"])
    assert {spec.kind for spec, _ in generate.EXAMPLES} == kinds
    names = re.findall(r"^\| `([a-z0-9_]+)`", generate.features(), flags=re.MULTILINE)
    assert len(names) == len(set(names)) == sum(len(spec.features()) for spec, _ in generate.EXAMPLES)


def test_every_command_has_help_and_every_option_a_meaning(generate: ModuleType) -> None:
    page = generate.commands()
    commands = re.findall(r"^## abm-scoring ([\w -]+)\n\n(.*)", page, flags=re.MULTILINE)
    assert {name.split()[0] for name, _ in commands} >= {"init", "demo", "check", "train", "score", "config"}
    assert [name for name, text in commands if not text.strip()] == []
    assert re.findall(r"^\| .* \|  \|$", page, flags=re.MULTILINE) == []


def test_every_exit_code_of_an_error_is_documented(generate: ModuleType) -> None:
    page = generate.exit_codes()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}
    assert documented == {0, 64, 65, 66, 69, 70, 71, 73, 74, 75, 77, 78, 130, 143}


def test_the_glossary_defines_each_word_once_and_in_order() -> None:
    sections = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").split("\n## ")[1:]
    words = [re.findall(r"^\*\*([^*]+)\*\*", section, flags=re.MULTILINE) for section in sections]
    everything = [word.lower() for section in words for word in section]
    assert len(everything) == len(set(everything)) > 80
    for section in words:
        assert section == sorted(section, key=lambda word: word.lower())


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_exists(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def json_section(heading: str) -> str:
    page = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    return page.partition(f"\n## abm-scoring {heading}\n")[2].partition("\n## ")[0]


def documented_keys(heading: str) -> list[str]:
    return re.findall(r"^\| `(\w+)`", json_section(heading), flags=re.MULTILINE)


def returned_dictionaries(module: str) -> list[list[str]]:
    """Keys of the dictionary that each `as_json` of a module returns."""
    tree = ast.parse((ROOT / f"src/abm_scoring/{module}.py").read_text(encoding="utf-8"))
    methods = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "as_json")
    returned = [n.value for method in methods for n in ast.walk(method) if isinstance(n, ast.Return)]
    found = [node for node in returned if isinstance(node, ast.Dict)]
    assert len(found) == len(returned) > 0
    return [[key.value for key in node.keys if isinstance(key, ast.Constant)] for node in found]


def returned_keys(job: str) -> list[str]:
    """Keys of the one dictionary that a job's `as_json` returns."""
    (keys,) = returned_dictionaries(f"jobs/{job}")
    return keys


def test_every_key_of_json_output_is_documented() -> None:
    nothing = np.zeros(0)
    measured = [name for name in evaluate(nothing, nothing, nothing, 0.5, 0, 0) if not name.endswith("_ci")]
    written, told = returned_keys("train"), documented_keys("train")
    beside = ["value", "intervals", "leak_audit"]  # what `Trained.beside` holds
    place = written.index("mlflow_run")
    assert told[: len(written) + len(beside)] == [*written[:place], *beside, *written[place:]]
    assert [key for key in told if key in measured] == measured
    assert documented_keys("score") == returned_keys("score")
    assert documented_keys("check") == [*returned_keys("check"), *(f.name for f in dataclasses.fields(TableReport))]


def test_every_key_that_a_night_is_watched_with_is_documented() -> None:
    assert documented_keys("backfill") == returned_keys("backfill")
    assert [documented_keys("monitor")] == returned_dictionaries("monitoring/watch")
    told = {name: set(re.findall(r"`(\w+)`", json_section(name))) for name in ("monitor", "doctor", "runs")}
    assert {f.name for part in (Drift, Point, Cohort) for f in dataclasses.fields(part)} <= told["monitor"]
    assert {f.name for f in dataclasses.fields(Check)} <= told["doctor"]
    assert {key for keys in returned_dictionaries("jobs/runs") for key in keys} <= told["runs"]
