"""From what a family declares to what the kernel measures, and back to named columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.features import kernel
from abm_scoring.features.events import CODE_COLUMNS, NUMBER_COLUMNS, EventLog
from abm_scoring.features.history import View
from abm_scoring.features.measures import DISTINCTS, SUMS, WINDOWED, Planned
from abm_scoring.features.moments import DAY

_THREADS = 2


def measure(
    view: View, plan: Sequence[Planned], types: Sequence[str], weights: Mapping[str, float]
) -> dict[str, np.ndarray | pd.Series]:
    """Runs the kernel over the view's rows.

    Args:
        view: n rows.
        plan: What to measure.
        types: Event types that `any` is made of.
        weights: Event type → weight in decayed scores; 1 where not named.

    Returns:
        Name → float64 [n], for every measure of the plan.
    """
    if not plan:
        return {}
    log = view.log
    layout = _Layout(plan, types, weights, log)
    order = np.lexsort((view.as_of, view.code))
    code, n_accounts = view.code[order], len(log.offsets) - 1
    sorted_out = kernel.run(
        log.offsets,
        log.occurred,
        log.visible,
        (log.type_code * 2 + log.inbound).astype("int16"),
        _codes(log),
        _numbers(log),
        np.searchsorted(code, np.arange(n_accounts + 1)).astype("int64"),
        view.as_of[order],
        layout.program,
        _THREADS,
    )
    out = np.empty_like(sorted_out)
    out[order] = sorted_out
    return {p.name(d): layout.column(out, p, d) for p in plan for d in p.days}


def first_touch(view: View, types: Sequence[str], column: str) -> pd.Series:
    """Text [n]: the value that each account's first visible inbound event has in a column."""
    log = view.log
    wanted = np.isin(log.type_code, [log.types.index(t) for t in types if t in log.types])
    index = kernel.first_index(log.offsets, log.visible, log.inbound & wanted, view.code, view.as_of)
    values = log.frame[column].astype("str") if column in log.frame else pd.Series(None, log.frame.index, dtype="str")
    return values.reindex(index).reset_index(drop=True)


class _Layout:
    """Which output column holds which measure, and the program that fills them."""

    def __init__(
        self, plan: Sequence[Planned], types: Sequence[str], weights: Mapping[str, float], log: EventLog
    ) -> None:
        momentum = {d for p in plan if p.measure == "momentum" for d in p.short_long}
        self.windows = sorted({int(d) for p in plan if p.measure in WINDOWED for d in p.days} | momentum)
        counted = [p.group for p in plan if p.measure in ("count", "momentum")]
        self.counts = list(dict.fromkeys(counted))
        self.sums = [(p.group, p.measure) for p in plan if p.measure in SUMS]
        self.distincts = [(p.group, p.measure) for p in plan if p.measure in DISTINCTS]
        self.days = [p.group for p in plan if p.measure == "active_days"]
        self.lasts = [p.group for p in plan if p.measure == "recency"]
        self.firsts = [p.group for p in plan if p.measure == "first_seen"]
        self.decays = [(p.group, d) for p in plan if p.measure == "decayed" for d in p.days]
        self.program = self._program(types, weights, log)

    def _program(self, types: Sequence[str], weigh: Mapping[str, float], log: EventLog) -> kernel.Program:
        member = {g: _members(g, types, log.types) for g in ("any", *types)}
        weights = np.zeros((len(self.decays), 2 * len(log.types)))
        for k, (group, _) in enumerate(self.decays):
            for c in np.flatnonzero(member[group]):
                weights[k, c] = weigh.get(log.types[c // 2], 1.0)
        return kernel.Program(
            windows=np.array(self.windows, "int64") * DAY,
            counts=_lists(self.counts, member, log.types),
            sums=_lists([g for g, _ in self.sums], member, log.types),
            sum_column=np.array([NUMBER_COLUMNS.index(SUMS[m]) for _, m in self.sums], "int64"),
            distincts=_lists([g for g, _ in self.distincts], member, log.types),
            distinct_column=np.array([CODE_COLUMNS.index(DISTINCTS[m]) for _, m in self.distincts], "int64"),
            days=_lists(self.days, member, log.types),
            lasts=_lists(self.lasts, member, log.types),
            firsts=_lists(self.firsts, member, log.types),
            n_counts=len(self.counts),
            n_days=len(self.days),
            n_lasts=len(self.lasts),
            n_firsts=len(self.firsts),
            half_lives=np.array([d * DAY for _, d in self.decays], "float64"),
            weights=weights,
        )

    def column(self, out: np.ndarray, planned: Planned, days: float) -> np.ndarray:
        if planned.measure == "momentum":
            short, long = planned.short_long
            in_short, in_long = self._count(out, planned.group, short), self._count(out, planned.group, long)
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.where(in_long > 0, in_short / in_long * (long / short), np.nan)
        if planned.measure == "count":
            return self._count(out, planned.group, int(days))
        return out[:, self._place(planned, days)]

    def _count(self, out: np.ndarray, group: str, days: int) -> np.ndarray:
        column: np.ndarray = out[:, self.counts.index(group) * len(self.windows) + self.windows.index(days)]
        return column

    def _place(self, planned: Planned, days: float) -> int:
        n = len(self.windows)
        sums = len(self.counts)
        distincts = sums + len(self.sums)
        active = distincts + len(self.distincts)
        last = (active + len(self.days)) * n
        pair = (planned.group, planned.measure)
        if planned.measure in SUMS:
            return (sums + self.sums.index(pair)) * n + self.windows.index(int(days))
        if planned.measure in DISTINCTS:
            return (distincts + self.distincts.index(pair)) * n + self.windows.index(int(days))
        if planned.measure == "active_days":
            return (active + self.days.index(planned.group)) * n + self.windows.index(int(days))
        if planned.measure == "recency":
            return last + self.lasts.index(planned.group)
        first = last + len(self.lasts)
        if planned.measure == "first_seen":
            return first + self.firsts.index(planned.group)
        return first + len(self.firsts) + self.decays.index((planned.group, days))


def _members(group: str, types: Sequence[str], seen: tuple[str, ...]) -> np.ndarray:
    """bool [2 × types seen]: which classes (type, direction) a group holds; class = 2 × type + inbound."""
    wanted = np.array([t in types if group == "any" else t == group for t in seen], bool)
    inbound_only = group == "any"
    return np.stack([wanted & (not inbound_only), wanted], axis=1).ravel()


def _lists(
    groups: Sequence[str], member: dict[str, np.ndarray], seen: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """For each class the measures it adds to, in compressed sparse rows."""
    n_classes = 2 * len(seen)
    belongs = np.array([member[g] for g in groups], bool).reshape(len(groups), n_classes)
    start = np.concatenate([[0], np.cumsum(belongs.sum(axis=0))]).astype("int64")
    return start, np.nonzero(belongs.T)[1].astype("int64")


def _codes(log: EventLog) -> np.ndarray:
    columns = []
    for name in CODE_COLUMNS:
        if name == "contact_id":
            columns.append(log.contact)
        elif name in log.frame:
            columns.append(pd.factorize(log.frame[name])[0].astype("int32"))
        else:
            columns.append(np.full(len(log.occurred), -1, "int32"))
    return np.stack([kernel.localise(log.offsets, c) for c in columns])


def _numbers(log: EventLog) -> np.ndarray:
    nothing = np.full(len(log.occurred), np.nan)
    return np.stack(
        [log.frame[n].to_numpy("float64", na_value=np.nan) if n in log.frame else nothing for n in NUMBER_COLUMNS]
    )


def engaged_contacts(view: View, contacts: pd.DataFrame, window: int) -> np.ndarray:
    """bool, one per contact row (columns `row`, `contact_id`): took part in an inbound event within the window."""
    log = view.log
    row = contacts["row"].to_numpy("int64")
    return kernel.engaged(
        log.offsets,
        log.occurred,
        log.visible,
        log.contact,
        log.inbound,
        view.code,
        view.as_of,
        window,
        np.searchsorted(row, np.arange(len(view) + 1)).astype("int64"),
        log.contacts.get_indexer(pd.Index(contacts["contact_id"])).astype("int32"),
    )


def last_inbound(view: View) -> np.ndarray:
    """int64 [n]: when each account's last inbound event before `as_of` occurred; `ALWAYS` where there was none."""
    log = view.log
    return kernel.last_moment(log.offsets, log.occurred, log.visible, log.inbound, view.code, view.as_of)
