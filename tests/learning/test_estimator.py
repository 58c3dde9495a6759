from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from abm_scoring.learning.estimator import AccountScorer, ForwardSplit
from abm_scoring.learning.specs import BoostingSpec, ModelSpec
from tests.learning.worlds import market

SMALL = BoostingSpec(trees=20, bags=1, min_child=5, learning_rate=0.2, monotone=False)
QUICK = ModelSpec(boosting=SMALL, ridge=(0.1,), threads=1)


@parametrize_with_checks([AccountScorer(spec=QUICK)])
def test_it_is_a_scikit_learn_estimator(estimator: AccountScorer, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def snapshots() -> tuple[pd.DataFrame, np.ndarray]:
    rows = market(accounts=150, dates=9)
    return rows.features.assign(as_of=pd.to_datetime(rows.as_of, utc=True)), rows.converted


def test_it_is_scored_forward_in_time_inside_a_pipeline() -> None:
    rows, converted = snapshots()
    model = make_pipeline(FunctionTransformer(lambda frame: frame.drop(columns="as_of")), AccountScorer(spec=QUICK))
    found = cross_val_score(model, rows, converted, cv=ForwardSplit(n_splits=2, embargo_days=90), scoring="roc_auc")
    assert len(found) == 2 and found.min() > 0.6


def test_it_gives_what_the_ladder_gives() -> None:
    from abm_scoring.learning.rungs import fit_rung

    rows = market(accounts=150, dates=9)
    ours = AccountScorer(spec=QUICK).fit(rows.features, rows.converted, as_of=rows.as_of, family=rows.family)
    theirs, dropped = fit_rung("average", rows, QUICK, 90)
    assert np.allclose(ours.decision_function(rows.features), theirs.log_odds(rows.features), atol=1e-9)
    assert set(ours.dropped_) == set(dropped)
    added = ours.contributions(rows.features).sum(axis=1)
    assert np.ptp(ours.decision_function(rows.features) - added) < 1e-9


def test_text_is_a_category_and_an_unseen_one_is_missing() -> None:
    rows, converted = snapshots()
    fitted = AccountScorer(spec=QUICK).fit(rows.drop(columns="as_of"), converted)
    some = rows.drop(columns="as_of").head(3)
    unseen, missing = some.assign(sector="shipbuilding"), some.assign(sector=pd.Series([None] * 3, dtype="str"))
    assert np.array_equal(fitted.predict_proba(unseen), fitted.predict_proba(missing))
    assert not np.array_equal(fitted.predict_proba(some), fitted.predict_proba(unseen))


def test_a_fold_is_fitted_on_what_had_closed_when_it_began() -> None:
    rows, _ = snapshots()
    embargo = pd.Timedelta(days=90)
    folds = list(ForwardSplit(n_splits=4, embargo_days=90).split(rows))
    assert folds and ForwardSplit(n_splits=4, embargo_days=90).get_n_splits(rows) == len(folds)
    checked = np.concatenate([check for _, check in folds])
    assert len(set(checked.tolist())) == len(checked)
    for fit, check in folds:
        begins = rows["as_of"].iloc[check].min()
        over = rows["as_of"] + embargo <= begins
        assert sorted(fit.tolist()) == np.flatnonzero(over).tolist()
        dates = set(rows["as_of"].iloc[check])
        assert len(check) == rows["as_of"].isin(dates).sum()


def test_moments_may_come_as_groups_and_must_come() -> None:
    rows, _ = snapshots()
    plain = rows.drop(columns="as_of").select_dtypes("number").to_numpy()
    by_groups = list(ForwardSplit().split(plain, groups=rows["as_of"]))
    assert [fit.tolist() for fit, _ in by_groups] == [fit.tolist() for fit, _ in ForwardSplit().split(rows)]
    with pytest.raises(ValueError, match="groups=as_of"):
        next(ForwardSplit().split(plain))
    assert list(ForwardSplit().split(rows[rows["as_of"] == rows["as_of"].min()])) == []
