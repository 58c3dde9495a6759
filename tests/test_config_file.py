from __future__ import annotations

import json
import math
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from abm_scoring.config import Config
from abm_scoring.config_file import config_hash, json_schema, load, load_config, show
from abm_scoring.errors import AbmError, ConfigError, MissingInputError, UsageError
from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.spec import Spec


class Csv(Spec):
    kind: Literal["csv"] = "csv"
    path: str = Field(description="file inside the project folder")
    columns: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None


class Sql(Spec):
    kind: Literal["sql"] = "sql"
    query: str
    limit: int = Field(10, ge=1)


Source = Annotated[Csv | Sql, Field(discriminator="kind")]


class Counts(Spec):
    kind: Literal["counts"] = "counts"
    windows_days: tuple[Annotated[int, Field(gt=0)], ...] = Field((7, 30), min_length=1)


class Band(Spec):
    kind: Literal["band"] = "band"
    between: tuple[float, float] = (0.0, math.inf)
    label: str | float = 1.0


Feature = Annotated[Counts | Band, Field(discriminator="kind")]


class Monthly(Spec):
    kind: Literal["monthly"] = "monthly"
    day: int = 1


class Once(Spec):
    kind: Literal["once"] = "once"
    after: int


def _schedule(given: Any) -> str | None:
    return str(given.get("kind", "monthly")) if isinstance(given, dict) else getattr(given, "kind", None)


Schedule = Annotated[Annotated[Monthly, Tag("monthly")] | Annotated[Once, Tag("once")], Discriminator(_schedule)]


class Scoring(Spec):
    reasons: int = Field(4, ge=0, le=10)
    share: float = Field(0.05, ge=0, lt=1)
    rank_by: Literal["expected_value", "probability"] = "probability"
    since: date | None = None
    strict: bool = False

    @model_validator(mode="after")
    def _agree(self) -> Scoring:
        if self.strict and self.share > 0.5:
            raise ValueError("strict needs a share of at most 0.5")
        return self


class Toy(Spec):
    name: str = Field(pattern=r"^\w+$")
    version: str = "1"
    sources: dict[Literal["accounts", "events"], Source]
    features: tuple[Feature, ...] = (Counts(),)
    scoring: Scoring = Scoring()
    schedule: Schedule = Monthly()
    tags: tuple[str, ...] = ()

    @field_validator("sources")
    @classmethod
    def _accounts(cls, sources: dict[str, Source]) -> dict[str, Source]:
        if "accounts" not in sources:
            raise ValueError("the table accounts is missing")
        return sources


GOOD = """\
# a comment
name: toy
sources:
  accounts:
    kind: csv
    path: accounts.csv
    columns: {account_id: id, country: NO}
  events: {kind: sql, query: select 1}
features:
  - kind: counts
    windows_days: [30, 90]
  - {kind: band, between: [1, 2]}
scoring:
  reasons: 3
  since: 2026-01-31
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def toy(text: str, *overrides: str) -> Toy:
    Path("x.yaml").write_text(text, encoding="utf-8")
    return load("x.yaml", Toy, overrides)


def problems(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        toy(text, *overrides)
    assert caught.value.exit_code == 78
    return str(caught.value).split("\n")


def test_a_file_becomes_a_spec(folder: Path) -> None:
    assert toy(GOOD) == Toy(
        name="toy",
        sources={
            "accounts": Csv(path="accounts.csv", columns={"account_id": "id", "country": "NO"}),
            "events": Sql(query="select 1"),
        },
        features=(Counts(windows_days=(30, 90)), Band(between=(1, 2))),
        scoring=Scoring(reasons=3, since=date(2026, 1, 31)),
    )


def test_a_missing_file_is_a_missing_input(folder: Path) -> None:
    with pytest.raises(MissingInputError):
        load("nothing.yaml", Toy)


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("columns:", "colums:", 'x.yaml:7: sources.accounts.colums: unknown key, did you mean "columns"?'),
        (
            "windows_days",
            "window_days",
            'x.yaml:11: features[0].window_days: unknown key, did you mean "windows_days"?',
        ),
        ("reasons:", "Reasons:", 'x.yaml:14: scoring.Reasons: unknown key, did you mean "reasons"?'),
        (
            "reasons:",
            "zzz:",
            "x.yaml:14: scoring.zzz: unknown key; the keys here are reasons, share, rank_by, since, strict",
        ),
        ("  events:", "  evnts:", 'x.yaml:8: sources.evnts: unknown key, did you mean "events"?'),
        (
            "  - kind: counts",
            "  - kind: count",
            'x.yaml:10: features[0].kind: expects one of counts, band, not "count"; did you mean "counts"?',
        ),
        (
            "  - kind: counts",
            "  - knd: counts",
            'x.yaml:10: features[0].knd: unknown key, did you mean "kind"? It is one of counts, band',
        ),
        ("  - kind: counts\n", "  -\n", "x.yaml:11: features[0].kind: missing; one of counts, band"),
        ("    path: accounts.csv\n", "", "x.yaml:4: sources.accounts.path: missing: file inside the project folder"),
        ("name: toy\n", "", "x.yaml:2: name: missing"),
    ],
)
def test_keys_and_kinds(folder: Path, old: str, new: str, message: str) -> None:
    assert problems(edited(old, new)) == [message]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("reasons: 3", "reasons: many", 'x.yaml:14: scoring.reasons: expects a whole number, not "many"'),
        ("reasons: 3", "reasons: '3'", 'x.yaml:14: scoring.reasons: expects a whole number, not "3"'),
        ("reasons: 3", "reasons: 3.5", "x.yaml:14: scoring.reasons: expects a whole number, not 3.5"),
        ("reasons: 3", "reasons: true", "x.yaml:14: scoring.reasons: expects a whole number, not true"),
        ("reasons: 3", "reasons:", "x.yaml:14: scoring.reasons: expects a whole number, not nothing"),
        ("reasons: 3", "reasons: 11", "x.yaml:14: scoring.reasons: must be at most 10, not 11"),
        ("reasons: 3", "reasons: -1", "x.yaml:14: scoring.reasons: must be at least 0, not -1"),
        ("reasons: 3", "share: 1", "x.yaml:14: scoring.share: must be less than 1.0, not 1"),
        ("reasons: 3", "strict: yes", 'x.yaml:14: scoring.strict: expects true or false, not "yes"'),
        (
            "reasons: 3",
            "rank_by: expected value",
            "x.yaml:14: scoring.rank_by: expects one of expected_value, probability,"
            ' not "expected value"; did you mean "expected_value"?',
        ),
        ("2026-01-31", "31.01.2026", 'x.yaml:15: scoring.since: expects a date like 2026-01-31, not "31.01.2026"'),
        ("2026-01-31", "2026-02-30", 'x.yaml:15: scoring.since: expects a date like 2026-01-31, not "2026-02-30"'),
        ("[30, 90]", "[30,\n 0]", "x.yaml:12: features[0].windows_days[1]: must be greater than 0, not 0"),
        ("[30, 90]", "[]", "x.yaml:11: features[0].windows_days: has 0 entries, needs at least 1"),
        ("[30, 90]", "30", "x.yaml:11: features[0].windows_days: expects a list, not 30"),
        ("[1, 2]", "[1]", "x.yaml:12: features[1].between[1]: missing"),
        ("[1, 2]", "[1, 2], label: []", "x.yaml:12: features[1].label: expects text or a number, not a list"),
        ("name: toy", "name: a b", r'x.yaml:2: name: must match the pattern ^\w+$, not "a b"'),
        (
            "{account_id: id, country: NO}",
            "none",
            'x.yaml:7: sources.accounts.columns: expects keys and values, not "none"',
        ),
        ("  reasons: 3", "  strict: true\n  share: 0.6", "x.yaml:13: scoring: strict needs a share of at most 0.5"),
    ],
)
def test_values(folder: Path, old: str, new: str, message: str) -> None:
    assert problems(edited(old, new)) == [message]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{dy: 3}", 'x.yaml:16: schedule.dy: unknown key, did you mean "day"?'),
        ("{kind: once}", "x.yaml:16: schedule.after: missing"),
        ("{kind: onc}", 'x.yaml:16: schedule.kind: expects one of monthly, once, not "onc"; did you mean "once"?'),
        ("{kind: [1]}", "x.yaml:16: schedule.kind: expects one of monthly, once, not a list"),
        ("5", "x.yaml:16: schedule.kind: missing; one of monthly, once"),
    ],
)
def test_a_kind_may_have_a_default(folder: Path, section: str, message: str) -> None:
    assert toy(GOOD + "schedule: {day: 3}").schedule == Monthly(day=3)
    assert problems(GOOD + f"schedule: {section}") == [message]


values = st.recursive(
    st.sampled_from(["5", "-1", "x", "''", "null", "true", "2026-01-31", "counts", "csv", "once"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]")
        | st.dictionaries(
            st.sampled_from(["kind", "path", "windows_days", "accounts", "x", "a b", "after", "label"]),
            inner,
            max_size=3,
        ).map(lambda v: f"{{{', '.join(f'{key}: {value}' for key, value in v.items())}}}")
    ),
    max_leaves=8,
)
places = ["name", "sources", "sources.accounts", "features", "features[0]", "features[1].label", "scoring", "schedule"]


@given(st.sampled_from(places), values)
@settings(max_examples=120)
def test_any_value_anywhere_is_taken_or_explained(
    tmp_path_factory: pytest.TempPathFactory, place: str, value: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(GOOD)
    try:
        load(path, Toy, [f"{place}={value}"])
    except ConfigError as error:
        jargon = ("Input", "Extra", "pydantic", "valid ", "function-", "None", "{'", "literal[")
        assert not any(word in str(error) for word in jargon), str(error)


def test_what_a_validator_says_is_passed_on(folder: Path) -> None:
    text = GOOD.replace("  events: {kind: sql, query: select 1}\n", "").replace("  accounts:\n", "  events:\n")
    assert problems(text) == ["x.yaml:3: sources: the table accounts is missing"]


def test_all_problems_are_listed_in_the_order_of_the_file(folder: Path) -> None:
    text = edited("path:", "pth:").replace("reasons: 3", "reasons: x\n  shar: 1").replace("query:", "limit: 0, query:")
    assert problems(text) == [
        "x.yaml:4: sources.accounts.path: missing: file inside the project folder",
        'x.yaml:6: sources.accounts.pth: unknown key, did you mean "path"?',
        "x.yaml:8: sources.events.limit: must be at least 1, not 0",
        'x.yaml:14: scoring.reasons: expects a whole number, not "x"',
        'x.yaml:15: scoring.shar: unknown key, did you mean "share"?',
    ]


@pytest.mark.parametrize("text", ["- 1", "text", "5"])
def test_a_file_that_is_no_mapping_is_refused(folder: Path, text: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith("x.yaml:1: expects keys and values, not ")


@pytest.mark.parametrize("text", ["", "# nothing\n", "null"])
def test_an_empty_file_misses_what_is_required(folder: Path, text: str) -> None:
    assert [p.partition(": ")[2] for p in problems(text)] == ["name: missing", "sources: missing"]


@pytest.mark.fault(28)
@pytest.mark.parametrize("text", ["00123", "1E5", "1.50", "NO", "true", "null", "2026-01-31", "0x1F", "1_0"])
def test_text_stays_as_it_was_written(folder: Path, text: str) -> None:
    spec = toy(GOOD + f"version: {text}\ntags: [AT, {text}]\n", f"sources.accounts.columns.ref={text}")
    assert spec.version == text
    assert spec.tags == ("AT", text)
    assert isinstance(source := spec.sources["accounts"], Csv)
    assert source.columns["ref"] == text


def test_what_may_be_text_or_a_number_is_a_number_only_where_it_reads_as_one(folder: Path) -> None:
    labels = [toy(GOOD, f"features[1].label={text}").features[1] for text in ("2", "002", "'2'")]
    assert [band.label for band in labels if isinstance(band, Band)] == [2.0, "002", "2"]


def test_nothing_where_text_is_expected_is_no_empty_text(folder: Path) -> None:
    assert problems(GOOD + "version:\n") == ["x.yaml:16: version: expects text, not nothing"]


def test_optional_text_may_be_null(folder: Path) -> None:
    source = toy(GOOD, "sources.accounts.zone=null").sources["accounts"]
    assert isinstance(source, Csv)
    assert source.zone is None


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("scoring.reasons=6", "scoring.reasons", 6),
        ("features[0].windows_days=[7,30]", "features.0.windows_days", (7, 30)),
        ("features[0].windows_days[1]=8", "features.0.windows_days.1", 8),
        ("features=[{kind: band}]", "features", (Band(),)),
        ("name=other", "name", "other"),
        ("scoring={share: 0.5}", "scoring", Scoring(share=0.5)),
        ("scoring.since=", "scoring.since", None),
        ("sources.events.query=select 1 where a = 'x'", "sources.events.query", "select 1 where a = 'x'"),
    ],
)
def test_overrides_are_parsed_as_yaml(folder: Path, override: str, path: str, value: object) -> None:
    found: object = toy(GOOD, override)
    for step in path.split("."):
        if isinstance(found, dict):
            found = found[step]
        else:
            found = found[int(step)] if isinstance(found, tuple) else getattr(found, step)
    assert found == value


def test_overrides_make_sections_that_the_file_leaves_out(folder: Path) -> None:
    assert toy(edited("scoring:\n  reasons: 3\n  since: 2026-01-31\n", ""), "scoring.reasons=6").scoring.reasons == 6
    assert (
        toy(edited("scoring:\n  reasons: 3\n  since: 2026-01-31\n", "scoring:\n"), "scoring.share=0").scoring.share == 0
    )


def test_later_overrides_win(folder: Path) -> None:
    assert toy(GOOD, "scoring.reasons=6", "scoring.reasons=7").scoring.reasons == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scoring.reasons=x", '--set scoring.reasons: expects a whole number, not "x"'),
        ("scoring.resons=1", '--set scoring.resons: unknown key, did you mean "reasons"?'),
        ("scoring={resons: 1}", '--set scoring: scoring.resons: unknown key, did you mean "reasons"?'),
        ("scoring.reasons=[1", "--set scoring.reasons: not valid YAML: a bracket that is never closed"),
        (
            "features[2].kind=band",
            "--set features[2].kind: features has 2 entries in the file, so there is no [2]"
            " - entries count from [0]; set the whole list or write it in the file",
        ),
        ("name.x=1", "--set name.x: name holds no keys - set it as a whole"),
    ],
)
def test_a_wrong_override_is_named(folder: Path, override: str, message: str) -> None:
    assert problems(GOOD, override) == [message]


@pytest.mark.parametrize("override", ["scoring", "=1", "a..b=1", "[0]=1", "features[x]=1", "a." * 40 + "b=1"])
def test_what_is_no_override_is_a_usage_error(folder: Path, override: str) -> None:
    with pytest.raises(UsageError) as caught:
        toy(GOOD, override)
    assert caught.value.exit_code == 64


@given(st.text(alphabet="scorinaes.[]0=:{}, '\"&*\t\n", max_size=30))
@settings(max_examples=100)
def test_any_override_is_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, override: str) -> None:
    path = tmp_path_factory.getbasetemp() / "override.yaml"
    path.write_text(GOOD)
    try:
        load(path, Toy, [override])
    except AbmError as error:
        assert "--set" in str(error)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
toys = st.builds(
    Toy,
    name=st.from_regex(r"\A[a-z0-9_]{1,8}\Z"),
    version=texts
    | st.sampled_from(["00123", "1E5", "NO", "true", "null", "~", "", " x ", "1e5", "a\nb\n", "=", "- a"]),
    sources=st.fixed_dictionaries(
        {
            "accounts": st.builds(
                Csv, path=texts, columns=st.dictionaries(texts, texts, max_size=3), zone=st.none() | texts
            )
        }
    ),
    features=st.lists(
        st.builds(Counts, windows_days=st.lists(st.integers(1, 400), min_size=1, max_size=4).map(tuple))
        | st.builds(
            Band, between=st.tuples(st.floats(allow_nan=False), st.just(math.inf)), label=texts | st.floats(0, 1)
        ),
        max_size=3,
    ).map(tuple),
    scoring=st.builds(Scoring, share=st.floats(0, 0.5), since=st.none() | st.dates(), strict=st.booleans()),
    tags=st.lists(texts, max_size=3).map(tuple),
)


@given(toys)
@settings(max_examples=60)
def test_what_is_shown_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, spec: Toy) -> None:
    path = tmp_path_factory.getbasetemp() / "shown.yaml"
    path.write_text(show(spec), encoding="utf-8")
    again = load(path, Toy)
    assert again == spec
    assert config_hash(again) == config_hash(spec)


def test_every_default_is_shown(folder: Path) -> None:
    shown = yaml.safe_load(show(toy(GOOD)))
    assert shown["scoring"] == {
        "reasons": 3,
        "share": 0.05,
        "rank_by": "probability",
        "since": "2026-01-31",
        "strict": False,
    }
    assert shown["sources"]["events"] == {"kind": "sql", "query": "select 1", "limit": 10}
    assert shown["version"] == "1"


def test_the_hash_ignores_how_a_choice_was_written(folder: Path) -> None:
    plain, spelled = toy(GOOD), toy(GOOD + "version: '1'\ntags: []\n")
    assert config_hash(plain) == config_hash(spelled)
    assert len(config_hash(plain)) == 12


@pytest.mark.parametrize("override", ["version=2", "scoring.share=0.06", "features[0].windows_days=[90, 30]"])
def test_the_hash_differs_where_a_choice_differs(folder: Path, override: str) -> None:
    assert config_hash(toy(GOOD)) != config_hash(toy(GOOD, override))


def test_the_hash_is_the_same_in_every_version() -> None:
    # Frozen, since every published list names its configuration by this hash. The recipe of the value:
    # printf '{"rank_by":"probability","reasons":4,"share":0.05,"since":null,"strict":false}' | sha256sum | cut -c1-12
    assert config_hash(Scoring()) == "0dcbf57c6e77"


DEMO = """\
project: {name: demo, currency: EUR, timezone: Europe/Vienna}
sources:
  accounts: {kind: csv, path: accounts.csv}
  events: {kind: parquet, path: events.parquet}
  contacts: {kind: excel, path: contacts.xlsx}
  opportunities: {kind: sql, query: select 1}
label: {kind: event, event_types: [reorder]}
snapshots: {kind: landmark}
profile: {sectors: [pharma], employee_count: 1000, countries: [AT, DE, NO]}
features:
  - {kind: firmographics}
  - {kind: value_fit}
  - {kind: engagement}
  - {kind: buying_group}
  - {kind: pipeline}
  - {kind: columns}
"""


def configured(folder: Path) -> Config:
    (folder / "demo.yaml").write_text(DEMO, encoding="utf-8")
    return load_config(folder / "demo.yaml")


def test_the_whole_configuration_is_shown_and_read_back(folder: Path) -> None:
    config = configured(folder)
    (folder / "shown.yaml").write_text(show(config), encoding="utf-8")
    again = load_config(folder / "shown.yaml")
    assert again == config
    assert config_hash(again) == config_hash(config)
    assert config.profile is not None
    assert config.profile.countries == ("AT", "DE", "NO")


def keys_on_their_own_lines(config: Config) -> tuple[str, list[tuple[int, str]]]:
    """The configuration, one key a line, and (line, key) of each key once a depth: kinds of a union share theirs."""
    text = yaml.safe_dump(yaml.safe_load(show(config)), sort_keys=False)
    found = [(number, re.fullmatch(r"([ -]*)(\w+):.*", line)) for number, line in enumerate(text.splitlines())]
    first = {match.groups(): number for number, match in reversed(found) if match}
    return text, sorted((number, key) for (_, key), number in first.items())


@pytest.mark.fault(50)
def test_every_key_that_is_mistyped_is_recognised_with_its_line(folder: Path) -> None:
    text, keys = keys_on_their_own_lines(configured(folder))
    assert len(keys) > 80
    path, lines = folder / "mistyped.yaml", text.splitlines()
    # Mistakes of one depth are told together, but for those that hide what else is wrong in their section.
    batches: dict[object, list[tuple[int, str]]] = {}
    for number, key in keys:
        depth = len(lines[number]) - len(lines[number].lstrip(" -"))
        batches.setdefault((depth, key == "kind"), []).append((number, key))
    for mistakes in batches.values():
        written = list(lines)
        for number, key in mistakes:
            written[number] = written[number].replace(f"{key}:", f"{key[:-1]}:", 1)
        path.write_text("\n".join(written), encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        problems = str(caught.value).split("\n")
        for number, key in mistakes:
            here = [p for p in problems if p.startswith(f"{path}:{number + 1}: ")]
            assert any(f'unknown key, did you mean "{key}"?' in problem for problem in here), caught.value


def test_the_schema_for_editors_describes_every_section() -> None:
    schema = json_schema()
    assert list(schema["properties"]) == list(Config.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["features"]["items"]["discriminator"]["mapping"].keys() >= {
        "firmographics",
        "engagement",
    }
    json.dumps(schema, allow_nan=False)


def test_overrides_reach_the_configuration(folder: Path) -> None:
    configured(folder)
    config = load_config(folder / "demo.yaml", ("model.seed=7", "features[2].windows_days=[7,30]"))
    assert config.model.seed == 7
    assert isinstance(engagement := config.features[2], EngagementSpec)
    assert engagement.windows_days == (7, 30)
