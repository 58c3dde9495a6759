"""The local engine: partitions on this machine, one after the other or in a few processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from abm_scoring.data.tables import Tables
from abm_scoring.features.context import NOBODY, Context, merged
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    from abm_scoring.engines.gathering import Gathered
    from abm_scoring.engines.partitions import Partition, Partitions
    from abm_scoring.engines.scoring import ScoredAccounts, ScoringTask
    from abm_scoring.engines.spill import Spill
    from abm_scoring.engines.training import Prepared
    from abm_scoring.engines.training_task import TrainingTask
    from abm_scoring.learning.bundle import Bundle

#: Told of (partitions done, partitions in all).
Progress = Callable[[int, int], None]


class LocalEngine(Spec):
    """Works on partitions of account families in turn, so that memory holds one partition's features at a time.

    Events that are too many for `memory_mb` are never held whole: they are checked piece by piece and laid into files,
    one a partition, in a temporary folder.
    """

    kind: Literal["local"] = "local"
    accounts_per_partition: int = Field(20_000, ge=1, description="accounts whose features are in memory together")
    memory_mb: int = Field(
        2_048, ge=1, description="memory that events may take; more of them go through temporary files, by partition"
    )
    processes: int = Field(
        1, ge=1, description="partitions scored at the same time, each in a process with memory of its own"
    )

    def sink(self, folder: Path) -> Spill:
        """Where events go if they are too many to hold."""
        from abm_scoring.engines.spill import Spill

        return Spill(folder, self.memory_mb, self.accounts_per_partition)

    def score(self, tables: Tables, spill: Spill, bundle: Bundle, task: ScoringTask, progress: Progress) -> Gathered:
        """What `score_accounts` gives, for all accounts; the result does not depend on the partitions.

        Args:
            tables: All canonical tables.
            spill: Where the events lie if they are not among them, and a folder for temporary files.
            bundle: The model.
            task: What each partition needs to know.
            progress: Told how far it is.
        """
        from abm_scoring.engines.gathering import gathered
        from abm_scoring.engines.partitions import Partitions
        from abm_scoring.engines.scoring import context_of, score_history, sealed, task_moments

        parts = Partitions(tables, self.accounts_per_partition, spill)
        progress(0, len(parts))
        if len(parts) == 1:
            history = sealed(parts[0].tables, task, parts[0].events)
            found = score_history(history, context_of(history, task, task_moments([history], task)), bundle, task)
            progress(1, 1)
            return gathered([found], spill.folder)
        context = _context(parts, task)
        return gathered(self._scored(parts, context, bundle, task, progress), spill.folder)

    def training(self, tables: Tables, spill: Spill, task: TrainingTask, progress: Progress) -> Prepared:
        """The training set of a task; the result does not depend on the partitions.

        Events that are held are one partition, because rows and features of a training set are held together anyway.

        Args:
            tables, spill, progress: As in `score`.
            task: The choices of the config.

        Raises:
            BadDataError: There is no row to learn from or to rank (65).
        """
        from abm_scoring.engines.partitions import Partitions
        from abm_scoring.engines.training import asked, prepare
        from abm_scoring.engines.training_part import parts_of

        parts = Partitions(tables, max(1, len(tables["accounts"])), spill)
        progress(0, len(parts))
        return prepare(asked(parts_of(parts, task, spill.folder), progress), task, parts.family)

    def _scored(
        self, parts: Partitions, context: Context, bundle: Bundle, task: ScoringTask, progress: Progress
    ) -> Iterator[ScoredAccounts]:
        from abm_scoring.engines.scoring import score_accounts

        waiting = iter(parts)
        if self.processes == 1:
            for done, part in enumerate(waiting):
                yield score_accounts(part.tables, context, bundle, task, part.events)
                progress(done + 1, len(parts))
            return
        # Forked threads would hang after LightGBM has run; partitions are handed over only as processes become free.
        with ProcessPoolExecutor(self.processes, get_context("spawn"), _begin, (context, bundle, task)) as pool:
            running = deque(pool.submit(_work, part) for part in islice(waiting, self.processes + 1))
            done = 0
            while running:
                yield running.popleft().result()
                running.extend(pool.submit(_work, part) for part in islice(waiting, 1))
                progress(done := done + 1, len(parts))


def _context(parts: Partitions, task: ScoringTask) -> Context:
    """What families of features ask of other accounts, from all partitions."""
    from abm_scoring.engines.scoring import context_history, context_of, sealed, task_moments
    from abm_scoring.features.build import looks_across

    if not looks_across(task.features):
        return NOBODY
    moments = task_moments((sealed(part.tables, task, part.events) for part in parts), task)
    histories = (context_history(part.tables, task, part.events) for part in parts)
    return merged([context_of(history, task, moments) for history in histories])


#: What a process of the pool knows beside the partition that it is given.
_known: tuple[Context, Bundle, ScoringTask] | None = None


def _begin(context: Context, bundle: Bundle, task: ScoringTask) -> None:
    global _known
    _known = (context, bundle, task)


def _work(part: Partition) -> ScoredAccounts:
    from abm_scoring.engines.scoring import score_accounts

    assert _known is not None
    return score_accounts(part.tables, *_known, events=part.events)
