"""What those who choose from data may ask, of one history or of the summary of many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from abm_scoring.features.measures import Dimension


class Seen(Protocol):
    """A `history.History`, or a `survey.Survey` of all partitions."""

    @property
    def event_types(self) -> tuple[str, ...]:
        """Types of events seen, sorted."""

    def columns(self, table: str) -> Collection[str]:
        """Columns of a table."""

    def frequencies(self, dimension: Dimension) -> Mapping[str, int]:
        """How often each value of a dimension comes."""

    def knows(self, table: str, column: str) -> bool:
        """Whether any row of a table says something in a column."""
