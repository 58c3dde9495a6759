"""The page in Debian's Chromium; skipped, with the reason, where that is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abm_scoring.publish.page import PageContent, write_page
from abm_scoring.publish.words import Words
from tests.publish.lists import make_history, make_list, make_transitions

CHROMIUM = Path("/usr/bin/chromium")
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        yield chromium
        chromium.close()


Opens = Callable[[Path], Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opens]:
    """Opens a file without a network; the test fails if the page complains or asks for anything but itself."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", offline=True)
    complaints: list[str] = []

    def go(path: Path) -> Any:
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: complaints.append(r.url) if r.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield go
    context.close()
    assert complaints == []


def content(n: int, language: str = "en", **changes: Any) -> PageContent:
    """A page of `n` accounts with everything that a run can fill."""
    published, frozen = make_list(n, language=language)
    stages = ("known", "eligible", "ranked", "engaged", "mqa", "accepted", "won")
    given: dict[str, Any] = {
        "frozen": frozen,
        "transitions": make_transitions(published),
        "history": make_history(published),
        "funnel": {stage: round(2 * n / (1 + 1.2 * i**2)) for i, stage in enumerate(stages)},
    }
    return PageContent("demo", published, Words(language), **given | changes)


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 300 accounts in English."""
    path = tmp_path_factory.mktemp("page") / "target_accounts.html"
    write_page(content(300), path)
    return path
