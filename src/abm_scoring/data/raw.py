"""A table as its source has it: the wanted columns under our names, not yet converted or checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Part:
    """Where a run of rows came from.

    Attributes:
        name: File name, or `query`.
        rows: Number of rows.
        first_row: Number of the first row as the user sees it: 2 below a header on the first line, else 1.
    """

    name: str
    rows: int
    first_row: int


@dataclass(frozen=True)
class RawTable:
    """What a source hands over.

    Attributes:
        data: Wanted columns under our names; text where the source is text, else the source's own Arrow types.
        parts: The runs of rows in order; their rows add up to those of `data`.
        offered: Every column that the source has, under its own name.
        missing: Wanted columns that it does not have: our name → the name looked for.
        sha256: Hex digest of the bytes of all input files.
    """

    data: pa.Table
    parts: tuple[Part, ...]
    offered: tuple[str, ...]
    missing: dict[str, str]
    sha256: str

    @property
    def rows(self) -> int:
        """Number of rows, also where no wanted column is there."""
        return sum(part.rows for part in self.parts)

    def locate(self, positions: np.ndarray) -> tuple[list[str], list[int]]:
        """File names and row numbers of row positions.

        Args:
            positions: int64 positions in `data`.

        Returns:
            Names and numbers, one of each a position.
        """
        sizes = np.array([p.rows for p in self.parts], dtype=np.int64)
        ends = np.cumsum(sizes)
        part = np.searchsorted(ends, positions, side="right")
        first = np.array([p.first_row for p in self.parts], dtype=np.int64)
        names = np.array([p.name for p in self.parts], dtype=object)
        return names[part].tolist(), (positions - (ends - sizes)[part] + first[part]).tolist()
