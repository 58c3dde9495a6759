"""Scores of all partitions: laid aside as they come, and given out a few columns or a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm_scoring.data.blocks import BLOCK_ROWS, in_order
from abm_scoring.engines.scoring import ScoredAccounts
from abm_scoring.engines.tally import EventTally, summed


@dataclass(frozen=True)
class Gathered:
    """Scores of all partitions; their rows lie in files, and no more of them than asked for is held at once.

    Attributes:
        parts: Parquet files with the rows of each partition, as `score_accounts` gives them.
        folder: Where they lie, and temporary files may.
        counts, unseen, events: As in `ScoredAccounts`, of all partitions together.
    """

    parts: Sequence[Path]
    folder: Path
    counts: Mapping[str, np.ndarray]
    unseen: Mapping[str, int]
    events: EventTally

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Some columns of all rows, by account_id; those that the model does not give are left out."""
        schema = self._schema
        wanted = [name for name in names if name in schema.names]
        found = {name: self._column(name, schema).take(self._order).reset_index(drop=True) for name in wanted}
        return pd.DataFrame(found)

    def blocks(self, chosen: np.ndarray, size: int = BLOCK_ROWS) -> Iterator[pd.DataFrame]:
        """Some of the rows by account_id, a block at a time.

        Args:
            chosen: Booleans, one a row by account_id.
            size: Rows of a block.
        """
        schema, order = self._schema, self._order
        place = np.full(len(order), -1)
        place[order[chosen]] = np.arange(chosen.sum())
        pieces = self._placed(place, schema)
        return (table.to_pandas() for table in in_order(pieces, schema, int(chosen.sum()), self.folder, size))

    def _placed(self, place: np.ndarray, schema: pa.Schema) -> Iterator[tuple[pa.Table, np.ndarray]]:
        begin = 0
        for part in self.parts:
            table = _as(_file(part).read(), schema)
            yield table, place[begin : begin + len(table)]
            begin += len(table)

    def _column(self, name: str, schema: pa.Schema) -> pd.Series:
        """A column of all rows, partition after partition."""
        field = pa.schema([schema.field(name)])
        return pd.concat([_as(_read(part, name), field)[name].to_pandas() for part in self.parts], ignore_index=True)

    @cached_property
    def _order(self) -> np.ndarray:
        """int64 [n]: the row, counted through all partitions, that comes next by account_id."""
        return self._column("account_id", self._schema).argsort().to_numpy()

    @cached_property
    def _schema(self) -> pa.Schema:
        """Columns of all partitions; whole numbers become floats where a partition has none, as null has no other."""
        every = [pq.read_schema(part).remove_metadata() for part in self.parts]
        whole = pa.unify_schemas(every, promote_options="permissive")
        partly = {field.name for field in whole if any(field.name not in schema.names for schema in every)}
        return pa.schema([_floated(field) if field.name in partly else field for field in whole])


def gathered(parts: Iterable[ScoredAccounts], folder: Path) -> Gathered:
    """Scores of all partitions, whose rows go into files as they come; how accounts were divided makes no difference.

    Args:
        parts: Of each partition, one at least.
        folder: Where the files stay; whoever made it removes it.
    """
    counts: dict[str, np.ndarray] = {}
    unseen: dict[str, int] = {}
    events: list[EventTally] = []
    files: list[Path] = []
    for part in parts:
        files.append(folder / f"scored{len(files)}.parquet")
        pq.write_table(pa.Table.from_pandas(part.rows, preserve_index=False), files[-1], compression="lz4")
        counts = {n: c + counts[n] if n in counts else c for n, c in part.counts.items()}
        unseen |= {name: unseen.get(name, 0) + n for name, n in part.unseen.items()}
        events.append(part.events)
    return Gathered(files, folder, counts, dict(sorted(unseen.items())), summed(events))


def _file(part: Path) -> pq.ParquetFile:
    return pq.ParquetFile(part, pre_buffer=False)


def _read(part: Path, name: str) -> pa.Table:
    """A column of a partition; without it, as many rows of nothing."""
    file = _file(part)
    if name in file.schema_arrow.names:
        return file.read(columns=[name])
    return pa.table({name: pa.nulls(file.metadata.num_rows)})


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    missing = {name: pa.nulls(len(table)) for name in schema.names if name not in table.column_names}
    for name, nothing in missing.items():
        table = table.append_column(name, nothing)
    return table.select(schema.names).cast(schema)


def _floated(field: pa.Field) -> pa.Field:
    return field.with_type(pa.float64()) if pa.types.is_integer(field.type) else field
