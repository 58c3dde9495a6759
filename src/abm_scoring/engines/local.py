"""The local engine: partitions one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.data.tables import Tables
from abm_scoring.features.context import Context
from abm_scoring.spec import Spec

if TYPE_CHECKING:
    from abm_scoring.engines.scoring import ScoredAccounts, ScoringTask
    from abm_scoring.learning.bundle import Bundle

#: Tables whose rows belong to one account and are therefore cut into partitions.
_BY_ACCOUNT = ("accounts", "contacts", "events", "opportunities", "invoices", "target_list")


class LocalEngine(Spec):
    """Scores partitions of account families in turn, so that memory holds one partition's features at a time."""

    kind: Literal["local"] = "local"
    accounts_per_partition: int = Field(20_000, ge=1, description="accounts whose features are in memory together")

    def score(
        self, tables: Tables, context: Context, bundle: Bundle, task: ScoringTask, progress: Callable[[int, int], None]
    ) -> ScoredAccounts:
        """What `score_accounts` gives, for all accounts; the result does not depend on the partitions.

        Args:
            tables: All canonical tables.
            context: From `shared_context`.
            bundle: The model.
            task: What each partition needs to know.
            progress: Called with (partitions done, partitions in all).
        """
        from abm_scoring.engines.scoring import score_accounts, together

        partitions = partition(tables, self.accounts_per_partition)
        results = []
        for done, part in enumerate(partitions):
            progress(done, len(partitions))
            results.append(score_accounts(part, context, bundle, task))
        progress(len(partitions), len(partitions))
        return together(results)


def partition(tables: Tables, accounts_each: int) -> list[Tables]:
    """The tables cut by account family: parent and subsidiaries stay together."""
    from abm_scoring.data.families import families, partition_of

    family = families(tables["accounts"])
    n = max(1, -(-len(family) // accounts_each))
    if n == 1:
        return [tables]
    place = pd.Series(partition_of(family, n), index=family.index)
    parts: list[dict[str, pd.DataFrame]] = [{} for _ in range(n)]
    for name in tables:
        frame = tables[name]
        if name not in _BY_ACCOUNT or "account_id" not in frame:
            continue
        owner = place.reindex(frame["account_id"]).to_numpy("float64", na_value=-1)
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(n + 1))
        for i in range(n):
            parts[i][name] = frame.take(order[bounds[i] : bounds[i + 1]]).reset_index(drop=True)
    return [Tables(p) for p in parts if len(p["accounts"])]
