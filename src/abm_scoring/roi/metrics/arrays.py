"""Coded columns: firsts, lasts, distinct rows and sums by code."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from abm_scoring.features.moments import NEVER


def first_of(n: int, account: np.ndarray, at: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """int64 [n]: the earliest moment of each account among ascending moments; `NEVER` where there is none."""
    found = np.full(n, NEVER)
    chosen = np.flatnonzero(rows & (account >= 0))[::-1]
    found[account[chosen]] = at[chosen]  # written from the last to the first: the earliest stays
    return found


def last_before(
    key: np.ndarray, at: np.ndarray, of_key: np.ndarray, of_at: np.ndarray, *, same: bool = False
) -> np.ndarray:
    """Place of the last row of the same key before each question; -1 where there is none.

    Args:
        key, at: Rows: int keys and moments.
        of_key, of_at: Questions.
        same: Whether a row at the very moment counts.

    Returns:
        int64 [questions].
    """
    n, asked = len(key), len(of_key)
    whole = np.concatenate([key, of_key]), np.concatenate([at, of_at])
    is_question = np.concatenate([np.zeros(n, np.int8), np.ones(asked, np.int8)])
    order = np.lexsort((is_question if same else -is_question, whole[1], whole[0]))
    is_row, keys = order < n, whole[0][order]
    place = np.maximum.accumulate(np.where(is_row, np.arange(len(order)), -1))
    found = np.where((place >= 0) & (keys[place] == keys), order[place], -1)
    answer = np.empty(asked, np.int64)
    answer[order[~is_row] - n] = found[~is_row]
    return answer


def labels(codes: np.ndarray, names: pd.Index) -> np.ndarray:
    """Names of codes as objects; None for -1."""
    padded = np.full(len(names) + 1, None, dtype=object)
    padded[:-1] = np.asarray(names, dtype=object)
    return padded[codes]


def distinct(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distinct combinations of non-negative int columns, ascending."""
    if not len(columns[0]):
        return tuple(np.zeros(0, np.int64) for _ in columns)
    sizes = [int(c.max()) + 1 for c in columns]
    # Sorted, because numpy's unique is several times slower on integers.
    combined = np.sort(np.ravel_multi_index(tuple(c.astype(np.int64) for c in columns), sizes))
    combined = combined[np.append(True, combined[1:] != combined[:-1])]
    return tuple(np.asarray(c, dtype=np.int64) for c in np.unravel_index(combined, sizes))


def tally(size: int, codes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Σ weights (or rows) of each code, float [size]; negative codes are left out."""
    keep = codes >= 0
    return np.bincount(codes[keep], None if weights is None else weights[keep], minlength=size).astype(float)


def by_label(names: Mapping[str, str], wanted: np.ndarray) -> np.ndarray:
    """Labels through a mapping; None where it has none."""
    return np.array([names.get(w) if w is not None else None for w in wanted], dtype=object)
