"""How each language writes numbers in reports."""

from __future__ import annotations

from dataclasses import dataclass

#: Holds a number and what belongs to it together on one line.
TIED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Numerals:
    """How a language writes numbers.

    Attributes:
        group: Between groups of three digits. Beyond English it is a space, as ISO 80000 has it: commas and points
            mean opposite things to readers of English and of German.
        decimal: Decimal sign.
        percent: What follows a share.
        missing: What stands for a value that is not known.
        currency_first: Whether the currency stands before the amount.
    """

    group: str
    decimal: str
    percent: str
    missing: str
    currency_first: bool

    def localised(self, number: str) -> str:
        """A number as Python writes it, `1,234.5`."""
        return number.translate({ord(","): self.group, ord("."): self.decimal})


#: By ISO 639-1 code.
NUMERALS: dict[str, Numerals] = {
    "en": Numerals(",", ".", "%", "n/a", True),
    "de": Numerals(TIED, ",", f"{TIED}%", "k. A.", False),
    "ro": Numerals(TIED, ",", f"{TIED}%", "n/d", False),
    "ru": Numerals(TIED, ",", f"{TIED}%", "н/д", False),
}
