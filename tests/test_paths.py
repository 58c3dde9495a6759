from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm_scoring.errors import ConfigError
from abm_scoring.paths import confine, project_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project" / "data").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    return tmp_path / "project"


def test_the_project_is_the_folder_of_the_file(root: Path) -> None:
    assert project_folder(root / "demo.yaml") == root


def test_the_project_is_above_a_folder_called_configs(root: Path) -> None:
    assert project_folder(root / "configs" / "demo.yaml") == root


def test_a_link_to_the_file_does_not_move_the_project(root: Path) -> None:
    (root.parent / "outside" / "shared.yaml").write_text("")
    link = root / "demo.yaml"
    link.symlink_to(root.parent / "outside" / "shared.yaml")
    assert project_folder(link) == root


def test_a_relative_file_belongs_to_the_current_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert project_folder(Path("demo.yaml")) == root


@pytest.mark.parametrize("path", ["data", "data/x.csv", "./data/x.csv", "data/../data/x.csv", "."])
def test_a_path_inside_is_resolved(root: Path, path: str) -> None:
    assert confine(path, root, "outputs.folder") == (root / path).resolve()


def test_an_absolute_path_is_declared(root: Path) -> None:
    assert confine(str(root.parent / "outside"), root, "outputs.folder") == root.parent / "outside"


@pytest.mark.fault(52)
@pytest.mark.parametrize("path", ["..", "../outside", "data/../../outside/x.csv", "../project2", "data/../.."])
def test_traversal_is_refused(root: Path, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        confine(path, root, "sources.accounts.path")
    assert caught.value.exit_code == 78
    assert str(caught.value) == (
        f'sources.accounts.path: "{path}" leaves the project folder'
        " - keep it inside the project folder or write the full path"
    )


@pytest.mark.fault(52)
def test_a_link_that_leads_outside_is_refused(root: Path) -> None:
    (root / "data" / "away").symlink_to(root.parent / "outside")
    with pytest.raises(ConfigError, match="leaves the project folder"):
        confine("data/away/x.csv", root, "sources.accounts.path")


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "latest").symlink_to(root / "data")
    assert confine("latest/x.csv", root, "outputs.folder") == root / "data" / "x.csv"


def test_a_project_behind_a_link_is_no_escape(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    assert confine("data", root.parent / "alias", "outputs.folder") == root / "data"


@pytest.mark.fault(52)
def test_a_circle_of_links_is_refused(root: Path) -> None:
    (root / "a").symlink_to(root / "b")
    (root / "b").symlink_to(root / "a")
    with pytest.raises(ConfigError, match="circle of links"):
        confine("a/x", root, "outputs.folder")


@pytest.mark.parametrize("path", ["", "  ", "a\0b", "~/data", "~root/x"])
def test_what_is_no_path_is_refused(root: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=r"^outputs\.folder: "):
        confine(path, root, "outputs.folder")


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "data"]), min_size=1, max_size=8))
def test_a_relative_path_is_accepted_exactly_when_it_stays_inside(parts: list[str]) -> None:
    depths = itertools.accumulate({"..": -1, ".": 0}.get(part, 1) for part in parts)
    root, path = Path("/nowhere/project"), "/".join(parts)
    if min(depths) >= 0:
        assert confine(path, root, "x").is_relative_to(root)
    else:  # none of the parts is called project, so nothing that has left comes back
        with pytest.raises(ConfigError):
            confine(path, root, "x")
