"""What every source of a canonical table declares and does, wherever its rows come from."""

from __future__ import annotations

import zoneinfo
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from abm_scoring.data.databases import content_hash
from abm_scoring.data.dialect import Dialect
from abm_scoring.data.files import fingerprint, unchanged
from abm_scoring.data.normalise.spec import Normalise
from abm_scoring.data.presets import PresetTable, read_preset
from abm_scoring.data.raw import Part, RawTable
from abm_scoring.data.schema import ColumnType, TableSchema
from abm_scoring.data.selection import Selection, extra_name, select
from abm_scoring.errors import ConfigError
from abm_scoring.spec import Spec
from abm_scoring.spec_problems import near


class TableSource(Spec):
    """What all sources declare."""

    preset: str | None = Field(
        None, description="what a CRM's export looks like: hubspot.companies, or presets/mine.yaml:companies"
    )
    columns: dict[str, str | tuple[str | None, ...] | None] = Field(
        default_factory=dict,
        description="our column: theirs; a list = the first of them that is there (null at its end: or none); "
        "null = do not take their column of that name",
    )
    extra_columns: tuple[str, ...] | dict[str, ColumnType] = Field(
        (), description="columns beyond the schema: a list of names (types as in the source), or name: type"
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description='our column: {their text: our text}, e.g. event_type: {Besuch: web_visit}; "*" = any other text, '
        "an empty text = nothing",
    )
    normalise: dict[str, Normalise] = Field(
        default_factory=dict, description="our column: what its texts are, e.g. country: {kind: country}"
    )
    constants: dict[str, str] = Field(default_factory=dict, description="our column: the text that every row gets")
    skip: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="their column: texts of rows to leave out, e.g. is_deleted: [true]"
    )
    empty_unless: dict[str, str] = Field(
        default_factory=dict,
        description="our column: left empty where that other column of ours is, e.g. closed_at: is_won",
    )
    dialect: Dialect = Field(Dialect(), description="how text values are written")
    timezone: str | None = Field(None, description="zone of times without an offset, e.g. Europe/Berlin")
    on_violation: Literal["refuse", "reject"] = Field(
        "refuse", description="refuse stops at any broken rule; reject leaves up to max_reject_share of the rows out"
    )
    max_reject_share: float = Field(0.01, ge=0, lt=1, description="largest share of rows left out under reject")
    drop_repeats: bool = Field(False, description="count rows that are alike in every column once; real repeats exist")
    max_bytes: int = Field(2 * 2**30, gt=0, description="most bytes a file may hold or unpack to")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        try:
            return value and zoneinfo.ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            hint = near(str(value), sorted(zoneinfo.available_timezones())) or "write one like Europe/Berlin"
            raise ValueError(f"{value!r} is no time zone; {hint}") from None

    def select(self, offered: Sequence[str], schema: TableSchema) -> Selection:
        """Which columns of this source make up the table (see `selection.select`)."""
        for name in self.values:
            if name not in schema.by_name and name not in self.extra_types:
                fix = near(name, schema.by_name) or "name a column of the table"
                raise ConfigError(f"{name!r} is no column of {schema.name}", where="values", fix=fix)
        return select(offered, schema, self.columns, tuple(self.extra_columns))

    @property
    def extra_types(self) -> Mapping[str, ColumnType | None]:
        """Types of the extra columns by our names; None where the source's own counts."""
        typed = self.extra_columns if isinstance(self.extra_columns, dict) else {}
        return {extra_name(wish, self.columns): typed.get(wish) for wish in self.extra_columns}

    def read(self, schema: TableSchema, root: Path) -> RawTable:
        """Read the columns that make up a canonical table.

        Args:
            schema: The canonical table.
            root: Folder that relative paths start from.

        Raises:
            ConfigError: The path leaves the root, or the mapping is wrong.
            MissingInputError: A file is missing.
            BadDataError: A file is not what it should be.
        """
        files = self.files_in(root)
        with unchanged(files):
            offered, table, parts = self._read(files, schema, root)
            sha256 = fingerprint(files) if files else content_hash(table)
        return self.shaped(offered, table, parts, schema, sha256)

    def shaped(
        self, offered: Sequence[str], table: pa.Table, parts: list[Part], schema: TableSchema, sha256: str
    ) -> RawTable:
        """What was read under our names, with the constants and without the rows to skip."""
        selection = self.select([o for o in offered if o not in self._constant_names], schema)
        table, parts = _kept(table, parts, self.skip)
        columns = {ours: table[theirs] for ours, theirs in selection.taken.items()}
        rows = table.num_rows
        constants = {ours: pa.chunked_array([pa.repeat(text, rows)]) for ours, text in self.constants.items()}
        missing = {ours: theirs for ours, theirs in selection.missing.items() if ours not in constants}
        return RawTable(pa.table({**columns, **constants}), tuple(parts), tuple(offered), missing, sha256)

    def held_bytes(self, schema: TableSchema, root: Path) -> tuple[int, int] | None:
        """Rows and bytes, about, that reading this source would hold; None where it cannot be read in pieces."""
        return None

    def pieces(self, schema: TableSchema, root: Path, rows: int, hashed: bool = True) -> Iterator[RawTable]:
        """What `read` gives, about so many rows at a time; every piece has the hash of the whole where it is wanted.

        Only sources whose `held_bytes` is known need it.
        """
        yield self.read(schema, root)

    def settled(self, table: str, root: Path) -> tuple[TableSource, str]:
        """This source with its preset filled in, and the hash of the preset; what it declares itself goes first.

        Raises:
            ConfigError: There is no such preset, or it makes another table.
        """
        if self.preset is None:
            return self, ""
        preset, sha256 = read_preset(self.preset, root)
        if preset.table != table:
            what = f"makes the table {preset.table}, not {table}"
            raise ConfigError(what, where=f"preset {self.preset}", fix="use it for that table")
        return self.model_copy(update=self._completed(preset)), sha256

    def _completed(self, preset: PresetTable) -> dict[str, object]:
        """What the preset adds to this source, by field."""
        columns: dict[str, object] = {ours: (*names, ours, None) for ours, names in preset.columns.items()}
        extra = {name: kind for name, kind in preset.extra_columns.items() if name not in self.extra_columns}
        typed = {**extra, **self.extra_types}
        values = {
            name: {**preset.values.get(name, {}), **self.values.get(name, {})} for name in preset.values | self.values
        }
        plain = self.dialect.date_format is None and preset.date_format
        return {
            "columns": {**columns, **self.columns},
            "extra_columns": typed if extra else self.extra_columns,
            "values": values,
            "constants": {**preset.constants, **self.constants},
            "skip": {**preset.skip, **self.skip},
            "empty_unless": {**preset.empty_unless, **self.empty_unless},
            "dialect": self.dialect.model_copy(update={"date_format": preset.date_format}) if plain else self.dialect,
            "timezone": self.timezone or preset.timezone,
        }

    @property
    def _constant_names(self) -> frozenset[str]:
        return frozenset(self.constants)

    @abstractmethod
    def files_in(self, root: Path) -> list[Path]:
        """Every input file of this source."""

    @abstractmethod
    def _read(self, files: list[Path], schema: TableSchema, root: Path) -> tuple[Sequence[str], pa.Table, list[Part]]:
        """All columns' names, the wanted ones under the source's names, and where the rows came from."""

    def wanted(self, schema: TableSchema, offered: Sequence[str]) -> list[str]:
        """The columns of the source that `shaped` needs; at least one, which tells the number of rows."""
        taken = self.select(offered, schema).taken.values()
        also = [name for name in self.skip if name in offered]
        return list(dict.fromkeys((*taken, *also))) or list(offered[:1])  # one column tells the number of rows


def _kept(table: pa.Table, parts: list[Part], skip: Mapping[str, Sequence[str]]) -> tuple[pa.Table, list[Part]]:
    """The rows that no `skip` names; where some are left out, row numbers count the rows that stay."""
    out = np.zeros(table.num_rows, dtype=bool)
    for name, texts in skip.items():
        if name in table.column_names:
            shown = table[name].cast(pa.string())
            out |= pc.fill_null(pc.is_in(pc.utf8_lower(shown), pa.array([t.lower() for t in texts])), False).to_numpy()
    if not out.any():
        return table, parts
    name = parts[0].name if len(parts) == 1 else f"{parts[0].name} …"
    return table.filter(pa.array(~out)), [Part(f"{name} (kept rows)", int((~out).sum()), 1)]
