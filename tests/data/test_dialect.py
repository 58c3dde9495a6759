from __future__ import annotations

import pytest
from pydantic import ValidationError

from abm_scoring.data.dialect import Dialect, is_aware, is_date_only


def test_the_default_declares_nothing_about_numbers() -> None:
    assert Dialect().decimal_mark == "."
    assert not Dialect().declares_numbers
    assert Dialect(decimal=".").declares_numbers
    assert Dialect(thousands="").declares_numbers


def test_what_is_declared_survives_json() -> None:
    for dialect in (Dialect(), Dialect(decimal=".", date_format=("%d.%m.%Y", "%Y")), Dialect(thousands="", quote=None)):
        assert Dialect.model_validate_json(dialect.model_dump_json()) == dialect


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"delimiter": "'", "quote": "'"}, "both"),
        ({"delimiter": "ж"}, "cannot separate"),
        ({"delimiter": "x"}, "cannot separate"),
        ({"quote": "\n"}, "cannot separate"),
        ({"thousands": "."}, "declare both"),
        ({"thousands": ",", "decimal": ","}, "declare both"),
        ({"currency_sign": "1"}, "part of a number"),
        ({"currency_sign": "-"}, "part of a number"),
        ({"date_format": "dd.mm.yyyy"}, "strptime"),
        ({"date_format": "%H:%M %Z"}, "ambiguous"),
        ({"true_words": ["JA"], "false_words": ["ja"]}, "'ja'"),
        ({"encoding": "latin-9"}, "utf-8"),
    ],
)
def test_a_dialect_that_cannot_be_read_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Dialect.model_validate(wrong)


@pytest.mark.parametrize(
    ("form", "date_only", "aware"),
    [
        ("%d.%m.%Y", True, False),
        ("%d/%m/%y %H:%M", False, False),
        ("%Y-%m-%d %I%p%z", False, True),
        ("%c", False, False),
    ],
)
def test_formats_say_what_they_read(form: str, date_only: bool, aware: bool) -> None:
    assert is_date_only(form) is date_only
    assert is_aware(form) is aware
