"""Presets: how the exports of a CRM become canonical tables, as YAML that a user can copy and change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from abm_scoring.data.field_history import FieldHistory
from abm_scoring.data.schema import ColumnType
from abm_scoring.errors import ConfigError
from abm_scoring.paths import confine
from abm_scoring.spec import Spec
from abm_scoring.spec_problems import describe, near
from abm_scoring.spec_shape import shape_of
from abm_scoring.strict_yaml import Items, Keys, Node, Scalar, parse, read


class PresetTable(Spec):
    """How one export becomes one canonical table. What a source declares itself goes before it."""

    table: str = Field(description="canonical table that it makes")
    about: str = Field("", description="which export it reads")
    columns: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="our column: their names, of which the first that is there counts"
    )
    extra_columns: dict[str, ColumnType] = Field(default_factory=dict, description="columns beyond the schema")
    constants: dict[str, str] = Field(default_factory=dict, description="our column: the text that every row gets")
    values: dict[str, dict[str, str]] = Field(default_factory=dict, description="our column: {their text: our text}")
    skip: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="their column: texts of rows to leave out"
    )
    empty_unless: dict[str, str] = Field(default_factory=dict, description="our column: empty where that one is empty")
    date_format: tuple[str, ...] = Field((), description="strptime formats of its times; none = ISO 8601")
    timezone: str | None = Field(None, description="zone of its times without an offset")
    history: FieldHistory | None = Field(None, description="columns of its field history; the path is the source's")
    query: str | None = Field(None, description="for kind: sql, a SELECT over the views that `files` names")
    views: tuple[str, ...] = Field((), description="views that the query reads; those left out are empty")


class Preset(Spec):
    """All tables of one system."""

    about: str
    tables: dict[str, PresetTable]


#: Presets that come with the package.
PACKAGED = ("hubspot", "salesforce", "dynamics365", "marketo", "pardot")


def preset_text(name: str) -> str:
    """The YAML of a preset of this package, to copy and change.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in PACKAGED:
        fix = near(name, PACKAGED) or f"one of {', '.join(PACKAGED)}, or the path of a .yaml file"
        raise ConfigError(f"there is no preset {name!r}", where="preset", fix=fix)
    return (resources.files("abm_scoring.data") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")


def read_preset(reference: str, root: Path) -> tuple[PresetTable, str]:
    """One table of a preset, and the SHA-256 of the file that it stands in.

    Args:
        reference: `hubspot.companies`, or `presets/mine.yaml:companies` for a file under the data root.
        root: The data root.

    Raises:
        ConfigError: There is no such preset or table, or its file is wrong.
    """
    path, colon, table = reference.rpartition(":")
    if colon and path.endswith((".yaml", ".yml")):
        text = read(confine(path, root, "preset") if not Path(path).is_absolute() else Path(path))
        preset, name = _parsed(text, path), path
    else:
        name, _, table = reference.partition(".")
        text = preset_text(name)
        preset = _parsed(text, f"{name}.yaml")
    if table not in preset.tables:
        fix = near(table, preset.tables) or f"one of {', '.join(preset.tables)}"
        raise ConfigError(f"{name} has no table {table!r}", where=f"preset {reference}", fix=fix)
    return preset.tables[table], hashlib.sha256(text.encode()).hexdigest()


def packaged_preset(name: str) -> Preset:
    """A preset of this package."""
    return _parsed(preset_text(name), f"{name}.yaml")


@cache
def _parsed(text: str, where: str) -> Preset:
    tree = parse(text, where)
    try:
        return Preset.model_validate(_plain(tree))
    except ValidationError as error:
        raise ConfigError("\n".join(describe(error, tree, shape_of(Preset)))) from None


def _plain(node: Node) -> Any:
    """Everything in a preset is text, lists and keys; what looks like a number or a truth value is text too."""
    if isinstance(node, Keys):
        return {name: _plain(inner) for name, inner in node.nodes.items()}
    if isinstance(node, Items):
        return [_plain(inner) for inner in node.nodes]
    assert isinstance(node, Scalar)
    return None if node.value is None else node.text


def coverage(preset: PresetTable, offered: Sequence[str]) -> dict[str, list[str]]:
    """Which of an export's columns a preset takes: our name → theirs, and those not taken under the empty name."""
    taken: dict[str, list[str]] = {}
    for ours, names in preset.columns.items():
        found = next((n for n in names if n in offered), None)
        if found:
            taken.setdefault(ours, []).append(found)
    used = {n for names in taken.values() for n in names} | set(preset.skip)
    taken[""] = [n for n in offered if n not in used]
    return taken
