"""One YAML file → `Config`, and back: strict to read, with line numbers in every message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from abm_scoring.config import Config
from abm_scoring.errors import ConfigError, UsageError
from abm_scoring.spec_problems import describe
from abm_scoring.spec_shape import Shape, shape_of
from abm_scoring.strict_yaml import MAX_DEPTH, Items, Keys, Node, Scalar, parse, read

M = TypeVar("M", bound=BaseModel)

_STEP = re.compile(r"([^.\[\]=]+)|\[(\d{1,6})\]")
_KEY = re.compile(r"[^.\[\]=]+(\[\d{1,6}\])*(\.[^.\[\]=]+(\[\d{1,6}\])*)*")


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a file.

    Args:
        path: A YAML file; messages name it as it is given here.
        overrides: `section.key=value` or `section[index].key=value`, applied in order; values are YAML.

    Raises:
        MissingInputError: There is no such file.
        ConfigError: The file or an override is wrong; the message lists all problems, one a line.
        UsageError: An override is not of the form `key=value`.
    """
    return load(path, Config, overrides)


def load(path: Path | str, model: type[M], overrides: Sequence[str] = ()) -> M:
    """Any spec of a file; see `load_config`."""
    tree = parse(read(Path(path)), str(path))
    tree = Keys({}, tree.where) if _empty(tree) else tree
    for override in overrides:
        tree = _overridden(tree, override)
    shape = shape_of(model)
    try:
        # JSON mode is what makes strictness usable: dates are text and tuples are lists, but "5" is no number.
        return model.model_validate_json(json.dumps(_plain(tree, shape)), strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(describe(error, tree, shape))) from None


def show(config: BaseModel) -> str:
    """YAML text with every default visible; `load_config` reads an equal configuration from it."""
    return yaml.dump(
        _json(config), Dumper=_Dumper, default_flow_style=None, sort_keys=False, allow_unicode=True, width=120
    )


def config_hash(config: BaseModel) -> str:
    """Twelve hexadecimal digits that differ where any choice, default or written, differs.

    But for `engine`: how partitions are run never changes what comes out, and the same work has the same name.
    """
    chosen = {name: value for name, value in _json(config).items() if name != "engine"}
    canonical = json.dumps(chosen, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def json_schema() -> dict[str, Any]:
    """JSON schema of the configuration, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def _json(config: BaseModel) -> dict[str, Any]:
    return config.model_dump(mode="json", by_alias=True)


def _empty(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value is None)


def _plain(node: Node, shape: Shape) -> Any:
    """Nodes as JSON values; what the spec takes as text stays as it was written, so that 00123 is never 123."""
    if isinstance(node, Keys):
        kind = node.nodes.get(shape.chosen_by) if shape.chosen_by else None
        shape = shape.narrowed(kind.text) if isinstance(kind, Scalar) else shape
        return {name: _plain(inner, shape.key(name)) for name, inner in node.nodes.items()}
    if isinstance(node, Items):
        return [_plain(inner, shape.item(index)) for index, inner in enumerate(node.nodes)]
    if node.text and "string" in shape.types and not _json_types(node.value) & shape.types:
        return node.text
    return node.value


def _json_types(value: str | int | float | bool | None) -> frozenset[str]:
    if value is None:
        return frozenset({"null"})
    if isinstance(value, bool):
        return frozenset({"boolean"})
    if isinstance(value, int):
        return frozenset({"integer", "number"})
    return frozenset({"number" if isinstance(value, float) else "string"})


def _overridden(tree: Node, override: str) -> Node:
    key, equals, value = override.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise UsageError(f'"{override}" is no override', where="--set", fix="write section.key=value")
    steps = [int(index) if index else name for name, index in _STEP.findall(key)]
    if len(steps) > MAX_DEPTH:
        raise UsageError(f"more than {MAX_DEPTH} levels", where=f"--set {key}", fix="name a key that exists")
    new = parse(value, f"--set {key}", numbered=False)
    return _put(tree, steps, new, "")


def _put(node: Node | None, steps: list[str | int], new: Node, path: str) -> Node:
    if not steps:
        return new
    step, *rest = steps
    if isinstance(step, int):
        count = len(node.nodes) if isinstance(node, Items) else 0
        if not isinstance(node, Items) or step >= count:
            raise ConfigError(
                f"{path} has {count or 'no'} entries in the file, so there is no [{step}]",
                where=new.where,
                fix="entries count from [0]; set the whole list or write it in the file",
            )
        put = _put(node.nodes[step], rest, new, f"{path}[{step}]")
        return replace(node, nodes=(*node.nodes[:step], put, *node.nodes[step + 1 :]))
    if _empty(node):
        node = Keys({}, new.where)
    if not isinstance(node, Keys):
        raise ConfigError(f"{path or 'the file'} holds no keys", where=new.where, fix="set it as a whole")
    path = f"{path}.{step}" if path else step
    return replace(node, nodes={**node.nodes, step: _put(node.nodes.get(step), rest, new, path)})


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 readers would misread, and what `strict_yaml` takes for a number."""

    def represent_text(self, text: str) -> yaml.Node:
        style = None if isinstance(Scalar(text, True, "").value, str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
