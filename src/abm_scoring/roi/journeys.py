"""Touches of all contacts of an account as one path an opportunity; unconverted paths are kept.

Every touch of the period stands in at least one path: those before a closed opportunity lead to it (to each, where
several are close together); all others form one unconverted path an account and lookback, cut where such a stretch
lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError
from abm_scoring.features.moments import DAY, NEVER, count_before, is_before, micros, moments, timestamps
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.past import as_known
from abm_scoring.spec import Spec

_COLUMN = {"channel": "channel", "campaign": "campaign_id", "content": "content_id", "funnel_stage": "funnel_stage"}


class JourneySpec(Spec):
    """What a touch is, and which touches belong to a path."""

    unit: Literal["channel", "campaign", "content", "funnel_stage"] = Field("channel", description="what gets credit")
    direction: Literal["apart", "together", "inbound", "outbound"] = Field(
        "apart",
        description="touches that the account began (inbound) and touches that we began (outbound): as units of their "
        "own (`email, outbound`), mixed, or one kind alone",
    )
    lookback_days: float = Field(180, gt=0, description="days before its end in which a touch belongs to a path")
    ends_at: Literal["closed", "created"] = Field(
        "closed", description="a path ends when its opportunity was won or lost, or already when it was opened"
    )
    by: Literal["account", "family"] = Field(
        "account", description="whose touches form a path: the account's, or those of its parent and subsidiaries too"
    )
    event_types: tuple[str, ...] | None = Field(
        None, description="event types that are touches; empty: every event that names the unit"
    )
    kinds: tuple[Literal["new", "cross_sell", "upsell", "renewal"], ...] = Field(
        ("new", "cross_sell", "upsell", "renewal"), min_length=1, description="kinds of opportunity that end a path"
    )


@dataclass(frozen=True)
class Journeys:
    """Paths, and what each belongs to.

    Attributes:
        paths: The flat arrays that credit rules read. `family` is set; `days` and `milestone` are known.
        frame: One row a path: account_id (of the opportunity; of the path's owner where unconverted), family_id,
            opportunity_id (None: unconverted account-period), ended_at, is_won, touches, first_at, value.
        outbound: bool [touches], what we began.
        touches: One row a unit: unit, inbound, outbound, accounts; counts over all touches of the period, each once.
        without_unit: Events of the period that name no unit and are therefore no touches.
        without_value: Wins whose value is unknown; they count as wins and bring 0 money.
    """

    paths: Paths
    frame: pd.DataFrame
    outbound: np.ndarray
    touches: pd.DataFrame
    without_unit: int
    without_value: int


@dataclass(frozen=True)
class _Touches:
    """All touches of the period in order of owner, moment and unit."""

    units: tuple[str, ...]
    code: np.ndarray
    owner: np.ndarray
    moment: np.ndarray
    outbound: np.ndarray
    without_unit: int


def journeys(
    events: pd.DataFrame,
    opportunities: pd.DataFrame,
    families: pd.Series,
    as_of: pd.Timestamp,
    spec: JourneySpec | None = None,
    *,
    since: pd.Timestamp | None = None,
    value: str = "amount",
) -> Journeys:
    """Paths as they were known at `as_of`.

    Args:
        events: Canonical events.
        opportunities: Canonical opportunities, amounts in the project's currency.
        families: family_id by account_id (`data.families.families`); touches of other accounts are left out.
        as_of: Nothing that happened or was learned at or after it is used.
        spec: What a touch is, and how far back a path reaches.
        since: Paths of opportunities that closed before it are left out, and touches before it unless such a path
            needs them; None: everything.
        value: Column of opportunities that wins bring: `amount` or `gross_margin`.

    Returns:
        One path for every opportunity that closed in `[since, as_of)`, and the unconverted paths.

    Raises:
        BadDataError: A closed opportunity belongs to an account without a family, or the value column is missing.
    """
    spec = spec or JourneySpec()
    known = as_known(Tables({"events": events, "opportunities": opportunities}), as_of)
    owners = families.index if spec.by == "account" else pd.Index(np.unique(families.to_numpy(dtype=object)))
    owner_of = pd.Series(
        owners.get_indexer(pd.Index(families) if spec.by == "family" else families.index), families.index
    )
    limit, back = micros(as_of), int(spec.lookback_days * DAY)
    begin = None if since is None else micros(since)
    ends = _endings(known["opportunities"], spec, begin, value)
    owner = ends["account_id"].map(owner_of)
    if owner.isna().any():
        raise BadDataError(
            f"{int(owner.isna().sum())} opportunities belong to no known account",
            where="opportunities",
            fix="load the accounts they name",
        )
    all_touches = _touches(known["events"], owner_of, spec)
    low, high, milestone = _stretches(all_touches, owner.to_numpy("int64"), ends, back)
    rest_low, rest_high, rest_end = _unconverted(all_touches, low, high, limit, back, begin)
    frame = _frame(all_touches, ends, families, owners, spec, rest_low, rest_end)
    low, high = np.concatenate([low, rest_low]), np.concatenate([high, rest_high])
    milestone = np.concatenate([milestone, np.full(len(rest_low), -1)])
    return _journeys(all_touches, frame, low, high, milestone, begin)


def _endings(opportunities: pd.DataFrame, spec: JourneySpec, since: int | None, value: str) -> pd.DataFrame:
    """Closed opportunities in order of their end and id: ended, opened (microseconds), is_won, value."""
    if value not in opportunities and len(opportunities):
        raise BadDataError(f"has no column {value}", where="opportunities", fix="map it, or count returns as revenue")
    found = pd.DataFrame(
        {
            "opportunity_id": opportunities["opportunity_id"],
            "account_id": opportunities["account_id"],
            "opened": moments(opportunities["created_at"], NEVER),
            "closed": moments(_column(opportunities, "closed_at", "datetime64[us, UTC]"), NEVER),
            "won": _column(opportunities, "is_won", "boolean"),
            "value": _column(opportunities, value, "float64").astype("float64"),
            "kind": _column(opportunities, "kind", "str").fillna("new"),
        }
    )
    found = found[found["won"].notna() & (found["closed"] != NEVER) & found["kind"].isin(spec.kinds)]
    found["ended"] = found["closed"] if spec.ends_at == "closed" else found["opened"]
    if since is not None:
        found = found[~is_before(found["closed"], since)]
    return found.sort_values(["ended", "opportunity_id"], ignore_index=True)


def _column(frame: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype=dtype)


def _touches(events: pd.DataFrame, owner_of: pd.Series, spec: JourneySpec) -> _Touches:
    column = _COLUMN[spec.unit]
    unit = _column(events, column, "str")
    if spec.event_types is not None:
        events = events[events["event_type"].isin(spec.event_types).to_numpy()]
        unit = unit.loc[events.index]
    account, ids = pd.factorize(events["account_id"])
    owner = owner_of.reindex(ids).fillna(-1).to_numpy("int64")[account]
    outbound = _is_outbound(events)
    if spec.direction in ("inbound", "outbound"):
        owner = np.where(outbound == (spec.direction == "outbound"), owner, -1)
    code, found = pd.factorize(unit, sort=True)
    nameless = int(((code < 0) & (owner >= 0)).sum())
    kept = np.flatnonzero((code >= 0) & (owner >= 0))
    code, names = _labelled(code[kept], list(map(str, found)), outbound[kept], spec.direction == "apart")
    owner, outbound, moment = owner[kept], outbound[kept], moments(events["occurred_at"], NEVER)[kept]
    # Ties are put in order by what is counted, so that the order of rows does not matter.
    order = np.lexsort((outbound, code, moment, owner))
    return _Touches(tuple(names), code[order], owner[order], moment[order], outbound[order], nameless)


def _is_outbound(events: pd.DataFrame) -> np.ndarray:
    """What we began: by `direction` or, where that is missing, by type."""
    from abm_scoring.features.events import OUTBOUND_TYPES

    by_type = events["event_type"].isin(OUTBOUND_TYPES).to_numpy(dtype=bool)
    stated = _column(events, "direction", "str")
    return np.where(stated.isna(), by_type, (stated == "outbound").fillna(False)).astype(bool)


def _labelled(code: np.ndarray, names: list[str], outbound: np.ndarray, apart: bool) -> tuple[np.ndarray, list[str]]:
    if not apart:
        used, code = np.unique(code, return_inverse=True)
        return code.astype("int32"), [names[u] for u in used]
    used, code = np.unique(2 * code.astype("int64") + outbound, return_inverse=True)
    return code.astype("int32"), [f"{names[u // 2]}, {'outbound' if u % 2 else 'inbound'}" for u in used]


def _stretches(
    touches: _Touches, owner: np.ndarray, ends: pd.DataFrame, back: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each ending's touches as [low, high) and the place of the last one before it was opened (-1: none)."""
    ended, opened = ends["ended"].to_numpy("int64"), ends["opened"].to_numpy("int64")
    instants = np.unique(touches.moment)
    stride = len(instants) + 1
    key = touches.owner * stride + np.searchsorted(instants, touches.moment)

    def until(moment: np.ndarray) -> np.ndarray:
        # Position of the owner's first touch that is not before the moment.
        found: np.ndarray = np.searchsorted(key, owner * stride + count_before(instants, moment))
        return found

    low, high = until(ended - back), until(ended)
    milestone = np.minimum(until(opened), high) - 1 - low
    return low, high, np.maximum(milestone, -1)


def _unconverted(
    touches: _Touches, low: np.ndarray, high: np.ndarray, limit: int, back: int, since: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of touches that lead to no closed opportunity, one an owner and lookback, and the moments they end at."""
    n = len(touches.moment)
    used = np.cumsum(np.bincount(low, minlength=n + 1) - np.bincount(high, minlength=n + 1))[:n] > 0
    free = ~used if since is None else ~used & ~is_before(touches.moment, since)
    rows = np.flatnonzero(free)
    if not len(rows):
        nothing = np.zeros(0, "int64")
        return nothing, nothing, nothing
    tile = (limit - 1 - touches.moment[rows]) // back
    new = (np.diff(rows) != 1) | (np.diff(tile) != 0) | (np.diff(touches.owner[rows]) != 0)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    last = np.concatenate([starts[1:], [len(rows)]]) - 1
    return rows[starts], rows[last] + 1, limit - tile[starts] * back


def _frame(
    touches: _Touches,
    ends: pd.DataFrame,
    families: pd.Series,
    owners: pd.Index,
    spec: JourneySpec,
    rest_low: np.ndarray,
    rest_end: np.ndarray,
) -> pd.DataFrame:
    rest_owner = owners[touches.owner[rest_low]].astype("str") if len(rest_low) else pd.Index([], dtype="str")
    rest_family = families.reindex(rest_owner).to_numpy(dtype=object) if spec.by == "account" else rest_owner
    won = ends["won"].to_numpy(dtype=bool)
    value = np.where(won, ends["value"].to_numpy("float64"), 0.0)
    rest = len(rest_low)
    return pd.DataFrame(
        {
            "account_id": np.concatenate([ends["account_id"].to_numpy(dtype=object), np.asarray(rest_owner, object)]),
            "family_id": np.concatenate(
                [families.reindex(ends["account_id"]).to_numpy(dtype=object), np.asarray(rest_family, object)]
            ),
            "opportunity_id": np.concatenate([ends["opportunity_id"].to_numpy(dtype=object), np.full(rest, None)]),
            "ended_at": timestamps(np.concatenate([ends["ended"].to_numpy("int64"), rest_end])),
            "is_won": np.concatenate([won, np.zeros(rest, bool)]),
            "value": np.concatenate([value, np.zeros(rest)]),
        }
    ).astype({"account_id": "str", "family_id": "str", "opportunity_id": "str"})


def _journeys(
    touches: _Touches,
    frame: pd.DataFrame,
    low: np.ndarray,
    high: np.ndarray,
    milestone: np.ndarray,
    since: int | None,
) -> Journeys:
    lengths = high - low
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int64")
    row = np.repeat(low - offsets[:-1], lengths) + np.arange(offsets[-1])
    ended = moments(frame["ended_at"], NEVER)
    unknown = frame["is_won"].to_numpy() & frame["value"].isna().to_numpy()
    won = frame["is_won"].to_numpy("float64")
    paths = Paths(
        touches.units,
        touches.code[row],
        offsets,
        wins=won,
        money=np.where(unknown, 0.0, frame["value"].to_numpy("float64")),
        nulls=1.0 - won,
        days=((np.repeat(ended, lengths) - touches.moment[row]) / DAY).astype("float32"),
        milestone=milestone.astype("int64"),
        family=pd.factorize(frame["family_id"], sort=True)[0].astype("int64"),
    )
    first = np.append(touches.moment, NEVER)[np.where(lengths > 0, low, len(touches.moment))]
    frame = frame.assign(touches=lengths, first_at=timestamps(first))
    in_period = np.ones(len(touches.moment), bool) if since is None else ~is_before(touches.moment, since)
    return Journeys(
        paths, frame, touches.outbound[row], _counted(touches, in_period), touches.without_unit, int(unknown.sum())
    )


def _counted(touches: _Touches, kept: np.ndarray) -> pd.DataFrame:
    n, code, out = len(touches.units), touches.code[kept], touches.outbound[kept]
    pairs = np.unique(np.column_stack([code, touches.owner[kept]]), axis=0)
    return pd.DataFrame(
        {
            "unit": pd.Series(touches.units, dtype="str"),
            "inbound": np.bincount(code[~out], minlength=n),
            "outbound": np.bincount(code[out], minlength=n),
            "accounts": np.bincount(pairs[:, 0], minlength=n),
        }
    )
