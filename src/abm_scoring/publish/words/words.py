"""The face of the words: reasons, topics and why an account has no score."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from abm_scoring.errors import ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.publish.words.ask import Ask, Value
from abm_scoring.publish.words.catalogue import Catalogue, humanise
from abm_scoring.publish.words.de import GERMAN
from abm_scoring.publish.words.en import ENGLISH
from abm_scoring.publish.words.facts import plain_words
from abm_scoring.publish.words.facts import value as value_phrase
from abm_scoring.publish.words.grammar import Grammar
from abm_scoring.publish.words.interface import Interface
from abm_scoring.publish.words.phrases import DETAILED, PHRASES
from abm_scoring.publish.words.ro import ROMANIAN
from abm_scoring.publish.words.ru import RUSSIAN
from abm_scoring.publish.words.speech import Speech

#: Catalogues by ISO 639-1 code.
LANGUAGES: dict[str, Catalogue] = {"de": GERMAN, "en": ENGLISH, "ro": ROMANIAN, "ru": RUSSIAN}

_REMEMBERED = 50_000


class Words:
    """Speaks one language.

    What was said of a feature's value is remembered, because most accounts share a few values.

    Args:
        language: Code of a language in `LANGUAGES`.

    Raises:
        ConfigError: There is no catalogue for the language (78).
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise ConfigError(
                f"no words for language {language!r}", fix=f"choose one of {', '.join(sorted(LANGUAGES))}"
            )
        self.language = language
        self._speech = Speech(LANGUAGES[language])
        self._said: dict[str, tuple[Feature, dict[tuple[Value, bool], str]]] = {}

    def reason(
        self, feature: Feature, value: object, *, positive: bool, details: Mapping[str, object] | None = None
    ) -> str:
        """One line that states a feature's value, e.g. `12 website visits in the last 30 days`.

        Args:
            feature: What the value means; a phrase code that is not known is worded like `value`.
            value: Number or text; null, NaN and infinity count as unknown.
            positive: Whether it speaks for the account; parts of a whole that speak against it get an "only".
            details: Facts of the account that a fit was judged by, where known: `employee_count`, `sector`, `country`,
                `shared_values` (list, or text with `;`), `customers` (number of similar ones).
        """
        plain = _plain(value)
        if details and feature.phrase in DETAILED:
            return self._word(feature, plain, positive, details)
        said = self._memory(feature)
        key = (plain, positive)
        if key not in said:
            said[key] = self._word(feature, plain, positive, {})
        return said[key]

    def topic(self, code: str) -> str:
        """Name of a topic: `web_visit` → `website visits`; a code that is not known, with spaces."""
        catalogue = self._speech.catalogue
        if code in catalogue.topics:
            return catalogue.topics[code]
        return self._speech.in_general(code) if code in catalogue.events else humanise(code)

    def not_scored(self, code: str) -> str:
        """Why an account has no score; a code that is not known, with spaces."""
        return self._speech.catalogue.not_scored.get(code, humanise(code))

    @property
    def interface(self) -> Interface:
        """What surrounds the sentences: columns, codes in words, the page."""
        return self._speech.catalogue.interface

    @property
    def grammar(self) -> Grammar:
        """How the language writes numbers."""
        return self._speech.catalogue.grammar

    def heading(self, column: str) -> str:
        """Heading of a column; one that is not known, with spaces."""
        known = self.interface.columns.get(column)
        return known[0] if known else humanise(column)

    def meaning(self, column: str) -> str:
        """What a column means, for the legend; empty for one that is not known."""
        return self.interface.columns.get(column, ("", ""))[1]

    def rule(self, code: str) -> str:
        """The rule that set an MQA status."""
        return self.interface.rules.get(code, humanise(code))

    def coded(self, column: str, code: str) -> str:
        """A value of `mqa_status`, `score_trend` or `rung` in words; any other value as it is."""
        interface = self.interface
        known = {"mqa_status": interface.statuses, "score_trend": interface.trends, "rung": interface.rungs}
        return known[column].get(code, humanise(code)) if column in known else code

    def role(self, code: str) -> str:
        """A buying role; one that is not known, with spaces where it is a code."""
        return self.interface.roles.get(code, plain_words(code))

    def stage(self, code: str) -> str:
        """A step of the funnel."""
        return self.interface.stages.get(code, humanise(code))

    def change(self, topic: object, delta: object, kind: object) -> str | None:
        """What moved the score most since the previous run, e.g. `score up: website visits`; None where nothing did.

        Args:
            topic: Code of the topic.
            delta: Log-odds by which it moved the score.
            kind: `behaviour`, `data` or `model`; any other is worded like `behaviour`.
        """
        if not isinstance(topic, str) or not isinstance(delta, float | int) or not math.isfinite(delta) or delta == 0:
            return None
        end = "up" if delta > 0 else "down"
        changes = self.interface.changes
        template = changes.get(f"{kind}_{end}", changes[f"behaviour_{end}"])
        return template.format(topic=self.topic(topic))

    def _word(self, feature: Feature, value: Value, positive: bool, details: Mapping[str, object]) -> str:
        # Text where a number was meant, or a code from a newer bundle: say what is there rather than stop the night.
        understood = not isinstance(value, str) or feature.kind == "category"
        phrase = PHRASES.get(feature.phrase, value_phrase) if understood else value_phrase
        # One line without double spaces, whatever the labels and values of a user's data are.
        return " ".join(phrase(Ask(feature, value, positive, details, self._speech)).split())

    def _memory(self, feature: Feature) -> dict[tuple[Value, bool], str]:
        owner, said = self._said.get(feature.name, (None, {}))
        if owner is not feature or len(said) > _REMEMBERED:
            said = {}
            self._said[feature.name] = (feature, said)
        return said


#: Numbers beyond this are said as this.
_LARGEST = 1e300


def _plain(value: object) -> Value:
    if isinstance(value, str):
        return " ".join(value.split()) or None
    if isinstance(value, float | int | np.number | np.bool_):
        number = float(value)
        # Room for a percent sign: a number at the edge of what a float holds would overflow when put into words.
        return max(-_LARGEST, min(_LARGEST, number)) if math.isfinite(number) else None
    return None if value is None or value is pd.NA or value is pd.NaT else str(value)
