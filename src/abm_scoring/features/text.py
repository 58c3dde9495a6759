"""Text ids as numbers: hashed straight from Arrow's buffers, without an object for each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from abm_scoring.data.text_columns import text_of
from abm_scoring.features.compiled import compiled

#: Fingerprint of a missing value.
NOTHING = np.uint64(0)

_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_S32, _S29 = np.uint64(32), np.uint64(29)

#: Values looked up together.
_BLOCK = 256


def distinct(values: pd.Series) -> pd.Index:
    """The distinct texts of a column, ascending by code point."""
    unique = pc.unique(text_of(values)).drop_null()
    return pd.Index(unique.take(pc.sort_indices(unique)).to_pandas(), dtype="str")


def fingerprints(values: pa.ChunkedArray) -> np.ndarray:
    """64-bit hashes of text, uint64 [n]; `NOTHING` where missing.

    Two values of one account share a fingerprint with a probability of about n² / 2⁶⁵ for n distinct ones: for a
    thousand contacts 3 · 10⁻¹⁴.
    """
    return _each(values, np.dtype("uint64"), NOTHING, _hash_all)


@dataclass(frozen=True)
class TextIndex:
    """Distinct texts with their places 0, 1, 2 …; a lookup is exact.

    Attributes:
        begins: int64 [n + 1] and data: uint8, the texts one after the other.
        keys: uint64 [power of two], hash of the text in each slot.
        slots: int32 [power of two], place of the text; -1 = free.
    """

    begins: np.ndarray
    data: np.ndarray
    keys: np.ndarray
    slots: np.ndarray

    def __len__(self) -> int:
        return len(self.begins) - 1

    @classmethod
    def of(cls, texts: pd.Series | pd.Index | pa.ChunkedArray) -> TextIndex:
        """The index of distinct texts, none missing."""
        given = texts if isinstance(texts, pa.ChunkedArray) else text_of(pd.Series(texts))
        wide = given.cast(pa.large_string())
        whole = pa.concat_arrays(wide.chunks) if wide.num_chunks else pa.array([], pa.large_string())
        begins, data = _buffers(whole)
        # Four to eight slots a text: nearly every text lies in the first slot that it may have.
        slots = np.full(1 << max(4, (4 * len(whole)).bit_length()), -1, np.int32)
        keys = np.zeros(len(slots), np.uint64)
        _fill(begins, data, keys, slots)
        return cls(begins, data, keys, slots)

    def codes(self, values: pa.ChunkedArray) -> np.ndarray:
        """Place of each value, int32 [n]; -1 where it is missing or not one of the texts."""

        def find(begins: np.ndarray, data: np.ndarray, out: np.ndarray) -> None:
            _find(begins, data, self.begins, self.data, self.keys, self.slots, out)

        return _each(values, np.dtype("int32"), np.int32(-1), find)


def _each(
    values: pa.ChunkedArray,
    dtype: np.dtype,
    missing: np.generic,
    work: Callable[[np.ndarray, np.ndarray, np.ndarray], None],
) -> np.ndarray:
    """A number for each value, chunk by chunk; of a dictionary, each entry is worked out once."""
    out = np.empty(len(values), dtype)
    done = 0
    for chunk in values.chunks:
        part = out[done : done + len(chunk)]
        done += len(chunk)
        if pa.types.is_dictionary(chunk.type):
            entries = _each(pa.chunked_array([chunk.dictionary]), dtype, missing, work)
            place = chunk.indices.fill_null(0) if chunk.null_count else chunk.indices
            if len(entries):
                np.take(entries, place.to_numpy(zero_copy_only=False), out=part)
        elif len(chunk):
            work(*_buffers(chunk), part)
        if chunk.null_count:
            part[chunk.is_null().to_numpy(zero_copy_only=False)] = missing
    return out


def _buffers(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where each text begins [n + 1], and the bytes."""
    wide = pa.types.is_large_string(array.type)
    _, begins, data = array.buffers()
    dtype = np.int64 if wide else np.int32
    if begins is None or len(array) == 0:
        return np.zeros(1, dtype), np.zeros(8, np.uint8)
    place = np.frombuffer(begins, dtype, len(array) + 1, array.offset * np.dtype(dtype).itemsize)
    return place, np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(8, np.uint8)


@compiled
def _eight(data, i):  # type: ignore[no-untyped-def]
    # Written so that the compiler turns it into one load.
    word = np.uint64(data[i])
    word |= np.uint64(data[i + np.uintp(1)]) << np.uint64(8)
    word |= np.uint64(data[i + np.uintp(2)]) << np.uint64(16)
    word |= np.uint64(data[i + np.uintp(3)]) << np.uint64(24)
    word |= np.uint64(data[i + np.uintp(4)]) << np.uint64(32)
    word |= np.uint64(data[i + np.uintp(5)]) << np.uint64(40)
    word |= np.uint64(data[i + np.uintp(6)]) << np.uint64(48)
    word |= np.uint64(data[i + np.uintp(7)]) << np.uint64(56)
    return word


@compiled
def _hash(data, begin, end):  # type: ignore[no-untyped-def]
    """Blocks of eight bytes, each mixed in by steps that can be undone: equal hashes of unequal texts are chance."""
    h = (np.uint64(end - begin) + _B) * _A
    i = np.uintp(begin)
    last = np.uintp(end)
    eight = np.uintp(8)
    while i + eight <= last:
        h = (h ^ _eight(data, i)) * _A
        h ^= h >> _S32
        i += eight
    tail = np.uint64(0)
    shift = np.uint64(0)
    while i < last:
        tail |= np.uint64(data[i]) << shift
        shift += np.uint64(8)
        i += np.uintp(1)
    h = (h ^ tail) * _B
    h ^= h >> _S29
    h *= _A
    h ^= h >> _S32
    return h if h != NOTHING else _B


@compiled
def _hash_all(begins, data, out):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] = _hash(data, begins[i], begins[i + 1])


@compiled
def _fill(begins, data, keys, slots):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for i in range(len(begins) - 1):
        key = _hash(data, begins[i], begins[i + 1])
        place = key & mask
        while slots[place] >= 0:
            place = (place + np.uint64(1)) & mask
        keys[place] = key
        slots[place] = i


@compiled
def _find(begins, data, own_begins, own_data, keys, slots, out):  # type: ignore[no-untyped-def]
    # A large index lies in slow memory. Steps over a block of values, each on its own, let the processor wait for many
    # places at once instead of one after the other.
    mask = np.uint64(len(slots) - 1)
    key = np.empty(_BLOCK, np.uint64)
    found = np.empty(_BLOCK, np.uint64)
    code = np.empty(_BLOCK, np.int32)
    at = np.empty(_BLOCK, np.int64)
    for first in range(0, len(out), _BLOCK):
        n = min(_BLOCK, len(out) - first)
        for j in range(n):
            key[j] = _hash(data, begins[first + j], begins[first + j + 1])
        for j in range(n):
            found[j] = keys[key[j] & mask]
        for j in range(n):
            # A free slot has the key 0, which is no text's.
            code[j] = slots[key[j] & mask] if found[j] == key[j] else np.int32(-1)
        for j in range(n):
            at[j] = own_begins[code[j]] if code[j] >= 0 else 0
        for j in range(n):
            begin, end = begins[first + j], begins[first + j + 1]
            c = code[j]
            if c >= 0 and _same(data, begin, end, own_data, at[j], own_begins[c + 1]):
                out[first + j] = c
            else:
                out[first + j] = _probe(data, begin, end, key[j], own_begins, own_data, keys, slots)


@compiled
def _probe(data, begin, end, key, own_begins, own_data, keys, slots):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    place = key & mask
    code = slots[place]
    while code >= 0:
        if keys[place] == key and _same(data, begin, end, own_data, own_begins[code], own_begins[code + 1]):
            break
        place = (place + np.uint64(1)) & mask
        code = slots[place]
    return code


@compiled
def _same(a, a_begin, a_end, b, b_begin, b_end):  # type: ignore[no-untyped-def]
    n = a_end - a_begin
    if n != b_end - b_begin:
        return False
    i, j = np.uintp(a_begin), np.uintp(b_begin)
    last, eight = np.uintp(a_end), np.uintp(8)
    while i + eight <= last:
        if _eight(a, i) != _eight(b, j):
            return False
        i += eight
        j += eight
    while i < last:
        if a[i] != b[j]:
            return False
        i += np.uintp(1)
        j += np.uintp(1)
    return True
