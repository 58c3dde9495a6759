"""The most similar of many names: rapidfuzz inside blocks, so that memory grows with the names, not their product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from abm_scoring.errors import ConfigError

#: Queries compared at once; with blocks of at most `_LARGEST` names this bounds the memory.
_AT_ONCE = 512
_LARGEST = 4_000
#: Blocks of more names than this are taken apart, so that time does not grow with the square of the names.
_WIDE = 400
_PREFIX = 4


def most_similar(queries: Sequence[str], choices: Sequence[str], at_least: float) -> pd.DataFrame:
    """For each query the most similar choice, and by how much it leads the next one.

    Two names are compared when they share the first four letters of a word; what shares none is not found. Where many
    choices share them, another word must begin with the same two letters or end with the same three, which one typing
    error cannot both undo. Similarity is 100 × (1 - insertions and deletions ÷ length), the better of the names as
    they stand and with their words sorted; names whose digits differ have none.

    Args:
        queries: n distinct keys of `name_key`.
        choices: m distinct keys.
        at_least: Similarity from which a choice counts.

    Returns:
        `query`, `choice` (positions), `similarity` and `lead` (similarity minus that of the second best, which
        counts as `at_least - 10` where none is near), one row for each query with a choice.
    """
    best = np.full(len(queries), -1, dtype=np.int64)
    score, second = np.zeros(len(queries)), np.zeros(len(queries))
    for ask, offer in _blocks(queries, choices):
        for part in (ask[i : i + _AT_ONCE] for i in range(0, len(ask), _AT_ONCE)):
            found = _similarities([queries[i] for i in part], [choices[j] for j in offer], at_least - 10)
            _keep_best(np.asarray(part), np.asarray(offer), found, best, score, second)
    rows = np.flatnonzero((best >= 0) & (score >= at_least))
    lead = score[rows] - np.maximum(second[rows], at_least - 10)
    return pd.DataFrame({"query": rows, "choice": best[rows], "similarity": score[rows], "lead": lead})


def one_error_apart(name: str, other: str) -> bool:
    """Whether one letter lost, added or changed, or two neighbours swapped, makes one name of the other.

    The order of words does not count. Similarity alone would take the long words that companies of a trade share for
    likeness of the short ones that tell them apart.
    """
    from rapidfuzz.distance import OSA

    pairs = ((name, other), (_sorted(name), _sorted(other)))
    return any(OSA.distance(a, b, score_cutoff=1) <= 1 for a, b in pairs)


def _similarities(queries: list[str], choices: list[str], cutoff: float) -> np.ndarray:
    try:
        from rapidfuzz import fuzz, process
    except ImportError as error:
        raise ConfigError(
            "rapidfuzz is not installed", where="matching", fix="pip install 'abm-scoring[match]'"
        ) from error
    plain = process.cdist(queries, choices, scorer=fuzz.ratio, score_cutoff=cutoff, dtype=np.float32)
    ordered = process.cdist(
        [_sorted(q) for q in queries],
        [_sorted(c) for c in choices],
        scorer=fuzz.ratio,
        score_cutoff=cutoff,
        dtype=np.float32,
    )
    found = np.maximum(plain, ordered)
    ours, theirs = np.array([_digits(q) for q in queries]), np.array([_digits(c) for c in choices])
    return np.where(ours[:, None] == theirs[None, :], found, 0)


def _sorted(name: str) -> str:
    return " ".join(sorted(name.split()))


def _digits(name: str) -> str:
    return "".join(c for c in name if c.isdigit())


def _keep_best(
    rows: np.ndarray, columns: np.ndarray, found: np.ndarray, best: np.ndarray, score: np.ndarray, second: np.ndarray
) -> None:
    """Merge one block's similarities into the best and second best so far."""
    again = columns[None, :] == best[rows][:, None]
    found = np.where(again, 0, found)
    order = np.argsort(-found, axis=1, kind="stable")[:, :2]
    tops = np.take_along_axis(found, order, axis=1)
    first, next_best = tops[:, 0], tops[:, 1] if tops.shape[1] > 1 else np.zeros(len(rows))
    better = first > score[rows]
    second[rows] = np.where(better, np.maximum(score[rows], next_best), np.maximum(second[rows], first))
    best[rows] = np.where(better, columns[order[:, 0]], best[rows])
    score[rows] = np.where(better, first, score[rows])


def _blocks(queries: Sequence[str], choices: Sequence[str]) -> Iterator[tuple[list[int], list[int]]]:
    asked, offered = _index(queries), _index(choices)
    for key in sorted(asked.keys() & offered.keys()):
        if len(offered[key]) <= _WIDE:
            yield asked[key], offered[key]
            continue
        yield from _split(queries, choices, key, asked[key], offered[key])


def _split(
    queries: Sequence[str], choices: Sequence[str], key: str, ask: list[int], offer: list[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """A wide block by how the longest of the other words begins, and once more by how it ends."""
    for cut in (slice(2), slice(-3, None)):
        ours, theirs = (
            _grouped({at: _other(names[at], key)[cut] for at in rows})
            for names, rows in ((queries, ask), (choices, offer))
        )
        for part in sorted(ours.keys() & theirs.keys()):
            for at in range(0, len(theirs[part]), _LARGEST):
                yield ours[part], theirs[part][at : at + _LARGEST]


def _other(name: str, key: str) -> str:
    """The longest word that does not begin with a key, the first of several; the whole name where all do."""
    return max((word for word in name.split() if not word.startswith(key)), key=len, default=name)


def _grouped(keys: dict[int, str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for at, key in keys.items():
        groups[key].append(at)
    return groups


def _index(names: Sequence[str]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        for key in {word[:_PREFIX] for word in name.split() if len(word) > 1} or {name[:_PREFIX]}:
            index[key].append(at)
    return index
