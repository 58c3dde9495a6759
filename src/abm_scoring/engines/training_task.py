"""What partitions are told when a training set is made, and how they count their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import reduce
from typing import Literal

from abm_scoring.features.cohort import CohortSpec
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.snapshots import SnapshotSpec
from abm_scoring.features.survey import Survey
from abm_scoring.learning.labels import LabelSpec
from abm_scoring.learning.value_sources import NoValue, ValueSpec
from abm_scoring.spec import Spec

#: What a partition can be asked, in this order: a `Survey`, `Counts`, a `Context`, and at last its `Part`.
Question = Literal["survey", "counts", "context", "rows"]


class TrainingTask(Spec):
    """What a partition needs to know beside its tables to give its part of a training set.

    Attributes:
        as_of, timezone, noise: How its history is sealed.
        snapshots, cohort, label, features, profile, value: The choices of the config.
        with_waiting: Whether rows whose outcome is not final are wanted too.
        most: Rows that features are built for, about, those whose outcome is not final included; None = all.
        seed: Of the sample, where there are more.
        with_aftermath: Whether events that follow the outcome are counted.
        settled: Whether nothing is left open in `features`, because a model has them so.
        survey: Of all partitions, once it is known; then nothing is left open at all.
        has_matured: Whether any outcome is final; else the rows are those of `as_of`, and nobody converts.
        shares: Which shares of conversions and of other rows are drawn; None = all.
        days: Days that rows lie in, for the context.
    """

    as_of: str
    timezone: str
    noise: NoiseSpec | None = None
    snapshots: SnapshotSpec
    cohort: CohortSpec
    label: LabelSpec
    features: tuple[FeatureSpec, ...]
    profile: ProfileSpec | None = None
    value: ValueSpec = NoValue()
    with_waiting: bool = False
    most: int | None = None
    seed: int = 0
    with_aftermath: bool = False
    settled: bool = False
    survey: Survey | None = None
    has_matured: bool = True
    shares: tuple[float, float] | None = None
    days: tuple[int, ...] = ()


class Counts(Spec):
    """How many rows there are before any is drawn; those of partitions add up.

    Attributes:
        snapshots: Rows of the calendar or landmarks before anything was left out.
        ineligible: Rows left out by the cohort.
        immature: Eligible rows whose outcome is not final.
        matured, waiting: Day → rows that did not convert, and that did; of rows whose outcome is final, and of others.
    """

    snapshots: int = 0
    ineligible: int = 0
    immature: int = 0
    matured: tuple[dict[int, int], dict[int, int]] = ({}, {})
    waiting: tuple[dict[int, int], dict[int, int]] = ({}, {})

    @property
    def n_matured(self) -> int:
        """Rows whose outcome is final."""
        return sum(sum(days.values()) for days in self.matured)

    @property
    def both(self) -> tuple[int, int]:
        """All rows that did not convert, and all that did."""
        others, converted = (sum(m.values()) + sum(w.values()) for m, w in zip(self.matured, self.waiting, strict=True))
        return others, converted

    @property
    def days(self) -> tuple[int, ...]:
        """Days that rows lie in, ascending."""
        return tuple(sorted({day for counts in (*self.matured, *self.waiting) for day in counts}))


def all_counts(parts: Iterable[Counts]) -> Counts:
    """All partitions as one."""
    return reduce(_added, parts, Counts())


def _added(a: Counts, b: Counts) -> Counts:
    def both(
        own: tuple[dict[int, int], dict[int, int]], other: tuple[dict[int, int], dict[int, int]]
    ) -> tuple[dict[int, int], dict[int, int]]:
        return dict(Counter(own[0]) + Counter(other[0])), dict(Counter(own[1]) + Counter(other[1]))

    return Counts(
        snapshots=a.snapshots + b.snapshots,
        ineligible=a.ineligible + b.ineligible,
        immature=a.immature + b.immature,
        matured=both(a.matured, b.matured),
        waiting=both(a.waiting, b.waiting),
    )
