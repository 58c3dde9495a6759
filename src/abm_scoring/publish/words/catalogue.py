"""The shape of a language's catalogue: what it must say, without saying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abm_scoring.publish.words.grammar import Form, Forms, Grammar, Plural
from abm_scoring.publish.words.interface import Interface


@dataclass(frozen=True)
class Catalogue:
    """Everything that one language says.

    Templates hold `{names}`. A language has every key of English with the same names in the template, each word in
    each of its plural categories.

    Attributes:
        grammar: Its number grammar.
        in_general: Which form names things in general, as in "minutes of *webinars*"; where it is `general`, event
            types have that form beside those of the plural categories.
        after_no: Category of the form that follows "no", as in "no *webinars*".
        events: Event types; `any` is all that the account began.
        unknown_event: Forms for any other event type, with `{name}`.
        nouns: Other things that are counted.
        counted: Sentences that agree with a number, `{n}`.
        sentences: All other sentences.
        labels: Names of what a feature measures where the code with spaces would not do.
        topics: Topics that reasons are summed over, likewise.
        levels: Seniority levels, likewise.
        unknown_level: Any other seniority level, with `{name}`.
        not_scored: Why an account has no score.
        interface: What surrounds the sentences: columns, codes in words, the page.
    """

    grammar: Grammar
    in_general: Form
    after_no: Plural
    events: Mapping[str, Forms]
    unknown_event: Forms
    nouns: Mapping[str, Forms]
    counted: Mapping[str, Forms]
    sentences: Mapping[str, str]
    labels: Mapping[str, str]
    topics: Mapping[str, str]
    levels: Mapping[str, str]
    unknown_level: str
    not_scored: Mapping[str, str]
    interface: Interface


def humanise(code: str) -> str:
    """A code as words: `first_touch` → `first touch`."""
    return " ".join(code.replace("_", " ").split())
