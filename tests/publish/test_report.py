from __future__ import annotations

import html
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from abm_scoring.publish.report import Bars, Lines, ReportPage, Section, Series, Table, Tile, render, write_report
from abm_scoring.publish.report.charts import bars_svg, lines_svg
from abm_scoring.publish.report.figures import written
from abm_scoring.publish.report.workbook import write_workbook
from tests.publish.injections import FORMULAS, MARKUP

NAN = float("nan")
FRAME = pd.DataFrame({"name": ["x", None], "money": [1234.5, NAN], "share": [0.1234, 1.0], "n": [3, 40_000]})


def page(text: str = "plain") -> ReportPage:
    band = Series(text, [1, NAN, 3], [0, NAN, 2], [2, NAN, 4])
    parts = [
        Table(text, FRAME.assign(name=[text, None]), {"money": "money", "share": "percent"}, text),
        Lines(
            text,
            ["a", text, "c"],
            [band, Series("b", [0, 0, 0])],
            note=text,
        ),
        Bars(text, [text, "y"], [3.0, NAN], [2.0, NAN], [4.0, NAN], "percent"),
    ]
    return ReportPage(text, text, [Tile(text, text, text, "good")], [Section(text, parts, [text])] * 3, currency="EUR")


def test_equal_pages_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(page(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pytest.raises(FileExistsError):
        write_report(page(), tmp_path / "one")


@pytest.mark.parametrize("text", MARKUP)
def test_text_stays_text(text: str) -> None:
    found, plain = render(page(text)), render(page())
    tags = re.compile(r"<[a-zA-Z/!][^>]*>")
    assert [t.split()[0] for t in tags.findall(found)] == [t.split()[0] for t in tags.findall(plain)]


def test_it_needs_nothing_but_itself() -> None:
    found = html.unescape(render(page()))
    assert "default-src 'none'" in found and "<script" not in found
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", found) == [] and 'style="' not in found


def test_figures_are_written_for_readers() -> None:
    found = render(page())
    for text in ("EUR\N{NO-BREAK SPACE}1,234", "12.3%", "40,000", "n/a"):
        assert text in found


@pytest.mark.parametrize(
    ("value", "format", "expected"),
    [
        (None, "money", "n/a"), (math.inf, "number", "n/a"), (0.00012345, "number", "0.000123"),
        (12.345, "number", "12.35"),
        (0.0, "number", "0"), (-0.05, "percent", "-5.0%"), (1e6, "integer", "1,000,000"), (pd.NaT, "day", "n/a"),
        (pd.Timestamp("2026-01-31"), "day", "2026-01-31"), ("x", "text", "x"),
    ],
)  # fmt: skip
def test_written(value: object, format: str, expected: str) -> None:
    assert written(value, format) == expected  # type: ignore[arg-type]


numbers = st.lists(st.one_of(st.just(NAN), st.floats(-1e9, 1e9)), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(numbers, st.booleans())
@example([2.225073858507203e-309], False)
def test_charts_are_well_formed_and_stay_inside(values: list[float], numeric: bool) -> None:
    x = [float(i) for i in range(len(values))] if numeric else [f"m{i}" for i in range(len(values))]
    svg = lines_svg(Lines("t", x, [Series("s", values)], diagonal=False))
    root = ElementTree.fromstring(svg)
    for dot in root.iter("circle"):
        assert 0 <= float(dot.attrib["cx"]) <= 640 and 0 <= float(dot.attrib["cy"]) <= 280
    assert len(list(root.iter("circle"))) == int(np.isfinite(values).sum())
    bars = ElementTree.fromstring(bars_svg(Bars("t", list(map(str, x)), values)))
    assert all(0 <= float(r.attrib["x"]) <= 640 and float(r.attrib["width"]) <= 640 for r in bars.iter("rect"))


def test_a_reliability_chart_has_its_diagonal() -> None:
    svg = lines_svg(Lines("t", [0.1, 0.4], [Series("s", [0.2, 0.3], [0.1, 0.2], [0.3, 0.4])], "percent", diagonal=True))
    assert 'class="diagonal"' in svg and 'class="band s0"' in svg


def test_the_workbook_holds_the_tables_as_text_and_numbers(tmp_path: Path) -> None:
    import openpyxl

    frame = FRAME.assign(name=[FORMULAS[0], "y"], at=pd.Timestamp("2026-01-01", tz="UTC"))
    for name in ("one.xlsx", "two.xlsx"):
        write_workbook({"figures": frame, "empty": frame.head(0)}, tmp_path / name, "t")
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    sheet = openpyxl.load_workbook(tmp_path / "one.xlsx")["figures"]
    rows = list(sheet.values)
    assert rows[1][:4] == (FORMULAS[0], 1234.5, 0.1234, 3) and rows[2][1] is None
    assert sheet["A2"].data_type == "s"
