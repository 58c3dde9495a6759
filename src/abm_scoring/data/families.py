"""Families of accounts, and their stable assignment to partitions."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd


def families(accounts: pd.DataFrame) -> pd.Series:
    """The family that each account belongs to: parents and subsidiaries, whatever their number of levels.

    Accounts that any version links belong together, also through a parent that is no account itself. A family is
    named after its root, the member that never has a parent; where it has several or none (a cycle), after the
    smallest of them, or of all. So the name depends neither on the order of rows nor on the versions' dates.

    Args:
        accounts: Canonical accounts; `parent_account_id` may be absent.

    Returns:
        family_id as `str`, indexed by the distinct account_id in ascending order.
    """
    child = accounts["account_id"]
    parent = accounts.get("parent_account_id", child)
    codes, ids = pd.factorize(pd.concat([child, parent.fillna(child)], ignore_index=True), sort=True)
    a, b = codes[: len(child)], codes[len(child) :]
    component = _components(len(ids), a[a != b], b[a != b])
    is_root = np.ones(len(ids), dtype=bool)
    is_root[a[a != b]] = False
    has_root = np.zeros(len(ids), dtype=bool)
    has_root[component[is_root]] = True
    eligible = np.flatnonzero(is_root | ~has_root[component])
    name = np.zeros(len(ids), dtype=np.int64)
    name[component[eligible[::-1]]] = eligible[::-1]  # written from the largest down: the smallest id stays
    own = np.unique(a)
    family = pd.Series(ids[name[component[own]]], index=pd.Index(ids[own], name="account_id"), name="family_id")
    return family.astype("str")


def _components(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Connected components of n nodes under the edges a–b: the smallest node of each node's component.

    Labels fall to the smallest neighbour's and then jump to the label of their label, until nothing changes.
    """
    label = np.arange(n)
    while True:
        low = label.copy()
        smaller = np.minimum(label[a], label[b])
        for end in (a, b, label[a], label[b]):
            np.minimum.at(low, end, smaller)
        low = low[low]
        if np.array_equal(low, label):
            return label
        label = low


def partition_of(family_ids: pd.Series | np.ndarray, n: int) -> np.ndarray:
    """The partition of each family: CRC-32 of the id's UTF-8 bytes, modulo n.

    CRC-32 gives the same number in every process, library version and engine (Spark SQL: `pmod(crc32(family_id), n)`).

    Args:
        family_ids: Ids as text, without missing values.
        n: Number of partitions, at least 1.

    Returns:
        int64 in [0, n), one an id.
    """
    return hashes_of(family_ids) % n


def hashes_of(ids: pd.Series | np.ndarray) -> np.ndarray:
    """int64 [n]: CRC-32 of the UTF-8 bytes of n ids, text without missing values."""
    codes, distinct = pd.factorize(np.asarray(ids, dtype=object))
    found = np.fromiter((zlib.crc32(i.encode()) for i in distinct), dtype=np.int64, count=len(distinct))
    return found[codes]
