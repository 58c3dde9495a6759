"""What the gates of a night are told: the night beside its predecessor and its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.engines.scoring import RAW_SCORE
from abm_scoring.jobs.ledger import Link
from abm_scoring.learning.bundle import Bundle
from abm_scoring.learning.reference import Histogram, reference_of
from abm_scoring.monitoring.drift import Drift, DriftSpec, compare
from abm_scoring.monitoring.gates import Facts
from abm_scoring.publish.manifest import Counts, InputRecord, MqaRecord


def facts_of(
    rows: pd.DataFrame,
    found: Mapping[str, np.ndarray],
    newest_event: pd.Timestamp | None,
    bundle: Bundle,
    earlier: Sequence[Link],
    as_of: pd.Timestamp,
    inputs: Mapping[str, InputRecord],
    counts: Counts,
    mqa: MqaRecord | None,
    drift: DriftSpec,
) -> Facts:
    """Everything that the gates of a night judge.

    Args:
        rows: Frozen rows of the night.
        found: Rows by bin of the model's reference.
        newest_event: When the newest event occurred.
        bundle: The model.
        earlier: The chain of runs before the night.
        as_of: The night.
        inputs, counts, mqa: As they will stand in the manifest.
        drift: Level and floor.
    """
    before = earlier[-1].manifest if earlier else None
    reference = reference_of(bundle.about.results)
    known = {one.name: one for one in reference.features} if reference else {}
    features, score = drifts(bundle, found, drift)
    return Facts(
        as_of=as_of,
        inputs=inputs,
        counts=counts,
        rows=rows,
        golden_rows=len(bundle.golden.raw_score),
        before=before.inputs if before else None,
        counts_before=before.counts if before else None,
        newest_event=newest_event,
        features={name: (known[name], found[name]) for name in known if name in found},
        used=used_features(bundle),
        mqa=mqa,
        learnt_until=learnt_until(bundle),
        drift=features,
        score_drift=score,
    )


def drifts(bundle: Bundle, found: Mapping[str, np.ndarray], spec: DriftSpec) -> tuple[tuple[Drift, ...], Drift | None]:
    """Drift of the features that the model uses, and of its scores, with one level for all of them."""
    reference = reference_of(bundle.about.results)
    if reference is None or reference.score is None:
        return (), None
    used = used_features(bundle)
    score: Histogram = reference.score
    judged = [*(one for one in reference.features if one.name in used), score]
    *features, last = compare(judged, found, spec) or (None,)
    return tuple(one for one in features if one is not None), last if last and last.name == RAW_SCORE else None


def used_features(bundle: Bundle) -> frozenset[str]:
    """Features that the model does not leave out."""
    dropped = bundle.about.results.get("dropped") or {}
    return frozenset(feature.name for feature in bundle.about.catalogue if feature.name not in dropped)


def learnt_until(bundle: Bundle) -> pd.Timestamp | None:
    """Moment of the last outcome that the model learnt from; None where it learnt from none."""
    last = bundle.about.training.get("last_as_of")
    return pd.Timestamp(last) + pd.Timedelta(days=bundle.about.horizon_days) if last else None
