"""Putting a catalogue's pieces together: counts, windows, events, labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abm_scoring.publish.words.catalogue import Catalogue, humanise
from abm_scoring.publish.words.grammar import Form, Plural, shown


@dataclass(frozen=True)
class Speech:
    """What phrases are built with; knows the language, not the feature."""

    catalogue: Catalogue

    def say(self, key: str, **parts: str) -> str:
        """A sentence of the catalogue with its parts filled in."""
        return self.catalogue.sentences[key].format(**parts)

    def number(self, n: float) -> str:
        """A number as shown."""
        return self.catalogue.grammar.number(n)

    def percent(self, share: float) -> str:
        """A share of 1 as percent."""
        return self.catalogue.grammar.percent(share)

    def plural(self, n: float) -> Plural:
        """Plural category of a number as shown."""
        return self.catalogue.grammar.plural(shown(n))

    def noun(self, noun: str, n: float) -> str:
        """A counted noun: `12 days`."""
        return self.say("counted", n=self.number(n), things=self.catalogue.nouns[noun][self.plural(n)])

    def nouns(self, noun: str) -> str:
        """A noun as it follows "no"."""
        return self.catalogue.nouns[noun][self.catalogue.after_no]

    def events(self, event_type: str, category: Form) -> str:
        """An event type in one of its forms; types that are not canonical are taken by name."""
        if event_type in self.catalogue.events:
            return self.catalogue.events[event_type][category]
        name = humanise(event_type).removesuffix(" event")
        return self.catalogue.unknown_event[category].format(name=name)

    def in_general(self, event_type: str) -> str:
        """Events in general: `webinars`."""
        return self.events(event_type, self.catalogue.in_general)

    def agreeing(self, key: str, n: float) -> str:
        """A sentence that agrees with a number."""
        return self.catalogue.counted[key][self.plural(n)].format(n=self.number(n))

    def window(self, days: float | None) -> str:
        """`in the last 30 days`; `on record` for all of history."""
        return self.say("window_all") if days is None else self.agreeing("window", days)

    def ago(self, days: float) -> str:
        """`3 days ago`, in days that are over."""
        return self.agreeing("ago", math.floor(days)) if days >= 1 else self.say("ago_short")

    def label(self, code: str) -> str:
        """The name of what is measured; given as a code or already in words."""
        return self.catalogue.labels.get("_".join(code.lower().split()), humanise(code))

    def level(self, code: str) -> str:
        """A seniority level."""
        return self.catalogue.levels.get(code, self.catalogue.unknown_level.format(name=humanise(code)))
