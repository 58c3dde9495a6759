"""Features inside a scikit-learn pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from abm_scoring.features.engagement import EngagementSpec
from abm_scoring.features.frames import build_features
from abm_scoring.learning.transformer import FeatureTransformer
from tests.laws.worlds import make_world

SPEC = EngagementSpec(windows_days=(30,), measures=("count", "recency"))


def test_it_gives_the_columns_of_build_features() -> None:
    world = make_world(3, n_accounts=10, n_events=200)
    rows = world.rows().sample(frac=1.0, random_state=2)
    step = FeatureTransformer(world.tables, [SPEC]).fit(rows)
    found = step.transform(rows)
    pd.testing.assert_frame_equal(found, build_features(world.tables, rows, [SPEC]))
    assert list(step.get_feature_names_out()) == list(found.columns)


def test_columns_are_settled_by_what_was_known_when_it_was_fitted() -> None:
    world = make_world(3, n_accounts=10, n_events=200)
    rows = world.rows()
    first = rows[rows["as_of"] == world.dates[0]]
    events = world.tables["events"]
    novel = events["event_type"].where(events["occurred_at"] < world.dates[0], "webinar")
    tables = world.tables.replace(events=events.assign(event_type=novel))
    step = FeatureTransformer(tables, [SPEC]).fit(first)
    assert "webinar_count_30d" not in step.transform(rows)
    assert "webinar_count_30d" in FeatureTransformer(tables, [SPEC]).fit(rows).transform(rows)


def test_it_works_in_a_pipeline_that_is_cross_validated_over_time() -> None:
    world = make_world(3, n_accounts=10, n_events=200)
    rows = world.rows()
    y = np.arange(len(rows)) % 2
    model = make_pipeline(
        FeatureTransformer(world.tables, [SPEC]), SimpleImputer(keep_empty_features=True), LogisticRegression()
    )
    scores = cross_val_score(clone(model), rows, y, cv=TimeSeriesSplit(3))
    assert np.isfinite(scores).all()
