"""What a run was given: its tables as they were read, and where events lie that are too many to hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from abm_scoring.data.loading import Loaded
from abm_scoring.data.streaming import without_rows
from abm_scoring.data.tables import Tables
from abm_scoring.jobs.memory import reading_bytes, require_memory
from abm_scoring.jobs.scratch import scratch_folder
from abm_scoring.jobs.workspace import Workspace, load

if TYPE_CHECKING:
    from abm_scoring.engines.spark import SparkEvents
    from abm_scoring.engines.spill import Spill

#: Tables that decisions read when everything is scored.
_DECIDED_BY = ("accounts", "dispositions")


@dataclass
class Delivery:
    """Input as it was read, with its amounts in the project's currency, and what a reader should be warned of.

    Attributes:
        spill: Where the events lie if they were too many to hold.
        once: Whether one run alone is computed from it, so that rows may go as soon as they are scored.
    """

    loaded: Loaded
    tables: Tables
    warnings: tuple[str, ...]
    spill: Spill | SparkEvents
    once: bool = False

    def spent(self) -> None:
        """Let go of all rows but those that decisions read, where no other run is computed from them."""
        if not self.once:
            return
        kept = {name: self.tables[name] for name in self.tables if name in _DECIDED_BY}
        bare = Tables({name: without_rows(self.loaded.tables[name]) for name in self.loaded.tables})
        self.loaded, self.tables = replace(self.loaded, tables=bare), bare.replace(**kept)
        pa.default_memory_pool().release_unused()  # else what the tables held is kept for more of their kind


@contextmanager
def delivered(workspace: Workspace, as_of: pd.Timestamp, today: bool, once: bool = False) -> Iterator[Delivery]:
    """The input of a run; events that are too many to hold lie in temporary files until the block ends."""
    engine = workspace.config.engine
    require_memory(reading_bytes(workspace), "reading the tables")
    with scratch_folder() as folder:
        spill = engine.sink(folder)
        try:
            yield Delivery(*load(workspace, as_of, today, spill), spill, once)
        finally:
            spill.close()
