"""What a report is made of: plain values that say what is shown, never how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

#: How a value is written: `integer` 1,234 · `number` four significant digits · `money` 1,234 · `percent` 12.3% ·
#: `day` 2026-01-31 · `text` as it is.
Format = Literal["integer", "number", "money", "percent", "day", "text"]
Tone = Literal["plain", "good", "bad", "warn"]


@dataclass(frozen=True)
class Tile:
    """One figure of the first screen.

    Attributes:
        label: What it is, e.g. `Spent`.
        value: The figure in words of the reader, e.g. `EUR 12,400` or `cannot tell`.
        note: One line below: interval, n, reason.
        tone: Colour; never the only carrier of a verdict.
    """

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """A table; its columns are the headings, missing values are printed `n/a`.

    Attributes:
        title: Caption.
        frame: n rows; the index is not shown.
        formats: Column → how its values are written; by dtype where a column is not named.
        note: One paragraph below.
    """

    title: str
    frame: pd.DataFrame
    formats: Mapping[str, Format] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Series:
    """One line of a chart; NaN breaks it.

    Attributes:
        name: Legend.
        values: One y an x.
        low, high: Interval around each value; None = no band.
        dashed: For what is expected, assumed or a baseline.
    """

    name: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Lines:
    """A line chart.

    Attributes:
        x: Text (equal steps, e.g. months) or numbers (to scale), one for each value of every series.
        diagonal: Draw y = x, as reliability diagrams need.
        x_name, y_name: Axis titles.
        markers: Mark every point with a dot.
    """

    title: str
    x: Sequence[str] | Sequence[float]
    series: Sequence[Series]
    format: Format = "number"
    x_name: str = ""
    y_name: str = ""
    note: str = ""
    diagonal: bool = False
    markers: bool = True


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, top to bottom, with whiskers where an interval is known; NaN is printed `n/a`."""

    title: str
    labels: Sequence[str]
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    format: Format = "number"
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One chapter: a paragraph each of `text`, then its parts in order."""

    title: str
    parts: Sequence[Table | Lines | Bars] = ()
    text: Sequence[str] = ()


@dataclass(frozen=True)
class ReportPage:
    """A report, complete: `write_report(ReportPage(title, subtitle, tiles, sections), path)` makes the file.

    Everything that is text is shown as text, whatever it holds. Equal pages give equal bytes.

    Example:
        >>> page = ReportPage("Evaluation", "as of 2026-01-01", [Tile("Lift", "3.1", "2.6 to 3.7")], [])
        >>> from abm_scoring.publish.report import render
        >>> "2.6 to 3.7" in render(page)
        True

    Attributes:
        title, subtitle: Heading, and the line below: project, day, model.
        tiles: The first screen: what a reader with one minute takes away.
        sections: The chapters.
        language: Language of the texts (en, de, ro, ru): for screen readers, and for how numbers are written. The page
            adds no words of its own but `n/a`.
        currency: ISO 4217 code that stands beside amounts of money.
    """

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    language: str = "en"
    currency: str = ""
