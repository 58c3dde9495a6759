"""LightGBM's text form of a model as flat arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

#: Bits of LightGBM's `decision_type`.
CATEGORICAL, DEFAULT_LEFT, MISSING_ZERO, MISSING_NAN = 1, 2, 4, 8


class Trees(NamedTuple):
    """All trees of one model or several, end to end.

    A child is a node of the same tree where it is ≥ 0, and the leaf `-1 - child` where it is negative. Children come
    after their parents.

    Attributes:
        nodes, leaves: int64 [trees + 1], where each tree's nodes and leaves begin.
        feature: int32 [nodes].
        threshold: float64 [nodes]; values up to it go left.
        decision: uint8 [nodes], LightGBM's `decision_type`.
        left, right: int32 [nodes].
        left_share: float64 [nodes], share of a node's training rows that went left.
        words: int64 [nodes + 1], where each node's set of categories begins in `categories`; empty for numbers.
        categories: uint32, bit sets of the categories that go left.
        value: float64 [leaves].
        n_features: Columns that rows must have.
    """

    nodes: np.ndarray
    leaves: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    decision: np.ndarray
    left: np.ndarray
    right: np.ndarray
    left_share: np.ndarray
    words: np.ndarray
    categories: np.ndarray
    value: np.ndarray
    n_features: int


def parse_trees(texts: Sequence[str]) -> Trees:
    """The trees of models with one output.

    Args:
        texts: LightGBM's text form of each model, all fitted on the same columns.

    Raises:
        ValueError: A model has several outputs, averages its trees, or has linear leaves.
    """
    headers = [_fields(text.partition("\nTree=")[0]) for text in texts]
    for header in headers:
        if header.get("num_tree_per_iteration", "1") != "1" or "average_output" in header:
            raise ValueError("only boosted trees with one output can be taken apart")
    parsed = [_tree(fields) for text in texts for fields in _blocks(text)]
    node_counts = [len(tree["feature"]) for tree in parsed]
    joined = {name: _joined([tree[name] for tree in parsed], dtype) for name, dtype in _DTYPES.items()}
    word_counts = joined.pop("word_counts")
    return Trees(
        nodes=_starts(np.array(node_counts, dtype=np.int64)),
        leaves=_starts(np.array([len(tree["value"]) for tree in parsed], dtype=np.int64)),
        words=_starts(word_counts),
        n_features=max(int(header["max_feature_idx"]) + 1 for header in headers),
        **joined,
    )


_DTYPES: dict[str, type[np.generic]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "decision": np.uint8,
    "left": np.int32,
    "right": np.int32,
    "left_share": np.float64,
    "word_counts": np.int64,
    "categories": np.uint32,
    "value": np.float64,
}


def _blocks(text: str) -> Iterator[dict[str, str]]:
    trees = text.partition("\nTree=")[2].partition("\nend of trees")[0]
    for block in trees.split("\nTree="):
        if block:
            yield _fields(block)


def _fields(block: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in block.splitlines())}


def _tree(fields: dict[str, str]) -> dict[str, np.ndarray]:
    if fields.get("is_linear", "0") != "0":
        raise ValueError("trees with linear leaves cannot be taken apart")
    number = {name: np.array(fields.get(name, "").split(), dtype=np.float64) for name in _READ}
    decision = number["decision_type"].astype(np.uint8)
    left, right = number["left_child"].astype(np.int32), number["right_child"].astype(np.int32)
    order = np.arange(len(left))
    if ((left >= 0) & (left <= order)).any() or ((right >= 0) & (right <= order)).any():
        raise ValueError("a tree names a child before its parent")
    counts = _child_counts(left, number), _child_counts(right, number)
    both = counts[0] + counts[1]
    # Where no training row came by, neither side is likelier.
    share = np.divide(counts[0], both, out=np.full(len(left), 0.5), where=both > 0)
    is_category = (decision & CATEGORICAL) > 0
    sizes = np.diff(number["cat_boundaries"]).astype(np.int64)
    word_counts = np.zeros(len(left), dtype=np.int64)
    place = number["threshold"][is_category].astype(np.int64)
    word_counts[is_category] = sizes[place]
    sets = np.split(number["cat_threshold"], number["cat_boundaries"][1:-1].astype(np.int64))
    return {
        "feature": number["split_feature"],
        "threshold": number["threshold"],
        "decision": decision,
        "left": left,
        "right": right,
        "left_share": share,
        "word_counts": word_counts,
        "categories": np.concatenate([sets[i] for i in place]) if len(place) else np.empty(0),
        "value": number["leaf_value"],
    }


_READ = (
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_count",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
)


def _child_counts(child: np.ndarray, number: dict[str, np.ndarray]) -> np.ndarray:
    """Training rows in each node's child."""
    if not len(child):
        return np.empty(0)
    of_nodes = number["internal_count"][np.maximum(child, 0)]
    return np.where(child >= 0, of_nodes, number["leaf_count"][np.maximum(-1 - child, 0)])


def _joined(parts: list[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *(part.astype(dtype) for part in parts)]).astype(dtype)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
