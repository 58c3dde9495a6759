"""Rows into compressed sparse rows: by account and, within an account, by time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from abm_scoring.features.compiled import compiled

#: With more moments than this in one bucket, putting them in order one by one costs more than sorting.
_CROWDED = 24

#: Moments that are put in order one by one; longer runs are merged from these.
_RUN = 8

#: More accounts than this, and what is known of them no longer fits into the processor's cache.
_MANY_ACCOUNTS = 1 << 16

#: Accounts that are filled together then: a power of two, small enough for 16 bits.
_TOGETHER = 12

#: Threads that share out accounts; results never depend on their number.
THREADS = 2


def by_account(account: np.ndarray, moment: np.ndarray, n_accounts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of rows by account, then moment; rows of one account and moment are in no particular order.

    One counting pass puts rows into their accounts; only accounts whose rows are out of time order are sorted.

    Args:
        account: int32 [n], -1 = left out.
        moment: int64 [n].
        n_accounts: Number of accounts.

    Returns:
        offsets int64 [accounts + 1]; the rows in their order, int32 [rows kept]; their moments, int64.
    """
    offsets = _offsets(account, n_accounts)
    # Made by numpy, which asks the system for large pages.
    order, when = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int64)
    if n_accounts > _MANY_ACCOUNTS:
        _scatter_in_blocks(account, moment, offsets, order, when)
    else:
        _scatter(account, moment, offsets, order, when)
    in_pieces(lambda begin, end: _sort_accounts(offsets, when, order, begin, end), offsets)
    return offsets, order, when


def in_pieces(work: Callable[[int, int], None], *load: np.ndarray, threads: int = THREADS) -> None:
    """Calls `work(begin, end)` for ranges of accounts with about equal load.

    Args:
        load: int64 [accounts + 1] each, ascending from 0: what the accounts up to each one have to do.
    """
    total = np.add.reduce(load)
    cuts = np.searchsorted(total, np.linspace(0, total[-1], threads * 4 + 1)[1:-1])
    bounds = np.unique(np.concatenate([[0], cuts, [len(total) - 1]]))
    pieces = [(int(a), int(b)) for a, b in pairwise(bounds)]
    if threads == 1 or total[-1] < 100_000:
        for piece in pieces:
            work(*piece)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda piece: work(*piece), pieces))


def gather(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """`values[order]`, on all threads."""
    out = np.empty(len(order), values.dtype)
    steps = np.arange(len(order) + 1) if len(order) < 100_000 else np.linspace(0, len(order), 65).astype("int64")
    in_pieces(lambda begin, end: _take(values, order, steps[begin], steps[end], out), steps)
    return out


@compiled
def _take(values, order, begin, end, out):  # type: ignore[no-untyped-def]
    for i in range(begin, end):
        out[i] = values[order[i]]


@compiled
def _offsets(account, n_accounts):  # type: ignore[no-untyped-def]
    offsets = np.zeros(n_accounts + 1, np.int64)
    for a in account:
        if a >= 0:
            offsets[a + 1] += 1
    for a in range(n_accounts):
        offsets[a + 1] += offsets[a]
    return offsets


@compiled
def _scatter(account, moment, offsets, order, when):  # type: ignore[no-untyped-def]
    place = offsets[:-1].copy()
    for i in range(len(account)):
        a = account[i]
        if a >= 0:
            order[place[a]] = i
            when[place[a]] = moment[i]
            place[a] += 1


def _scatter_in_blocks(
    account: np.ndarray, moment: np.ndarray, offsets: np.ndarray, order: np.ndarray, when: np.ndarray
) -> None:
    """As `_scatter`, in two steps that both stay in the cache: rows into blocks of accounts, then within each."""
    blocks = np.append(offsets[: -1 : 1 << _TOGETHER], offsets[-1])
    local, rows, moments = (np.empty(len(order), dtype) for dtype in (np.uint16, np.int32, np.int64))
    _into_blocks(account, moment, blocks, local, rows, moments)
    in_pieces(lambda begin, end: _within_blocks(local, rows, moments, offsets, order, when, begin, end), blocks)


@compiled
def _into_blocks(account, moment, blocks, local, rows, moments):  # type: ignore[no-untyped-def]
    place = blocks[:-1].copy()
    for i in range(len(account)):
        a = account[i]
        if a >= 0:
            block = a >> _TOGETHER
            to = place[block]
            place[block] = to + 1
            local[to] = a & ((1 << _TOGETHER) - 1)
            rows[to] = i
            moments[to] = moment[i]


@compiled
def _within_blocks(local, rows, moments, offsets, order, when, from_block, to_block):  # type: ignore[no-untyped-def]
    for block in range(from_block, to_block):
        first = block << _TOGETHER
        last = min(first + (1 << _TOGETHER), len(offsets) - 1)
        place = offsets[first:last].copy()
        for i in range(offsets[first], offsets[last]):
            a = local[i]
            order[place[a]] = rows[i]
            when[place[a]] = moments[i]
            place[a] += 1


@compiled
def _sort_accounts(offsets, when, order, from_account, to_account):  # type: ignore[no-untyped-def]
    longest = 0
    for a in range(from_account, to_account):
        longest = max(longest, offsets[a + 1] - offsets[a])
    key = np.empty(longest, np.int64)
    rows = np.empty(longest, np.int32)
    ends = np.empty(longest + 1, np.int32)
    for a in range(from_account, to_account):
        begin, n = offsets[a], offsets[a + 1] - offsets[a]
        if n < 2:
            continue
        own, own_rows = when[begin : begin + n], order[begin : begin + n]
        low = high = own[0]
        ascending = True
        for j in range(1, n):
            ascending = ascending and own[j] >= own[j - 1]
            low, high = min(low, own[j]), max(high, own[j])
        if not ascending and (n <= _RUN or not _by_buckets(own, own_rows, low, high, key, rows, ends)):
            _by_merging(own, own_rows, key, rows)


@compiled
def _by_merging(own, own_rows, key, rows):  # type: ignore[no-untyped-def]
    """Sorts one account's moments in place: runs of a few in order, then two of them into one until there is one."""
    n = len(own)
    for j in range(n):
        moment, row, k = own[j], own_rows[j], j
        while k % _RUN > 0 and own[k - 1] > moment:
            own[k], own_rows[k] = own[k - 1], own_rows[k - 1]
            k -= 1
        own[k], own_rows[k] = moment, row
    run = _RUN
    while run < n:
        for begin in range(0, n, 2 * run):
            i, j = begin, min(begin + run, n)
            middle, end = j, min(begin + 2 * run, n)
            for k in range(begin, end):
                if j == end or (i < middle and own[i] <= own[j]):
                    key[k], rows[k] = own[i], own_rows[i]
                    i += 1
                else:
                    key[k], rows[k] = own[j], own_rows[j]
                    j += 1
        for k in range(n):
            own[k], own_rows[k] = key[k], rows[k]
        run *= 2


@compiled
def _by_buckets(own, own_rows, low, high, key, rows, ends):  # type: ignore[no-untyped-def]
    """Sorts one account's moments in place where they are spread evenly enough; False, and nothing done, where not.

    Each moment goes straight to about its place; what little is out of order then moves a few places at most.
    """
    n = len(own)
    # In floating point: a span of moments may be wider than 63 bits.
    width = (float(high) - float(low)) / n
    if not width > 0.0 or width > 1e15:
        return False
    scale = 1.0 / width
    ends[: n + 1] = 0
    for j in range(n):
        ends[min(int((own[j] - low) * scale), n - 1) + 1] += 1
    for j in range(n):
        if ends[j + 1] > _CROWDED:
            return False
        ends[j + 1] += ends[j]
    for j in range(n):
        bucket = min(int((own[j] - low) * scale), n - 1)
        key[ends[bucket]] = own[j]
        rows[ends[bucket]] = own_rows[j]
        ends[bucket] += 1
    for j in range(n):
        moment, row, k = key[j], rows[j], j
        while k > 0 and own[k - 1] > moment:
            own[k] = own[k - 1]
            own_rows[k] = own_rows[k - 1]
            k -= 1
        own[k] = moment
        own_rows[k] = row
    return True
