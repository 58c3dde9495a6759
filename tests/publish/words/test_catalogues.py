"""Every language says everything."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.pipeline import PipelineSpec
from abm_scoring.publish import words
from abm_scoring.publish.words import Words
from abm_scoring.publish.words.catalogue import Catalogue, humanise
from abm_scoring.publish.words.en import ENGLISH
from abm_scoring.publish.words.interface import Interface
from abm_scoring.publish.words.words import LANGUAGES
from abm_scoring.ranking.columns import NOT_SCORED as NOT_SCORED_COLUMNS
from abm_scoring.ranking.columns import RANKED
from abm_scoring.ranking.mqa import log

EVENT_TYPES = {
    *("any", "web_visit", "email_open", "email_click", "email_sent", "form_fill", "content_download", "webinar"),
    *("ad_impression", "ad_click", "social_engagement", "meeting", "sales_conversation", "event_attendance"),
    *("email_reply", "demo_request", "sql_created", "order", "cancellation"),
}
NOT_SCORED = {
    *("customer", "not_a_customer", "partner", "open_opportunity", "no_data", "not_yet_known", "objected"),
    *("duplicate", "outside_scoring_window", "excluded"),
}
FAMILIES: tuple[FeatureSpec, ...] = (
    FirmographicsSpec(),
    EngagementSpec(event_types=("web_visit",)),
    BuyingGroupSpec(kind="buying_group"),
    PipelineSpec(kind="pipeline"),
)


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
            found += flat(part)
        elif isinstance(part, Interface):
            found += [text for inner in fields(part) for text in flat(getattr(part, inner.name))]
    return found


def flat(part: Mapping[str, str | tuple[str, str] | Mapping[str, str]]) -> list[str]:
    found: list[str] = []
    for value in part.values():
        found += [value] if isinstance(value, str) else value.values() if isinstance(value, Mapping) else value
    return found


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguage:
    def test_has_every_key_of_english(self, language: str) -> None:
        for part in ("events", "nouns", "counted", "sentences", "labels", "topics", "levels", "not_scored"):
            assert getattr(LANGUAGES[language], part).keys() == getattr(ENGLISH, part).keys(), part
        for inner in fields(Interface):
            own, english = (getattr(c.interface, inner.name) for c in (LANGUAGES[language], ENGLISH))
            assert own.keys() == english.keys(), inner.name

    def test_has_every_plural_form(self, language: str) -> None:
        catalogue = LANGUAGES[language]
        categories = set(catalogue.grammar.categories)
        for part in (catalogue.nouns, catalogue.counted, catalogue.interface.counted):
            for key, forms in part.items():
                assert set(forms) == categories, key
        of_events = categories | {catalogue.in_general}
        for key, forms in (*catalogue.events.items(), ("unknown", catalogue.unknown_event)):
            assert set(forms) == of_events, key
        assert of_events - categories <= {"general"}
        assert catalogue.after_no in categories

    def test_has_the_names_of_english_in_each_template(self, language: str) -> None:
        catalogue = LANGUAGES[language]
        for key, template in catalogue.sentences.items():
            assert names(template) == names(ENGLISH.sentences[key]), key
        assert all(names(t) <= {"n"} for forms in catalogue.counted.values() for t in forms.values())
        assert all(names(form) == {"name"} for form in catalogue.unknown_event.values())
        assert names(catalogue.unknown_level) == {"name"}
        for part in ("changes", "page", "rules"):
            for key, template in getattr(catalogue.interface, part).items():
                assert names(template) == names(getattr(ENGLISH.interface, part)[key]), key
        assert all(names(t) == {"n"} for forms in catalogue.interface.counted.values() for t in forms.values())

    def test_says_something_in_one_line_and_never_because(self, language: str) -> None:
        for text in texts(LANGUAGES[language]):
            assert text == " ".join(text.split())
            assert text
            assert not re.search(r"\bbecause\b|\bweil\b|потому|deoarece", text)

    def test_is_written_in_its_own_letters(self, language: str) -> None:
        """Of the texts that are sentences, none is left in English or in another script."""
        catalogue = LANGUAGES[language]
        if language == "ru":
            cyrillic = [t for t in texts(catalogue) if re.search("[а-яё]", t, re.IGNORECASE)]
            assert len(cyrillic) > 0.9 * len(texts(catalogue))
        if language != "en":
            same = [k for k, t in catalogue.sentences.items() if t == ENGLISH.sentences[k] and re.search("[a-z]{4}", t)]
            assert [k for k in same if re.sub(r"{\w+}", "", catalogue.sentences[k]).strip(" :×,.")] == []
        assert not re.search("[şţŞŢ]", "".join(texts(catalogue))), "cedilla where Romanian has a comma"

    def test_knows_every_column_of_the_lists(self, language: str) -> None:
        columns = LANGUAGES[language].interface.columns
        assert columns.keys() >= {column.name for column in (*RANKED, *NOT_SCORED_COLUMNS)}
        headings = [columns[column.name][0] for column in RANKED]
        assert len(set(headings)) == len(headings)

    def test_names_every_feature_label_topic_and_role(self, language: str) -> None:
        catalogue, speech = LANGUAGES[language], Words(language)
        for spec in FAMILIES:
            for feature in spec.features():
                known = catalogue.topics.keys() | catalogue.events.keys()
                assert feature.topic in known, feature.topic
                if feature.phrase in ("value", "category", "flag", "missing"):
                    label = str(feature.args.get("label", feature.name))
                    assert "_".join(label.split()) in catalogue.labels, label
        assert set(BuyingGroupSpec(kind="buying_group").roles) <= catalogue.interface.roles.keys()
        assert speech.role("decision_maker") == catalogue.interface.roles["decision_maker"]


def test_english_knows_the_canonical_codes() -> None:
    assert ENGLISH.events.keys() >= EVENT_TYPES
    assert ENGLISH.not_scored.keys() == NOT_SCORED


def test_every_text_of_the_catalogue_is_used() -> None:
    """A key that no code names is dead text that each language would have to translate."""
    folder = Path(words.__file__).parent
    languages = {*LANGUAGES, *(f"interface_{one}" for one in LANGUAGES)}
    code = "".join(p.read_text() for p in sorted(folder.glob("*.py")) if p.stem not in languages)
    built = {f"{stem}{end}" for stem in ("decayed", "decayed_events") for end in ("", "_none")}
    built |= {f"{stem}_all" for stem in ("active", "active_events", "roles_known", "roles_engaged", "roles_missing")}
    built |= {f"fit_{d}_{side}" for d in ("sector", "region") for side in ("in", "out")}
    for key in (*ENGLISH.sentences, *ENGLISH.nouns, *ENGLISH.counted):
        assert f'"{key}"' in code or key in built, key


def test_english_knows_the_states_and_rules_of_mqas() -> None:
    assert ENGLISH.interface.statuses.keys() == set(log.STATUSES)
    assert ENGLISH.interface.rules.keys() == set(log.RULES)


def test_codes_in_words() -> None:
    assert humanise("first_touch_channel") == "first touch channel"
