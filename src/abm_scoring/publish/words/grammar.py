"""What languages do with numbers: plural forms and how figures are written.

Plural categories follow the Unicode CLDR plural rules (cardinals), for numbers as they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Plural = Literal["one", "few", "many", "other"]

#: Which form of a word is meant; `general` names things in general where no counted form does, as in Russian.
Form = Plural | Literal["general"]

#: The forms of a word or sentence by plural category.
Forms = Mapping[str, str]


def _germanic(n: float) -> Plural:
    return "one" if n == 1 else "other"


def _russian(n: float) -> Plural:
    if n != int(n):
        return "other"
    tens, ones = int(n) % 100, int(n) % 10
    if ones == 1 and tens != 11:
        return "one"
    return "few" if ones in (2, 3, 4) and tens not in (12, 13, 14) else "many"


def _romanian(n: float) -> Plural:
    if n == 1:
        return "one"
    return "few" if n != int(n) or n == 0 or 1 <= int(n) % 100 <= 19 else "other"


@dataclass(frozen=True)
class Grammar:
    """Number grammar of one language.

    Attributes:
        categories: The plural categories that every word needs.
        rule: Category of a number that is not negative.
        decimal: Decimal sign.
    """

    categories: tuple[Plural, ...]
    rule: Callable[[float], Plural]
    decimal: str

    def plural(self, n: float) -> Plural:
        """Plural category of a number as shown, e.g. `one` for 1; the sign does not matter."""
        return self.rule(abs(n))

    def number(self, n: float) -> str:
        """A number in words' precision (see `shown`): `1 200`, `12.4`, `0.037`.

        Groups of three are parted by a plain space in every language, as ISO 80000 has it: commas and points mean
        opposite things to readers of English and German, and no-break spaces do not survive a spreadsheet's search.
        """
        n = shown(n)
        if n == int(n):
            return f"{int(n):,}".replace(",", " ")
        return f"{n:.12f}".rstrip("0").replace(".", self.decimal)

    def percent(self, share: float) -> str:
        """A share of 1 as whole percent: `83 %`."""
        return f"{self.number(round(100 * share))} %"


def shown(n: float) -> float:
    """The number that is shown for `n`: three significant digits below 100, whole above."""
    return float(round(n)) if abs(n) >= 100 else round(float(f"{n:.3g}"), 12) + 0.0


#: Languages that the words are made for, by ISO 639-1 code.
GRAMMARS: dict[str, Grammar] = {
    "de": Grammar(("one", "other"), _germanic, ","),
    "en": Grammar(("one", "other"), _germanic, "."),
    "ro": Grammar(("one", "few", "other"), _romanian, ","),
    "ru": Grammar(("one", "few", "many", "other"), _russian, ","),
}
