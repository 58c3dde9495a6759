"""Field histories: one line a change (who, when, which field, to what) → versions of a record with `known_at`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from abm_scoring.data.conversion import clean_text
from abm_scoring.data.csv_files import read_csv
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import resolve
from abm_scoring.data.parquet_files import read_parquet
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.selection import Names, first_offered
from abm_scoring.data.timestamps import text_instants
from abm_scoring.errors import BadDataError
from abm_scoring.spec import Spec

#: Stands for "set to nothing" while the last value of each field is carried forward.
_NOTHING = "\0"


class FieldHistory(Spec):
    """A file with one line for each change of a field, as CRMs export it."""

    path: str = Field("", description="CSV or Parquet file of changes; wildcards read many")
    id: str | tuple[str, ...] = Field("", description="its column with the record's id")
    at: str | tuple[str, ...] = Field("", description="its column with the time of the change")
    field: str | tuple[str, ...] = Field("", description="its column with the name of the field, as in the main table")
    value: str | tuple[str, ...] = Field("", description="its column with the new value")
    old: str | tuple[str, ...] | None = Field(None, description="its column with the value before, where it has one")
    names: dict[str, str] = Field(
        default_factory=dict, description="name of a field in the history: its name in the table, where they differ"
    )


def read_changes(history: FieldHistory, root: Path, dialect: Dialect, timezone: str | None, limit: int) -> pd.DataFrame:
    """The changes in order of time: text `id`, `field`, `value`, `old`, and `at` as the clock in UTC.

    Raises:
        BadDataError: A column is missing, or a time cannot be read.
    """
    parts = [_read(file, history, dialect, limit) for file in resolve(history.path, root)]
    changes = pa.concat_tables(parts)
    at, failures = text_instants(changes["at"], dialect.formats, timezone)
    if failures:
        count = len(failures[0].rows) if failures[0].rows is not None else len(at)
        fix = "declare dialect.date_format and timezone of the source"
        raise BadDataError(f"{count} times of changes: {failures[0].rule}", where=history.path, fix=fix)
    frame = changes.drop_columns(["at"]).to_pandas().astype("str").assign(at=_clock(at))
    frame = frame[frame["id"].notna() & frame["at"].notna()].replace({"field": dict(history.names)})
    return frame.sort_values("at", kind="stable", ignore_index=True)


def _read(file: Path, history: FieldHistory, dialect: Dialect, limit: int) -> pa.Table:
    if file.suffix == ".parquet":
        header, table = read_parquet(file, limit, lambda names: names)
    else:
        header, table = read_csv(file, dialect, limit, lambda names: names)
    columns = {}
    for ours in ("id", "at", "field", "value", "old"):
        names: Names = getattr(history, ours)
        theirs, _ = first_offered(names, header)
        if theirs in header:
            columns[ours] = clean_text(table[theirs].cast(pa.string()), dialect)
        elif ours != "old":
            raise BadDataError(f"has no column {theirs!r}", where=file.name, fix=f"name it under history.{ours}")
    columns.setdefault("old", pa.chunked_array([pa.nulls(table.num_rows, pa.string())]))
    return pa.table(columns)


def with_versions(
    raw: RawTable,
    key: str,
    changes: pd.DataFrame,
    ours: Mapping[str, list[str]],
    dialect: Dialect,
    timezone: str | None,
) -> RawTable:
    """One row for each moment at which a record changed, with what its fields held from then on.

    A field that a record's history names is empty before its first entry (or holds that entry's old value), whatever it
    holds today. A field that it does not name keeps today's value in all versions: nothing says when it changed. The
    first version becomes known with the first entry, or at the table's own `known_at` where that lies earlier, or else
    at its `created_at`. A record without any entry stays one row, known since its `known_at` alone: nothing says
    whether its fields were tracked.

    Args:
        raw: The table's present state, one row a record.
        key: Our name of its id.
        changes: From `read_changes`.
        ours: Their field name → our columns that it fills.
        dialect, timezone: How `known_at` is written.
    """
    now = pd.DataFrame({name: raw.data[name].cast(pa.string()).to_pandas() for name in raw.data.column_names})
    now = now.astype("str").mask(now == "")
    begun, created = (
        pd.Series(_times(raw, column, dialect, timezone), now[key]).groupby(level=0).first()
        for column in ("known_at", "created_at")
    )
    states = _states(changes, ours, set(now.columns) - {key, "known_at"}, begun.fillna(created))
    rows = now.drop(columns="known_at", errors="ignore").merge(states, left_on=key, right_on="~id", how="left")
    for name in (c.removesuffix("~") for c in states.columns if c.endswith("~")):
        told = rows[f"{name}~"]
        rows[name] = told.where(told.notna(), rows[name]).mask(told == _NOTHING)
    known = rows["~at"].where(rows["~at"].notna(), rows[key].map(begun)).to_numpy("datetime64[us]")
    data = {n: pa.array(rows[n], pa.string(), from_pandas=True) for n in now.columns if n != "known_at"}
    data["known_at"] = pa.array(known, pa.timestamp("us"), from_pandas=True).cast(pa.timestamp("us", "UTC"))
    missing = {n: theirs for n, theirs in raw.missing.items() if n != "known_at"}
    name = f"{raw.parts[0].name} with its history" if raw.parts else "history"
    return RawTable(pa.table(data), (Part(name, len(rows), 1),), raw.offered, missing, raw.sha256)


def _times(raw: RawTable, column: str, dialect: Dialect, timezone: str | None) -> np.ndarray:
    if column not in raw.data.column_names:
        return np.full(raw.data.num_rows, np.datetime64("NaT", "us"))
    text = clean_text(raw.data[column].cast(pa.string()), dialect)
    return _clock(text_instants(text, dialect.formats, timezone)[0])


def _clock(values: pa.ChunkedArray) -> np.ndarray:
    return values.cast(pa.timestamp("us")).to_pandas().to_numpy("datetime64[us]")


def _states(changes: pd.DataFrame, ours: Mapping[str, list[str]], columns: set[str], begun: pd.Series) -> pd.DataFrame:
    """Per record `~id` and moment `~at` what each field holds: text, `_NOTHING`, or null where it is not tracked."""
    pairs = [(theirs, own) for theirs, names in ours.items() for own in names if own in columns]
    changes = changes[changes["id"].isin(begun.index)]
    moments = pd.concat([changes[["id", "at"]], _creations(changes, begun)]).drop_duplicates()
    told = changes.merge(pd.DataFrame(pairs, columns=["field", "column"]).astype("str"), on="field")
    told = told.assign(
        value=told["value"].fillna(_NOTHING), old=told["old"].fillna(_NOTHING), column=told["column"] + "~"
    )
    wide = told.groupby(["id", "at", "column"])["value"].last().unstack("column").astype(object)
    wide = wide.reindex(pd.MultiIndex.from_frame(moments)).sort_index()
    before = (
        told.groupby(["id", "column"])["old"].first().unstack("column").astype(object).reindex(columns=wide.columns)
    )
    first = before.reindex(wide.index.get_level_values("id")).set_axis(wide.index)
    carried = wide.groupby(level="id").ffill() if len(wide.columns) else wide
    state = carried.where(carried.notna(), first)
    state.columns.name = None
    return state.reset_index().rename(columns={"id": "~id", "at": "~at"})


def _creations(changes: pd.DataFrame, begun: pd.Series) -> pd.DataFrame:
    """A moment at the creation of each record that lies before its first change."""
    first = changes.groupby("id")["at"].min()
    created = begun.reindex(first.index).astype("datetime64[us]")
    return created[created < first].rename("at").rename_axis("id").reset_index()
