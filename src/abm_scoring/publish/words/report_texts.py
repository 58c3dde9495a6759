"""The shape of what a language says in reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ReportTexts:
    """English text → text of a language; each language has the same keys.

    Attributes:
        pages: Texts of the pages, and names of the workbook's sheets.
        codes: Figures, columns and values in words: `win rate`.
        told: What computation returns: states, reasons, notes, meanings; templates where numbers stand in them.
    """

    pages: Mapping[str, str]
    codes: Mapping[str, str]
    told: Mapping[str, str]


def join(*parts: str) -> str:
    """A key that is longer than a line."""
    return "".join(parts)


#: `WHAT_CREDIT_IS_NOT` of the credit rules.
CREDIT = (
    "Credit divides wins among the touches that came before them, by a rule that somebody chose. It does not say what "
    "the touches caused: a touch that changed nothing gets credit too, because accounts that were about to buy are "
    "touched more. What a campaign caused is told by a randomised holdout only."
)
