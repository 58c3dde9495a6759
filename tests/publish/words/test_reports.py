"""What reports say in other languages: complete, in the right letters, and true to the templates."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import abm_scoring
from abm_scoring.publish.report.voice import Voice
from abm_scoring.publish.words.report import REPORTS, ReportWords
from abm_scoring.publish.words.report_texts import CREDIT
from abm_scoring.roi.attribution.credits import NO_TOUCH, WHAT_CREDIT_IS_NOT
from abm_scoring.roi.cost_views import NO_TIER, UNALLOCATED
from abm_scoring.roi.metrics.catalogue import BY_ID

SOURCES = Path(abm_scoring.__file__).parent
OTHERS = sorted(REPORTS.keys() - {"en"})
GERMAN = REPORTS["de"]
#: Texts that computation returns and no report shows: of plans, of uplift, of comparisons by region.
NOT_SHOWN = {"budget.py", "budget_spec.py", "differences.py", "uplift.py"}


def names(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", OTHERS)
class TestLanguage:
    def test_has_the_same_keys_and_names(self, language: str) -> None:
        for part in ("pages", "codes", "told"):
            own, other = getattr(REPORTS[language], part), getattr(GERMAN, part)
            assert own.keys() == other.keys(), part
            for key, text in own.items():
                assert names(key) == names(text), key
                assert text and text == " ".join(text.split())

    def test_is_written_in_its_own_letters(self, language: str) -> None:
        texts = REPORTS[language]
        sentences = {k: t for k, t in (texts.pages | texts.told).items() if k.count(" ") > 3}
        same = [k for k, t in sentences.items() if k == t]
        assert same == []
        if language == "ru":
            assert all(re.search("[а-яё]", t, re.IGNORECASE) for t in sentences.values())
        assert not re.search("[şţŞŢ]", "".join((texts.pages | texts.told | texts.codes).values()))

    def test_tells_columns_of_one_table_apart(self, language: str) -> None:
        codes = REPORTS[language].codes
        for columns in (
            "figure metric unit lever phase r period start until view group value numerator denominator low high "
            "method n reason baseline abm change",
            "target period baseline actual goal status why needed reachable",
            "by group accounts wins gross cancelled net share",
            "campaign variant against clicks impressions difference low high",
        ):
            said = [codes[name] for name in columns.split()]
            assert len(set(said)) == len(said)

    def test_numbers_are_in_its_format(self, language: str) -> None:
        voice = Voice(language, "EUR")
        assert voice.value(1234567.0, "money") == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567\N{NO-BREAK SPACE}EUR"
        assert voice.value(0.1234, "percent") == "12,3\N{NO-BREAK SPACE}%"
        assert voice.digits(-1.5, "+.2f") == "-1,50"


def said_by(module: str) -> Iterator[str]:
    """Texts that a page gives to its words."""
    for node in ast.walk(ast.parse((SOURCES / module).read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "say" and node.args:
            for inner in ast.walk(node.args[0]):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value != "{n} ":
                    yield inner.value


def test_every_text_of_the_pages_is_known_and_no_other() -> None:
    pages = ("jobs/roi_page.py", "jobs/roi_tiles.py", "jobs/kpi_page.py", "publish/report/voice.py")
    for text in {text for module in pages for text in said_by(module)}:
        assert text in GERMAN.pages, text
    code = "".join((SOURCES / module).read_text() for module in (*pages, "jobs/roi.py", "jobs/kpis.py"))
    joined = re.sub(r'"\s*\n\s*"', "", code)
    built = {"{n} days", "{n} months", "{n} contacts", "{n} touches", "Influence", "Conversion"}
    built |= {"Reputation", "Relationships", "Revenue", *(text for text in GERMAN.pages if text.startswith("cost by "))}
    for text in GERMAN.pages.keys() - built:
        assert f'"{text}"' in joined or f"'{text}'" in joined, text


def returned_by(path: Path) -> Iterator[str]:
    """Texts in a module of roi/ that may reach a reader: no docstrings, errors, fields or formulas."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and isinstance(node.body[0], ast.Expr):
            skipped |= set(ast.walk(node.body[0]))
        called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Raise) or called in ("Field", "Metric"):
            skipped |= set(ast.walk(node))
        if isinstance(node, ast.JoinedStr):
            skipped |= set(ast.walk(node)) - {node}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "7" for p in node.values)
            text = "".join(map(str, parts))
        else:
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if text.count(" ") >= 2 and re.match(r"[a-z7]", text):
            yield text


def test_every_sentence_of_computation_is_known() -> None:
    words = ReportWords("de")
    for path in sorted((SOURCES / "roi").rglob("*.py")):
        if path.name in NOT_SHOWN:
            continue
        for text in returned_by(path):
            # A list of two tables stands for itself; the code joins more of them in the same way.
            known = words.told(text.replace("tables 7", "tables a and b"))
            assert known != text.replace("tables 7", "tables a and b"), f"{path.name}: {text}"


def test_every_figure_is_named_and_explained() -> None:
    words = ReportWords("de")
    for metric in BY_ID.values():
        for name, figure in metric.figures.items():
            assert name.replace("_", " ") in GERMAN.codes, name
            known = figure.meaning in GERMAN.told or words.told(figure.meaning) != figure.meaning
            assert known, figure.meaning
            assert figure.unit in GERMAN.told, figure.unit


def test_codes_of_other_rooms_are_known() -> None:
    assert WHAT_CREDIT_IS_NOT == CREDIT
    assert {NO_TOUCH, NO_TIER, UNALLOCATED, CREDIT} <= GERMAN.told.keys()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-Q1 to date", "2026-Q1 bis heute"),
        ("fewer than 10 conversions in an arm", "weniger als 10 Abschlüsse in einer Gruppe"),
        (
            "matured runs brought 0.83 of what was predicted, beyond chance; corrected for",
            "reife Läufe brachten das 0,83-Fache der Prognose, mehr als Zufall erklärt; ist berücksichtigt",
        ),
        ("email, outbound", "email, ausgehend"),
        ("200 to 1000", "200 bis 1000"),
        ("Müller & Söhne", "Müller & Söhne"),
    ],
)
def test_what_computation_returns_is_recognised(text: str, said: str) -> None:
    assert ReportWords("de").told(text) == said
    assert ReportWords("en").told(text) == text


def test_lists_in_a_template_are_said_one_by_one() -> None:
    note = "season: no outcome of October, May was ever seen in training; if these months differ, the total is off"
    assert "октябрь, май" in ReportWords("ru").told(note)


def test_a_table_keeps_names_and_says_words() -> None:
    frame = pd.DataFrame({"campaign_id": ["first", "(unallocated)"], "kind": ["media", "hours"], "cost": [1.0, 2.0]})
    found = Voice("de", "EUR").frame(frame)
    assert list(found) == ["Kampagne", "Art", "Kosten"]
    assert found["Kampagne"].tolist() == ["first", "(nicht zugeordnet)"] and found["Art"].tolist() == [
        "Medien",
        "Stunden",
    ]
    assert list(frame) == ["campaign_id", "kind", "cost"]
