"""The bot and noise gate: events that no human made, by stated rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm_scoring.features.compiled import compiled
from abm_scoring.features.events import EventLog
from abm_scoring.features.moments import DAY
from abm_scoring.features.noise_spec import NoiseReport, NoiseSpec
from abm_scoring.features.relations import localise
from abm_scoring.features.sorting import in_pieces

#: Rules in the order in which they are asked; the code of a rule is its place, from 1.
RULES = ("per_minute", "per_day", "regular_gaps", "all_links", "quarantine")

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND


def without_noise(log: EventLog, spec: NoiseSpec) -> EventLog:
    """The log with implausible events marked in `noise` and, unless they are kept, left out."""
    rule = judge(log, spec)
    counts = np.bincount(rule, minlength=len(RULES) + 1)
    flagged = {name: int(n) for name, n in zip(RULES, counts[1:], strict=True) if n}
    drop = (rule > 0) & (spec.action != "keep")
    report = NoiseReport(flagged, int(drop.sum()), _most(log, rule) if flagged else {})
    if not drop.any():
        return replace(log, noise=report)
    kept = np.flatnonzero(~drop)
    before = np.concatenate([[0], np.cumsum(~drop)])
    occurred = log.occurred[kept]
    visible = occurred if log.visible is log.occurred else log.visible[kept]
    made = {key: _thin(value, kept) for key, value in log._made.items() if not key.startswith("unsorted")}
    return replace(
        log,
        order=log.order[kept],
        offsets=before[log.offsets],
        occurred=occurred,
        visible=visible,
        type_code=log.type_code[kept],
        inbound=log.inbound[kept],
        noise=report,
        _made=made,
    )


def judge(log: EventLog, spec: NoiseSpec) -> np.ndarray:
    """Which rule flags each event; int8 [events], 0 = none, else 1 + place in `RULES`."""
    actor = localise(log.offsets, np.maximum(log.fingerprints("contact_id"), np.uint64(1)))
    content = log.fingerprints("content_id")
    out = np.zeros(len(actor), np.int8)
    quarantine = np.int64(spec.quarantine_days * DAY if spec.action == "exclude" else 0)
    limits = (spec.max_per_minute, spec.max_per_day, spec.regular_gaps, spec.max_contents_per_minute)
    events = (log.offsets, log.occurred, log.visible, log.inbound, actor, content)
    in_pieces(lambda a, b: _judge(*events, *limits, quarantine, log.is_late, a, b, out), log.offsets)
    return out


def _most(log: EventLog, rule: np.ndarray) -> dict[int, int]:
    flagged = np.bincount(log.owner[rule > 0], minlength=len(log.offsets) - 1)
    worst = np.argsort(-flagged, kind="stable")[:10]
    return {int(a): int(flagged[a]) for a in worst if flagged[a]}


def _thin(made: object, kept: np.ndarray) -> object:
    return (made[0][kept], made[1]) if isinstance(made, tuple) else made[kept]  # type: ignore[index]


@compiled
def _judge(  # type: ignore[no-untyped-def]
    offsets,
    occurred,
    visible,
    inbound,
    actor,
    content,
    max_minute,
    max_day,
    max_regular,
    max_contents,
    quarantine,
    is_late,
    from_account,
    to_account,
    out,
):
    longest = 0
    for a in range(from_account, to_account):
        longest = max(longest, offsets[a + 1] - offsets[a])
    last = np.empty(longest, np.int64)  # latest event of each actor, as place in the order of arrival
    minute = np.empty(longest, np.int64)  # its oldest event of the last minute, and of the last day
    day = np.empty(longest, np.int64)
    in_minute = np.empty(longest, np.int64)
    in_day = np.empty(longest, np.int64)
    gap = np.empty(longest, np.int64)
    regular = np.empty(longest, np.int64)
    distrusted = np.empty(longest, np.int64)
    following = np.empty(longest, np.int64)  # next event of the same actor
    before = np.empty(longest, np.int64)  # previous one
    seen = np.empty(max_contents + 1, np.uint64)
    for a in range(from_account, to_account):
        begin, n = offsets[a], offsets[a + 1] - offsets[a]
        if n == 0:
            continue
        last[:n] = -1
        distrusted[:n] = -1
        arrival = np.argsort(visible[begin : begin + n], kind="mergesort") if is_late else np.arange(n)
        for j in range(n):
            i = begin + arrival[j]
            if not inbound[i]:
                continue
            who, when = actor[i], occurred[i]
            previous = last[who]
            following[j] = -1
            before[j] = previous
            if previous < 0 or occurred[begin + arrival[previous]] > when:
                # A first event, or one that arrived out of order: counting begins anew.
                minute[who] = day[who] = j
                in_minute[who] = in_day[who] = regular[who] = 0
                before[j] = -1
                gap[who] = -1
            else:
                following[previous] = j
                step = when - occurred[begin + arrival[previous]]
                if step > 0 and gap[who] > 0 and abs(step - gap[who]) <= _SECOND:
                    regular[who] += 1
                else:
                    regular[who] = 0
                gap[who] = step
            last[who] = j
            in_minute[who] += 1
            in_day[who] += 1
            while occurred[begin + arrival[minute[who]]] <= when - _MINUTE:
                minute[who] = following[minute[who]]
                in_minute[who] -= 1
            while occurred[begin + arrival[day[who]]] <= when - DAY:
                day[who] = following[day[who]]
                in_day[who] -= 1
            rule = 0
            if in_minute[who] > max_minute:
                rule = 1
            elif in_day[who] > max_day:
                rule = 2
            elif regular[who] >= max_regular - 1:
                rule = 3
            elif content[i] != 0:
                different, k = 0, j
                while k >= 0 and different <= max_contents and occurred[begin + arrival[k]] > when - _MINUTE:
                    item = content[begin + arrival[k]]
                    fresh = item != 0
                    for m in range(different):
                        fresh = fresh and seen[m] != item
                    if fresh:
                        seen[different] = item
                        different += 1
                    k = before[k]
                if different > max_contents:
                    rule = 4
            if quarantine > 0:
                if rule == 0 and distrusted[who] >= 0 and when < distrusted[who]:
                    rule = 5
                elif rule > 0:
                    distrusted[who] = max(distrusted[who], when + quarantine)
            out[i] = rule
