"""What came of accounts after a moment, gathered from the tables and the ledger for the return on it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm_scoring.features.history import History
from abm_scoring.features.moments import NEVER, moments, timestamps
from abm_scoring.jobs.decisions import NOT_SCORED, WITHHELD
from abm_scoring.jobs.ledger import Link, frozen_scores
from abm_scoring.learning.labels import LabelSpec
from abm_scoring.learning.value_sources import EventValue, NoValue, Source, WonAmount
from abm_scoring.roi import predicted
from abm_scoring.roi.predicted import Held, hold_against, non_overlapping
from abm_scoring.roi.predicted_spec import PredictedSpec

#: Frozen columns that totals can be shown by, beside what `PredictedSpec.by` names.
_ALWAYS = ("run_id", "account_id", "family_id", "raw_score", "probability", "expected_value", "list")


@dataclass(frozen=True)
class Outcomes:
    """Where outcomes are read from.

    Attributes:
        history: All that is known now.
        label: What counts as a conversion.
        source: Where values stand.
        cancellation_events: Event types whose value is taken back.
    """

    history: History
    label: LabelSpec
    source: Source
    cancellation_events: tuple[str, ...] = ()

    def of(self, rows: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
        """What came of each row's account in `[as_of, as_of + horizon)`.

        Args:
            rows: n rows `account_id`, `as_of`; an account at most once at each moment.
            horizon_days: Length of the horizon.

        Returns:
            n rows, index of `rows`: `converted` (bool) and, where values are known, `gross`, `cancelled`, `net` (gross
            margin: amounts × the rate of the value source; 0 where nothing came in).
        """
        label = self.label.model_copy(update={"horizon_days": horizon_days})
        found = pd.DataFrame({"converted": label.converted(self.history, rows)}, index=rows.index)
        if isinstance(self.source, NoValue):
            return found
        facts = self.facts()
        for column in ("gross", "cancelled"):
            found[column] = within(facts, column, rows, horizon_days) * self.source.gross_margin_rate
        return found.assign(net=found["gross"] - found["cancelled"])

    def matured(self, as_of: pd.Series, horizon_days: int) -> np.ndarray:
        """bool [n]: horizon and settling time lie wholly in what was observed."""
        label = self.label.model_copy(update={"horizon_days": horizon_days})
        found: np.ndarray = label.matured(moments(as_of, NEVER), self.history.observed_until)
        return found

    def facts(self) -> pd.DataFrame:
        """Every amount: `account_id`, `when`, `gross`, `cancelled` (both ≥ 0)."""
        source, history = self.source, self.history
        if isinstance(source, EventValue):
            return _events(history, source.event_types, self.cancellation_events)
        offsets, when, _, amount = source._facts(history)
        counts = (when != NEVER) & ~np.isnan(amount)
        taken_back = np.maximum(-amount, 0.0)
        if isinstance(source, WonAmount):
            frame = history.facts["opportunities"].frame
            cancelled = frame["cancelled_at"].notna().to_numpy() if "cancelled_at" in frame else False
            taken_back = np.where(cancelled, np.maximum(amount, 0.0), taken_back)
        return _table(history, offsets, when, np.maximum(amount, 0.0), taken_back, counts)


def _events(history: History, types: Sequence[str], cancelling: Sequence[str]) -> pd.DataFrame:
    log = history.log
    value = log.numbers("value")
    codes = {
        name: [log.types.index(t) for t in names if t in log.types] for name, names in (("a", types), ("b", cancelling))
    }
    is_sale, is_cancellation = (np.isin(log.type_code, codes[name]) for name in ("a", "b"))
    gross = np.where(is_sale, np.maximum(value, 0), 0.0)
    back = np.where(is_cancellation, np.abs(value), np.where(is_sale, np.maximum(-value, 0), 0.0))
    counts = (is_sale | is_cancellation) & ~np.isnan(value)
    return _table(history, log.offsets, log.occurred, gross, back, counts)


def _table(
    history: History, offsets: np.ndarray, when: np.ndarray, gross: np.ndarray, back: np.ndarray, counts: np.ndarray
) -> pd.DataFrame:
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[counts]
    return pd.DataFrame(
        {
            "account_id": pd.Series(np.asarray(history.account_ids, dtype=object)[owner], dtype="str"),
            "when": timestamps(when[counts]),
            "gross": gross[counts],
            "cancelled": back[counts],
        }
    )


def within(facts: pd.DataFrame, column: str, rows: pd.DataFrame, horizon_days: int) -> np.ndarray:
    """Σ of a column over each row's account in `[as_of, as_of + horizon)`, float64 [n]; 0 without any."""
    total, moment = np.zeros(len(rows)), rows["as_of"].reset_index(drop=True)
    for as_of in moment.drop_duplicates():
        inside = (facts["when"] >= as_of) & (facts["when"] < as_of + pd.Timedelta(days=horizon_days))
        sums = facts[inside].groupby("account_id")[column].sum()
        index = np.flatnonzero(moment == as_of)
        total[index] = rows["account_id"].iloc[index].map(sums).fillna(0.0).to_numpy("float64")
    return total


def gather(
    links: Sequence[Link], outcomes: Outcomes, events: pd.DataFrame, touches: Sequence[str], spec: PredictedSpec
) -> tuple[pd.DataFrame, int] | None:
    """Frozen predictions of the ledger's matured, non-overlapping runs with what came of them.

    Retrospective runs are not on the chain, so they cannot get in. A run whose model claims no probability is passed
    over.

    Args:
        links: The chain, oldest first.
        outcomes: What is known now.
        events: Canonical events, for who was worked.
        touches: Event types by which sales works an account; an account of a list is `worked` when one of them, or an
            outbound touch, falls into its horizon.
        spec: Columns to show totals by.

    Returns:
        Rows for `hold_against` and the horizon that they have; None where no run has matured.
    """
    last = next((link for link in reversed(links) if link.manifest.horizon_days), None)
    if last is None or last.manifest.horizon_days is None:
        return None
    horizon = last.manifest.horizon_days
    ripe = [link for link in links if link.manifest.horizon_days == horizon and link.manifest.expected_conversions]
    moments_ = pd.Series([link.as_of for link in ripe], dtype="datetime64[us, UTC]")
    ripe = [link for link, ready in zip(ripe, outcomes.matured(moments_, horizon), strict=True) if ready]
    kept = set(non_overlapping(pd.Series([link.as_of for link in ripe], dtype="datetime64[us, UTC]"), horizon))
    parts = [_frozen(link, spec) for link in ripe if link.as_of in kept]
    if not parts:
        return None
    rows = pd.concat(parts, ignore_index=True)
    # An account that has left the tables since then has no outcome that could be looked up.
    rows = rows[rows["account_id"].isin(outcomes.history.account_ids)].reset_index(drop=True)
    rows = pd.concat([rows, outcomes.of(rows, horizon)], axis=1)
    if "gross" in rows and rows["worth"].isna().all():
        rows = rows.drop(columns=["gross", "cancelled", "net"])
    return rows.assign(handling=_handling(rows, events, touches, horizon)), horizon


def held(
    links: Sequence[Link],
    outcomes: Outcomes,
    events: pd.DataFrame,
    touches: Sequence[str],
    spec: PredictedSpec,
    cost: float | None = None,
) -> Held | None:
    """`gather` and `hold_against` in one; None where no run of the ledger has matured."""
    found = gather(links, outcomes, events, touches, spec)
    return hold_against(*found, spec, cost) if found is not None else None


def _frozen(link: Link, spec: PredictedSpec) -> pd.DataFrame:
    """The scored accounts of a run with their probability and worth."""
    rows = frozen_scores(link)
    assert rows is not None
    rows = rows[(rows["list"] != NOT_SCORED) & rows["probability"].notna()]
    kept = [c for c in dict.fromkeys([*_ALWAYS, *spec.by]) if c in rows]
    rows = rows[kept].assign(as_of=link.as_of)
    expected = rows["expected_value"] if "expected_value" in rows else pd.Series(np.nan, rows.index)
    worth = expected / rows["probability"].where(rows["probability"] > 0)
    return rows.assign(worth=worth)


def _handling(rows: pd.DataFrame, events: pd.DataFrame, touches: Sequence[str], horizon_days: int) -> pd.Series:
    """`withheld`, or `worked` where sales or a campaign touched the account within the horizon, or `unworked`."""
    by_us = events["event_type"].isin(list(touches))
    if "direction" in events:
        by_us |= (events["direction"] == "outbound").fillna(False)
    touched = events.loc[by_us & events["account_id"].notna(), ["account_id", "occurred_at"]]
    facts = touched.rename(columns={"occurred_at": "when"}).assign(n=1.0)
    worked = within(facts, "n", rows, horizon_days) > 0
    named = np.where(worked, predicted.WORKED, predicted.UNWORKED)
    named = np.where((rows["list"] == WITHHELD).to_numpy(), predicted.WITHHELD, named)
    return pd.Series(named, rows.index, dtype="str")
