"""A report as one file: template, style and figures, sealed by a policy that allows nothing but its own style."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from abm_scoring.publish.report.charts import bars_svg, lines_svg
from abm_scoring.publish.report.figures import natural, written
from abm_scoring.publish.report.parts import Bars, Lines, ReportPage, Section, Table

_RIGHT = frozenset({"integer", "number", "money", "percent"})


def write_report(page: ReportPage, path: Path) -> None:
    """Write a report as one HTML file (UTF-8) that needs no network, no server and no script.

    Args:
        page: What to show.
        path: File to create; it must not exist.
    """
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(render(page))


def render(page: ReportPage) -> str:
    """The report as text. Every value is escaped; the policy forbids scripts, requests, forms and frames."""
    from jinja2 import Environment, StrictUndefined

    style = _read("report.css")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(_read("report.html")).render(
        page=page, style=_safe(style), policy=_policy(style), sections=[_section(s, page) for s in page.sections]
    )


def _section(section: Section, page: ReportPage) -> dict[str, Any]:
    return {"title": section.title, "text": section.text, "parts": [_part(p, page) for p in section.parts]}


def _part(part: Table | Lines | Bars, page: ReportPage) -> dict[str, Any]:
    shared = {"title": part.title, "note": part.note}
    if isinstance(part, Table):
        return {**shared, "table": _table(part, page.currency, page.language)}
    if isinstance(part, Lines):
        legend = [(s.name, s.dashed) for s in part.series]
        drawn = lines_svg(part, page.currency, page.language)
        return {**shared, "svg": _safe(drawn), "legend": legend, "y_name": part.y_name}
    return {**shared, "svg": _safe(bars_svg(part, page.currency, page.language)), "legend": [], "y_name": ""}


def _table(table: Table, currency: str, language: str) -> dict[str, Any]:
    formats = [
        table.formats.get(str(name), natural(table.frame.iloc[:, i])) for i, name in enumerate(table.frame.columns)
    ]
    say = partial(written, currency=currency, language=language)
    columns = [[say(value, how) for value in table.frame.iloc[:, i].astype(object)] for i, how in enumerate(formats)]
    sides = ["right" if how in _RIGHT else "left" for how in formats]
    rows = [list(zip(row, sides, strict=True)) for row in zip(*columns, strict=True)]
    return {"head": list(zip(map(str, table.frame.columns), sides, strict=True)), "rows": rows}


def _safe(text: str) -> Any:
    """Text that this module made itself and that is markup."""
    from markupsafe import Markup

    return Markup(text)


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
