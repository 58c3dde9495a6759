"""The Spark engine: the partition function of the local engine in the executors of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.engines.local import Progress
from abm_scoring.engines.spark_events import SparkEvents
from abm_scoring.engines.spark_session import told
from abm_scoring.features.build import looks_across, looks_at_events
from abm_scoring.features.context import NOBODY, Context, merged
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from abm_scoring.engines.executor import Scoring, Training
    from abm_scoring.engines.gathering import Gathered
    from abm_scoring.engines.scoring import ScoringTask
    from abm_scoring.engines.training import Ask, Prepared
    from abm_scoring.engines.training_task import Question, TrainingTask
    from abm_scoring.learning.bundle import Bundle


class SparkEngine(Spec):
    """Works on partitions of account families in the executors of Apache Spark.

    Events in Parquet files or in tables of the session are read, checked and routed by the executors; the other tables
    are read as with the local engine and sent to them. What comes out is the same, bit for bit.
    """

    kind: Literal["spark"] = "spark"
    url: str | None = Field(
        None,
        description="local[N], spark://host:port or sc://host:port (Spark Connect); none = the session that is active, "
        "or what the environment says",
    )
    accounts_per_partition: int = Field(20_000, ge=1, description="accounts that a task works on, about")
    memory_mb: int = Field(1_024, ge=1, description="memory that the events of a task may take")
    settings: dict[str, str] = Field(
        default_factory=dict, description="Spark's own settings for a session that is started, e.g. spark.driver.memory"
    )

    def sink(self, folder: Path) -> SparkEvents:
        """Takes the events that executors can read."""
        return SparkEvents(self.url, self.settings, self.memory_mb, self.accounts_per_partition, folder)

    def score(
        self, tables: Tables, events: SparkEvents, bundle: Bundle, task: ScoringTask, progress: Progress
    ) -> Gathered:
        """What `score_accounts` gives, for all accounts; see `LocalEngine.score`.

        Raises:
            ServiceError: The session cannot be reached, or a task failed for good (69).
        """
        from abm_scoring.engines import shipping
        from abm_scoring.engines.executor import Scoring
        from abm_scoring.engines.gathering import gathered

        progress(0, 1)
        with told("scoring"):
            staged = events.staged(tables)
            asked = Scoring(task.model_dump_json(), tuple(sorted(shipping.bundle_files(bundle).items())))
            context = _context(staged, asked, task) if looks_across(task.features) else NOBODY
            asked = asked.asking("scores", context=shipping.context_text(context))
            found = gathered((shipping.scored_from(*a) for a in _one_by_one(staged, asked)), events.folder)
        progress(1, 1)
        return found

    def training(self, tables: Tables, events: SparkEvents, task: TrainingTask, progress: Progress) -> Prepared:
        """The training set of a task, from rows and features that the executors make; see `LocalEngine.training`.

        Raises:
            BadDataError: There is no row to learn from or to rank (65).
            ServiceError: The session cannot be reached, or a task failed for good (69).
        """
        from abm_scoring.engines.training import prepare

        progress(0, 1)
        with told("building the training set"):
            found = prepare(_ask(events.staged(tables)), task, families(tables["accounts"]))
        progress(1, 1)
        return found


def _ask(staged: DataFrame) -> Ask:
    """Asks the partitions of a session for their parts of a training set."""
    from abm_scoring.engines import shipping
    from abm_scoring.engines.executor import EVENTS_KIND, Training

    def ask(question: Question, task: TrainingTask, context: Context) -> Iterator[Any]:
        bare = question == "context" and not looks_at_events(task.features)
        wanted = staged.filter(f"kind != '{EVENTS_KIND}'") if bare else staged
        asked = Training(question, task.model_dump_json(), shipping.context_text(context))
        return (shipping.answer_from(question, *answer) for answer in _answers(wanted, asked))

    return ask


def _context(staged: DataFrame, asked: Scoring, task: ScoringTask) -> Context:
    """What families of features ask of other accounts, from all partitions; events travel only where they are asked."""
    from abm_scoring.engines import shipping
    from abm_scoring.engines.executor import EVENTS_KIND
    from abm_scoring.engines.scoring import task_moments

    if task.snapshots.kind == "calendar":
        moments = task_moments((), task)
    else:
        parts = [shipping.frame_from(blob) for blob, _ in _answers(staged, asked.asking("moments"))]
        moments = pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)
    wanted = staged if looks_at_events(task.features) else staged.filter(f"kind != '{EVENTS_KIND}'")
    own = asked.asking("context", moments=shipping.frame_bytes(moments))
    return merged([shipping.context_from(about) for _, about in _answers(wanted, own)])


def _answers(staged: DataFrame, asked: Scoring | Training) -> list[tuple[bytes, str]]:
    """What each partition answers, in the order of partitions; all together, as they are short."""
    found = _asked(staged, asked).toArrow()
    order = np.argsort(found["part"].to_numpy())
    return [(found["blob"][int(i)].as_py(), found["about"][int(i)].as_py()) for i in order]


def _one_by_one(staged: DataFrame, asked: Scoring) -> Iterator[tuple[bytes, str]]:
    """What each partition answers, in any order; the driver is sent one partition's rows at a time."""
    from pyspark import StorageLevel

    found = _asked(staged, asked).persist(StorageLevel.DISK_ONLY)
    try:
        found.count()  # all of them in parallel: the iterator would compute one after the other
        for row in found.toLocalIterator():
            yield row["blob"], row["about"]
    finally:
        found.unpersist()


def _asked(staged: DataFrame, asked: Scoring | Training) -> DataFrame:
    """Asks every partition."""
    from abm_scoring.engines import executor

    def work(rows: pa.Table) -> pa.Table:
        return executor.work(rows, asked)

    return staged.groupBy("part").applyInArrow(work, executor.RESULT)
