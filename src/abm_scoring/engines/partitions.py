"""The tables of a run cut by account family, one partition at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.data.families import families, partition_of
from abm_scoring.data.tables import Tables

if TYPE_CHECKING:
    from abm_scoring.engines.spill import Spill
    from abm_scoring.features.columnar import Held

#: Tables whose rows belong to one account and are therefore cut into partitions.
BY_ACCOUNT = ("accounts", "contacts", "events", "opportunities", "invoices", "target_list")


@dataclass(frozen=True)
class Partition:
    """One partition: parents and subsidiaries are together.

    Attributes:
        tables: Its rows of the tables that belong to accounts.
        events: Its events where they lie in a file; None where they are one of the tables.
    """

    tables: Tables
    events: Held | None = None


class Partitions:
    """All tables by partition; the rows of one are taken out when it is asked for, and again when it is asked again.

    Args:
        tables: All canonical tables.
        accounts_each: Most accounts of a partition, about; the spill says how many partitions there are if it has any.
        spill: Where the events lie if they were too many to hold.
        n: How many partitions, where somebody else has counted.

    Attributes:
        n: How many partitions there are.
        family: account_id → its family, of all accounts.
    """

    def __init__(self, tables: Tables, accounts_each: int, spill: Spill | None = None, n: int | None = None) -> None:
        self._spill = spill if spill is not None and spill.n else None
        self.family = family = families(tables["accounts"])
        self.n = n or (self._spill.n if self._spill else max(1, -(-len(family) // accounts_each)))
        self._tables = tables
        self._rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if self.n > 1:
            place = pd.Series(partition_of(family, self.n), index=family.index)
            away = self._spill.shelved if self._spill else ()
            held = (n for n in tables if n in BY_ACCOUNT and n not in away and "account_id" in tables[n])
            self._rows = {name: self._cut(tables[name], place) for name in held}

    def _cut(self, frame: pd.DataFrame, place: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        owner = place.reindex(frame["account_id"]).to_numpy("float64", na_value=-1)
        order = np.argsort(owner, kind="stable")
        return order, np.searchsorted(owner[order], np.arange(self.n + 1))

    def __len__(self) -> int:
        return self.n

    @property
    def filled(self) -> list[int]:
        """Partitions that have accounts."""
        return sorted(set(partition_of(self.family, self.n).tolist()))

    def __iter__(self) -> Iterator[Partition]:
        return (part for p in range(self.n) if len((part := self[p]).tables["accounts"]))

    def __getitem__(self, p: int) -> Partition:
        events = self._spill.events(p) if self._spill else None
        if self.n == 1:
            return Partition(self._tables, events)
        frames = {
            name: self._tables[name].take(order[bounds[p] : bounds[p + 1]]).reset_index(drop=True)
            for name, (order, bounds) in self._rows.items()
        }
        return Partition(Tables(frames | (self._spill.tables(p) if self._spill else {})), events)
