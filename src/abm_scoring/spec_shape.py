"""What a spec accepts at each place, read from its JSON schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """The alternatives that one place of a configuration may hold.

    Attributes:
        options: JSON schemas without references, `anyOf` or `oneOf`; the place may hold any of them. None of them:
            anything goes.
        definitions: What references in the schemas point to.
        chosen_by: `kind` where its value chooses between several options; None where nothing does.
    """

    options: tuple[JsonSchema, ...]
    definitions: JsonSchema
    chosen_by: str | None = None

    @property
    def types(self) -> frozenset[str]:
        """JSON types that are accepted; empty where anything is."""
        if any("type" not in option for option in self.options):
            return frozenset()
        return frozenset(option["type"] for option in self.options)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that have a meaning of their own here, in the order of the schema."""
        named = (name for o in self.options for name in (*o.get("properties", ()), *_names(o.get("propertyNames"))))
        return tuple(dict.fromkeys(named))

    @property
    def words(self) -> tuple[str, ...]:
        """Values that are accepted where only certain ones are."""
        return tuple(dict.fromkeys(str(word) for o in self.options for word in _names(o)))

    @property
    def meaning(self) -> str:
        """Description of the place, empty where there is none."""
        return next((o["description"] for o in self.options if "description" in o), "")

    def key(self, name: str) -> Shape:
        """Shape of the value behind a key."""
        found = (o.get("properties", {}).get(name, o.get("additionalProperties")) for o in self.options)
        return _shape([schema for schema in found if isinstance(schema, dict)], self.definitions)

    def item(self, index: int) -> Shape:
        """Shape of an entry of a list."""
        fixed = [o["prefixItems"][index] for o in self.options if index < len(o.get("prefixItems", ()))]
        return _shape(fixed or [o["items"] for o in self.options if isinstance(o.get("items"), dict)], self.definitions)

    def narrowed(self, kind: str) -> Shape:
        """The options that a kind chooses; all of them where the kind is unknown."""
        if self.chosen_by is None:
            return self
        fits = tuple(o for o in self.options if kind in _names(o.get("properties", {}).get(self.chosen_by)))
        return Shape(fits or self.options, self.definitions)


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """Shape of a whole spec."""
    schema = model.model_json_schema()
    return _shape([schema], schema.get("$defs", {}))


def _shape(schemas: list[JsonSchema], definitions: JsonSchema) -> Shape:
    options = tuple(option for schema in schemas for option in _flat(schema, definitions, ""))
    kinds = [_names(o.get("properties", {}).get("kind")) for o in options if "properties" in o]
    return Shape(options, definitions, "kind" if len(kinds) > 1 and all(kinds) else None)


def _target(schema: JsonSchema, definitions: JsonSchema) -> JsonSchema:
    name = str(schema["$ref"]).removeprefix("#/$defs/")
    return {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}}


def _flat(schema: JsonSchema, definitions: JsonSchema, meaning: str) -> Iterator[JsonSchema]:
    meaning = meaning or schema.get("description", "")
    if "$ref" in schema:
        yield from _flat(_target(schema, definitions), definitions, meaning)
    elif nested := schema.get("anyOf") or schema.get("oneOf"):
        for inner in nested:
            yield from _flat(inner, definitions, meaning)
    elif schema:
        yield {**schema, "description": meaning} if meaning else schema


def _names(schema: JsonSchema | None) -> tuple[Any, ...]:
    if not schema:
        return ()
    return tuple(schema.get("enum", ())) or ((schema["const"],) if "const" in schema else ())
