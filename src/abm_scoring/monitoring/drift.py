"""Drift: how far a night's features and scores lie from those of training, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from abm_scoring.learning.reference import Histogram
from abm_scoring.spec import Spec

#: Bins with fewer rows than this expected on either side are joined with a neighbour: the χ² law needs them filled.
#: With ten in each, PSI passes the far tail's threshold up to 1.8 times as often as it should (simulated), with twenty
#: it no longer does.
FEWEST_EXPECTED = 20.0
#: Added to every bin, so that an empty one gives a large number and not infinity.
_HALF = 0.5


class DriftSpec(Spec):
    """When a difference from training counts as drift."""

    false_alarms: float = Field(
        0.05, gt=0, lt=1, description="share of undrifted nights that may show any drift: the level of the whole family"
    )
    floor: float = Field(0.05, ge=0, description="a PSI below this is no drift, however certain it is")
    missing_floor: float = Field(
        0.1, gt=0, le=1, description="least change of a share of missing values that is named as such"
    )


@dataclass(frozen=True)
class Drift:
    """One feature of a night against training.

    Attributes:
        psi: Population stability index, natural logarithm.
        threshold: PSI from which on it is drift; None where there is nothing to compare.
        drifted: Whether it is.
        missing, missing_before: Share of rows without a value, now and in training.
        accounts: Rows of the night.
    """

    name: str
    psi: float
    threshold: float | None
    drifted: bool
    missing: float
    missing_before: float
    accounts: int

    def more_missing(self, floor: float) -> bool:
        """Whether the share of missing values moved by at least `floor`, in a feature that drifted."""
        return self.drifted and abs(self.missing - self.missing_before) >= floor


def psi(now: np.ndarray, before: np.ndarray) -> float:
    """Population stability index of two histograms, Σ (p - q) · ln(p / q); half a row is added to every bin.

    Without drift, PSI · nm / (n + m) is about χ² with (bins - 1) degrees of freedom for n and m rows.
    """
    p, q = ((counts + _HALF) / (counts + _HALF).sum() for counts in (np.asarray(now), np.asarray(before)))
    return float(((p - q) * np.log(p / q)).sum())


def threshold(bins: int, now: int, before: int, level: float) -> float:
    """PSI that undrifted histograms of `now` and `before` rows exceed with probability `level`.

    χ²₁₋level(bins - 1) · (1/n + 1/m); infinite where there is nothing to compare.
    """
    from scipy.stats import chi2

    if bins < 2 or not now or not before:
        return float("inf")
    return float(chi2.isf(level, bins - 1)) * (1 / now + 1 / before)


def joined(now: np.ndarray, before: np.ndarray, ordered: bool) -> tuple[np.ndarray, np.ndarray]:
    """Both histograms with bins joined until each is expected to hold `FEWEST_EXPECTED` rows on either side.

    Args:
        now, before: Rows by bin, the missing ones last; that bin is joined only where it is too small itself.
        ordered: Whether neighbours are alike, as with numbers; else the rarest bins are joined.
    """
    now, before = np.asarray(now, dtype="float64"), np.asarray(before, dtype="float64")
    pooled = now + before
    if not pooled.sum():
        return now[:0], before[:0]
    expected = pooled / pooled.sum() * min(now.sum(), before.sum())
    *values, missing = range(len(expected))
    if not ordered:
        values.sort(key=lambda i: -expected[i])
    groups = _filled([*values, missing] if expected[missing] < FEWEST_EXPECTED else values, expected)
    groups += [[missing]] if expected[missing] >= FEWEST_EXPECTED else []
    return (np.array([side[group].sum() for group in groups]) for side in (now, before))  # type: ignore[return-value]


def _filled(order: Sequence[int], expected: np.ndarray) -> list[list[int]]:
    """Bins in order, put together from left to right; what is left over at the end joins the last group."""
    groups: list[list[int]] = []
    waiting: list[int] = []
    for i in order:
        waiting.append(i)
        if expected[waiting].sum() >= FEWEST_EXPECTED:
            groups.append(waiting)
            waiting = []
    if waiting and groups:
        groups[-1] += waiting
    elif waiting:
        groups.append(waiting)
    return groups


def compare(
    reference: Sequence[Histogram], counts: Mapping[str, np.ndarray], spec: DriftSpec, extra: int = 0
) -> tuple[Drift, ...]:
    """Every feature of a night against training.

    The level is shared by all comparisons (Bonferroni), because 150 features at 5 % each would alarm every night.

    Args:
        reference: Histograms of training.
        counts: Feature → rows of the night by the same bins; features without counts are left out.
        spec: Level and floor.
        extra: Further comparisons of the same night that share the level.
    """
    known = [one for one in reference if one.name in counts and len(counts[one.name]) == len(one.counts)]
    level = spec.false_alarms / max(len(known) + extra, 1)
    return tuple(_compared(one, counts[one.name], spec, level) for one in known)


def _compared(histogram: Histogram, counts: np.ndarray, spec: DriftSpec, level: float) -> Drift:
    n, m = int(counts.sum()), sum(histogram.counts)
    now, before = joined(counts, np.array(histogram.counts), histogram.kind == "number")
    found = psi(now, before) if len(now) > 1 else 0.0
    limit = max(threshold(len(now), n, m, level), spec.floor)
    told = limit if np.isfinite(limit) else None
    missing = float(counts[-1]) / n if n else 0.0
    return Drift(histogram.name, found, told, found > limit, missing, histogram.missing_share, n)
