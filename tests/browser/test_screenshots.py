"""Pictures of the page for the docs, of a fictional list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abm_scoring.publish.page import write_page
from tests.browser.conftest import content

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.mark.evidence
def test_pictures_for_the_docs(browser: Any, tmp_path: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    for language in ("en", "de"):
        write_page(content(600, language), tmp_path / f"{language}.html")
    context = browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    page.goto((tmp_path / "en.html").as_uri())
    page.locator("tr.row").first.wait_for()
    page.screenshot(path=IMAGES / "page-list.png")
    page.locator("tr.row th button").nth(2).click()
    page.screenshot(path=IMAGES / "page-account.png")
    page.get_by_role("tab", name="What changed").click()
    page.keyboard.press("Escape")
    page.screenshot(path=IMAGES / "page-changes.png")
    page.goto((tmp_path / "de.html").as_uri())
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.locator("tr.row th button").nth(1).click()
    page.screenshot(path=IMAGES / "page-dark-german.png")
    context.close()
    assert all(path.stat().st_size < 1 << 20 for path in IMAGES.glob("*.png"))
