"""The task in DuckDB, in two formulations."""

from __future__ import annotations

from pathlib import Path

import duckdb
from feature_task.columns import GROUPS, names
from feature_task.workload import COUNTED, HALF_LIVES, MOMENTUM, SUMMED, TYPES, WEIGHTS, WINDOWS

_AGE = "(s.as_of - e.occurred_at)"
_DAY = 86_400_000_000


def _within(days: int, moment: str = "occurred_at") -> str:
    return f"{moment} >= as_of - {days * _DAY}"


def _prepare(connection: duckdb.DuckDBPyConnection, events: Path, snapshots: Path) -> None:
    """Text and timestamps to numbers once: joins, groupings and comparisons run many times as fast on them."""
    connection.execute(f"""
        create temp table s as select file_row_number as sid, account_id, epoch_us(as_of) as as_of
          from read_parquet('{snapshots}', file_row_number=true);
        create temp table ids as select account_id, row_number() over () :: integer as a from (select distinct account_id from s);
        create temp table people as select contact_id, row_number() over () :: integer as contact
          from (select distinct contact_id from read_parquet('{events}'));
        create type type_name as enum ({", ".join(f"'{t}'" for t in TYPES)});
        create temp table e as select a, epoch_us(occurred_at) as occurred_at, event_type :: type_name as event_type, channel, contact, value,
            (epoch_us(occurred_at) // {_DAY}) :: integer as day
          from read_parquet('{events}') join ids using (account_id) left join people using (contact_id);
        create or replace temp table s as select sid, a, as_of from s join ids using (account_id);
    """)


def _decay(half_life: float) -> str:
    weight = "case event_type " + " ".join(f"when '{t}' then {w}" for t, w in WEIGHTS.items()) + " end"
    return f"sum({weight} * pow(2.0, -{_AGE} / {half_life * _DAY}))"


def _finish(columns: str) -> str:
    """Recency in days, momentum as a ratio, and the columns in their order."""
    ratio = MOMENTUM[1] / MOMENTUM[0]
    said = []
    for name in names():
        if name.endswith("_recency"):
            said.append(f"((as_of - {name[:-8]}_last) / {_DAY})::float as {name}")
        elif name.endswith("_momentum"):
            g = name[:-9]
            short, long = f"{g}_count_{MOMENTUM[0]}d", f"{g}_count_{MOMENTUM[1]}d"
            said.append(f"(case when {long} > 0 then {short} / {long} * {ratio} end)::float as {name}")
        else:
            said.append(f"coalesce({name}, 0)::float as {name}")
    return f"select {', '.join(said)} from ({columns}) order by sid"


def joined(events: Path, snapshots: Path):  # type: ignore[no-untyped-def]
    """One join, grouped by snapshot and type and turned into columns; distinct values in two steps."""
    counts = ", ".join(
        f"count(*) filter ({_within(w)}) as c{w}, sum(value) filter ({_within(w)}) as v{w}" for w in WINDOWS
    )
    pivot = [f"sum(c{w}) as any_count_{w}d" for w in WINDOWS]
    pivot += [f"any_value(c{w}) filter (event_type = '{t}') as {t}_count_{w}d" for t in TYPES for w in WINDOWS]
    pivot += [f"any_value(v{w}) filter (event_type = '{t}') as {t}_value_{w}d" for t in SUMMED for w in WINDOWS]
    pivot += ["max(last) as any_last", *(f"any_value(last) filter (event_type = '{t}') as {t}_last" for t in TYPES)]
    pivot += [f"sum(d{h:g}) as any_decayed_{h:g}d" for h in HALF_LIVES]
    decays = ", ".join(f"{_decay(h)} as d{h:g}" for h in HALF_LIVES)
    parts = [
        f"""by_type as (select sid, event_type, max(occurred_at) as last, {counts}, {decays}
              from s join e on e.a = s.a and e.occurred_at < s.as_of group by sid, as_of, event_type)""",
        f"wide as (select sid, {', '.join(pivot)} from by_type group by sid)",
    ]
    for what, value in (("contacts", "contact"), ("active_days", "day"), ("channels", "channel")):
        groups = ("any", *COUNTED) if what != "channels" else ("any",)
        lasts = ["max(occurred_at) as last_any"] + [
            f"max(occurred_at) filter (event_type = '{t}') as last_{t}" for t in groups if t != "any"
        ]
        counted = [f"count(*) filter ({_within(w, 'last_' + g)}) as {g}_{what}_{w}d" for g in groups for w in WINDOWS]
        parts.append(
            f"""{what}_each as (select sid, as_of, {value} as x, {", ".join(lasts)}
                  from s join e on e.a = s.a and e.occurred_at < s.as_of
                    and e.occurred_at >= s.as_of - {WINDOWS[-1] * _DAY} group by sid, as_of, {value}),
                {what} as (select sid, {", ".join(counted)} from {what}_each where x is not null group by sid)"""
        )
    together = """select * from s left join wide using (sid) left join contacts using (sid)
                  left join active_days using (sid) left join channels using (sid)"""
    return _run(events, snapshots, f"with {', '.join(parts)} {_finish(together)}")


def filtered(events: Path, snapshots: Path):  # type: ignore[no-untyped-def]
    """One join, one aggregate with a filter for each column: what one would write first."""

    def where(group: str, days: int) -> str:
        return _within(days) + ("" if group == "any" else f" and event_type = '{group}'")

    columns = [f"count(*) filter ({where(g, w)}) as {g}_count_{w}d" for g in GROUPS for w in WINDOWS]
    columns += [f"sum(value) filter ({where(t, w)}) as {t}_value_{w}d" for t in SUMMED for w in WINDOWS]
    for what, value in (("contacts", "contact"), ("active_days", "day")):
        columns += [
            f"count(distinct {value}) filter ({where(g, w)}) as {g}_{what}_{w}d"
            for g in ("any", *COUNTED)
            for w in WINDOWS
        ]
    columns += [f"count(distinct channel) filter ({where('any', w)}) as any_channels_{w}d" for w in WINDOWS]
    columns += ["max(occurred_at) as any_last"]
    columns += [f"max(occurred_at) filter (event_type = '{t}') as {t}_last" for t in TYPES]
    columns += [f"{_decay(h)} as any_decayed_{h:g}d" for h in HALF_LIVES]
    query = f"""select * from s left join (select sid, {", ".join(columns)}
                  from s join e on e.a = s.a and e.occurred_at < s.as_of group by sid) using (sid)"""
    return _run(events, snapshots, _finish(query))


def _run(events: Path, snapshots: Path, query: str):  # type: ignore[no-untyped-def]
    connection = duckdb.connect(config={"threads": 2})
    _prepare(connection, events, snapshots)
    return connection.execute(query).df()
