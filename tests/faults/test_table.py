"""The table of faults: all of them are named, and each has a test that cannot be skipped on Linux."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parents[1]
COUNT = 54


def marked() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    found.setdefault(ast.literal_eval(mark.args[0]), []).append(ast.unparse(node))
    return found


def test_every_fault_is_told_and_injected() -> None:
    told = yaml.safe_load((TESTS / "faults" / "faults.yaml").read_text(encoding="utf-8"))
    assert list(told) == list(range(1, COUNT + 1))
    tests = marked()
    assert sorted(tests) == list(told)
    # A test that may be skipped proves nothing by itself.
    assert [n for n, sources in tests.items() if all("pytest.skip(" in text for text in sources)] == []
