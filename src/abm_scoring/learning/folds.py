"""Folds inside training time, for choices that a model makes about itself."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abm_scoring.learning.splits import before
from abm_scoring.learning.training_set import TrainingSet

FORWARD_BLOCKS = 3
#: Share of the rows, the latest ones, that the forward blocks cover.
FORWARD_SHARE = 0.6
FAMILY_FOLDS = 5
#: A fold is used only if it fits on at least this many rows of either outcome.
MIN_OF_EACH = 5

Fold = tuple[np.ndarray, np.ndarray]


def inner_folds(rows: TrainingSet, embargo_days: int, seed: int) -> list[Fold]:
    """Pairs (fit, check) of index arrays: forward in time where training time allows, else by account family.

    Forward folds keep the embargo between fit and check, for neighbouring snapshots of one account share most of
    their label window. Where fewer than two such folds exist, families are dealt into folds at random instead.
    """
    forward = [fold for fold in _forward(rows.as_of, embargo_days) if _usable(rows.converted, fold)]
    if len(forward) >= 2:
        return forward
    by_family = [(np.flatnonzero(fit), np.flatnonzero(check)) for fit, check in family_folds(rows.family, seed)]
    return [fold for fold in by_family if _usable(rows.converted, fold)]


def _forward(as_of: np.ndarray, embargo_days: int) -> list[Fold]:
    ordered = np.sort(as_of)
    shares = np.linspace(1 - FORWARD_SHARE, 1, FORWARD_BLOCKS + 1)[:-1]
    starts = np.unique(ordered[(shares * len(ordered)).astype(int)])
    ends = np.append(starts[1:], ordered[-1] + np.timedelta64(1, "us"))
    embargo = np.timedelta64(embargo_days, "D")
    return [
        (np.flatnonzero(before(as_of, start, embargo)), np.flatnonzero((as_of >= start) & (as_of < end)))
        for start, end in zip(starts, ends, strict=True)
    ]


def family_folds(family: np.ndarray, seed: int) -> list[Fold]:
    """`FAMILY_FOLDS` pairs (fit, check) of masks; each family is checked in one of them, whole."""
    codes, families = pd.factorize(family, sort=True)
    dealt = (np.random.default_rng(seed).permutation(len(families)) % FAMILY_FOLDS)[codes]
    return [(dealt != k, dealt == k) for k in range(FAMILY_FOLDS)]


def _usable(converted: np.ndarray, fold: Fold) -> bool:
    fit, check = fold
    positives = int(converted[fit].sum())
    return len(check) > 0 and min(positives, len(fit) - positives) >= MIN_OF_EACH
