"""Content items whose last week is unlike their weeks before: robust, and with a stated rate of false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Scales a median absolute deviation to a standard deviation.
_MAD = 1.4826
#: The least spread on this scale: that of Poisson counts, below which no history of counts can honestly lie.
_LEAST = 1.0
#: Fewer items than this do not tell what moved all of them.
_FEWEST_ITEMS = 5


def anomalies(counts: pd.DataFrame, rate: float = 0.05) -> pd.DataFrame:
    """Hold the last week of every item against its own history.

    Counts are compared on Anscombe's scale 2√(x + 3/8), where Poisson noise has the spread 1 whatever the level. What
    moved all items alike (a holiday, a season) is taken out: a week is compared with the item's usual share of all
    events of that week. Centre and spread are the median and the MAD of the weeks before, so that one earlier spike
    hides nothing; the spread is never below that of Poisson counts. The p-value is Student's t with the degrees of
    freedom of the MAD (its efficiency is 37 %), and Benjamini-Hochberg keeps the expected share of false alarms among
    the flagged items at or below `rate`; in a week in which nothing happened, any flag is as unlikely as that.

    Args:
        counts: float [items, weeks], oldest week first; at least 9 weeks.
        rate: Largest expected share of false alarms.

    Returns:
        One row an item in the order given: `content_id`, `count`, `usual` (what was to be expected), `z`, `p_value`,
        `flagged` (bool), `direction` (`more`, `fewer`).
    """
    from scipy.stats import t

    table = counts.to_numpy(float)
    weeks = table.shape[1] - 1
    expected = _expected(table)
    residual = _scaled(table) - _scaled(expected)
    before, last = residual[:, :-1], residual[:, -1]
    centre = np.median(before, axis=1) if weeks else np.zeros(len(table))
    spread = np.maximum(_MAD * np.median(np.abs(before - centre[:, None]), axis=1), _LEAST)
    # A new value varies by itself and around a centre that is itself uncertain (variance π/2n of a median).
    z = (last - centre) / (spread * np.sqrt(1 + np.pi / (2 * max(weeks, 1))))
    p = 2 * t.sf(np.abs(z), max(0.37 * (weeks - 1), 1.0))
    usual = np.maximum((_scaled(expected[:, -1]) + centre) / 2, 0.0) ** 2 - 0.375
    return pd.DataFrame(
        {
            "content_id": counts.index.astype("str"),
            "count": table[:, -1] if len(table) else np.zeros(0),
            "usual": np.maximum(usual, 0.0),
            "z": z,
            "p_value": p,
            "flagged": benjamini_hochberg(p, rate),
            "direction": np.where(z >= 0, "more", "fewer"),
        }
    )


def benjamini_hochberg(p: np.ndarray, rate: float) -> np.ndarray:
    """Which tests to call, so that the expected share of false calls is at most `rate`; bool [tests]."""
    order = np.argsort(p, kind="stable")
    under = p[order] <= rate * np.arange(1, len(p) + 1) / max(len(p), 1)
    called = np.zeros(len(p), bool)
    if under.any():
        called[order[: np.flatnonzero(under)[-1] + 1]] = True
    return called


def _scaled(counts: np.ndarray) -> np.ndarray:
    return 2 * np.sqrt(counts + 0.375)


def _expected(table: np.ndarray) -> np.ndarray:
    """What each item would have had with its usual share of each week; its usual count where items are few."""
    if table.shape[0] < _FEWEST_ITEMS:
        return np.repeat(np.median(table[:, :-1], axis=1)[:, None], table.shape[1], axis=1)
    total = table.sum(axis=0)
    share = np.median(table[:, :-1] / np.maximum(total[:-1], 1.0), axis=1)
    return share[:, None] * total
