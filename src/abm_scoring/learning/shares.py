"""Where a value stands among the training rows' values."""

from __future__ import annotations

import numpy as np

from abm_scoring.learning.weights import quantiles
from abm_scoring.spec import Spec


class ShareTable(Spec):
    """Quantiles 0, 1, …, 100 % of the training rows' values; empty where there is nothing to compare with."""

    quantiles: tuple[float, ...]

    def share(self, values: np.ndarray) -> np.ndarray:
        """100 × the share of training rows below each value, linear between quantiles; NaN without quantiles.

        Args:
            values: n numbers.
        """
        if not self.quantiles:
            return np.full(len(values), np.nan)
        table = np.array(self.quantiles)
        above = np.clip(np.searchsorted(table, values, side="left"), 0, len(table) - 1)
        below = np.maximum(above - 1, 0)
        width = table[above] - table[below]
        inside = np.divide(values - table[below], width, out=np.zeros(len(values)), where=width > 0)
        steps = np.where(above > 0, below + np.clip(inside, 0, 1), 0.0)
        return np.where(values > table[-1], 100.0, 100 * steps / (len(table) - 1))


def share_table(values: np.ndarray, weight: np.ndarray | None = None) -> ShareTable:
    """The table of n training values; empty for none.

    Args:
        values: n numbers.
        weight: How many rows each of the n stands for; None = one each.
    """
    if not len(values):
        return ShareTable(quantiles=())
    return ShareTable(quantiles=tuple(quantiles(values, np.linspace(0, 1, 101), weight).tolist()))
