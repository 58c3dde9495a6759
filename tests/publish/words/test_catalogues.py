"""Every language says everything."""

from __future__ import annotations

import re
import string
from dataclasses import fields
from pathlib import Path

import pytest

from abm_scoring.publish import words
from abm_scoring.publish.words.catalogue import Catalogue, humanise
from abm_scoring.publish.words.en import ENGLISH
from abm_scoring.publish.words.words import LANGUAGES

EVENT_TYPES = {
    *("any", "web_visit", "email_open", "email_click", "email_sent", "form_fill", "content_download", "webinar"),
    *("ad_impression", "ad_click", "social_engagement", "meeting", "sales_conversation", "event_attendance"),
    *("email_reply", "demo_request", "sql_created", "order", "cancellation"),
}
NOT_SCORED = {
    *("customer", "not_a_customer", "partner", "open_opportunity", "no_data", "not_yet_known", "objected"),
    *("duplicate", "outside_scoring_window", "excluded"),
}


def names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def texts(catalogue: Catalogue) -> list[str]:
    """Everything that a catalogue says."""
    found: list[str] = []
    for field in fields(catalogue):
        part = getattr(catalogue, field.name)
        if isinstance(part, str) and field.name not in ("in_general", "after_no"):
            found.append(part)
        elif hasattr(part, "values"):
            found += [t for v in part.values() for t in ([v] if isinstance(v, str) else v.values())]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguage:
    def test_has_every_key_of_english(self, language: str) -> None:
        for part in ("events", "nouns", "counted", "sentences", "labels", "topics", "levels", "not_scored"):
            assert getattr(LANGUAGES[language], part).keys() == getattr(ENGLISH, part).keys(), part

    def test_has_every_plural_form(self, language: str) -> None:
        catalogue = LANGUAGES[language]
        categories = set(catalogue.grammar.categories)
        for part in (catalogue.events, catalogue.nouns, catalogue.counted):
            for key, forms in part.items():
                assert set(forms) == categories, key
        assert set(catalogue.unknown_event) == categories
        assert {catalogue.in_general, catalogue.after_no} <= categories

    def test_has_the_names_of_english_in_each_template(self, language: str) -> None:
        catalogue = LANGUAGES[language]
        for key, template in catalogue.sentences.items():
            assert names(template) == names(ENGLISH.sentences[key]), key
        assert all(names(t) <= {"n"} for forms in catalogue.counted.values() for t in forms.values())
        assert all(names(form) == {"name"} for form in catalogue.unknown_event.values())
        assert names(catalogue.unknown_level) == {"name"}

    def test_says_something_in_one_line_and_never_because(self, language: str) -> None:
        for text in texts(LANGUAGES[language]):
            assert text == " ".join(text.split())
            assert text
            assert not re.search(r"\bbecause\b|\bweil\b|потому|deoarece", text)


def test_english_knows_the_canonical_codes() -> None:
    assert ENGLISH.events.keys() >= EVENT_TYPES
    assert ENGLISH.not_scored.keys() == NOT_SCORED


def test_every_text_of_the_catalogue_is_used() -> None:
    """A key that no code names is dead text that each language would have to translate."""
    folder = Path(words.__file__).parent
    code = "".join(p.read_text() for p in sorted(folder.glob("*.py")) if p.name != "en.py")
    built = {f"{stem}{end}" for stem in ("decayed", "decayed_events") for end in ("", "_none")}
    built |= {f"{stem}_all" for stem in ("active", "active_events", "roles_known", "roles_engaged", "roles_missing")}
    built |= {f"fit_{d}_{side}" for d in ("sector", "region") for side in ("in", "out")}
    for key in (*ENGLISH.sentences, *ENGLISH.nouns, *ENGLISH.counted):
        assert f'"{key}"' in code or key in built, key


def test_codes_in_words() -> None:
    assert humanise("first_touch_channel") == "first touch channel"
