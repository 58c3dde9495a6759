"""What a metric is: its definition in words, and how it is measured, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abm_scoring.roi.metrics.observed import Observed

if TYPE_CHECKING:
    from abm_scoring.roi.metrics.prepared import Prepared
    from abm_scoring.roi.periods import Period

Unit = Literal[
    "count", "share", "money", "days", "contacts", "touches", "minutes", "points", "ratio", "months", "per_day"
]


@dataclass(frozen=True)
class FigureOf:
    """One figure of a metric.

    Attributes:
        unit: Of the value.
        meaning: What it says, in a clause.
        adds_up: Whether it grows through a period, so that its pace can be told while the period runs.
    """

    unit: Unit
    meaning: str
    adds_up: bool = False


@dataclass(frozen=True)
class Metric:
    """One declared metric.

    Attributes:
        id: Name in code, reports, targets and docs.
        formula: The definition in words.
        lever: What moves a conversion, or the conversions themselves; the two are never added together.
        phase: Before or after the sale.
        r: One of the three Rs.
        tables: Tables without which it is undefined.
        misleads: When it says something else than it seems to.
        figures: Name → figure; the first has the metric's own name and is the one a target refers to.
        measure: From prepared columns and a period to what was observed, by figure.
        population: Whose rows are counted: target accounts, or everybody.
        better: The direction a target is met in.
    """

    id: str
    formula: str
    lever: Literal["influence", "conversion"]
    phase: Literal["pre_sale", "post_sale"]
    r: Literal["reputation", "relationships", "revenue"]
    tables: tuple[str, ...]
    misleads: str
    figures: Mapping[str, FigureOf]
    measure: Callable[[Prepared, Period], Mapping[str, Observed]]
    population: Literal["target", "all"] = "all"
    better: Literal["higher", "lower"] = "higher"
