from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from abm_scoring.spec import Spec
from abm_scoring.spec_shape import shape_of


class Square(Spec):
    """Equal sides."""

    kind: Literal["square"] = "square"
    side: float = Field(1.0, description="length of a side")


class Circle(Spec):
    kind: Literal["circle"] = "circle"
    radius: float = 1.0


class Drawing(Spec):
    title: str | int
    figure: Annotated[Square | Circle, Field(discriminator="kind", description="what is drawn")] | None = None
    figures: tuple[Annotated[Square | Circle, Field(discriminator="kind")], ...] = ()
    size: tuple[float, int] = (1.0, 1)
    colours: dict[Literal["line", "fill"], str] = Field(default_factory=dict)
    mode: Literal["draft", "final"] = "draft"
    extra: Any = None


SHAPE = shape_of(Drawing)


def test_a_spec_knows_its_keys_in_order() -> None:
    assert SHAPE.keys == ("title", "figure", "figures", "size", "colours", "mode", "extra")


def test_types_of_alternatives_are_joined() -> None:
    assert SHAPE.key("title").types == {"string", "integer"}
    assert SHAPE.key("figure").types == {"object", "null"}


def test_where_anything_goes_no_type_is_named() -> None:
    assert SHAPE.key("extra").types == frozenset()
    assert SHAPE.key("unheard of").types == frozenset()


def test_places_of_a_fixed_list_have_types_of_their_own() -> None:
    assert SHAPE.key("size").item(0).types == {"number"}
    assert SHAPE.key("size").item(1).types == {"integer"}
    assert SHAPE.key("size").item(2).types == frozenset()


def test_keys_of_a_mapping_may_be_limited() -> None:
    assert SHAPE.key("colours").keys == ("line", "fill")
    assert SHAPE.key("colours").key("line").types == {"string"}


def test_words_are_what_a_value_may_be() -> None:
    assert SHAPE.key("mode").words == ("draft", "final")
    assert SHAPE.key("figures").item(0).key("kind").words == ("square", "circle")


def test_a_kind_narrows_a_union_once() -> None:
    figure = SHAPE.key("figure")
    assert figure.chosen_by == "kind"
    assert figure.keys == ("kind", "side", "radius")
    square = figure.narrowed("square")
    assert square.keys == ("kind", "side")
    assert square.chosen_by is None
    assert square.narrowed("circle") == square


def test_an_unknown_kind_narrows_nothing() -> None:
    assert SHAPE.key("figure").narrowed("triangle").keys == ("kind", "side", "radius")


def test_meanings_come_from_the_field_and_else_from_the_class() -> None:
    assert SHAPE.key("figure").meaning == "what is drawn"
    assert SHAPE.key("figures").item(0).meaning == "Equal sides."
    assert SHAPE.key("figure").narrowed("square").key("side").meaning == "length of a side"
    assert SHAPE.key("mode").meaning == ""
