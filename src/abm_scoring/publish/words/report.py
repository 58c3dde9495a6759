"""What the reports of costs, KPIs and returns say, in every language.

The English text is the key: pages write it, computation returns it, and a catalogue maps it to another language. Texts
with numbers or names in them are templates, `{n} wins`; what computation returns with its numbers filled in is found
by its template. A text that no catalogue knows (a name, a user's own words) stays as it is. Adding a language is one
module like `report_de.py` and its entries here and in `numerals`; the tests say what it lacks.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from abm_scoring.publish.words.numerals import NUMERALS
from abm_scoring.publish.words.report_de import GERMAN
from abm_scoring.publish.words.report_en import ENGLISH
from abm_scoring.publish.words.report_ro import ROMANIAN
from abm_scoring.publish.words.report_ru import RUSSIAN
from abm_scoring.publish.words.report_texts import ReportTexts

#: By ISO 639-1 code.
REPORTS: dict[str, ReportTexts] = {"de": GERMAN, "en": ENGLISH, "ro": ROMANIAN, "ru": RUSSIAN}

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+%?")
_NAME = re.compile(r"\{(\w+)\}")


class ReportWords:
    """Speaks one language.

    Args:
        language: Code of a language in `REPORTS`.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._texts = REPORTS[language]

    def say(self, text: str, **parts: Any) -> str:
        """A text of a page, with its parts filled in."""
        said = self._texts.pages.get(text, text)
        return said.format(**parts) if parts else said

    def code(self, name: str) -> str:
        """A code in words: `win_rate` → `win rate`; one that is not known, with spaces."""
        plain = name.replace("_", " ")
        return self._texts.codes.get(plain, plain)

    def told(self, text: str) -> str:
        """A text that computation returned, with its numbers in it."""
        if self.language == "en" or not text:
            return text
        if text in self._texts.told:
            return self._texts.told[text]
        for pattern, template in _patterns(self.language):
            found = pattern.fullmatch(text)
            if found:
                return template.format(**{name: self._part(part) for name, part in found.groupdict().items()})
        return text

    def _part(self, text: str) -> str:
        """What stood in a template: a number, or texts one after the other."""
        if _NUMBER.fullmatch(text):
            numerals = NUMERALS[self.language]
            return numerals.localised(text.removesuffix("%")) + (numerals.percent if text.endswith("%") else "")
        return ", ".join(self.told(one) for one in text.split(", "))


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates that texts can be recognised by: those that say most first."""
    told = REPORTS[language].told
    templates = sorted((text for text in told if _NAME.search(text)), key=lambda t: len(_NAME.sub("", t)), reverse=True)
    return tuple((_pattern(text), told[text]) for text in templates)


def _pattern(template: str) -> re.Pattern[str]:
    ends = _NAME.split(template)
    parts = [f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(ends)]
    return re.compile("".join(parts), re.DOTALL)
