"""How a report speaks: its language and its currency, in texts, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from pandas.api import types

from abm_scoring.publish.report.figures import written
from abm_scoring.publish.report.parts import Format, Table
from abm_scoring.publish.words.numerals import NUMERALS
from abm_scoring.publish.words.report import ReportWords

#: Columns whose cells are codes or texts of ours, not names of the user's.
_CODED = frozenset(("by", "direction", "figure", "kind", "lever", "metric", "phase", "r", "rule", "view"))
_WORDED = frozenset(
    ("baseline_from", "group", "method", "period", "reachable", "reason", "status", "unit", "verdict", "what", "why")
)


@dataclass(frozen=True)
class Voice:
    """Language and currency of a report.

    Attributes:
        language: ISO 639-1 code.
        currency: ISO 4217 code.
    """

    language: str
    currency: str

    @cached_property
    def words(self) -> ReportWords:
        """The texts."""
        return ReportWords(self.language)

    @property
    def missing(self) -> str:
        """What stands for a value that is not known."""
        return NUMERALS[self.language].missing

    def say(self, text: str, **parts: Any) -> str:
        """A text of a page, with its parts filled in."""
        return self.words.say(text, **parts)

    def code(self, name: str) -> str:
        """A code in words."""
        return self.words.code(name)

    def told(self, text: str | None) -> str:
        """A text that computation returned."""
        return self.words.told(text or "")

    def sentence(self, text: str) -> str:
        """A clause that computation returned, as a paragraph of its own."""
        said = self.told(text)
        return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith((".", "!", "?")) else ".")

    def value(self, value: Any, format: Format = "number") -> str:
        """A value as its format says."""
        return written(value, format, self.currency, self.language)

    def digits(self, value: float | None, spec: str) -> str:
        """A number by a format of Python's, e.g. `+.2f`."""
        return self.missing if value is None or value != value else NUMERALS[self.language].localised(f"{value:{spec}}")

    def range(self, low: Any, high: Any, format: Format = "number") -> str:
        """An interval; empty where there is none."""
        if low is None or high is None or low != low or high != high:
            return ""
        ends = (written(float(end), format, "", self.language) for end in (low, high))
        return self.say("{low} to {high}", **dict(zip(("low", "high"), ends, strict=True)))

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table whose headings, and cells that are words of ours, are in this language."""
        texts = [name for name in frame.columns if types.is_string_dtype(frame[name].dtype)]
        said = {name: [self._cell(str(name), cell) for cell in frame[name]] for name in texts}
        return frame.assign(**said).rename(columns={name: self.code(str(name)) for name in frame.columns})

    def table(
        self, title: str, frame: pd.DataFrame, formats: Mapping[str, Format] | None = None, note: str = ""
    ) -> Table:
        """A table of a page; title and note are said already, the rest is not."""
        named: dict[str, Format] = {self.code(name): how for name, how in (formats or {}).items()}
        return Table(title, self.frame(frame), named, note)

    def _cell(self, column: str, cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        if column in _CODED:
            return self.code(cell)
        return self.told(cell) if column in _WORDED or cell.startswith("(") else cell
