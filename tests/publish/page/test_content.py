"""What goes into the page, seen without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.publish import page, xlsx_out
from abm_scoring.publish.page import PageContent, write_page
from abm_scoring.publish.page.writing import render
from abm_scoring.publish.words import LANGUAGES, Words
from tests.publish.injections import MARKUP
from tests.publish.lists import AS_OF, make_history, make_list, make_transitions

PUBLISHED, FROZEN = make_list(40)


def whole(**changes: Any) -> PageContent:
    given = {"frozen": FROZEN, "transitions": make_transitions(PUBLISHED), "history": make_history(PUBLISHED)}
    return PageContent("demo", PUBLISHED, Words("en"), **given | {"funnel": {"ranked": 40}} | changes)


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def cell(data: dict[str, Any], column: str, row: int) -> object:
    one = data["columns"][column]
    if "n" in one or "d" in one:
        return next(iter(one.values()))[row]
    return None if one["i"][row] < 0 else one["t"][one["i"][row]]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_page(whole(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(FileExistsError):
        write_page(whole(), tmp_path / "a")


def test_the_policy_has_the_hashes_of_what_is_in_the_file() -> None:
    html = render(whole())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    style, script = (
        re.search(r"<style>(.*?)</style>", html, re.DOTALL),
        re.findall(r"<script>(.*?)</script>", html, re.DOTALL),
    )
    assert policy and style and len(script) == 1
    for text in (style.group(1), script[0]):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy.group(1)
    assert "unsafe" not in policy.group(1) and policy.group(1).startswith("default-src 'none'")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_script_says_only_what_every_language_has(language: str) -> None:
    """Each text that the script asks for exists, and each that exists is asked for somewhere."""
    html = render(PageContent("demo", PUBLISHED, Words(language)))
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
    asked = set(re.findall(r'\bW\.(\w+)|\bsay\("(\w+)"', script))
    keys = {one or other for one, other in asked}
    assert keys <= data_of(html)["words"].keys()


def test_every_text_is_shown_somewhere() -> None:
    """A text that nothing shows is dead, and each language would have to translate it."""
    folder = Path(page.__file__).parent
    script = (folder / "page.js").read_text(encoding="utf-8")
    code = script + "".join(
        path.read_text(encoding="utf-8") for path in [*folder.glob("*.py"), Path(xlsx_out.__file__)]
    )
    interface = Words("en").interface
    built = {"tab_list", "tab_changes", "new", "lost", "risk", "risers", "fallers"}
    for key in interface.page.keys() - built:
        assert re.search(rf'\bW\.{key}\b|say\("{key}"|page\["{key}"\]|words\["{key}"\]', code), key
    assert all(f'counted("{key}"' in script for key in interface.counted)


def test_nothing_on_the_page_names_another_place() -> None:
    html = render(whole())
    outside = [u for u in re.findall(r"(?:https?:)?//[\w.]+", html) if u != "http://www.w3.org"]
    assert [u for u in outside if "." in u] == []


@given(st.lists(st.text(max_size=30) | st.sampled_from(MARKUP), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back_as_it_was_and_ends_no_element(texts: list[str]) -> None:
    texts = [t.encode("utf-8", "ignore").decode() for t in texts]
    frame = pd.DataFrame({"rank": range(1, len(texts) + 1), "account_id": [f"a{i}" for i in range(len(texts))]})
    frame = frame.assign(score=1.0, account_name=pd.Series(texts, dtype="str"))
    html = render(PageContent("p", frame, Words("en")))
    assert html.count("</script>") == 2 and html.count("<script") == 2
    data = data_of(html)
    assert [cell(data, "account_name", i) or "" for i in range(len(texts))] == texts


def test_columns_keep_their_values() -> None:
    data = whole().as_json()
    for row in (0, 7, 39):
        for column in ("rank", "score", "score_change", "expected_value"):
            assert cell(data, column, row) == pytest.approx(PUBLISHED[column].iloc[row])
        for column in ("account_name", "reason_1", "mqa_status"):
            assert cell(data, column, row) == PUBLISHED[column].iloc[row]
        assert cell(data, "last_activity_at", row) == PUBLISHED["last_activity_at"].iloc[row].date().isoformat()
    assert json.dumps(data, allow_nan=False)


def test_a_moment_is_a_day_by_the_clock_of_the_project() -> None:
    berlin = whole(timezone="Europe/Berlin").as_json()  # whose midnight is 22:00 of the day before in UTC
    assert berlin["history"]["days"][-1] == "2026-06-01"
    midnight = PUBLISHED.assign(last_activity_at=pd.Timestamp("2026-05-31T22:30Z"))
    data = PageContent("p", midnight, Words("en"), timezone="Europe/Berlin").as_json()
    assert cell(data, "last_activity_at", 0) == "2026-06-01"


def test_frozen_rows_and_history_are_found_by_account_in_any_order() -> None:
    mixed = FROZEN.sample(frac=1, random_state=1)
    history = make_history(PUBLISHED).sample(frac=1, random_state=1)
    assert whole(frozen=mixed, history=history).as_json() == whole().as_json()
    data = whole().as_json()
    weeks = FROZEN.loc[3, [c for c in FROZEN if c.startswith("activity")]].tolist()
    assert data["activity"][3] == ",".join(str(n) for n in weeks)
    assert data["contributions"]["reason_1"][3] == pytest.approx(FROZEN["reason_1_contribution"].iloc[3], abs=5e-4)
    assert data["history"]["scores"][3][-1] == PUBLISHED["score"].iloc[3]


class TestChanges:
    LIST = pd.DataFrame(
        {
            "rank": [1, 2, 3, 4],
            "account_id": ["a", "b", "c", "d"],
            "score": [90.0, 80.0, 70.0, 60.0],
            "score_change": [-5.0, -4.9, np.nan, 3.0],
            "mqa_status": ["mqa", "accepted", "mqa", "none"],
        }
    )

    def changes(self, **given: Any) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = PageContent("p", self.LIST, Words("en"), **given).as_json()["changes"]
        return found

    def test_at_risk_by_falling(self) -> None:
        assert self.changes()["risk"] == [{"id": "a", "row": 0, "why": "score fell by 5 points"}]

    def test_at_risk_by_silence_of_exactly_four_weeks(self) -> None:
        weeks = pd.DataFrame(0, index=range(4), columns=[f"activity_week_{w:02d}" for w in range(1, 27)])
        frozen = weeks.assign(account_id=["a", "b", "c", "d"])
        frozen.loc[1, "activity_week_23"] = 1  # within the last four
        frozen.loc[2, "activity_week_22"] = 9  # just before them
        risk = {entry["id"]: entry["why"] for entry in self.changes(frozen=frozen)["risk"]}
        assert risk == {
            "a": "score fell by 5 points; no activity for four weeks",
            "c": "no activity for four weeks",
        }

    def test_new_and_lost(self) -> None:
        moves = [
            ("a", "none", "mqa", "enter_threshold", 90.0, 85.0),
            ("b", "mqa", "accepted", "sales_accepted", np.nan, np.nan),
            ("x", "accepted", "expired", "left_list", np.nan, np.nan),
            ("y", "recycled", "none", "cooldown_over", np.nan, np.nan),
        ]
        log = pd.DataFrame(moves, columns=["account_id", "from", "to", "rule", "value", "threshold"]).assign(
            as_of=AS_OF
        )
        found = self.changes(transitions=log)
        entered = "score and evidence reached the entry level; 90 (threshold 85)"
        assert found["new"] == [{"id": "a", "row": 0, "why": entered}]
        assert found["lost"] == [{"id": "x", "row": None, "why": "no longer on the list"}]

    def test_movers_are_those_that_moved_most(self) -> None:
        found = self.changes()
        assert [e["id"] for e in found["risers"]] == ["d"]
        assert [e["id"] for e in found["fallers"]] == ["a", "b"]

    def test_what_a_run_cannot_know_is_left_out(self) -> None:
        bare = PageContent("p", self.LIST[["rank", "account_id", "score"]], Words("en")).as_json()
        assert bare["changes"] == {} and bare["history"] is None and bare["activity"] is None
