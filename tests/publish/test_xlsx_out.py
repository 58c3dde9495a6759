"""The workbook: explained, filterable, the same bytes each time, and never a formula."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from abm_scoring.errors import OutputError
from abm_scoring.publish import xlsx_out
from abm_scoring.publish.words import LANGUAGES, Words
from abm_scoring.publish.xlsx_out import write_xlsx
from tests.publish.injections import FORMULAS
from tests.publish.lists import make_list

pytestmark = pytest.mark.filterwarnings("ignore:.*xtension is not supported:UserWarning")  # openpyxl has no data bars

_MADE = "2000-01-01T00:00:00Z"
LEFT_OUT = pd.DataFrame(
    {"account_id": ["X1"], "account_name": ["Late AG"], "owner_id": [None], "status": ["customer"], "reason": ["schon"]}
)


def written(folder: Path, frame: pd.DataFrame, language: str = "en", **options: object) -> Path:
    path = folder / "list.xlsx"
    write_xlsx(frame, path, Words(language), **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("language", LANGUAGES)
def test_has_the_list_the_rest_and_a_legend_that_explains_every_column(tmp_path: Path, language: str) -> None:
    published, _ = make_list(30)
    book = load_workbook(written(tmp_path, published, language, not_scored=LEFT_OUT, decimals={"score": 1}))
    words = Words(language)
    ranked, rest, legend = book.worksheets
    assert [c.value for c in ranked[1]] == [words.heading(c) for c in published]
    assert ranked.max_row == 31 and rest.max_row == 2
    told = {row[1].value: (row[0].value, row[2].value) for row in legend.iter_rows(min_row=2)}
    assert told.keys() == {*published.columns, *LEFT_OUT.columns}
    assert all(heading and meaning for heading, meaning in told.values())


def test_opens_ready_to_work_with(tmp_path: Path) -> None:
    published, _ = make_list(30)
    sheet = load_workbook(written(tmp_path, published, decimals={"score": 1})).worksheets[0]
    assert sheet.freeze_panes == "D2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(1, sheet.max_column).column_letter}31"
    at = {name: i + 1 for i, name in enumerate(published)}
    assert sheet.cell(2, at["conversion_probability"]).number_format == "0.0%"
    assert sheet.cell(2, at["last_activity_at"]).is_date
    assert sheet.column_dimensions["C"].width > 25
    kinds = {rule.type for area in sheet.conditional_formatting for rule in area.rules}
    assert {"dataBar", "cellIs"} <= kinds


def test_holds_the_values_of_the_list(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "rank": [1, 2],
            "account_id": ["00123", "1E5"],
            "score": [87.44, np.nan],
            "mqa_status": ["accepted", None],
            "roles_missing": ["it; finance", ""],
            "mqa_since": pd.to_datetime(["2026-05-01T22:00Z", None], utc=True),
            "mqa_age_days": pd.array([3, None], "Int64"),
            "my column": [True, False],
        }
    )
    sheet = load_workbook(written(tmp_path, frame, "de", decimals={"score": 1})).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == [
        "Rang",
        "Account-ID",
        "Score",
        "MQA-Status",
        "Fehlende Rollen",
        "MQA seit",
        "MQA-Alter",
        "my column",
    ]
    assert rows[1] == [
        1,
        "00123",
        87.4,
        "angenommen",
        "IT; Finanzen",
        pd.Timestamp("2026-05-01 22:00"),
        3,
        True,
    ]
    assert rows[2] == [2, "1E5", None, None, None, None, None, False]


def test_the_same_lists_give_the_same_bytes(tmp_path: Path) -> None:
    published, _ = make_list(25)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (written(tmp_path / name, published, not_scored=LEFT_OUT) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as parts:  # not the clock, which would differ from one second to the next
        assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", parts.read("docProps/core.xml").decode())) == {_MADE}
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    other = published.assign(score=published["score"] + 1)
    (tmp_path / "c").mkdir()
    assert written(tmp_path / "c", other, not_scored=LEFT_OUT).read_bytes() != first.read_bytes()


def test_no_text_becomes_a_formula_or_a_link(tmp_path: Path) -> None:
    published, _ = make_list(len(FORMULAS))
    texts = [c for c in published if pd.api.types.is_string_dtype(published[c].dtype) or published[c].dtype == object]
    frame = published.assign(**{c: FORMULAS for c in texts}, **{"=1+1": list(FORMULAS)})
    path = written(tmp_path, frame, not_scored=LEFT_OUT.assign(reason="=1+1"))
    for sheet in load_workbook(path).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.coordinate
                assert cell.hyperlink is None
    ranked = load_workbook(path).worksheets[0]
    name = ranked.cell(2, 1 + list(frame).index("account_name"))
    assert name.value == "=1+1" and name.quotePrefix, "editing the cell must not make it a formula either"
    with zipfile.ZipFile(path) as parts:
        for part in parts.namelist():
            if part.startswith("xl/worksheets/"):
                assert not re.search(r"<f[ >]", parts.read(part).decode()), part
        assert not any("externalLink" in part or "_rels/sheet" in part for part in parts.namelist())


def test_empty_lists(tmp_path: Path) -> None:
    published, _ = make_list(3)
    sheet = load_workbook(written(tmp_path, published.head(0), not_scored=LEFT_OUT.head(0))).worksheets[0]
    assert sheet.max_row == 1 and sheet["A1"].value == "Rank"


def test_a_list_that_no_sheet_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_out, "MAX_ROWS", 3)
    with pytest.raises(OutputError, match="3 rows do not fit"):
        written(tmp_path, make_list(3)[0])
    assert not (tmp_path / "list.xlsx").exists()


def test_an_infinite_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="score holds an infinite"):
        written(tmp_path, pd.DataFrame({"score": [np.inf]}))
    assert not (tmp_path / "list.xlsx").exists()
