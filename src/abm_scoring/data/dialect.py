"""How a source writes its values: encoding, separators, numbers, dates, and the words for true, false and nothing."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from abm_scoring.spec import Spec

#: Spaces that separate thousands in print: plain, no-break, narrow no-break, thin, figure.
_SPACES = "[ \u00a0\u202f\u2009\u2007]"
_THOUSANDS = {".": r"\.", ",": ",", " ": _SPACES, "'": "['\u2019]"}
_TIME_DIRECTIVES = re.compile(r"%[-#]?[HIMSfpcXT]")


class Dialect(Spec):
    """What has to be declared because guessing it would alter values silently.

    `decimal` and `thousands` left at None read numbers with a decimal point and without separators, and refuse a column
    in which every value could just as well be thousands (`1.234`).
    """

    encoding: Literal["utf-8", "utf-16", "cp1250", "cp1251", "cp1252"] = Field(
        "utf-8", description="text encoding, strict; a byte order mark is accepted"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="one character between fields, e.g. ; or a tab")
    quote: str | None = Field('"', min_length=1, max_length=1, description="quote character; null = nothing is quoted")
    decimal: Literal[".", ","] | None = Field(None, description="decimal separator; undeclared reads a point")
    thousands: Literal["", ".", ",", " ", "'"] | None = Field(
        None, description="thousands separator; a space stands for no-break and narrow no-break spaces too"
    )
    currency_sign: str | None = Field(
        None,
        min_length=1,
        max_length=8,
        description="what stands before or after amounts and is left out, e.g. € or EUR",
    )
    date_format: str | tuple[str, ...] | None = Field(
        None, description="strptime format or formats, tried in order; undeclared reads ISO 8601 only"
    )
    true_words: tuple[str, ...] = Field(("true", "t", "yes", "y", "1"), description="words for true, any case")
    false_words: tuple[str, ...] = Field(("false", "f", "no", "n", "0"), description="words for false, any case")
    null_values: tuple[str, ...] = Field((), description="texts that mean nothing beside the empty field, e.g. NA or -")
    trim: bool = Field(False, description="remove spaces around every value, ids and texts included")

    @field_validator("delimiter", "quote")
    @classmethod
    def _separator(cls, value: str | None) -> str | None:
        if value is not None and (not value.isascii() or value.isalnum() or value in "\r\n\0"):
            raise ValueError(f"{value!r} cannot separate fields; use one ASCII character that is no letter or digit")
        return value

    @field_validator("currency_sign")
    @classmethod
    def _sign(cls, value: str | None) -> str | None:
        if value is not None and (re.search(r"[\d+.,'-]", value.rstrip(".")) or value.strip() != value):
            raise ValueError(f"{value!r} could be part of a number; write it like € or EUR")
        return value

    @field_validator("date_format")
    @classmethod
    def _format(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for one in (value,) if isinstance(value, str) else value or ():
            if "%" not in one:
                raise ValueError(f"{one!r} is no strptime format; write it like '%d.%m.%Y'")
            if "%Z" in one:
                raise ValueError("%Z reads abbreviations such as CST, which are ambiguous; use %z or declare timezone")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Dialect:
        if self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}")
        if self.thousands and self.thousands == self.decimal_mark:
            raise ValueError(f"thousands and decimal are both {self.thousands!r}; declare both")
        both = {w.casefold() for w in self.true_words} & {w.casefold() for w in self.false_words}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} stands in true_words and in false_words")
        return self

    @property
    def decimal_mark(self) -> str:
        """The decimal separator in force."""
        return self.decimal or "."

    @property
    def declares_numbers(self) -> bool:
        """True where the config says how numbers are written."""
        return self.decimal is not None or self.thousands is not None

    @property
    def formats(self) -> tuple[str, ...]:
        """The declared date formats; empty for ISO 8601."""
        return (self.date_format,) if isinstance(self.date_format, str) else self.date_format or ()

    @property
    def number_pattern(self) -> str:
        """Regular expression (RE2) of a number; thousands must stand in groups of three or not at all."""
        mark = re.escape(self.decimal_mark)
        whole = r"\d+"
        if self.thousands:
            whole = rf"(?:\d{{1,3}}(?:{_THOUSANDS[self.thousands]}\d{{3}})+|\d+)"
        before, after = ("", "") if self.currency_sign is None else self._beside
        return rf"^{before}[+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d{{1,3}})?{after}$"

    @property
    def sign_pattern(self) -> str | None:
        """Regular expression of a currency sign with its space, None where none is declared."""
        return None if self.currency_sign is None else f"{_SPACES}?{re.escape(self.currency_sign)}{_SPACES}?"

    @property
    def _beside(self) -> tuple[str, str]:
        sign = re.escape(self.currency_sign or "")
        return rf"(?:{sign}{_SPACES}?)?", rf"(?:{_SPACES}?{sign})?"

    @property
    def thousands_pattern(self) -> str | None:
        """Regular expression of one thousands separator, None where there is none."""
        return _THOUSANDS[self.thousands] if self.thousands else None


def is_date_only(date_format: str) -> bool:
    """True where a strptime format reads no time of day."""
    return _TIME_DIRECTIVES.search(date_format) is None


def is_aware(date_format: str) -> bool:
    """True where a strptime format reads an offset from UTC."""
    return "%z" in date_format
