"""The set of canonical tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from abm_scoring.data.schema import DTYPES, TABLES


@dataclass(frozen=True)
class Tables:
    """Canonical tables by name; a table that was not given is absent.

    A frame has every required column of its schema, the optional ones that its source provides, and extra columns
    where the schema is open. Column dtypes are those of `schema.DTYPES`. Frames are shared, never changed in place.
    """

    frames: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", MappingProxyType(dict(self.frames)))

    def __deepcopy__(self, memo: object) -> Tables:
        return self  # nothing in it ever changes, and it may be large

    def __reduce__(self) -> tuple[type[Tables], tuple[dict[str, pd.DataFrame]]]:
        return Tables, (dict(self.frames),)  # a read-only mapping cannot be sent to another process

    def __contains__(self, name: str) -> bool:
        return name in self.frames

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The frame of a table; an empty one with all columns of its schema when it was not given."""
        if name in self.frames:
            return self.frames[name]
        columns = {c.name: pd.Series(dtype=DTYPES[c.type]) for c in TABLES[name].columns}
        return pd.DataFrame(columns)

    def replace(self, **frames: pd.DataFrame) -> Tables:
        """A copy in which the named tables are exchanged."""
        return Tables({**self.frames, **frames})
