"""The report in a real browser: no complaint, no request, and everything in view."""

from __future__ import annotations

from pathlib import Path

from abm_scoring.publish.report import write_report
from tests.browser.conftest import Opens
from tests.publish.test_report import page as report


def test_it_shows_tiles_tables_and_charts(tmp_path: Path, opened: Opens) -> None:
    write_report(report("Did it pay off?"), tmp_path / "report.html")
    page = opened(tmp_path / "report.html")
    assert page.locator("h1").inner_text() == "Did it pay off?"
    assert page.locator(".tile b").first.is_visible() and page.locator("table td").first.is_visible()
    assert "EUR\N{NO-BREAK SPACE}1,234" in page.locator("main").inner_text()
    for chart in page.locator("svg").all():
        box = chart.bounding_box()
        assert box["width"] > 300 and box["height"] > 40
    # Styles reach into the charts: the policy has not blocked the page's own.
    fill = page.locator("svg .bar").first.evaluate("e => getComputedStyle(e).fill")
    assert fill not in ("rgb(0, 0, 0)", "")
