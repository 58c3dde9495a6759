"""Reasons by example, and that nothing a bundle may hold stops the night."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.errors import ConfigError
from abm_scoring.features.buying_group import BuyingGroupSpec
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.columns import ColumnsSpec
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.firmographics import FirmographicsSpec
from abm_scoring.features.pipeline import PipelineSpec
from abm_scoring.features.profile import ProfileSpec, SizeRange
from abm_scoring.features.value_fit import ValueFitSpec
from abm_scoring.publish.words import Words
from abm_scoring.publish.words.phrases import DETAILED, PHRASES

NAN = float("nan")
WEB_30: dict[str, str | int] = {"event_type": "web_visit", "days": 30}
ANY_30: dict[str, str | int] = {"event_type": "any", "days": 30}
MOMENTUM: dict[str, str | int] = {"event_type": "web_visit", "short_days": 30, "long_days": 90}
BURST: dict[str, str | int] = {"event_type": "web_visit", "short_days": 7, "long_days": 98}
WANTED = "agile; integrity; forward-looking"


Args = Mapping[str, str | int | float]


def feature(phrase: str, args: Args | None = None, *, unit: str = "", name: str = "") -> Feature:
    kind = "category" if "category" in phrase else "number"
    return Feature.model_validate(
        {
            "name": name or phrase,
            "topic": "t",
            "kind": kind,
            "unit": unit,
            "meaning": "m",
            "source": "events",
            "part": "fit",
            "phrase": phrase,
            "args": dict(args or {}),
        }
    )


GOLDEN: list[tuple[str, Args, object, str]] = [
    ("event_count", WEB_30, 12, "12 website visits in the last 30 days"),
    ("event_count", WEB_30, 1, "1 website visit in the last 30 days"),
    ("event_count", WEB_30, 0, "no website visits in the last 30 days"),
    ("event_count", WEB_30, NAN, "no website visits in the last 30 days"),
    ("event_count", WEB_30 | {"days": 1}, 1200, "1 200 website visits in the last day"),
    ("event_count", {"event_type": "email_reply"}, 2, "2 email replies on record"),
    ("event_count", ANY_30, 3, "3 interactions in the last 30 days"),
    ("event_count", {"event_type": "foo_bar", "days": 7}, 1, "1 foo bar event in the last 7 days"),
    ("event_count", {"event_type": "foo_bar", "days": 7}, 0, "no foo bar events in the last 7 days"),
    ("event_count", {"event_type": "trade_event", "days": 7}, 2, "2 trade events in the last 7 days"),
    (
        "event_sum",
        {"event_type": "webinar", "days": 90, "column": "minutes"},
        45.2,
        "45.2 minutes of webinars in the last 90 days",
    ),
    (
        "event_sum",
        {"event_type": "webinar", "days": 90, "column": "minutes"},
        1,
        "1 minute of webinars in the last 90 days",
    ),
    (
        "event_sum",
        {"event_type": "webinar", "days": 90, "column": "minutes"},
        0,
        "no minutes from webinars in the last 90 days",
    ),
    (
        "event_sum",
        {"event_type": "order", "days": 90, "column": "value"},
        1250,
        "1 250 in value from orders in the last 90 days",
    ),
    (
        "event_sum",
        {"event_type": "order", "days": 90, "column": "value"},
        0,
        "no value from orders in the last 90 days",
    ),
    (
        "event_sum",
        {"event_type": "order", "days": 90, "column": "page_views"},
        3,
        "3 page views from orders in the last 90 days",
    ),
    ("distinct", {"what": "contacts", "event_type": "any", "days": 90}, 3, "3 engaged contacts in the last 90 days"),
    ("distinct", {"what": "contacts", "event_type": "any", "days": 90}, 0, "no engaged contacts in the last 90 days"),
    ("distinct", {"what": "channels", "event_type": "any", "days": 90}, 2, "2 channels in the last 90 days"),
    (
        "distinct",
        {"what": "contacts", "event_type": "webinar", "days": 90},
        2,
        "2 contacts with webinars in the last 90 days",
    ),
    (
        "distinct",
        {"what": "contents", "event_type": "webinar", "days": 90},
        0,
        "no content items with webinars in the last 90 days",
    ),
    ("distinct", {"what": "planets"}, 2, "distinct: 2"),
    ("active_days", ANY_30, 5, "active on 5 days of the last 30"),
    ("active_days", ANY_30, 1, "active on 1 day of the last 30"),
    ("active_days", ANY_30, 0, "not active in the last 30 days"),
    ("active_days", WEB_30, 5, "website visits on 5 days of the last 30"),
    ("active_days", WEB_30, 0, "no website visits in the last 30 days"),
    ("active_days", {"event_type": "any"}, 5, "active on 5 days so far"),
    ("recency", {"event_type": "web_visit"}, 3.9, "last website visit 3 days ago"),
    ("recency", {"event_type": "web_visit"}, 1.0, "last website visit 1 day ago"),
    ("recency", {"event_type": "web_visit"}, 0.4, "last website visit less than a day ago"),
    ("recency", {"event_type": "web_visit"}, NAN, "no website visit on record"),
    ("first_seen", {"event_type": "any"}, 120.7, "first touch 120 days ago"),
    ("first_seen", {"event_type": "meeting"}, 8, "first meeting 8 days ago"),
    ("first_seen", {"event_type": "meeting"}, None, "no meeting on record"),
    ("decayed", {"event_type": "any", "half_life_days": 14}, 12.43, "recent engagement score 12.4"),
    ("decayed", {"half_life_days": 14}, 0.0001, "no recent engagement"),
    ("decayed", {"event_type": "webinar"}, 2.5, "recent engagement score 2.5 from webinars"),
    ("decayed", {"event_type": "webinar"}, 0, "no recent webinars"),
    ("momentum", MOMENTUM, 2.13, "website visits up 2.1× on their 90-day pace"),
    ("momentum", MOMENTUM, 0.4, "website visits down to 0.4× their 90-day pace"),
    ("momentum", MOMENTUM, 1.04, "website visits at their 90-day pace"),
    ("momentum", MOMENTUM, 0, "no website visits in the last 30 days"),
    ("momentum", MOMENTUM, NAN, "no website visits in the last 90 days"),
    ("first_category", {"label": "channel of first touch"}, "paid_search", "channel of first touch: paid search"),
    ("category", {"label": "channel of first touch"}, None, "channel of first touch unknown"),
    ("category", {"label": "campaign of first touch"}, "camp_17", "campaign of first touch: camp_17"),
    ("category", {"label": "sector"}, " Pharma\n& Biotech ", "sector: Pharma & Biotech"),
    ("category", {"label": "sector"}, pd.NA, "sector unknown"),
    ("size", {}, 1200, "1 200 employees"),
    ("size", {}, NAN, "employee count unknown"),
    ("value", {"label": "annual revenue"}, 12e6, "annual revenue: 12 000 000"),
    ("value", {"label": "annual_revenue"}, NAN, "annual revenue unknown"),
    ("missing", {"label": "employee count"}, 1, "employee count unknown"),
    ("missing", {"label": "employee count"}, 0, "employee count known"),
    ("flag", {"label": "is subsidiary"}, 1, "subsidiary of another company: yes"),
    ("flag", {"label": "is subsidiary"}, 0, "subsidiary of another company: no"),
    ("flag", {"label": "is subsidiary"}, NAN, "subsidiary of another company unknown"),
    ("share", {"label": "touches_that_are_outbound"}, 0.4, "40 % of touches that are outbound"),
    ("share", {"label": "touches"}, NAN, "share of touches unknown"),
    ("fit_size", {"low": 500, "high": 2000}, 1, "fits your size range"),
    ("fit_size", {"low": 500, "high": 2000}, 0.8, "close to your size range"),
    ("fit_size", {"low": 500, "high": 2000}, 0.1, "outside your size range"),
    ("fit_size", {"low": 500, "high": 2000}, NAN, "employee count unknown"),
    ("fit_sector", {}, 1, "in a target sector"),
    ("fit_sector", {}, 0, "outside your target sectors"),
    ("fit_sector", {}, NAN, "sector unknown"),
    ("fit_region", {}, 1, "in a target country"),
    ("fit_region", {}, NAN, "country unknown"),
    ("fit_values", {"wanted": WANTED}, 2 / 3, "shares 2 of 3 of your values"),
    ("fit_values", {}, 2 / 3, "shares 67 % of your values"),
    ("fit_values", {"wanted": WANTED}, 0, "does not share any of your values"),
    ("fit_values", {"wanted": WANTED}, NAN, "corporate values unknown"),
    ("fit_similar_customers", {}, 0.62, "resembles your customers: 62 %"),
    ("fit_similar_customers", {}, 0, "unlike your customers"),
    ("fit_similar_customers", {}, NAN, "likeness to your customers unknown"),
    ("fit_total", {}, 0.83, "fits your ideal customer profile: 83 %"),
    ("fit_total", {}, NAN, "ideal customer profile fit unknown"),
    ("roles_known", {"required": 6}, 4, "4 of 6 buying roles known"),
    ("roles_engaged", {"required": 6}, 4, "4 of 6 buying roles engaged"),
    ("roles_engaged", {"required": 6, "days": 90}, 4, "4 of 6 buying roles engaged in the last 90 days"),
    ("roles_missing", {"required": 6}, 2, "2 of 6 buying roles missing"),
    ("roles_engaged", {}, 1, "1 buying role engaged"),
    ("contacts_known", {}, 12, "12 known contacts"),
    ("contacts_known", {}, 0, "no known contacts"),
    ("contacts_engaged", {"days": 90}, 1, "1 engaged contact in the last 90 days"),
    ("senior_known", {}, 1, "1 known senior contact"),
    ("senior_engaged", {"days": 90}, 0, "no engaged senior contacts in the last 90 days"),
    ("seniority", {"level": "c_level"}, 2, "2 contacts at C level engaged"),
    ("seniority", {"level": "director"}, 0, "no contacts at director level engaged"),
    ("prior_wins", {}, 2, "2 earlier opportunities won"),
    ("prior_wins", {}, 0, "no earlier opportunities won"),
    ("prior_losses", {}, 1, "1 earlier opportunity lost"),
    ("prior_opportunities", {}, 3, "3 earlier opportunities"),
    ("tenure", {}, NAN, "not a customer"),
    ("earlier_revenue", {}, 45_000, "earlier revenue: 45 000"),
    ("earlier_revenue", {}, 0, "no earlier revenue"),
    ("earlier_revenue", {}, None, "earlier revenue unknown"),
    ("days_since_close", {}, 40.2, "last opportunity closed 40 days ago"),
    ("days_since_close", {}, NAN, "no opportunity closed so far"),
    ("a_code_from_the_future", {"label": "page_depth"}, 3.5, "page depth: 3.5"),
    ("event_count", WEB_30, "many", "event count: many"),
]


@pytest.mark.parametrize(("phrase", "args", "value", "expected"), GOLDEN)
def test_golden_sentences(phrase: str, args: Args, value: object, expected: str) -> None:
    assert Words("en").reason(feature(phrase, args), value, positive=True) == expected


def test_every_phrase_has_a_golden_sentence() -> None:
    assert PHRASES.keys() <= {phrase for phrase, _, _, _ in (*GOLDEN, *RHYTHM)}


@pytest.mark.parametrize(
    ("phrase", "args", "value", "details", "expected"),
    [
        ("fit_size", {}, 1, {"employee_count": 1200}, "fits your size range: 1 200 employees"),
        ("fit_size", {}, 0, {"employee_count": np.float64(40)}, "outside your size range: 40 employees"),
        ("fit_size", {}, 0, {"employee_count": np.int64(1)}, "outside your size range: 1 employee"),
        ("fit_size", {}, 1, {"employee_count": NAN}, "fits your size range"),
        ("fit_size", {}, 1, {"employee_count": pd.NA}, "fits your size range"),
        ("fit_sector", {}, 1, {"sector": "pharma"}, "in a target sector: pharma"),
        ("fit_sector", {}, 0, {"sector": "retail"}, "outside your target sectors: retail"),
        ("fit_sector", {}, 0, {"sector": None}, "outside your target sectors"),
        ("fit_region", {}, 1, {"country": "AT"}, "in a target country: AT"),
        ("fit_region", {"wanted": "AT; DE"}, 1, {"country": "at"}, "in a target country: at"),
        ("fit_region", {"wanted": "AT; DE"}, 1, {"country": "US"}, "has a site in a target country"),
        ("fit_region", {"wanted": "AT; Alps"}, 1, {"country": "SI", "region": "Alps"}, "in a target country: Alps"),
        ("fit_region", {"wanted": "AT; DE"}, 0, {"country": "US"}, "outside your target countries: US"),
        (
            "fit_values",
            {"wanted": WANTED},
            2 / 3,
            {"shared_values": "integrity; agile"},
            "shares 2 of 3 of your values: agile, integrity",
        ),
        (
            "fit_values",
            {"wanted": WANTED},
            1 / 3,
            {"shared_values": ["agile"]},
            "shares 1 of 3 of your values: agile",
        ),
        ("fit_similar_customers", {}, 0.6, {"customers": 6}, "sector and region like 6 of your customers"),
        ("fit_similar_customers", {}, 0.6, {"customers": 0}, "resembles your customers: 60 %"),
        ("size", {}, 1200, {"employee_count": 5}, "1 200 employees"),
    ],
)
def test_golden_sentences_with_details(
    phrase: str, args: Args, value: float, details: dict[str, object], expected: str
) -> None:
    assert Words().reason(feature(phrase, args), value, positive=True, details=details) == expected


@pytest.mark.parametrize(
    ("phrase", "args", "value", "expected"),
    [
        ("roles_engaged", {"required": 6}, 1, "only 1 of 6 buying roles engaged"),
        ("roles_engaged", {"required": 6}, 0, "0 of 6 buying roles engaged"),
        ("roles_engaged", {"required": 6}, 6, "6 of 6 buying roles engaged"),
        ("roles_missing", {"required": 6}, 5, "5 of 6 buying roles missing"),
        ("fit_total", {}, 0.3, "fits your ideal customer profile: only 30 %"),
        ("fit_values", {"wanted": WANTED}, 1 / 3, "shares only 1 of 3 of your values"),
        ("event_count", WEB_30, 2, "2 website visits in the last 30 days"),
    ],
)
def test_a_part_that_speaks_against_the_account(phrase: str, args: Args, value: float, expected: str) -> None:
    assert Words().reason(feature(phrase, args), value, positive=False) == expected


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("years", 3.001, "customer for 3 years"),
        ("years", 3, "customer for 3 years"),
        ("years", 1.5, "customer for 18 months"),
        ("months", 24, "customer for 2 years"),
        ("days", 45, "customer for 45 days"),
        ("days", 1, "customer for 1 day"),
        ("days", 0.5, "customer for less than a day"),
        ("days", 70, "customer for 2 months"),
    ],
)
def test_tenure(unit: str, value: float, expected: str) -> None:
    assert Words().reason(feature("tenure", unit=unit), value, positive=True) == expected


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("years", 12, "x: 12 years"),
        ("years", 1, "x: 1 year"),
        ("year", 1998, "x: 1998"),
        ("0 to 1", 0.4, "x: 40 %"),
        ("share", 0.4, "x: 40 %"),
        ("currency a year", 5e6, "x: 5 000 000"),
        ("parsecs", 12, "x: 12"),
        ("", 0.25, "x: 0.25"),
    ],
)
def test_units(unit: str, value: float, expected: str) -> None:
    assert Words().reason(feature("value", {"label": "x"}, unit=unit), value, positive=True) == expected


def test_the_label_falls_back_to_the_name() -> None:
    assert Words().reason(feature("value", name="page_depth"), 2, positive=True) == "page depth: 2"


def test_topics() -> None:
    words = Words()
    assert words.topic("web_visit") == "website visits"
    assert words.topic("buying_group") == "buying group"
    assert words.topic("fit_size") == "size fit"
    assert words.topic("some_new_topic") == "some new topic"


def test_why_an_account_has_no_score() -> None:
    words = Words()
    assert words.not_scored("open_opportunity") == "has an open opportunity"
    assert words.not_scored("outside_scoring_window") == "outside the scoring window"
    assert words.not_scored("moon_phase") == "moon phase"


def test_a_language_without_a_catalogue() -> None:
    with pytest.raises(ConfigError, match=r"'xx'.*choose one of de, en, ro, ru") as caught:
        Words("xx")
    assert caught.value.exit_code == 78


def test_what_was_said_is_remembered_by_feature_value_and_sign() -> None:
    words = Words()
    first, second = feature("event_count", WEB_30, name="f"), feature("size", name="f")
    for _ in range(2):
        assert words.reason(first, 4, positive=True) == "4 website visits in the last 30 days"
        assert words.reason(second, 4, positive=True) == "4 employees"
    roles = feature("roles_known", {"required": 6})
    assert words.reason(roles, 1, positive=True) != words.reason(roles, 1, positive=False)
    fit = feature("fit_size")
    assert words.reason(fit, 1, positive=True, details={"employee_count": 900}) == "fits your size range: 900 employees"
    assert words.reason(fit, 1, positive=True, details={"employee_count": 800}) == "fits your size range: 800 employees"
    assert words.reason(fit, 1, positive=True) == "fits your size range"


def catalogue() -> tuple[Feature, ...]:
    """What the families of features give with all that can be asked of them."""
    measures = tuple(m for m in EngagementSpec.model_fields["measures"].annotation.__args__[0].__args__)  # type: ignore[union-attr]
    profile = ProfileSpec(
        sectors=("pharma",),
        employee_count=SizeRange(low=500, high=2000),
        countries=("AT",),
        values=("agile", "integrity"),
    )
    families = (
        FirmographicsSpec(),
        EngagementSpec(
            event_types=("web_visit", "foo_bar"),
            measures=measures,
            measures_by_type=measures,
            first_touch=("channel", "content_id", "campaign_id"),
        ),
        BuyingGroupSpec(kind="buying_group"),
        PipelineSpec(kind="pipeline"),
        ValueFitSpec(kind="value_fit", profile=profile),
        ColumnsSpec(kind="columns", numbers=("page_depth",), categories=("segment",)),
    )
    return tuple(f for family in families for f in family.features())


def test_every_feature_names_a_known_phrase() -> None:
    unknown = {f.name: f.phrase for f in catalogue() if f.phrase not in PHRASES}
    assert unknown == {}


DETAILS = st.dictionaries(
    st.sampled_from(["employee_count", "sector", "country", "region", "shared_values", "customers"]),
    st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.just(pd.NA), st.lists(st.text())),
)
VALUES = st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.booleans(), st.just(pd.NA), st.just(pd.NaT))
ARGS = st.dictionaries(
    st.sampled_from(["event_type", "days", "column", "what", "half_life_days", "short_days", "long_days", "label"])
    | st.sampled_from(["low", "high", "required", "level", "wanted"]),
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text()),
)


@given(st.sampled_from([*sorted(PHRASES), "unheard_of"]), ARGS, VALUES, st.booleans(), DETAILS)
@settings(max_examples=300, deadline=None)
def test_nothing_that_a_bundle_may_hold_stops_the_night(
    phrase: str, args: Args, value: object, positive: bool, details: dict[str, object]
) -> None:
    text = Words().reason(feature(phrase, args), value, positive=positive, details=details)
    assert text.strip()
    assert text == " ".join(text.split())


@given(st.sampled_from(catalogue()), st.floats(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_each_feature_speaks_in_one_line_without_codes(feature: Feature, value: float, positive: bool) -> None:
    words = Words()
    text = words.reason(feature, value, positive=positive)
    assert not set("{}_\n") & set(text)
    assert not {"nan", "inf", "none", "null"} & set(text.lower().split())
    assert words.topic(feature.topic)


def test_phrases_with_details_are_phrases() -> None:
    assert PHRASES.keys() >= DETAILED


SPOKEN: list[tuple[str, Args, object, str, str, str]] = [
    (
        *("event_count", WEB_30, 1),
        *("1 Website-Besuch in den letzten 30 Tagen", "1 посещение сайта за последние 30 дней"),
        "1 vizită pe site în ultimele 30 de zile",
    ),
    (
        *("event_count", WEB_30, 3),
        *("3 Website-Besuche in den letzten 30 Tagen", "3 посещения сайта за последние 30 дней"),
        "3 vizite pe site în ultimele 30 de zile",
    ),
    (
        *("event_count", WEB_30, 25),
        *("25 Website-Besuche in den letzten 30 Tagen", "25 посещений сайта за последние 30 дней"),
        "25 de vizite pe site în ultimele 30 de zile",
    ),
    (
        *("event_count", WEB_30, 0),
        *("keine Website-Besuche in den letzten 30 Tagen", "нет посещений сайта за последние 30 дней"),
        "fără vizite pe site în ultimele 30 de zile",
    ),
    (
        *("recency", {"event_type": "meeting"}, 21.5),
        *("Termin: zuletzt vor 21 Tagen", "встреча: последний раз 21 день назад"),
        "întâlnire: ultima dată acum 21 de zile",
    ),
    (
        *("momentum", MOMENTUM, 2.14),
        *(
            "Website-Besuche: 2,1× so häufig wie im 90-Tage-Schnitt",
            "посещения сайта: темп выше, 2,1× к среднему за 90 дн.",
        ),
        "vizite pe site: ritm mai mare, de 2,1× față de media pe 90 de zile",
    ),
    (
        *("size", {}, 1200, "1 200 Mitarbeiter", "1 200 сотрудников"),
        "1 200 de angajați",
    ),
]


RHYTHM: list[tuple[str, Args, object, str]] = [
    (
        "event_mean",
        WEB_30 | {"column": "minutes"},
        3.42,
        "website visits of 3.42 minutes on average in the last 30 days",
    ),
    ("event_mean", WEB_30 | {"column": "minutes"}, NAN, "no website visits in the last 30 days"),
    ("event_least", WEB_30 | {"column": "value"}, 1200, "website visits of at least 1 200 in the last 30 days"),
    ("event_most", WEB_30 | {"column": "minutes"}, 1, "website visits of up to 1 minute in the last 30 days"),
    ("active_weeks", WEB_30, 3, "website visits in 3 weeks in the last 30 days"),
    ("active_weeks", WEB_30, 0, "no website visits in the last 30 days"),
    ("gap_mean", WEB_30, 4.2, "website visits every 4.2 days in the last 30 days"),
    ("gap_mean", WEB_30, NAN, "fewer than two website visits in the last 30 days"),
    ("gap_regularity", WEB_30, 0.3, "regular website visits in the last 30 days"),
    ("gap_regularity", WEB_30, 0.7, "irregular website visits in the last 30 days"),
    ("gap_regularity", WEB_30, NAN, "too few website visits for a rhythm in the last 30 days"),
    ("replies", WEB_30, 1, "1 website visit soon after your outreach in the last 30 days"),
    ("replies", WEB_30, 0, "no website visits soon after your outreach in the last 30 days"),
    ("burst", BURST, 3.21, "website visits last week at 3.2× their earlier pace"),
    ("burst", BURST, 1.04, "website visits last week at their earlier pace"),
    ("burst", BURST, 0, "no website visits in the last 7 days"),
    ("burst", BURST, NAN, "no website visits in the last 98 days"),
    ("streak_weeks", {"event_type": "web_visit"}, 3, "website visits for 3 weeks in a row"),
    ("streak_weeks", {"event_type": "web_visit"}, 0, "no website visits in the last 7 days"),
]


@pytest.mark.parametrize(("phrase", "args", "value", "said"), RHYTHM)
def test_rhythm_by_example(phrase: str, args: Args, value: object, said: str) -> None:
    assert Words("en").reason(feature(phrase, args), value, positive=True) == said


@pytest.mark.parametrize(("phrase", "args", "value", "german", "russian", "romanian"), SPOKEN)
def test_other_languages_by_example(
    phrase: str, args: Args, value: object, german: str, russian: str, romanian: str
) -> None:
    said = {code: Words(code).reason(feature(phrase, args), value, positive=True) for code in ("de", "ru", "ro")}
    assert said == {"de": german, "ru": russian, "ro": romanian}


@pytest.mark.parametrize("language", ["de", "en", "ro", "ru"])
@pytest.mark.parametrize("phrase", sorted(PHRASES))
def test_every_phrase_can_be_said_in_every_language(language: str, phrase: str) -> None:
    args: Args = {"event_type": "web_visit", "days": 30, "short_days": 30, "long_days": 90, "required": 6}
    for value in (0.0, 1.0, 2.0, 21.0, 0.37, NAN):
        text = Words(language).reason(feature(phrase, args), value, positive=False)
        assert text and "{" not in text and "}" not in text


class TestChange:
    def test_says_direction_topic_and_kind(self) -> None:
        words = Words("en")
        assert words.change("web_visit", 0.4, "behaviour") == "score up: website visits"
        assert words.change("web_visit", -0.4, "data") == "score down for want of data: website visits"
        assert Words("ru").change("web_visit", -0.4, "behaviour") == "скор снизился: посещения сайта"
        assert Words("de").change("sector", 0.1, "model") == "Score mit dem neuen Modell gestiegen: Branche"

    @pytest.mark.parametrize(("topic", "delta"), [(None, 0.3), (NAN, 0.3), ("sector", NAN), ("sector", 0.0)])
    def test_is_silent_where_nothing_moved(self, topic: object, delta: object) -> None:
        assert Words("en").change(topic, delta, "behaviour") is None


def test_codes_become_words_and_anything_else_stays() -> None:
    words = Words("de")
    assert words.coded("mqa_status", "accepted") == "angenommen"
    assert words.coded("mqa_status", "on_hold") == "on hold"
    assert words.coded("sector", "a_b") == "a_b"
    assert words.heading("score_change") == "Veränderung" and words.heading("my_column") == "my column"
    assert words.meaning("score_change") and words.meaning("my_column") == ""
    assert words.stage("won") == "Gewonnen" and words.role("head of R&D") == "head of R&D"
