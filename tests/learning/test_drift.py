from __future__ import annotations

import numpy as np

from abm_scoring.learning.drift import drifting
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market


def moved(accounts: int, by: float, dates: int = 6) -> TrainingSet:
    """A market in which `any_recency` grows by `by` a month."""
    rows = market(accounts=accounts, dates=dates)
    month = np.repeat(np.arange(dates), accounts)
    changed = rows.features.assign(any_recency=np.random.default_rng(0).normal(size=len(rows)) + by * month)
    return TrainingSet(
        changed, rows.converted, rows.as_of, rows.account_id, rows.family, rows.catalogue, rows.horizon_days
    )


def found(rows: TrainingSet, limit: float = 0.12) -> dict[str, str]:
    return drifting(rows, fit_encoding(rows.features, rows.catalogue), limit)


def test_a_feature_that_moves_is_named_with_its_auc() -> None:
    assert list(found(moved(300, 0.3))) == ["any_recency"]
    assert "early and late training rows (AUC 0.7" in found(moved(300, 0.3))["any_recency"]


def test_direction_does_not_matter_and_the_limit_does() -> None:
    assert list(found(moved(300, -0.3))) == ["any_recency"]
    assert found(moved(300, 0.05)) == {}
    assert found(moved(300, 0.3), limit=0.5) == {}


def test_chance_in_few_rows_is_not_drift() -> None:
    assert all(found(market(accounts=6, dates=4, seed=s)) == {} for s in range(30))


def test_one_date_cannot_drift() -> None:
    assert found(market(accounts=300, dates=1)) == {}


def test_becoming_known_is_drift_too() -> None:
    rows = moved(300, 0.0)
    late = rows.as_of > np.unique(rows.as_of)[2]
    rows.features.loc[~late, "any_recency"] = np.nan
    assert list(found(rows)) == ["any_recency"]
