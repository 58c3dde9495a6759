"""Features whose values move within training time: what they taught will not hold later."""

from __future__ import annotations

import numpy as np

from abm_scoring.learning.encoded_columns import NumberColumn, numbers
from abm_scoring.learning.encoding import Encoding
from abm_scoring.learning.metrics import Weighted, auc, ranked
from abm_scoring.learning.training_set import TrainingSet

#: A difference smaller than this many standard errors is taken for chance, however large it looks.
CERTAIN = 4.0


def drifting(rows: TrainingSet, encoding: Encoding, limit: float) -> dict[str, str]:
    """Number features that tell early training rows from late ones, with the reason in words.

    The measure is the AUC of the value (missing = lowest) for lying in the later half of the rows, compared with
    .5 ± limit, and with chance: its standard error without drift is √((a + b + 1) / 12ab) for a early and b late rows
    (Mann and Whitney 1947).

    Args:
        rows: Training rows.
        encoding: Fitted on these rows.
        limit: Half-width of the band; .5 lets everything pass.
    """
    late = rows.as_of > np.sort(rows.as_of)[(len(rows) - 1) // 2]
    b = int(late.sum())
    a = len(late) - b
    if b == 0:
        return {}
    bound = max(limit, CERTAIN * np.sqrt((a + b + 1) / (12 * a * b)))
    found = {}
    for column in encoding.columns:
        if isinstance(column, NumberColumn):
            given = numbers(rows.features, column.name)
            values = np.where(np.isnan(given), -np.inf, given)
            area = float(auc(Weighted(ranked(values, late), np.ones((1, len(late)))))[0])
            if abs(area - 0.5) > bound:
                found[column.name] = f"its values differ between early and late training rows (AUC {area:.2f})"
    return found
