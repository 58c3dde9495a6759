"""What moved since the runs before: scores, trends and topics of a night beside those of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from abm_scoring.engines.gathering import Gathered
from abm_scoring.features.catalogue import Feature
from abm_scoring.jobs import ledger
from abm_scoring.jobs.ledger import Link
from abm_scoring.ranking.history import TOPIC, gone_silent, with_changes, with_previous, with_trend
from abm_scoring.ranking.ranking import ScoringSpec


@dataclass(frozen=True)
class Comparison:
    """The runs that a night is compared with, and what must be known of all accounts to compare one.

    Attributes:
        previous: The run before; None where there is none.
        recent: Runs that a trend is drawn through, oldest first.
        as_of: The night.
        spec: How long and how steep a trend is.
        same_model: Whether the run before had the same model.
        quiet: Topics that went silent for nearly everybody.
    """

    previous: Link | None
    recent: tuple[Link, ...]
    as_of: pd.Timestamp
    spec: ScoringSpec
    same_model: bool
    quiet: frozenset[str]

    @classmethod
    def of(
        cls,
        found: Gathered,
        spec: ScoringSpec,
        earlier: Sequence[Link],
        as_of: pd.Timestamp,
        same_model: bool,
        silent: Collection[str],
    ) -> Comparison:
        """The comparison of a night's scores with the chain of runs before it.

        Args:
            found: Scores of all accounts.
            spec: How the list is made.
            earlier: The chain, oldest first.
            as_of: The night.
            same_model: Whether the run before had the same model.
            silent: Topics whose source is known to have gone silent.
        """
        previous = earlier[-1] if earlier else None
        begin = as_of - pd.Timedelta(days=spec.trend_days)
        recent = tuple(link for link in earlier if begin <= link.as_of < as_of)
        topics = [c for c in ledger.frozen_columns(previous) if c.startswith(TOPIC)]
        quiet = {topic for column in topics if previous for topic in _gone_silent(found, previous, column)}
        return cls(previous, recent, as_of, spec, same_model, frozenset({*silent, *quiet}))

    def compared(self, rows: pd.DataFrame) -> pd.DataFrame:
        """With what moved since the runs before.

        Args:
            rows: Scored rows by account_id: all accounts, or a stretch of them.
        """
        if "score" not in rows:
            return rows
        between = (rows["account_id"].iloc[0], rows["account_id"].iloc[-1]) if len(rows) else ("", "")
        then = ledger.frozen_scores(self.previous, self._known(rows), between)
        nights = pd.DatetimeIndex([link.as_of for link in self.recent])
        history = ledger.score_history(self.recent, between)
        rows = with_previous(rows, then)
        rows = with_trend(rows, history, nights, self.as_of, self.spec.trend_days, self.spec.trend_points)
        return with_changes(rows, then, self.same_model, self.quiet)

    def _known(self, rows: pd.DataFrame) -> list[str]:
        """What the run before froze of what is compared."""
        wanted = ["account_id", "score", *(c for c in map(str, rows) if c.startswith(TOPIC))]
        froze = ledger.frozen_columns(self.previous)
        return [name for name in wanted if name in froze]


def _gone_silent(found: Gathered, previous: Link, column: str) -> set[str]:
    """The column's topic if it went silent; one at a time, so that no more is held of all accounts."""
    then = ledger.frozen_scores(previous, [column])
    now = found.columns([column])
    return gone_silent(now, then) if then is not None and column in now else set()


def silent_topics(
    silent_types: Collection[str], catalogue: Sequence[Feature], rows_now: Mapping[str, int], before: Link | None
) -> set[str]:
    """Topics whose source stopped: every event type of theirs is silent, or their table lost half of its rows.

    Args:
        silent_types: Event types that stopped for everybody.
        catalogue: The model's features.
        rows_now: Table → rows accepted tonight.
        before: The predecessor, with its own counts.
    """
    quiet = set(silent_types)
    shrunk = {
        table
        for table, record in (before.manifest.inputs.items() if before else ())
        if rows_now.get(table, 0) <= record.rows_accepted / 2
    }
    stopped: dict[str, bool] = {}
    for feature in catalogue:
        silent = feature.source in shrunk or feature.args.get("event_type") in quiet
        stopped[feature.topic] = stopped.get(feature.topic, True) and silent
    return {topic for topic, silent in stopped.items() if silent}
