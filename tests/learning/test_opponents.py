from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.metrics import Weighted, auc, ranked
from abm_scoring.learning.opponents import CAP, FIT_POINTS, POINTS, opponents, points
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import CATALOGUE, category, market, number, relabelled

SPEC = ModelSpec(ridge=(0.1,))
ROWS = market(accounts=300, dates=4)


def only(rows: TrainingSet, *names: str) -> TrainingSet:
    kept = tuple(f for f in rows.catalogue if f.name in names)
    return TrainingSet(
        rows.features[list(names)], rows.converted, rows.as_of, rows.account_id, rows.family, kept, rows.horizon_days
    )


def test_the_constant_is_the_training_rate() -> None:
    assert set(opponents(ROWS, ROWS.features, SPEC, 30)["constant"]) == {ROWS.converted.mean()}


def test_fit_only_ignores_what_accounts_do() -> None:
    busy = ROWS.features.assign(web_visit_count_30d=99.0, meeting_count_30d=9.0, any_recency=0.0)
    quiet, loud = (opponents(ROWS, f, SPEC, 30)["fit_only"] for f in (ROWS.features, busy))
    assert (quiet == loud).all()
    assert auc(Weighted(ranked(quiet, ROWS.converted), np.ones((1, len(ROWS)))))[0] > 0.55


def test_points_take_each_type_in_the_window_nearest_a_month_capped_and_fit() -> None:
    row = pd.DataFrame(
        {"web_visit_count_30d": [3.0], "web_visit_count_90d": [50.0], "meeting_count_30d": [99.0], "fit_total": [0.5]}
    )
    expected = 3 * POINTS["web_visit"] + CAP * POINTS["meeting"] + 0.5 * FIT_POINTS
    assert points(row, CATALOGUE)[0] == pytest.approx(expected / 100)


def test_unknown_values_earn_no_points_and_unknown_types_few() -> None:
    catalogue = (number("x", "x", event_type="hackathon", days=30), number("any", "any", event_type="any", days=30))
    frame = pd.DataFrame({"x": [1.0, np.nan], "any": [5.0, 5.0]})
    assert points(frame, catalogue).tolist() == [0.02, 0.0]


def test_points_are_put_on_the_probability_scale() -> None:
    p = opponents(ROWS, ROWS.features, SPEC, 30)["points"]
    assert p.mean() == pytest.approx(ROWS.converted.mean(), abs=1e-3)
    assert (np.argsort(p) == np.argsort(points(ROWS.features, CATALOGUE))).all()


def test_points_that_mislead_are_worth_the_constant() -> None:
    high = points(ROWS.features, CATALOGUE)
    misled = relabelled(ROWS, high < np.median(high))
    assert set(opponents(misled, misled.features, SPEC, 30)["points"]) == {misled.converted.mean()}


def test_what_the_features_do_not_allow_is_absent() -> None:
    assert set(opponents(only(ROWS, "sector"), ROWS.features, SPEC, 30)) == {"constant"}
    assert set(opponents(only(ROWS, "any_recency"), ROWS.features, SPEC, 30)) == {"constant"}
    assert set(opponents(only(ROWS, "any_recency", "sector"), ROWS.features, SPEC, 30)) == {"constant", "fit_only"}
    assert category("sector").part == "fit"
