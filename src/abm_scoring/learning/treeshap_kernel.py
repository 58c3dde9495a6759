"""The compiled part of `treeshap`: plan branches, fill their tables, look rows up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abm_scoring.features.compiled import compiled
from abm_scoring.learning.tree_text import Trees

#: Largest index of a table in bits. One more doubles the tables and saves few look-ups.
BITS = 9
#: Rows that go through the trees together, and rows that go through one tree together; both fit in caches.
CHUNK, BLOCK = 1024, 256
#: Absolute values up to this are zero to LightGBM.
ZERO = float(np.float32(1e-35))


class Plan(NamedTuple):
    """Where everything stands in the tables.

    A *branch* is the largest subtree, or a leaf alone, whose nodes and those above it have at most `BITS` answers; its
    table has a row for every combination of these answers and a column for every feature that they are about.

    Attributes:
        parent, depth: int32 [nodes]; the root has parent -1 and depth 0. Parents count from the tree's first node.
        branch: int32 [nodes], -1 = above all branches.
        bit: int32 [nodes], place of the node's answer in the index of the branches that it belongs to.
        size: int32 [nodes], nodes of the subtree.
        reach: float64 [nodes], share of training rows that came by.
        leaf_parent, leaf_side, leaf_branch: int32 [leaves]; side 1 = left, branch -1 = too deep for a table.
        first: int64 [trees + 1], where each tree's branches begin.
        above: int32 [branches], the last node above a branch; -1 = none.
        bits, width: int32 [branches], size of the index and number of columns.
        start: int64 [branches], where the table begins among those of its tree.
        features: int32 [branches * BITS], the columns' features.
        cells: int64 [trees], size of the tree's tables.
    """

    parent: np.ndarray
    depth: np.ndarray
    branch: np.ndarray
    bit: np.ndarray
    size: np.ndarray
    reach: np.ndarray
    leaf_parent: np.ndarray
    leaf_side: np.ndarray
    leaf_branch: np.ndarray
    first: np.ndarray
    above: np.ndarray
    bits: np.ndarray
    width: np.ndarray
    start: np.ndarray
    features: np.ndarray
    cells: np.ndarray


class Path(NamedTuple):
    """Room for the way from a leaf up to its root: nodes and sides, and what distinct features say on it.

    Attributes:
        node, side, slot: Of each step; the slot is that of the node's feature.
        feature, share: Of each slot; the share is the product of those of the feature's steps.
        inside: Of each slot, whether a row's answers lead to the leaf.
        ahead, found: Of each slot, for `_shapley`.
    """

    node: np.ndarray
    side: np.ndarray
    slot: np.ndarray
    feature: np.ndarray
    share: np.ndarray
    inside: np.ndarray
    ahead: np.ndarray
    found: np.ndarray


class Quadrature(NamedTuple):
    """Row m - 1 of both: the m points and weights of Gauss and Legendre on [0, 1]."""

    points: np.ndarray
    weights: np.ndarray


@compiled
def fill_plan(trees: Trees, plan: Plan) -> float:
    """Fill an empty plan; gives the sum of the trees' mean outputs."""
    base, count = 0.0, 0
    for tree in range(len(trees.nodes) - 1):
        plan.first[tree] = count
        if trees.nodes[tree] == trees.nodes[tree + 1]:
            base += trees.value[trees.leaves[tree]]
            continue
        _place_nodes(trees, plan, tree)
        count = _make_branches(trees, plan, tree, count)
        for leaf in range(trees.leaves[tree], trees.leaves[tree + 1]):
            node = trees.nodes[tree] + plan.leaf_parent[leaf]
            base += trees.value[leaf] * plan.reach[node] * _share(trees, node, plan.leaf_side[leaf])
        plan.cells[tree] = _size_tables(trees, plan, tree, count)
    plan.first[len(trees.nodes) - 1] = count
    return base


@compiled
def _share(trees: Trees, node: int, side: int) -> float:
    return trees.left_share[node] if side else 1.0 - trees.left_share[node]


@compiled
def _place_nodes(trees: Trees, plan: Plan, tree: int) -> None:
    """Parents, depths, reach and sizes."""
    a, b, leaves = trees.nodes[tree], trees.nodes[tree + 1], trees.leaves[tree]
    plan.parent[a], plan.depth[a], plan.reach[a] = -1, 0, 1.0
    for i in range(a, b):
        for side in range(2):
            child = trees.left[i] if side else trees.right[i]
            if child >= 0:
                plan.parent[a + child] = i - a
                plan.depth[a + child] = plan.depth[i] + 1
                plan.reach[a + child] = plan.reach[i] * _share(trees, i, side)
            else:
                plan.leaf_parent[leaves - 1 - child] = i - a
                plan.leaf_side[leaves - 1 - child] = side
    for i in range(b - 1, a - 1, -1):
        plan.size[i] += 1
        if i > a:
            plan.size[a + plan.parent[i]] += plan.size[i]


@compiled
def _make_branches(trees: Trees, plan: Plan, tree: int, count: int) -> int:
    """Give nodes and leaves to branches; `count` is how many there are."""
    a = trees.nodes[tree]
    for i in range(a, trees.nodes[tree + 1]):
        up = plan.parent[i]
        plan.bit[i] = plan.depth[i]
        if up >= 0 and plan.branch[a + up] >= 0:
            plan.branch[i] = plan.branch[a + up]
            plan.bit[i] = plan.bits[plan.branch[i]]
            plan.bits[plan.branch[i]] += 1
        elif plan.depth[i] + plan.size[i] <= BITS:
            plan.branch[i] = count
            plan.above[count], plan.bits[count] = up, plan.depth[i] + 1
            count += 1
    for leaf in range(trees.leaves[tree], trees.leaves[tree + 1]):
        up = plan.leaf_parent[leaf]
        if plan.branch[a + up] >= 0:
            plan.leaf_branch[leaf] = plan.branch[a + up]
        elif plan.depth[a + up] < BITS:
            plan.leaf_branch[leaf] = count
            plan.above[count], plan.bits[count] = up, plan.depth[a + up] + 1
            count += 1
    return count


@compiled
def _size_tables(trees: Trees, plan: Plan, tree: int, count: int) -> int:
    """The columns of a tree's branches; gives the cells of its tables."""
    a, total = trees.nodes[tree], 0
    for g in range(plan.first[tree], count):
        i = plan.above[g]
        while i >= 0:
            _add_column(plan, g, trees.feature[a + i])
            i = plan.parent[a + i]
    for i in range(a, trees.nodes[tree + 1]):
        if plan.branch[i] >= 0:
            _add_column(plan, plan.branch[i], trees.feature[i])
    for g in range(plan.first[tree], count):
        plan.start[g] = total
        total += plan.width[g] << plan.bits[g]
    return total


@compiled
def _add_column(plan: Plan, g: int, feature: int) -> None:
    for k in range(plan.width[g]):
        if plan.features[g * BITS + k] == feature:
            return
    plan.features[g * BITS + plan.width[g]] = feature
    plan.width[g] += 1


@compiled
def _walk(trees: Trees, plan: Plan, a: int, leaf: int, path: Path) -> tuple[int, int]:
    """Fill the path of a leaf; gives its steps and its distinct features."""
    steps, distinct = 0, 0
    i, side = plan.leaf_parent[leaf], plan.leaf_side[leaf]
    while i >= 0:
        slot = 0
        while slot < distinct and path.feature[slot] != trees.feature[a + i]:
            slot += 1
        if slot == distinct:
            path.feature[slot], path.share[slot] = trees.feature[a + i], 1.0
            distinct += 1
        path.share[slot] *= _share(trees, a + i, side)
        path.node[steps], path.side[steps], path.slot[steps] = i, side, slot
        steps += 1
        up = plan.parent[a + i]
        side = 1 if up >= 0 and trees.left[a + up] == i else 0
        i = up
    return steps, distinct


@compiled
def _shapley(value: float, d: int, path: Path, quadrature: Quadrature) -> None:
    """What each of d features adds through a leaf, into `found`."""
    m = (d + 1) // 2
    for k in range(d):
        path.found[k] = 0.0
    for q in range(m):
        t = quadrature.points[m - 1, q]
        product = value * quadrature.weights[m - 1, q]
        for k in range(d):
            path.ahead[k] = product
            product *= path.share[k] * (1.0 - t) + (t if path.inside[k] else 0.0)
        product = 1.0
        for k in range(d - 1, -1, -1):
            path.found[k] += path.ahead[k] * product
            product *= path.share[k] * (1.0 - t) + (t if path.inside[k] else 0.0)
    for k in range(d):
        path.found[k] *= (1.0 if path.inside[k] else 0.0) - path.share[k]


@compiled
def tabulate(
    trees: Trees, plan: Plan, first: int, last: int, path: Path, quadrature: Quadrature, tables: np.ndarray
) -> None:
    """Add up the leaves of trees `first` to `last` in tables of zeros."""
    mask, want, place = np.zeros(BITS, np.int64), np.zeros(BITS, np.int64), np.zeros(BITS, np.int64)
    own = np.zeros(BITS << BITS)
    offset = 0
    for tree in range(first, last):
        a = trees.nodes[tree]
        for leaf in range(trees.leaves[tree], trees.leaves[tree + 1]):
            g = plan.leaf_branch[leaf]
            if g < 0:
                continue
            steps, d = _walk(trees, plan, a, leaf, path)
            for k in range(d):
                mask[k], want[k], place[k] = 0, 0, 0
                while plan.features[g * BITS + place[k]] != path.feature[k]:
                    place[k] += 1
            for s in range(steps):
                bit = plan.bit[a + path.node[s]]
                mask[path.slot[s]] |= 1 << bit
                want[path.slot[s]] |= path.side[s] << bit
            _tabulate_leaf(trees.value[leaf], d, path, quadrature, own)
            start, width = offset + plan.start[g], plan.width[g]
            for index in range(1 << plan.bits[g]):
                answers = 0
                for k in range(d):
                    if index & mask[k] == want[k]:
                        answers |= 1 << k
                for k in range(d):
                    tables[start + index * width + place[k]] += own[answers * d + k]
        offset += plan.cells[tree]


@compiled
def _tabulate_leaf(value: float, d: int, path: Path, quadrature: Quadrature, own: np.ndarray) -> None:
    """A leaf's values for each combination of its features' answers."""
    for answers in range(1 << d):
        for k in range(d):
            path.inside[k] = (answers >> k) & 1 == 1
        _shapley(value, d, path, quadrature)
        for k in range(d):
            own[answers * d + k] = path.found[k]


@compiled
def look_up(
    trees: Trees,
    plan: Plan,
    first: int,
    last: int,
    path: Path,
    quadrature: Quadrature,
    tables: np.ndarray,
    rows: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add the contributions of trees `first` to `last` to `out`, one chunk of rows after the other."""
    largest = 1
    for tree in range(first, last):
        largest = max(largest, trees.nodes[tree + 1] - trees.nodes[tree])
    columns = np.zeros((rows.shape[1], CHUNK))
    answers = np.zeros((largest, BLOCK), np.uint8)
    above = np.zeros((largest, BLOCK), np.int32)
    index = np.zeros(BLOCK, np.int32)
    for begin in range(0, len(rows), CHUNK):
        held = min(CHUNK, len(rows) - begin)
        for r in range(held):
            for c in range(rows.shape[1]):
                columns[c, r] = rows[begin + r, c]
        offset = 0
        for tree in range(first, last):
            a = trees.nodes[tree]
            for at in range(0, held, BLOCK):
                n = min(BLOCK, held - at)
                _answer_all(trees, plan, tree, columns[:, at : at + n], answers, above)
                for g in range(plan.first[tree], plan.first[tree + 1]):
                    _index(trees, plan, tree, g, answers, above, index[:n])
                    _add(tables, offset + plan.start[g], plan, g, index[:n], out, begin + at)
                for leaf in range(trees.leaves[tree], trees.leaves[tree + 1]):
                    if plan.leaf_branch[leaf] < 0 and plan.leaf_parent[leaf] >= 0:
                        _add_deep(trees, plan, a, leaf, path, quadrature, answers, out, begin + at, n)
            offset += plan.cells[tree]


@compiled
def _answer_all(
    trees: Trees, plan: Plan, tree: int, columns: np.ndarray, answers: np.ndarray, above: np.ndarray
) -> None:
    """Every node's answers (1 = left), and for nodes above branches the answers from the root down to them."""
    a, n = trees.nodes[tree], columns.shape[1]
    for i in range(a, trees.nodes[tree + 1]):
        own = answers[i - a, :n]
        if trees.decision[i] & 1:
            _answer_category(trees, i, columns[trees.feature[i]], own)
        else:
            _answer_number(trees.threshold[i], trees.decision[i], columns[trees.feature[i]], own)
        if plan.branch[i] >= 0 or plan.depth[i] >= BITS:
            continue
        shift, up = plan.depth[i], plan.parent[i]
        for r in range(n):
            above[i - a, r] = np.int32(own[r]) << shift
        if up >= 0:
            for r in range(n):
                above[i - a, r] |= above[up, r]


@compiled
def _answer_number(at: float, decision: int, column: np.ndarray, answers: np.ndarray) -> None:
    """As LightGBM decides it: what counts as missing goes the default way."""
    default = (decision >> 1) & 1
    if decision & 8:
        for r in range(len(answers)):
            x = column[r]
            answers[r] = default if x != x else x <= at
    elif decision & 4:
        for r in range(len(answers)):
            x = column[r]
            answers[r] = default if x != x or abs(x) <= ZERO else x <= at
    else:
        for r in range(len(answers)):
            x = column[r]
            answers[r] = (0.0 if x != x else x) <= at


@compiled
def _answer_category(trees: Trees, i: int, column: np.ndarray, answers: np.ndarray) -> None:
    """Categories of the node's set go left, all else right."""
    first, room = trees.words[i], 32.0 * (trees.words[i + 1] - trees.words[i])
    for r in range(len(answers)):
        x = column[r]
        answers[r] = 0
        # LightGBM cuts decimals off, so that what lies above -1 is category 0.
        if x > -1.0 and x < room:
            level = np.int64(x)
            answers[r] = (trees.categories[first + level // 32] >> np.uint32(level % 32)) & np.uint32(1)


@compiled
def _index(
    trees: Trees, plan: Plan, tree: int, g: int, answers: np.ndarray, above: np.ndarray, index: np.ndarray
) -> None:
    """The row of a branch's table that belongs to the answers."""
    a, root, n = trees.nodes[tree], plan.above[g], len(index)
    index[:] = 0
    if root >= 0:
        index[:] = above[root, :n]
        if plan.bits[g] == plan.depth[a + root] + 1:
            return
    for i in range(a + root + 1, trees.nodes[tree + 1]):
        if plan.branch[i] == g:
            shift, own = plan.bit[i], answers[i - a]
            for r in range(n):
                index[r] |= np.int32(own[r]) << shift


@compiled
def _add(tables: np.ndarray, start: int, plan: Plan, g: int, index: np.ndarray, out: np.ndarray, begin: int) -> None:
    """Add the rows of a table."""
    # Unsigned, because a signed position would be asked each time whether it counts from the end.
    own = plan.features[g * BITS : g * BITS + plan.width[g]].astype(np.uint64)
    size = np.uint64(plan.width[g])
    for r in range(len(index)):
        cell, row = np.uint64(start) + np.uint64(index[r]) * size, np.uint64(begin + r)
        for k in range(size):
            out[row, own[k]] += tables[cell + k]


@compiled
def _add_deep(
    trees: Trees,
    plan: Plan,
    a: int,
    leaf: int,
    path: Path,
    quadrature: Quadrature,
    answers: np.ndarray,
    out: np.ndarray,
    begin: int,
    n: int,
) -> None:
    """Compute and add a leaf that stands in no table."""
    steps, d = _walk(trees, plan, a, leaf, path)
    for r in range(n):
        for k in range(d):
            path.inside[k] = True
        for s in range(steps):
            if answers[path.node[s], r] != path.side[s]:
                path.inside[path.slot[s]] = False
        _shapley(trees.value[leaf], d, path, quadrature)
        for k in range(d):
            out[begin + r, path.feature[k]] += path.found[k]
