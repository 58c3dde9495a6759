"""What must be known of all accounts together before anything is chosen from the data, counted by partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Self

import pandas as pd
from pydantic import Field

from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History, dated_span, observed
from abm_scoring.features.measures import Dimension
from abm_scoring.features.moments import micros
from abm_scoring.spec import Spec


class Survey(Spec):
    """A summary of histories that those who choose from data can ask (`seen.Seen`); those of partitions add up.

    Attributes:
        first_event, first_fact, last_fact: See `history.dated_span`.
        event_types: Types of events seen, sorted.
        present: Table → its columns, sorted.
        counts: Dimension → value → events with it, or contacts with that seniority.
        filled: Columns, as `table.column`, in which some row says something: of the accounts, and what was asked for.
    """

    first_event: int | None = None
    first_fact: int | None = None
    last_fact: int | None = None
    event_types: tuple[str, ...] = ()
    present: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    counts: dict[Dimension, dict[str, int]] = Field(default_factory=dict)
    filled: tuple[str, ...] = ()

    @classmethod
    def of(cls, history: History, specs: Sequence[FeatureSpec], asked: Sequence[tuple[str, str]]) -> Self:
        """The summary of one partition.

        Args:
            history: Of the partition.
            specs: Families of features, whose dimensions are counted.
            asked: Other tables and columns of which it matters whether they say anything.
        """
        wanted = {dimension for spec in specs if spec.kind == "engagement" for dimension in spec.dimensions}
        first_event, first_fact, last_fact = dated_span(history.facts, history.log)
        return cls(
            first_event=first_event,
            first_fact=first_fact,
            last_fact=last_fact,
            event_types=history.event_types,
            present={name: tuple(sorted(history.columns(name))) for name in ("events", *history.facts)},
            counts={dimension: history.frequencies(dimension) for dimension in sorted(wanted)},
            filled=tuple(f"{t}.{c}" for t, c in (*_accounts(history), *asked) if history.knows(t, c)),
        )

    def columns(self, table: str) -> frozenset[str]:
        """Columns of a table."""
        return frozenset(self.present.get(table, ()))

    def frequencies(self, dimension: Dimension) -> dict[str, int]:
        """How often each value of a dimension comes."""
        return self.counts.get(dimension, {})

    def knows(self, table: str, column: str) -> bool:
        """Whether any row of a table says something in a column."""
        return f"{table}.{column}" in self.filled

    def observed(self, limit: int) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Where observation begins and ends; see `history.observed`."""
        return observed(self.first_event, self.first_fact, self.last_fact, limit)

    def within(self, history: History) -> History:
        """A partition's history that knows when all accounts were observed, and which types their events have."""
        begin, end = self.observed(micros(history.until))
        log = history.log.among(self.event_types)
        if log is history.log and (begin, end) == (history.observed_from, history.observed_until):
            return history
        return replace(history, observed_from=begin, observed_until=end, log=log)


def summed(surveys: Iterable[Survey]) -> Survey:
    """All partitions as one."""
    return reduce(_both, surveys, Survey())


def _both(a: Survey, b: Survey) -> Survey:
    return Survey(
        first_event=_of(min, a.first_event, b.first_event),
        first_fact=_of(min, a.first_fact, b.first_fact),
        last_fact=_of(max, a.last_fact, b.last_fact),
        event_types=tuple(sorted({*a.event_types, *b.event_types})),
        present={t: tuple(sorted(a.columns(t) | b.columns(t))) for t in sorted({*a.present, *b.present})},
        counts={d: dict(Counter(a.frequencies(d)) + Counter(b.frequencies(d))) for d in sorted({*a.counts, *b.counts})},
        filled=tuple(sorted({*a.filled, *b.filled})),
    )


def _accounts(history: History) -> list[tuple[str, str]]:
    return [("accounts", column) for column in history.columns("accounts")]


def _of(choose: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else choose(a, b)
