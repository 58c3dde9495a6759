"""From partitions to what learning receives, the same for every engine.

Outcomes are cheap and features are not, so outcomes come first: where there are more rows than features are to be built
for, the rows that stand for all are drawn by outcome before any feature is built. Every partition is asked up to four
times: what it holds, how many rows of which outcome it has, what others must know of it, and at last for its rows.
Nothing of the result depends on how accounts are divided into partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.engines.training_part import Drawn, Part, TrainingPart
from abm_scoring.engines.training_task import Counts, Question, TrainingTask, all_counts
from abm_scoring.errors import BadDataError
from abm_scoring.features.build import catalogue, looks_across, resolve
from abm_scoring.features.cohort import CohortSpec
from abm_scoring.features.context import NOBODY, Context, merged
from abm_scoring.features.families import FeatureSpec
from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, NEVER, micros, moments
from abm_scoring.features.snapshots import SnapshotSpec
from abm_scoring.features.survey import Survey, summed
from abm_scoring.learning.aftermath import events_after_outcome
from abm_scoring.learning.labels import LabelSpec
from abm_scoring.learning.sampling import Shares, weights
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import with_values
from abm_scoring.learning.value_sources import Recorded, Source, put_together, resolve_value

#: Asks every partition a question; what they say comes in the order of partitions.
Ask: TypeAlias = Callable[[Question, TrainingTask, Context], Iterable[Any]]


@dataclass(frozen=True)
class Prepared:
    """A training set, and how it came about.

    Attributes:
        training: The matured, eligible rows with what their conversions were worth; where none has matured, today's
            rows, none of them converted. A weighted sample of these where there are more than were wanted.
        n_matured: How many rows `training` stands for.
        n_snapshots: Rows of the calendar or landmarks before anything was left out.
        n_ineligible: Rows left out by the cohort.
        n_immature: Rows left out because their outcome is not final.
        features: The families of features, with nothing left open.
        source: Where values stand.
        recorded: What it knows of all accounts.
        after_outcome: Event type → share of its events that follow the outcome; empty where that was not asked for.
        waiting: Eligible rows whose outcome is not final, with what is known of it so far; None where not asked for. A
            sample by the same shares.
        until: Moment at which what is known of outcomes for good ends.
    """

    training: TrainingSet
    n_matured: int
    n_snapshots: int
    n_ineligible: int
    n_immature: int
    features: tuple[FeatureSpec, ...]
    source: Source
    recorded: Recorded
    after_outcome: Mapping[str, float]
    waiting: TrainingSet | None
    until: np.datetime64

    @property
    def sample(self) -> dict[str, int] | None:
        """Rows that features were built for, and how many matured rows they stand for; None where these are all."""
        return None if self.training.weight is None else {"rows": len(self.training), "of": self.n_matured}


def prepare(ask: Ask, task: TrainingTask, family: pd.Series) -> Prepared:
    """Snapshots → eligible → matured → labels → sample → features → values, over all partitions.

    Args:
        ask: Of the engine.
        task: The choices of the config.
        family: account_id → its family, of all accounts.

    Raises:
        BadDataError: No account is eligible on any snapshot, so that there is nothing to learn from or to rank.
    """
    task = _settled(summed(ask("survey", task, NOBODY)), task)
    first = counts = all_counts(ask("counts", task, NOBODY))
    if not counts.n_matured:
        task = task.model_copy(update={"has_matured": False})
        counts = all_counts(ask("counts", task, NOBODY))
    if not counts.n_matured:
        raise BadDataError(
            f"no account is eligible on any of {first.snapshots} snapshots",
            where="cohort",
            fix="check motion, exclude and the snapshots' dates against the data",
        )
    task = _sampled(counts, task)
    context = merged(list(ask("context", task, NOBODY))) if looks_across(task.features) else NOBODY
    rows = _together(ask("rows", task, context))
    training = _training_set(rows.matured or _nobody(task), counts.matured, task, family)
    waiting = _training_set(rows.waiting, counts.waiting, task, family) if rows.waiting else None
    source = cast(Source, task.value)
    return Prepared(
        with_values(training, source, rows.recorded),
        counts.n_matured,
        first.snapshots,
        first.ineligible,
        first.immature,
        task.features,
        source,
        rows.recorded,
        rows.after_outcome,
        waiting,
        _final(task),
    )


def prepare_training(
    tables: Tables,
    history: History,
    snapshots: SnapshotSpec,
    cohort: CohortSpec,
    label: LabelSpec,
    features: Sequence[FeatureSpec],
    with_waiting: bool = False,
    most: int | None = None,
    seed: int = 0,
) -> Prepared:
    """A training set without values, of one history that is there already.

    Args:
        tables: For the families.
        history: All that is known.
        snapshots, cohort, label: The choices of the config.
        features: Resolved feature families.
        with_waiting, most, seed: See `TrainingTask`.

    Raises:
        BadDataError: As `prepare`.
    """
    task = TrainingTask(
        as_of=history.until.isoformat(),
        timezone=history.timezone,
        snapshots=snapshots,
        cohort=cohort,
        label=label,
        features=tuple(features),
        settled=True,
        with_waiting=with_waiting,
        most=most,
        seed=seed,
    )
    return prepare(held(history), task, families(tables["accounts"]))


def held(history: History) -> Ask:
    """Asks the one partition that all accounts are in."""
    return asked([TrainingPart(lambda with_events: history)])


def asked(parts: Sequence[TrainingPart], progress: Callable[[int, int], None] | None = None) -> Ask:
    """Asks partitions one after the other.

    Args:
        parts: All of them.
        progress: Told how many have given their rows.
    """

    def ask(question: Question, task: TrainingTask, context: Context) -> Iterator[Any]:
        for done, part in enumerate(parts):
            yield part.answer(question, task, context)
            if question == "rows" and progress is not None:
                progress(done + 1, len(parts))

    return ask


def _settled(survey: Survey, task: TrainingTask) -> TrainingTask:
    """The task with what is chosen from the data."""
    features = task.features if task.settled else resolve(task.features, survey, task.profile)
    value = resolve_value(task.value, task.label, survey)
    return task.model_copy(update={"survey": survey, "features": features, "value": value})


def _sampled(counts: Counts, task: TrainingTask) -> TrainingTask:
    """The task with the shares of rows to build features for; both kinds of rows are drawn by the same."""
    others, converted = counts.both
    shares = None if task.most is None else Shares.of(converted, others, task.most)
    told = None if shares is None else (shares.converted, shares.others)
    return task.model_copy(update={"shares": told, "days": counts.days if looks_across(task.features) else ()})


def _final(task: TrainingTask) -> np.datetime64:
    assert task.survey is not None
    _, until = task.survey.observed(micros(pd.Timestamp(task.as_of)))
    return until.tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]") - np.timedelta64(
        task.label.settle_days, "D"
    )


@dataclass(frozen=True)
class _Rows:
    """What all partitions give together; see `Part`."""

    matured: Drawn | None
    waiting: Drawn | None
    recorded: Recorded
    after_outcome: dict[str, float]


def _together(parts: Iterable[Part]) -> _Rows:
    """The rows of all partitions in their total order; what a partition gave goes as soon as it is taken over."""
    matured, waiting, recorded, after = _Column(), _Column(), [], []
    for part in parts:
        matured.add(part.matured)
        waiting.add(part.waiting)
        recorded.append(part.recorded)
        after.append(part.aftermath)
        del part
    return _Rows(matured.ordered(), waiting.ordered(), put_together(recorded), events_after_outcome(*after))


class _Column:
    """Drawn rows of one kind as they come, column by column, so that putting them together takes little more memory."""

    def __init__(self) -> None:
        self._first: Drawn | None = None
        self._rows: list[pd.DataFrame] = []
        self._columns: dict[str, list[pd.Series]] = {}

    def add(self, drawn: Drawn | None) -> None:
        """Takes the rows of a partition; those of a single one stay as they are."""
        if drawn is None:
            return
        if self._first is None and not self._rows:
            self._first = drawn
            return
        first, self._first = self._first, None
        for own in (first, drawn):
            if own is not None:
                self._rows.append(own.rows)
                for name in own.features:
                    self._columns.setdefault(str(name), []).append(own.features[name].copy())

    def ordered(self) -> Drawn | None:
        """All rows by date, then account."""
        if not self._rows:
            return self._first
        rows = pd.concat(self._rows, ignore_index=True)
        rows = rows.sort_values(["as_of", "account_id"])
        order = rows.index.to_numpy()
        columns = {}
        for name in list(self._columns):
            columns[name] = pd.concat(self._columns.pop(name), ignore_index=True).take(order).reset_index(drop=True)
        features = pd.DataFrame(columns, index=pd.RangeIndex(len(order)), copy=False)
        return Drawn(rows.reset_index(drop=True), features)


def _nobody(task: TrainingTask) -> Drawn:
    """No row: of few matured rows among many others, none may have been drawn."""
    kinds = {"account_id": "str", "as_of": "datetime64[us, UTC]", "converted": "bool", "days": "float64"}
    rows = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    own = {f.name: pd.Series(dtype="str" if f.kind == "category" else "float64") for f in catalogue(task.features)}
    return Drawn(rows, pd.DataFrame(own))


def _training_set(
    drawn: Drawn, every: tuple[Mapping[int, int], Mapping[int, int]], task: TrainingTask, family: pd.Series
) -> TrainingSet:
    """Drawn rows as learning receives them; they stand for `every` row of their kind, by outcome and day."""
    rows, weight = drawn.rows, None
    converted = rows["converted"].to_numpy(bool)
    if task.shares is not None:
        weight = weights(converted, moments(rows["as_of"], NEVER) // DAY, every)
    return TrainingSet(
        features=drawn.features,
        converted=converted,
        as_of=rows["as_of"].dt.tz_localize(None).to_numpy("datetime64[us]"),
        account_id=rows["account_id"].to_numpy(object),
        family=family.reindex(rows["account_id"]).to_numpy(object),
        catalogue=catalogue(task.features),
        horizon_days=task.label.horizon_days,
        weight=weight,
        days=rows["days"].to_numpy("float64") if task.has_matured else None,
    )
