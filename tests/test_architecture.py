from __future__ import annotations

import ast
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_the_package_loads_no_heavy_library() -> None:
    loaded = loaded_by("import abm_scoring")
    assert loaded.isdisjoint(
        {"lightgbm", "mlflow", "shap", "sklearn", "numba", "duckdb", "pandas", "numpy", "pydantic"}
    )


def test_the_probe_sees_what_is_loaded() -> None:
    assert {"abm_scoring", "yaml"} <= loaded_by("import abm_scoring.strict_yaml")


@pytest.mark.parametrize("module", ["config", "config_file"])
def test_importing_the_configuration_loads_specs_only(module: str) -> None:
    loaded = loaded_by(f"import abm_scoring.{module}")
    assert loaded.isdisjoint({"lightgbm", "mlflow", "shap", "sklearn", "numba", "duckdb"})


def cpu_seconds(*command: str) -> float:
    """User and system time of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "100"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def test_help_is_quick() -> None:
    # The best of five: other work on the machine only ever makes it slower.
    best = min(cpu_seconds(sys.executable, "-m", "abm_scoring", "--help") for _ in range(5))
    assert best < 0.4


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.fault(53)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_nothing_pickles(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imported(path)}
    assert tops.isdisjoint({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"})
    calls = re.findall(r"\.(?:to_pickle|read_pickle)\b|allow_pickle\s*=\s*True", path.read_text(encoding="utf-8"))
    assert not calls


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_only_the_command_line_prints_exits_and_reads_the_clock(path: Path) -> None:
    if path.parent.name == "cli":
        return
    calls = {
        ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)
    }
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "pd.Timestamp.now", "pd.Timestamp.today"}
    assert calls.isdisjoint({"print", "exit", "sys.exit", *clocks})


def test_the_face_has_at_most_25_names() -> None:
    import abm_scoring

    names = [name for name in dir(abm_scoring) if not name.startswith("_")]
    exported = list(getattr(abm_scoring, "__all__", names))
    assert len(exported) <= 25
    assert len(set(exported)) == len(exported)
    for name in exported:
        getattr(abm_scoring, name)


def test_the_lock_carries_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)


def own_files() -> list[Path]:
    """The files that git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_path_of_this_machine() -> None:
    homes = {str(ROOT.parent), str(Path.home())} - {"/", "/home", "/tmp"}
    found = [
        f"{path.relative_to(ROOT)}: {home}/"
        for path in own_files()
        for home in homes
        if f"{home}/".encode() in path.read_bytes()
    ]
    assert found == []


def test_no_file_is_large() -> None:
    assert [str(path) for path in own_files() if path.stat().st_size > 1 << 20] == []
