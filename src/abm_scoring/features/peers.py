"""Peers: how the account's activity ranks among the accounts of its sector at that date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, cast

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.context import Context, Peers
from abm_scoring.features.history import History, View
from abm_scoring.features.measures import ANY, Planned
from abm_scoring.features.moments import DAY, timestamps
from abm_scoring.features.profile import ProfileSpec
from abm_scoring.features.seen import Seen
from abm_scoring.spec import Spec

#: Rows that are measured at a time when peers are looked at.
_CHUNK = 2_000_000


class PeersSpec(Spec):
    """Rank of the account's engagement among the accounts of the same sector.

    The account is looked at as of `as_of`, its peers as of the beginning (UTC) of that day, so that accounts with a
    moment of their own each can still be compared. The account itself is one of the peers.
    """

    kind: Literal["peers"]
    windows_days: tuple[int, ...] = Field((30, 90), description="engagement of how many days is compared")
    event_types: Literal["all"] | tuple[str, ...] = Field("all", description="types to use; all = those seen")
    min_peers: int = Field(10, ge=2, description="fewer accounts in the sector give no rank")

    def resolve(self, seen: Seen, profile: ProfileSpec | None) -> Self:
        """The same with the event types that were seen."""
        types = seen.event_types if self.event_types == "all" else self.event_types
        return self.model_copy(update={"event_types": tuple(types)})

    def features(self) -> tuple[Feature, ...]:
        """What the family gives, in the order of `build`'s columns."""
        return tuple(
            Feature(
                name=f"sector_rank_{days}d",
                topic="sector_rank",
                unit="0 to 1",
                meaning=f"Share of the accounts of the sector with less engagement in {days} days (ties count half).",
                source="events",
                part="behaviour",
                phrase="sector_rank",
                args={"days": days},
                sign=1,
            )
            for days in self.windows_days
        )

    def build(self, view: View, context: Context) -> pd.DataFrame:
        """One row per row of the view."""
        own = self._counts(view)
        account = view.account()
        sector = account["sector"] if "sector" in account else pd.Series(None, account.index, dtype="str")
        keys = pd.DataFrame({"day": view.as_of // DAY * DAY, "sector": sector.to_numpy()})
        ranks = np.full(own.shape, np.nan)
        for key, places in keys.groupby(["day", "sector"]).indices.items():
            day, name = cast(tuple[int, str], key)
            for w, days in enumerate(self.windows_days):
                peers = context.peers[days, day].get(name)
                if peers is not None and peers.n >= self.min_peers:
                    ranks[places, w] = _rank(peers, own[places, w])
        return pd.DataFrame(ranks, view.rows.index, [f.name for f in self.features()])

    def peers(self, history: History, as_of: np.ndarray) -> dict[tuple[int, int], Mapping[str, Peers]]:
        """The context that `build` needs for rows at these moments: (window, day) → sector → its peers."""
        found: dict[tuple[int, int], Mapping[str, Peers]] = {}
        days = np.unique(as_of // DAY * DAY)
        step = max(1, _CHUNK // max(1, len(history.account_ids)))
        for begin in range(0, len(days), step):
            found |= self._peers(history, days[begin : begin + step])
        return found

    def _peers(self, history: History, days: np.ndarray) -> dict[tuple[int, int], Mapping[str, Peers]]:
        view = history.at(history.existing(list(timestamps(days))))
        counts, account = self._counts(view), view.account()
        sector = account["sector"] if "sector" in account else pd.Series(None, account.index, dtype="str")
        found: dict[tuple[int, int], dict[str, Peers]] = {(w, int(d)): {} for w in self.windows_days for d in days}
        groups = pd.DataFrame({"day": view.as_of, "sector": sector.to_numpy()}).groupby(["day", "sector"]).indices
        for key, places in groups.items():
            day, name = cast(tuple[int, str], key)
            for w, span in enumerate(self.windows_days):
                found[span, int(day)][str(name)] = _peers_of(counts[places, w])
        return dict(found)

    def _counts(self, view: View) -> np.ndarray:
        """Engagement of each row, by window; float64 [n, windows]."""
        from abm_scoring.features.measuring import measure

        types = () if self.event_types == "all" else self.event_types
        plan = (Planned(ANY, "count", tuple(float(d) for d in self.windows_days), (1, 2)),)
        return measure(view, plan, types, {}).to_numpy("float64")


def _peers_of(counts: np.ndarray) -> Peers:
    values, n = np.unique(counts, return_counts=True)
    return Peers(values, np.cumsum(n), len(counts))


def _rank(peers: Peers, counts: np.ndarray) -> np.ndarray:
    """Share of the peers below each number, half of those at it included."""
    up_to = np.concatenate([[0], peers.up_to])
    below = up_to[np.searchsorted(peers.counts, counts, side="left")]
    at_most = up_to[np.searchsorted(peers.counts, counts, side="right")]
    return (below + at_most) / 2 / peers.n
