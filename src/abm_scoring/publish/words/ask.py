"""What a phrase is asked, and the pieces that many phrases share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from abm_scoring.features.catalogue import Feature
from abm_scoring.publish.words.speech import Speech

Value = float | str | None


@dataclass(frozen=True)
class Ask:
    """What a phrase is asked to put into words.

    Attributes:
        feature: The feature, its `args` included.
        value: A finite number, text without line breaks, or None for unknown.
        positive: Whether the value speaks for the account.
        details: Facts of the account that the value was made of, where known.
        speech: The language.
    """

    feature: Feature
    value: Value
    positive: bool
    details: Mapping[str, object]
    speech: Speech

    @property
    def amount(self) -> float:
        """The value as a number, 0 where it is unknown or text."""
        return self.value if isinstance(self.value, float) else 0.0

    @property
    def event_type(self) -> str:
        """The event type that is meant, or `any`."""
        return str(self.feature.args.get("event_type", "any"))

    @property
    def label(self) -> str:
        """The name of what is measured."""
        return self.speech.label(str(self.feature.args.get("label", self.feature.name)))

    @property
    def window(self) -> str:
        """The window in words."""
        return self.speech.window(self.arg("days"))

    def arg(self, name: str) -> float | None:
        """A numeric argument; None where it is not given."""
        given = self.feature.args.get(name)
        return None if given is None or isinstance(given, str) else float(given)

    def number(self, detail: str) -> float | None:
        """A detail that is a finite number; None where it is not given."""
        given = self.details.get(detail)
        return float(given) if isinstance(given, Real) and math.isfinite(given) else None

    def text(self, detail: str) -> str | None:
        """A detail that is text, without line breaks; None where it is not given."""
        given = self.details.get(detail)
        return " ".join(given.split()) or None if isinstance(given, str) else None

    def modest(self, text: str, *, whole: bool) -> str:
        """`only 2` where part of a whole speaks against the account."""
        return text if self.positive or whole else self.speech.say("only", number=text)


def counted(ask: Ask, noun: str, *, windowed: bool = False) -> str:
    """`12 known contacts`; with the window, `3 engaged contacts in the last 90 days`."""
    speech, window = ask.speech, ask.window if windowed else ""
    if ask.amount == 0:
        return speech.say("nothing" if windowed else "none", things=speech.nouns(noun), window=window)
    count = speech.noun(noun, ask.amount)
    return speech.say("happened", count=count, window=window) if windowed else count


def nothing(ask: Ask, window: str) -> str:
    """`no website visits in the last 30 days`."""
    things = ask.speech.events(ask.event_type, ask.speech.catalogue.after_no)
    return ask.speech.say("nothing", things=things, window=window)
