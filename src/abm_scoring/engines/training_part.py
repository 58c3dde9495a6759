"""What one partition of account families gives to a training set: a pure function of its history and the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.tables import Tables
from abm_scoring.engines.training_task import Counts, Question, TrainingTask
from abm_scoring.features.build import features_at, looks_at_events, shared_context
from abm_scoring.features.cohort import ELIGIBLE, CohortSpec
from abm_scoring.features.context import Context
from abm_scoring.features.history import History
from abm_scoring.features.moments import DAY, NEVER, moments, timestamps
from abm_scoring.features.survey import Survey
from abm_scoring.learning.aftermath import Aftermath, aftermath
from abm_scoring.learning.sampling import Shares, by_day
from abm_scoring.learning.value_sources import Recorded, Source, asked_of

if TYPE_CHECKING:
    from abm_scoring.engines.partitions import Partitions
    from abm_scoring.features.columnar import Held

#: Rows whose eligibility is looked up together; more only take memory.
CHUNK = 250_000


@dataclass(frozen=True)
class Drawn:
    """Rows that features were built for.

    Attributes:
        rows: k rows `account_id`, `as_of`, `converted`, `days` (to the first conversion that is known, +inf without).
        features: k × f frame.
    """

    rows: pd.DataFrame
    features: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """What a partition gives in the end.

    Attributes:
        matured, waiting: Its drawn rows, by date, then account; None where it has none.
        recorded: The amounts that it knows of.
        aftermath: Event type → events that follow the outcome; empty where they were not asked for.
    """

    matured: Drawn | None
    waiting: Drawn | None
    recorded: Recorded
    aftermath: Mapping[str, Aftermath]


@dataclass
class TrainingPart:
    """One partition while a training set is made; its rows are found once and asked for twice.

    Attributes:
        seal: Its history, with its events or without.
        file: Where its rows lie until the next question; None = they are held.
    """

    seal: Callable[[bool], History]
    file: Path | None = None
    _rows: dict[bool, pd.DataFrame] = field(default_factory=dict)

    def answer(self, question: Question, task: TrainingTask, context: Context) -> Survey | Counts | Context | Part:
        """What the partition says to a question.

        Args:
            question: Which.
            task: With what is known by then.
            context: Of all partitions, for `rows`.
        """
        history = self.seal(question != "context" or looks_at_events(task.features))
        if question == "survey":
            open_specs = () if task.settled else task.features
            return Survey.of(history, open_specs, asked_of(task.value, task.label))
        assert task.survey is not None
        history = task.survey.within(history)
        if question == "counts":
            rows, counts = outlined(history, task)
            self._keep(rows, task)
            return counts
        if question == "context":
            moments_asked = timestamps(np.array(task.days, "int64") * DAY)
            return shared_context(history, task.features, pd.DataFrame({"as_of": moments_asked}))
        kept = self._kept(task)
        return drawn(history, outlined(history, task)[0] if kept is None else kept, task, context)

    def _keep(self, rows: pd.DataFrame, task: TrainingTask) -> None:
        if self.file is None:
            self._rows = {task.has_matured: rows}
        else:
            pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), self.file, compression="lz4")
            self._rows = {task.has_matured: rows.iloc[:0]}

    def _kept(self, task: TrainingTask) -> pd.DataFrame | None:
        if task.has_matured not in self._rows:
            return None
        if self.file is None:
            return self._rows[task.has_matured]
        return pq.ParquetFile(self.file, pre_buffer=False).read().to_pandas()


def sealed_for(tables: Tables, task: TrainingTask, events: Held | None) -> History:
    """The history of a partition as a task sees it; see `scoring.sealed`."""
    return History.of(tables, pd.Timestamp(task.as_of), task.timezone, events, task.noise)


def parts_of(parts: Partitions, task: TrainingTask, folder: Path) -> list[TrainingPart]:
    """Partitions of this machine: the history of a single one is made once, those of several when they are asked.

    Args:
        parts: With their tables, and their events where they lie.
        task: How histories are sealed.
        folder: For what partitions keep until the next question.
    """
    if len(parts) == 1:
        history = sealed_for(parts[0].tables, task, parts[0].events)
        return [TrainingPart(lambda with_events: history)]

    def part(p: int) -> TrainingPart:
        def seal(with_events: bool) -> History:
            own = parts[p]
            return sealed_for(own.tables, task, own.events) if with_events else eventless(own.tables, task)

        return TrainingPart(seal, folder / f"rows{p}.parquet")

    return [part(p) for p in parts.filled]


def eventless(tables: Tables, task: TrainingTask) -> History:
    """As `sealed_for`, without events."""
    return sealed_for(Tables({name: tables[name] for name in tables if name != "events"}), task, None)


def outlined(history: History, task: TrainingTask) -> tuple[pd.DataFrame, Counts]:
    """The eligible rows of a partition and their outcomes, before any feature is built.

    Args:
        history: Of the partition, with what the survey of all tells.
        task: With the survey.

    Returns:
        Rows `account_id`, `as_of`, `converted`, `matured` by date, then account; and how many there are.
    """
    label = task.label
    if task.has_matured:
        every = task.snapshots.training_rows(history)
    else:
        every = task.snapshots.scoring_rows(history, history.until, label.horizon_days)
    eligible = _eligible(history, every, task.cohort)
    matured = np.ones(len(eligible), bool)
    if task.has_matured:
        matured = label.matured(moments(eligible["as_of"], NEVER), history.observed_until)
    rows = eligible.assign(matured=matured)
    if not task.with_waiting:
        rows = rows[matured]
    rows = rows.sort_values(["as_of", "account_id"], ignore_index=True)
    rows["converted"] = _outcomes(history, rows, task)
    counts = Counts(
        snapshots=len(every),
        ineligible=len(every) - len(eligible),
        immature=int((~matured).sum()),
        matured=_by_outcome(rows[rows["matured"]]),
        waiting=_by_outcome(rows[~rows["matured"]]),
    )
    return rows, counts


def _outcomes(history: History, rows: pd.DataFrame, task: TrainingTask) -> np.ndarray:
    """Who converted; nobody where nothing is known of outcomes yet."""
    asked = rows["matured"].to_numpy() | task.label.can_occur(history.event_types)
    if not task.has_matured or not asked.any():
        return np.zeros(len(rows), bool)
    return task.label.converted(history, rows)


def _by_outcome(rows: pd.DataFrame) -> tuple[dict[int, int], dict[int, int]]:
    day, converted = moments(rows["as_of"], NEVER) // DAY, rows["converted"].to_numpy(bool)
    return by_day(day[~converted]), by_day(day[converted])


def _eligible(history: History, rows: pd.DataFrame, cohort: CohortSpec) -> pd.DataFrame:
    if rows.empty:
        return rows
    parts = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    eligible = [(cohort.status(history.at(part)) == ELIGIBLE).to_numpy() for part in parts]
    return rows[np.concatenate(eligible)].reset_index(drop=True)


def drawn(history: History, rows: pd.DataFrame, task: TrainingTask, context: Context) -> Part:
    """The rows of a partition that are drawn, with their features, and what else training asks of it.

    Args:
        history: Of the partition, with what the survey of all tells.
        rows: From `outlined`.
        task: With everything.
        context: Of all partitions.
    """
    found = {}
    for matured in (True, False):
        own = _sampled(rows[rows["matured"] == matured], task)
        found[matured] = None if own.empty else _with_features(history, own, task, context)
    after = aftermath(history, task.label) if task.with_aftermath else {}
    return Part(found[True], found[False], cast(Source, task.value).recorded(history), after)


def _sampled(rows: pd.DataFrame, task: TrainingTask) -> pd.DataFrame:
    if task.shares is not None:
        as_of, converted = moments(rows["as_of"], NEVER), rows["converted"].to_numpy(bool)
        ids = rows["account_id"].to_numpy(object)
        rows = rows[Shares(*task.shares).drawn(ids, as_of, converted, task.seed)]
    return rows.drop(columns="matured").reset_index(drop=True)


def _with_features(history: History, rows: pd.DataFrame, task: TrainingTask, context: Context) -> Drawn:
    days: Any = task.label.days_to(history, rows) if task.has_matured else np.inf
    asked = rows[["account_id", "as_of"]]
    return Drawn(rows.assign(days=days), features_at(history, asked, task.features, context))
