"""What is wrong with a configuration, in words that name line, key, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from abm_scoring.spec_shape import Shape
from abm_scoring.strict_yaml import Items, Keys, Node, Scalar

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "date_type": "a date like 2026-01-31",
    "date_parsing": "a date like 2026-01-31",
    "date_from_datetime_parsing": "a date like 2026-01-31",
    "datetime_type": "a time like 2026-01-31T06:00:00Z",
    "datetime_parsing": "a time like 2026-01-31T06:00:00Z",
    "none_required": "nothing",
}

_BOUND = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
}

_LENGTH = {
    "too_short": "has {actual_length} entries, needs at least {min_length}",
    "too_long": "has {actual_length} entries, takes at most {max_length}",
}


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean "…"?` for the known word nearest to a mistyped one; empty where none is near."""
    plain = {_plain(k): k for k in reversed(list(known))}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f'did you mean "{plain[found[0]]}"?' if found else ""


def describe(error: ValidationError, tree: Node, shape: Shape) -> list[str]:
    """All problems, one line each, in the order of the file.

    Args:
        error: What pydantic found.
        tree: The nodes that were validated.
        shape: What the spec accepts.

    Returns:
        Lines like `configs/demo.yaml:12: sources.accounts.colums: unknown key, did you mean "columns"?`.
    """
    said: dict[tuple[str, str], list[str]] = {}
    for one in error.errors(include_url=False):
        where, path, sentence = _problem(one, _find(tree, shape, one["loc"]))
        said.setdefault((where, path), []).append(sentence)
    ordered = sorted(said.items(), key=lambda item: _line_number(item[0][0]))
    return [_line(where, path, texts) for (where, path), texts in ordered]


@dataclass(frozen=True)
class _Place:
    """Where an error points to: the deepest node that was written, and the shapes of it and of what holds it."""

    node: Node
    shape: Shape
    holder: Shape
    path: str
    where: str


def _find(node: Node, shape: Shape, location: tuple[str | int, ...]) -> _Place:
    place = _Place(node, shape, shape, "", node.where)
    for step in location:
        nodes = _children(place.node)
        if place.shape.chosen_by and step == _kind(place):
            place = replace(place, shape=place.shape.narrowed(str(step)))
        elif step in nodes:
            place = _Place(
                nodes[step], _inner(place.shape, step), place.shape, _join(place.path, step), nodes[step].where
            )
        elif isinstance(step, int) or step in place.shape.keys:
            place = replace(place, shape=_inner(place.shape, step), path=_join(place.path, step))
        # Any other step names a member of a union or a validator, nothing that was written.
    return place


def _inner(shape: Shape, step: str | int) -> Shape:
    return shape.key(step) if isinstance(step, str) else shape.item(step)


def _kind(place: _Place) -> str | None:
    given = place.node.nodes.get(str(place.shape.chosen_by)) if isinstance(place.node, Keys) else None
    return given.text if isinstance(given, Scalar) else None


def _children(node: Node) -> dict[str | int, Node]:
    if isinstance(node, Keys):
        return {key: inner for key, inner in node.nodes.items()}
    return dict(enumerate(node.nodes)) if isinstance(node, Items) else {}


def _join(path: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def _problem(error: Any, place: _Place) -> tuple[str, str, str]:
    """Where, path and sentence of one error."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(place)
    if kind == "extra_forbidden" or error["loc"][-1:] == ("[key]",):
        sentence = _unknown_key(place.path.rpartition(".")[2], place.holder.keys)
    elif kind == "missing":
        sentence = f"missing: {place.shape.meaning}" if place.shape.meaning else "missing"
    elif kind in ("literal_error", "enum"):
        sentence = f"{_one_of(place.shape.words)}, not {_shown(place.node)}{_guess(place.node, place.shape.words)}"
    elif kind in _EXPECTED:
        sentence = f"expects {_EXPECTED[kind]}, not {_shown(place.node)}"
    elif kind in _BOUND:
        sentence = f"{_BOUND[kind].format(**context)}, not {_shown(place.node)}"
    elif kind in _LENGTH:
        sentence = _LENGTH[kind].format(**context)
    elif kind in ("value_error", "assertion_error"):
        sentence = str(context["error"])
    else:
        sentence = str(error["msg"]).replace("Input should", "should")
    return place.where, place.path, sentence


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    if guess := near(key, known):
        return f"unknown key, {guess}"
    return f"unknown key; the keys here are {', '.join(known)}" if known else "unknown key"


def _wrong_kind(place: _Place) -> tuple[str, str, str]:
    path, known, nodes = _join(place.path, "kind"), place.shape.key("kind").words, _children(place.node)
    if "kind" in nodes:
        sentence = f"{_one_of(known)}, not {_shown(nodes['kind'])}{_guess(nodes['kind'], known)}"
        return nodes["kind"].where, path, sentence
    for written, node in nodes.items():
        if written not in place.shape.keys and near(str(written), ["kind"]):
            sentence = f'unknown key, did you mean "kind"? It is one of {", ".join(known)}'
            return node.where, _join(place.path, written), sentence
    return place.where, path, f"missing; one of {', '.join(known)}"


def _one_of(words: tuple[str, ...]) -> str:
    return f"expects one of {', '.join(words)}"


def _guess(node: Node, words: tuple[str, ...]) -> str:
    guess = near(node.text, words) if isinstance(node, Scalar) else ""
    return f"; {guess}" if guess else ""


def _shown(node: Node) -> str:
    """A value as the user wrote it, shortened; what a message quotes must stay one line."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Keys):
        return "keys and values"
    if node.value is None:
        return "nothing"
    text = " ".join(node.text.split())
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f'"{text}"' if isinstance(node.value, str) else text


def _line(where: str, path: str, sentences: list[str]) -> str:
    path = "" if where == f"--set {path}" else path
    return ": ".join(filter(None, (where, path, _together(sentences))))


def _together(sentences: list[str]) -> str:
    """The members of a union each complain about the same value: one sentence says what they accept together."""
    distinct = list(dict.fromkeys(sentences))
    if len(distinct) > 1 and all(s.startswith("expects ") for s in distinct):
        wanted = [s.removeprefix("expects ").rpartition(", not ")[0] for s in distinct]
        return f"expects {' or '.join(wanted)}, not {distinct[0].rpartition(', not ')[2]}"
    return "; ".join(distinct)


def _line_number(where: str) -> float:
    number = where.rpartition(":")[2]
    return int(number) if number.isdigit() else float("inf")


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
