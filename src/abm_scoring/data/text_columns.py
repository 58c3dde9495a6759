"""Text columns worked on as a whole or by their distinct values, so that few texts are looked at one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: Rows that say whether a column repeats its texts: so many runs of so many, and the share of distinct ones.
_RUNS, _RUN, _FEW = 10, 100, 0.5
_FIRST_VISIBLE, _LAST_VISIBLE = ord("!"), ord("~")


@dataclass(frozen=True)
class Entries:
    """A column as its distinct values and their places.

    Attributes:
        values: Array of m values, each of them somewhere in the column.
        codes: int32 [n], place of each row's value; -1 where it has none.
        sizes: Lengths of the column's chunks.
    """

    values: pa.Array
    codes: np.ndarray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Entries:
        """Of a dictionary or of text; a dictionary's unused values are left out."""
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        column = column.unify_dictionaries()
        sizes = tuple(map(len, column.chunks))
        if not sizes:
            return cls(pa.array([], column.type.value_type), np.empty(0, np.int32), ())
        codes = np.concatenate([_places(chunk.indices) for chunk in column.chunks])
        values = column.chunk(0).dictionary
        used = np.zeros(len(values) + 1, dtype=bool)
        used[codes] = True  # -1 is the place behind the last one
        used[-1] = False
        if not used[:-1].all():
            place = np.append(np.cumsum(used[:-1], dtype=np.int32) - np.int32(1), np.int32(-1))
            codes = place[codes]
            values = values.filter(pa.array(used[:-1]))
        return cls(values, codes, sizes)

    def spread(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of n from one value for each of the m."""
        # Chunk by chunk: one array of text holds two gigabytes at most.
        own = values.combine_chunks()
        if pa.types.is_string(own.type):
            own = own.cast(pa.large_string())  # as frames keep text: so its few values are widened, not its many rows
        ends = np.cumsum(self.sizes)
        parts = [self.codes[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]
        return pa.chunked_array([own.take(pa.array(part, mask=part < 0)) for part in parts], own.type)

    def rows(self, places: np.ndarray) -> np.ndarray:
        """int64 positions of the rows that have one of some values, ascending."""
        wanted = np.zeros(len(self.values) + 1, dtype=bool)
        wanted[places] = True
        return np.flatnonzero(wanted[self.codes])


def _places(indices: pa.Array) -> np.ndarray:
    plain = indices.cast(pa.int32())
    return np.asarray((plain.fill_null(-1) if plain.null_count else plain).to_numpy())


def repeats_itself(text: pa.ChunkedArray) -> bool:
    """Whether a column seems to hold the same texts again and again."""
    if len(text) < 2 * _RUNS * _RUN:
        return False
    starts = np.linspace(0, len(text) - _RUN, _RUNS).astype(int)
    sample = pa.chunked_array([chunk for start in starts for chunk in text.slice(start, _RUN).chunks], text.type)
    return bool(pc.count_distinct(sample).as_py() < _FEW * _RUNS * _RUN)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def text_of(column: pd.Series | pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as Arrow text or dictionary of text, without a copy where pandas holds it as Arrow already."""
    if isinstance(column, pa.ChunkedArray):
        return column
    array = pa.array(column.to_numpy() if column.dtype == object else column.array, from_pandas=True)
    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    inner = chunked.type.value_type if pa.types.is_dictionary(chunked.type) else chunked.type
    return chunked if is_text(inner) else chunked.cast(pa.string())


def only_visible(text: pa.ChunkedArray) -> bool:
    """True where no text can hold a blank, a control character or a sign beyond ASCII; False where one may."""
    return all(
        data is not None and (not len(data) or (data.min() >= _FIRST_VISIBLE and data.max() <= _LAST_VISIBLE))
        for data in _bytes(text)
    )


def may_hold(text: pa.ChunkedArray, signs: bytes) -> bool:
    """False where no text holds any of some ASCII characters; True where one may."""
    return any(data is None or any((data == sign).any() for sign in signs) for data in _bytes(text))


def _bytes(text: pa.ChunkedArray) -> Iterator[np.ndarray | None]:
    """uint8: the bytes of each chunk, those of missing texts included; None where they do not lie side by side."""
    for chunk in text.chunks:
        if pa.types.is_string_view(chunk.type):
            yield None
            continue
        _, begins, data = chunk.buffers()
        if not len(chunk) or data is None or not data.size:
            yield np.empty(0, np.uint8)
            continue
        dtype = np.dtype(np.int64 if pa.types.is_large_string(chunk.type) else np.int32)
        place = np.frombuffer(begins, dtype, len(chunk) + 1, chunk.offset * dtype.itemsize)
        yield np.frombuffer(data, np.uint8)[place[0] : place[-1]]
