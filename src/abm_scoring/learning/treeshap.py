"""What each feature adds to the output of boosted trees: exact TreeSHAP from tables.

A leaf is reached through answers about d features. Its path-dependent Shapley values (Lundberg et al. 2020) depend on
a row only through which of the d features' answers lead towards it, so that they can be tabulated. Tables are made of
whole branches: a branch of a tree, together with the decisions above it, is indexed by its nodes' answers, one bit
each, and holds the sum over its leaves. A row then costs one look-up a branch. Leaves too deep for a table are computed
for each row.

What feature i adds through a leaf of value v is the integral over t from 0 to 1 of
`v · (o_i − z_i) · Π_{j≠i} (z_j · (1 − t) + o_j · t)`, where o is 1 if the row's answers about the feature lead to the
leaf and z is the share of training rows whose answers did: the Beta integral turns powers of t into the weights of
coalitions. Gauss–Legendre quadrature with ⌈d / 2⌉ points is exact for it and subtracts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from abm_scoring.learning.tree_text import Trees, parse_trees
from abm_scoring.learning.treeshap_kernel import BITS, Path, Plan, Quadrature, fill_plan, look_up, tabulate

#: Cells of tables that are held at a time (float64), 64 MiB.
CELLS = 8_388_608
#: Fewer rows than this are not worth a second thread.
ROWS_A_THREAD = 8192


@dataclass(frozen=True, eq=False)
class TreeShap:
    """Trees with the plan of their tables.

    Attributes:
        trees: The trees.
        plan: Where everything stands in the tables.
        base: Sum of the trees' mean outputs over their training rows.
        quadrature: For the longest path.
    """

    trees: Trees
    plan: Plan
    base: float
    quadrature: Quadrature

    def values(self, rows: np.ndarray, threads: int = 1) -> np.ndarray:
        """n × features contributions (float64); with the base, a row's add up to the sum of the trees' outputs.

        A row's bits depend neither on the rows beside it nor on the number of threads.

        Args:
            rows: n × features numbers, NaN = missing.
            threads: Threads to share the rows between.
        """
        if rows.shape[1] < self.trees.n_features:
            raise ValueError(f"the trees ask for {self.trees.n_features} columns, not {rows.shape[1]}")
        # Writable too, because the kernel is compiled anew for each kind of array.
        given = np.require(rows, np.float64, ["C", "W"])
        found = np.zeros(given.shape)
        for first, last in pairwise(_batches(self.plan.cells)):
            tables = np.zeros(int(self.plan.cells[first:last].sum()))
            tabulate(self.trees, self.plan, first, last, self._path(), self.quadrature, tables)

            def add(begin: int, end: int, batch: tuple[int, int] = (first, last), held: np.ndarray = tables) -> None:
                pieces = given[begin:end], found[begin:end]
                look_up(self.trees, self.plan, *batch, self._path(), self.quadrature, held, *pieces)

            _in_threads(add, len(given), threads)
        return found

    def _path(self) -> Path:
        """Room for one thread."""
        size = max(BITS, int(self.plan.depth.max(initial=0)) + 1)
        whole = [np.zeros(size, dtype=np.int64) for _ in range(4)]
        node, side, slot, feature = whole
        share, ahead, found = np.zeros(size), np.zeros(size), np.zeros(size)
        return Path(node, side, slot, feature, share, np.zeros(size, dtype=np.bool_), ahead, found)


def tree_shap(texts: Sequence[str]) -> TreeShap:
    """Read models and plan their tables; contributions are to the sum of the models' outputs.

    Args:
        texts: LightGBM's text form of each model, all fitted on the same columns.
    """
    trees = parse_trees(texts)
    plan = _empty_plan(len(trees.nodes) - 1, int(trees.nodes[-1]), int(trees.leaves[-1]))
    base = float(fill_plan(trees, plan))
    return TreeShap(trees, plan, base, _quadrature(int(plan.depth.max(initial=0)) + 1))


def _empty_plan(trees: int, nodes: int, leaves: int) -> Plan:
    # Every branch has a node at its root or is a leaf.
    branches = nodes + leaves

    def whole(size: int, value: int = 0) -> np.ndarray:
        return np.full(size, value, dtype=np.int32)

    return Plan(
        parent=whole(nodes, -1),
        depth=whole(nodes),
        branch=whole(nodes, -1),
        bit=whole(nodes),
        size=whole(nodes),
        reach=np.zeros(nodes),
        leaf_parent=whole(leaves, -1),
        leaf_side=whole(leaves),
        leaf_branch=whole(leaves, -1),
        first=np.zeros(trees + 1, dtype=np.int64),
        above=whole(branches, -1),
        bits=whole(branches),
        width=whole(branches),
        start=np.zeros(branches, dtype=np.int64),
        features=whole(branches * BITS),
        cells=np.zeros(trees, dtype=np.int64),
    )


def _quadrature(features: int) -> Quadrature:
    """For paths with up to so many features."""
    most = features // 2 + 1
    points, weights = np.zeros((most, most)), np.zeros((most, most))
    for m in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(m)
        points[m - 1, :m], weights[m - 1, :m] = (x + 1) / 2, w / 2
    return Quadrature(points, weights)


def _batches(cells: np.ndarray) -> list[int]:
    """Where to cut the trees so that the tables of each batch fit."""
    cuts, held = [0], 0
    for tree, size in enumerate(cells.tolist()):
        if held and held + size > CELLS:
            cuts.append(tree)
            held = 0
        held += size
    return [*cuts, len(cells)] if len(cells) else [0]


def _in_threads(work: Callable[[int, int], None], rows: int, threads: int) -> None:
    """Calls `work(begin, end)` for as many ranges of rows as there are threads."""
    pieces = max(1, min(threads, rows // ROWS_A_THREAD))
    if pieces == 1:
        work(0, rows)
        return
    cuts = np.linspace(0, rows, pieces + 1).astype(int).tolist()
    with ThreadPoolExecutor(pieces) as pool:
        list(pool.map(lambda piece: work(*piece), pairwise(cuts)))
