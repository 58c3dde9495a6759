"""YAML without its traps: text → a tree of nodes that know their lines and what was written.

The scalars are those of YAML 1.2 and fewer: only `true`/`false`, `null`/`~`/nothing, and decimal numbers mean
something; `NO`, `on`, `00123`, `12:30` and `2026-01-31` are text. Duplicate keys, anchors, aliases and tags are
refused, size and depth are capped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from abm_scoring.errors import AccessError, ConfigError, MissingInputError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

#: Longer runs of digits are ids, not quantities; a leading zero says the same.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    ".inf": math.inf,
    "-.inf": -math.inf,
}

#: What PyYAML says, and what a person can do about it.
_HINTS = (
    ("mapping values are not allowed here", 'a second ":" in one line; put the text in quotes'),
    (r"found character '\\t' that cannot", "a tab; YAML is indented with spaces"),
    (r"found character '(.)' that cannot", r"a value cannot begin with \1; put it in quotes"),
    ("expected alphabetic or numeric character", "a value cannot begin with * or &; put it in quotes"),
    ("could not find expected ':'", 'a key without ":", or text over several lines without quotes'),
    ("found unexpected end of stream", "a quote that is never closed"),
    ("(found|got) '<stream end>'", "a bracket that is never closed"),
    ("but found another document", "a second document after ---; a file holds one"),
)


@dataclass(frozen=True)
class Scalar:
    """One value as it was written; `plain` where it had no quotes and so may mean a number, boolean or null."""

    text: str
    plain: bool
    where: str

    @property
    def value(self) -> str | int | float | bool | None:
        """What the text means where nobody asks for text."""
        if not self.plain:
            return self.text
        if self.text in _WORDS:
            return _WORDS[self.text]
        if _INTEGER.fullmatch(self.text):
            return int(self.text)
        if _NUMBER.fullmatch(self.text) and math.isfinite(number := float(self.text)):
            return number
        return self.text


@dataclass(frozen=True)
class Items:
    """A list of nodes."""

    nodes: tuple[Node, ...]
    where: str


@dataclass(frozen=True)
class Keys:
    """Keys and their nodes, in the order of the file."""

    nodes: Mapping[str, Node]
    where: str


Node = Scalar | Items | Keys


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        MissingInputError: There is no such file.
        AccessError: The file may not be read.
        ConfigError: It is larger than `MAX_BYTES` or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except PermissionError:
        raise AccessError("may not be read by this user", where=str(path), fix="change its permissions") from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise MissingInputError(reason, where=str(path), fix="give the path of a configuration file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError("larger than 1 MiB", where=str(path), fix="a configuration holds choices, not data")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", where=f"{path}:{line}", fix="save the file as UTF-8") from None


def parse(text: str, name: str, *, numbered: bool = True) -> Node:
    """The tree of one YAML document; an empty one is an empty scalar.

    Args:
        text: The document.
        name: Name of the file in messages.
        numbered: True puts line numbers behind the name; False where the text is no file.

    Raises:
        ConfigError: The text is no YAML, or uses a part of it that is refused here.
    """
    places = _Places(name, numbered)
    loader = None
    try:
        loader = _Loader(text, places)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise ConfigError(f"the character U+{int(error.character):04X} is not allowed", where=places.at(line)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = places.at(mark.line if mark else 0)
        raise ConfigError(f"not valid YAML: {_hint(str(error.problem or error.context))}", where=where) from None
    finally:
        if loader is not None:
            loader.dispose()
    return Scalar("", True, places.at(0)) if root is None else _node(root, places, places.at(root.start_mark.line))


def _hint(problem: str) -> str:
    found = ((re.search(pattern, problem), hint) for pattern, hint in _HINTS)
    return next((match.expand(hint) for match, hint in found if match), problem)


@dataclass(frozen=True)
class _Places:
    name: str
    numbered: bool

    def at(self, line: int) -> str:
        return f"{self.name}:{line + 1}" if self.numbered else self.name


class _Loader(yaml.SafeLoader):
    """PyYAML's composer that refuses what lets a small file mean something large or something else."""

    def __init__(self, text: str, places: _Places) -> None:
        super().__init__(text)
        self.places, self.depth = places, 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        where = self.places.at(event.start_mark.line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError("anchors (&) and aliases (*) are refused", where=where, fix="quote it or write it out")
        if getattr(event, "tag", None) is not None:
            raise ConfigError("tags (!) are refused", where=where, fix="put the text in quotes")
        if self.depth == MAX_DEPTH:
            raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", where=where)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _node(node: yaml.Node, places: _Places, where: str) -> Node:
    if isinstance(node, yaml.ScalarNode):
        if re.search("[\ud800-\udfff]", node.value):
            raise ConfigError("half of a surrogate pair is not text", where=where)
        return Scalar(node.value, node.style is None, where)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_node(n, places, places.at(n.start_mark.line)) for n in node.value), where)
    nodes: dict[str, Node] = {}
    for key, value in node.value:
        here = places.at(key.start_mark.line)
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError("a key must be one word or text", where=here)
        if key.value in nodes:
            first = nodes[key.value].where.removeprefix(f"{places.name}:")
            on = f" (first on line {first})" if places.numbered else ""
            raise ConfigError(f'the key "{key.value}" appears twice{on}', where=here, fix="keep one of them")
        nodes[key.value] = _node(value, places, here)
    return Keys(nodes, where)
