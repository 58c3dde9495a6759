"""From what a family declares to what the kernel measures, straight into named columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.data.text_columns import text_of
from abm_scoring.features import kernel, relations, shapes
from abm_scoring.features.events import EventLog
from abm_scoring.features.history import View
from abm_scoring.features.measures import (
    ANY,
    BURST_DAYS,
    DISTINCTS,
    EXTREMES,
    GAPS,
    MEANS,
    PERIODS,
    REPLY_DAYS,
    SUMS,
    WINDOWED,
    Group,
    Planned,
)
from abm_scoring.features.moments import DAY
from abm_scoring.features.seniority import seniority_at_event
from abm_scoring.features.text import fingerprints

#: From this many combinations of values on, those that occur are found by sorting instead of by a table.
_TABLE_LIMIT = 1 << 22

#: A group, and whether only its replies to touches of the brand count.
_Counted = tuple[Group, bool]


def measure(view: View, plan: Sequence[Planned], types: Sequence[str], weights: Mapping[str, float]) -> pd.DataFrame:
    """Runs the kernel over the view's rows.

    Args:
        view: n rows.
        plan: What to measure.
        types: Event types that engagement is made of.
        weights: Event type → weight in decayed scores; 1 where not named.

    Returns:
        n × measures frame in the order of the plan, of the view's dtype.
    """
    names = [p.name(days) for p in plan for days in p.days]
    out: np.ndarray = np.empty((len(view), len(names)), view.dtype)
    if names and len(view):
        classes = _classes(view, plan, types)
        _write(view, _Layout(plan, classes, weights), classes, out)
    return pd.DataFrame(out, columns=names, copy=False)


def first_touch(view: View, types: Sequence[str], column: str) -> pd.Series:
    """Text [n]: the value that each account's first visible inbound event has in a column."""
    log = view.log
    wanted = np.isin(log.type_code, [log.types.index(t) for t in types if t in log.types])
    index = relations.first_index(log.offsets, log.visible, log.inbound & wanted, view.code, view.as_of)
    if column not in log:
        return pd.Series(None, view.rows.index, dtype="str")
    given = text_of(log.source[column])
    rows = np.where(index >= 0, log.order[index] if len(log.order) else 0, 0)
    values = given.take(rows).to_pandas().astype("str") if len(given) else pd.Series([None] * len(rows), dtype="str")
    return values.where(index >= 0).set_axis(view.rows.index)


def engaged_contacts(view: View, contacts: pd.DataFrame, window: int) -> np.ndarray:
    """bool, one per contact row (columns `row`, `contact_id`): took part in an inbound event within the window."""
    log = view.log
    row = contacts["row"].to_numpy("int64")
    return relations.engaged(
        log.offsets,
        log.occurred,
        log.visible,
        log.fingerprints("contact_id"),
        log.inbound,
        view.code,
        view.as_of,
        window,
        np.searchsorted(row, np.arange(len(view) + 1)).astype("int64"),
        fingerprints(text_of(contacts["contact_id"])),
    )


def last_inbound(view: View) -> np.ndarray:
    """int64 [n]: when each account's last inbound event before `as_of` occurred; `ALWAYS` where there was none."""
    log = view.log
    return relations.last_moment(log.offsets, log.occurred, log.visible, log.inbound, view.code, view.as_of)


def weekly_activity(view: View, weeks: int) -> np.ndarray:
    """Inbound events in each of the last weeks before `as_of`, oldest first; int64 [n, weeks]."""
    log = view.log
    events = (log.offsets, log.occurred, log.visible, log.inbound)
    return relations.per_period(*events, view.code, view.as_of, 7 * DAY, weeks)


@dataclass(frozen=True)
class _Classes:
    """Events put into classes: each a combination of type, direction and the other dimensions that are asked for.

    Attributes:
        code: Integers [events].
        member: Which classes a group holds, bool [classes].
        type_of: Event type of each class.
    """

    code: np.ndarray
    member: Callable[[_Counted], np.ndarray]
    type_of: Sequence[str]
    log: EventLog


def _classes(view: View, plan: Sequence[Planned], types: Sequence[str]) -> _Classes:
    log = view.log
    n_types = max(len(log.types), 1)
    parts: dict[str, tuple[np.ndarray, Sequence[str]]] = {}
    for dimension in dict.fromkeys(p.group.dimension for p in plan):
        if dimension == "seniority":
            parts[dimension] = seniority_at_event(view)
        elif dimension not in ("any", "event_type"):
            parts[dimension] = log.categories(dimension)
    if any(p.measure == "replies" for p in plan):
        events = (log.offsets, log.occurred, log.visible, log.inbound, log.fingerprints("contact_id"))
        parts["reply"] = relations.replies(*events, REPLY_DAYS * DAY).astype(np.int32), ("yes", "yes")
    code = log.type_code * np.int16(2) + log.inbound
    sizes = [2 * n_types]
    for values, names in parts.values():
        code = code.astype(np.int64) * (len(names) + 1) + (values + 1)
        sizes.append(len(names) + 1)
    seen, code = _occurring(code, int(np.prod(sizes, dtype="float64"))) if parts else (np.arange(2 * n_types), code)
    digits = dict(zip(("class", *parts), np.unravel_index(seen, sizes), strict=True))
    class_type, inbound = digits["class"] // 2, digits["class"] % 2 == 1
    wanted = np.isin(class_type, [log.types.index(t) for t in types if t in log.types])

    def member(counted: _Counted) -> np.ndarray:
        group, only_replies = counted
        held = wanted & inbound
        if group.dimension == "event_type":
            held = class_type == (log.types.index(group.value) if group.value in log.types else -1)
        elif group.dimension != "any":
            names = parts[group.dimension][1]
            held = held & (digits[group.dimension] == (names.index(group.value) + 1 if group.value in names else -1))
        return held & (digits["reply"] == 2) if only_replies else held

    return _Classes(code, member, [log.types[t] for t in class_type if log.types], log)


def _occurring(code: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct codes, ascending, and for each event the place of its code among them, as narrow as it can be."""
    # One type wherever possible: the kernel is compiled anew for each.
    if n > _TABLE_LIMIT:
        seen, place = np.unique(code, return_inverse=True)
        return seen, place.astype(_place_type(len(seen)))
    seen = np.flatnonzero(np.bincount(code, minlength=n))
    table = np.zeros(n, _place_type(len(seen)))
    table[seen] = np.arange(len(seen))
    return seen, table[code]


def _place_type(n: int) -> type[np.signedinteger]:
    return np.int16 if n < 1 << 15 else np.int32


def _write(view: View, layout: _Layout, classes: _Classes, out: np.ndarray) -> None:
    log = view.log
    place, row_offsets, as_of = _by_account(view, len(log.offsets) - 1)
    events = kernel.Events(
        log.offsets,
        log.occurred,
        log.visible,
        classes.code,
        _stacked([_codes(log, c) for c in layout.code_columns], np.int32),
        _stacked([log.numbers(c) for c in layout.number_columns], np.float64),
    )
    kernel.run(events, log.is_late, row_offsets, as_of, place, layout.program(), out)
    looked_back = layout.shapes()
    if looked_back is not None:
        shapes.run(events, row_offsets, as_of, place, looked_back, out)


def _by_account(view: View, n_accounts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows by account, then as_of: place in the view, offsets of the accounts, as_of."""
    code, as_of = view.code, view.as_of
    place = np.arange(len(code))
    ahead = (code[1:] > code[:-1]) | ((code[1:] == code[:-1]) & (as_of[1:] >= as_of[:-1]))
    if not ahead.all():
        place = np.lexsort((as_of, code))
        code, as_of = code[place], as_of[place]
    return place, np.searchsorted(code, np.arange(n_accounts + 1)).astype("int64"), as_of


def _stacked(columns: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    if not columns:
        return np.empty((0, 0), dtype)
    return columns[0].reshape(1, -1) if len(columns) == 1 else np.stack(columns)


class _Layout:
    """Where each measure is kept while the kernel runs, and which column it is written to."""

    def __init__(self, plan: Sequence[Planned], classes: _Classes, weights: Mapping[str, float]) -> None:
        self.classes, self.weights = classes, weights
        wanted = [(p, days) for p in plan for days in p.days]
        #: column of the result → what it is.
        self.columns = list(enumerate(wanted))
        spans = {int(d) for p, d in wanted if p.measure in WINDOWED and p.measure not in (*EXTREMES, *GAPS)}
        spans |= {d for p, _ in wanted if p.measure == "momentum" for d in p.short_long}
        self.windows = sorted(spans | {d for p, _ in wanted if p.measure == "burst" for d in BURST_DAYS})
        self.counts = _distinct(key for p, _ in wanted for key in _counted(p))
        self.sums = _distinct(
            (p.group, {**SUMS, **MEANS}[p.measure]) for p, _ in wanted if p.measure in (*SUMS, *MEANS)
        )
        self.distincts = _distinct((p.group, _coded(p)) for p, _ in wanted if _coded(p))
        self.extremes = _distinct((p.group, EXTREMES[p.measure]) for p, _ in wanted if p.measure in EXTREMES)
        self.code_columns = _distinct(column for _, column in self.distincts)
        self.number_columns = _distinct([c for _, c in self.sums] + [c for _, (c, _) in self.extremes])

    def program(self) -> kernel.Program:
        n, ratios, scale = len(self.windows), [], []
        lasts, firsts, decays = self._of("recency"), self._of("first_seen"), self._of("decayed")
        sum_base = n * self.width
        plain: list[tuple[int, int]] = []
        summed: list[tuple[int, int]] = []
        for column, (p, days) in self.columns:
            m, span = p.measure, int(days)
            if m in ("count", "replies"):
                plain.append((column, self._count((p.group, m == "replies"), span)))
            elif m == "share":
                ratios.append((column, self._count((p.group, False), span), self._count((ANY, False), span), -1))
                scale.append(1.0)
            elif m in ("momentum", "burst"):
                short, long = p.short_long if m == "momentum" else BURST_DAYS
                above, below = self._count((p.group, False), short), self._count((p.group, False), long)
                ratios.append((column, above, below, above if m == "burst" else -1))
                scale.append((long - short if m == "burst" else long) / short)
            elif m in SUMS or m in MEANS:
                item = self.sums.index((p.group, {**SUMS, **MEANS}[m]))
                held = sum_base + 2 * item * n + self.windows.index(span)
                if m in SUMS:
                    summed.append((column, held))
                else:
                    ratios.append((column, held, held + n, -1))
                    scale.append(1.0)
            elif _coded(p):
                item = self.distincts.index((p.group, _coded(p)))
                plain.append((column, self._slot(len(self.counts) + item, span)))
        return kernel.Program(
            windows=np.array(self.windows, "int64") * DAY,
            counts=self._members(self.counts),
            sums=self._lists([(g, False) for g, _ in self.sums]),
            sum_column=_ints([self.number_columns.index(c) for _, c in self.sums]),
            distincts=self._lists([(g, False) for g, _ in self.distincts]),
            distinct_column=_ints([self.code_columns.index(c) for _, c in self.distincts]),
            lasts=self._lists([(p.group, False) for _, p, _ in lasts]),
            firsts=self._lists([(p.group, False) for _, p, _ in firsts]),
            half_lives=np.array([days * DAY for _, _, days in decays], "float64"),
            weights=self._weights([p.group for _, p, _ in decays]),
            n_counts=len(self.counts),
            width=self.width,
            n_lasts=len(lasts),
            n_firsts=len(firsts),
            plain=np.array(plain, "int64").reshape(-1, 2),
            summed=np.array(summed, "int64").reshape(-1, 2),
            ratios=np.array(ratios, "int64").reshape(-1, 4),
            ratio_scale=np.array(scale, "float64"),
            last_columns=_ints([column for column, _, _ in lasts]),
            first_columns=_ints([column for column, _, _ in firsts]),
            decay_columns=_ints([column for column, _, _ in decays]),
        )

    def shapes(self) -> shapes.Shapes | None:
        """What needs a look back from each snapshot; None where nothing does."""
        streaks = self._of("streak_weeks")
        spans = sorted({int(d) for _, (p, d) in self.columns if p.measure in (*EXTREMES, *GAPS)})
        if not streaks and not spans:
            return None
        gaps = _distinct(p.group for _, (p, _) in self.columns if p.measure in GAPS)

        def columns(chosen: Sequence[tuple[Group, str]]) -> np.ndarray:
            place: dict[tuple[Group, str, int], int] = {
                (p.group, p.measure, int(d)): column for column, (p, d) in self.columns
            }
            return _ints([[place.get((g, m, d), -1) for d in spans] for g, m in chosen]).reshape(
                len(chosen), len(spans)
            )

        named = {source: m for m, source in EXTREMES.items()}
        return shapes.Shapes(
            windows=np.array(spans, "int64") * DAY,
            extremes=self._lists([(g, False) for g, _ in self.extremes]),
            extreme_column=_ints([self.number_columns.index(c) for _, (c, _) in self.extremes]),
            extreme_sign=np.array([sign for _, (_, sign) in self.extremes], "float64"),
            extreme_out=columns([(g, named[source]) for g, source in self.extremes]),
            gaps=self._lists([(g, False) for g in gaps]),
            mean_out=columns([(g, "gap_mean") for g in gaps]),
            regularity_out=columns([(g, "gap_regularity") for g in gaps]),
            streaks=self._lists([(p.group, False) for _, p, _ in streaks]),
            streak_out=_ints([column for column, _, _ in streaks]),
        )

    def _of(self, name: str) -> list[tuple[int, Planned, float]]:
        return [(column, p, days) for column, (p, days) in self.columns if p.measure == name]

    def _count(self, key: _Counted, days: int) -> int:
        return self._slot(self.counts.index(key), days)

    def _slot(self, slot: int, days: int) -> int:
        return self.windows.index(days) * self.width + slot

    @property
    def width(self) -> int:
        """Slots, rounded up so that the processor can take many at a time."""
        return -(-(len(self.counts) + len(self.distincts)) // 32) * 32

    def _members(self, groups: Sequence[_Counted]) -> np.ndarray:
        """int32 [classes, width]: 1 where a class adds to a count."""
        table = np.zeros((max(len(self.classes.type_of), 1), self.width), np.int32)
        for slot, group in enumerate(groups):
            if self.classes.type_of:
                table[:, slot] = self.classes.member(group)
        return table

    def _lists(self, groups: Sequence[_Counted]) -> kernel.Lists:
        """For each class the measures it adds to, in compressed sparse rows."""
        table = self._belongs(groups)
        start = np.concatenate([[0], np.cumsum(table.sum(axis=0))]).astype("int64")
        return kernel.Lists(start, np.nonzero(table.T)[1].astype("int64"))

    def _weights(self, groups: Sequence[Group]) -> np.ndarray:
        """Weight of each class in each decayed score, [scores, classes]."""
        own = np.array([self.weights.get(t, 1.0) for t in self.classes.type_of] or [0.0])
        return self._belongs([(g, False) for g in groups]) * own

    def _belongs(self, groups: Sequence[_Counted]) -> np.ndarray:
        """Which classes add to which measures, [measures, classes]; one class that adds to none without events."""
        if not self.classes.type_of:
            return np.zeros((len(groups), 1), bool)
        belongs = [self.classes.member(group) for group in groups]
        return np.array(belongs, bool).reshape(len(groups), len(self.classes.type_of))


def _counted(planned: Planned) -> list[_Counted]:
    """The counts that a measure is made from."""
    if planned.measure == "share":
        return [(planned.group, False), (ANY, False)]
    if planned.measure in ("count", "momentum", "burst"):
        return [(planned.group, False)]
    return [(planned.group, True)] if planned.measure == "replies" else []


def _coded(planned: Planned) -> str:
    """What the distinct values that a measure counts are values of: an event column, or a kind of period."""
    return DISTINCTS.get(planned.measure, planned.measure if planned.measure in PERIODS else "")


def _codes(log: EventLog, name: str) -> np.ndarray:
    if name not in PERIODS:
        return log.local_codes(name)
    days, shift = PERIODS[name]
    return relations.local_periods(log.offsets, log.occurred, days * DAY, shift * DAY)


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _ints(values: Sequence[object]) -> np.ndarray:
    return np.array(values, "int64")
