"""The task in Polars: as-of joins on running totals for what adds up, a join and two groupings for distinct values."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from feature_task.columns import GROUPS, names
from feature_task.workload import COUNTED, HALF_LIVES, MOMENTUM, SUMMED, TYPES, WEIGHTS, WINDOWS

_DAY = 86_400_000_000


def run(events: Path, snapshots: Path):  # type: ignore[no-untyped-def]
    """A frame of float32 in the order of the snapshots."""
    e = pl.read_parquet(events).sort("occurred_at")
    s = pl.read_parquet(snapshots).with_row_index("sid")
    # Text to small numbers once: joins and groupings run faster on them.
    ids = s.select(pl.col("account_id").unique()).with_row_index("a")
    s = s.join(ids, on="account_id", maintain_order="left").select("sid", pl.col("a").alias("account_id"), "as_of")
    e = e.join(ids, on="account_id", maintain_order="left").with_columns(
        pl.col("a").alias("account_id"),
        pl.col("contact_id").rank("dense").cast(pl.Int32),
        pl.col("channel").cast(pl.Categorical),
    )
    totals, sums = _running(e)
    wide = _differences(totals, sums, s)
    wide = wide.with_columns(pl.Series("sid", s["sid"]))
    for what in ("contacts", "active_days", "channels"):
        wide = wide.join(_distinct(e, s, what), on="sid", how="left", maintain_order="left")
    ratio = MOMENTUM[1] / MOMENTUM[0]
    short, long = (f"{{}}_count_{d}d" for d in MOMENTUM)
    momentum = [
        pl.when(pl.col(long.format(g)) > 0)
        .then(pl.col(short.format(g)) / pl.col(long.format(g)) * ratio)
        .alias(f"{g}_momentum")
        for g in GROUPS
    ]
    wide = wide.with_columns(momentum)
    nullable = [n for n in names() if n.endswith(("_recency", "_momentum"))]
    filled = [pl.col(n) if n in nullable else pl.col(n).fill_null(0) for n in names()]
    return wide.select(f.cast(pl.Float32) for f in filled).to_pandas()


def _running(e: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """For each event what its account had done up to and with it."""
    micros = (pl.col("occurred_at") - pl.lit(e["occurred_at"].min())).dt.total_microseconds()
    weight = pl.col("event_type").replace_strict(WEIGHTS, return_dtype=pl.Float64)
    own = {t: pl.col("event_type") == t for t in TYPES}
    each = [pl.int_range(1, pl.len() + 1).over("account_id").cast(pl.Int32).alias("n_any")]
    each += [m.cast(pl.Int32).cum_sum().over("account_id").alias(f"n_{t}") for t, m in own.items()]
    each += [
        pl.when(own[t]).then(pl.col("value")).fill_null(0.0).cum_sum().over("account_id").alias(f"v_{t}")
        for t in SUMMED
    ]
    each += [
        pl.when(m).then(pl.col("occurred_at")).forward_fill().over("account_id").alias(f"l_{t}") for t, m in own.items()
    ]
    each += [pl.col("occurred_at").alias("l_any")]
    each += [
        (weight * (2.0 ** (micros / (h * _DAY)))).cum_sum().over("account_id").alias(f"d_{h:g}") for h in HALF_LIVES
    ]
    sums = [f"n_{g}" for g in GROUPS] + [f"v_{t}" for t in SUMMED]
    return e.select("account_id", "occurred_at", *each), sums


def _differences(totals: pl.DataFrame, sums: list[str], s: pl.DataFrame) -> pl.DataFrame:
    def at(moment: pl.Expr, columns: list[str]) -> pl.DataFrame:
        asked = s.select("sid", "account_id", moment.alias("at")).sort("at")
        found = asked.join_asof(
            totals.select("account_id", "occurred_at", *columns),
            left_on="at",
            right_on="occurred_at",
            by="account_id",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        return found.sort("sid")

    lasts = [f"l_{g}" for g in GROUPS]
    decays = [f"d_{h:g}" for h in HALF_LIVES]
    now = at(pl.col("as_of"), [*sums, *lasts, *decays])
    age = (pl.col("at") - totals["occurred_at"].min()).dt.total_microseconds()
    columns = [((pl.col("at") - pl.col(f"l_{g}")).dt.total_microseconds() / _DAY).alias(f"{g}_recency") for g in GROUPS]
    columns += [(pl.col(f"d_{h:g}") * 2.0 ** (-age / (h * _DAY))).alias(f"any_decayed_{h:g}d") for h in HALF_LIVES]
    out = now.select(columns)
    named = {f"n_{g}": f"{g}_count" for g in GROUPS} | {f"v_{t}": f"{t}_value" for t in SUMMED}
    for w in WINDOWS:
        before = at(pl.col("as_of") - pl.duration(days=w), sums)
        out = out.with_columns((now[c].fill_null(0) - before[c].fill_null(0)).alias(f"{named[c]}_{w}d") for c in sums)
    return out


def _distinct(e: pl.DataFrame, s: pl.DataFrame, what: str) -> pl.DataFrame:
    value = {"contacts": pl.col("contact_id"), "channels": pl.col("channel")}.get(what, pl.col("occurred_at").dt.date())
    groups = ("any", *COUNTED) if what != "channels" else ("any",)
    pairs = (
        s.lazy()
        .join(e.lazy().select("account_id", "occurred_at", "event_type", value.alias("x")), on="account_id")
        .filter(
            (pl.col("occurred_at") < pl.col("as_of"))
            & (pl.col("occurred_at") >= pl.col("as_of") - pl.duration(days=WINDOWS[-1]))
            & pl.col("x").is_not_null()
        )
    )
    lasts = [pl.col("occurred_at").max().alias("last_any")]
    lasts += [
        pl.col("occurred_at").filter(pl.col("event_type") == t).max().alias(f"last_{t}") for t in groups if t != "any"
    ]
    each = pairs.group_by("sid", "as_of", "x").agg(lasts)
    counted = [
        (pl.col(f"last_{g}") >= pl.col("as_of") - pl.duration(days=w)).sum().alias(f"{g}_{what}_{w}d")
        for g in groups
        for w in WINDOWS
    ]
    return each.group_by("sid").agg(counted).collect(engine="streaming")
