from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.tables import Tables
from abm_scoring.errors import BadDataError, ConfigError
from abm_scoring.features.catalogue import Feature
from abm_scoring.features.history import History
from abm_scoring.learning.aftermath import aftermath, events_after_outcome
from abm_scoring.learning.labels import OpportunityWon
from abm_scoring.learning.leakage import (
    Finding,
    audit,
    audit_results,
    block,
    random_split_auc,
)
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.specs import BoostingSpec, LeakageSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import category, market, number, relabelled

SPEC = LeakageSpec()
ROWS = market(accounts=600, dates=6)
RNG = np.random.default_rng(0)


def undated(name: str, kind: str = "number") -> Feature:
    return Feature(name=name, topic=name, kind=kind, meaning=name, source="accounts", part="fit")


def with_column(values: np.ndarray | pd.Series, feature: Feature, rows: TrainingSet = ROWS) -> TrainingSet:
    features = rows.features.assign(**{feature.name: values})
    return replace(rows, features=features, catalogue=(*rows.catalogue, feature))


def rare(seed: int = 0) -> TrainingSet:
    """A market where one account in twenty ever converts, as in most funnels."""
    return market(accounts=1500, dates=4, level=-5.0, seed=seed)


def of_account(rows: TrainingSet, seed: int = 0) -> np.ndarray:
    """A random number between 0 and 1 for each account, the same in all its rows: n float64."""
    codes, ids = pd.factorize(rows.account_id)
    drawn: np.ndarray = np.random.default_rng(seed).random(len(ids))[codes]
    return drawn


def ever(rows: TrainingSet) -> np.ndarray:
    found: np.ndarray = pd.Series(rows.converted).groupby(rows.account_id).transform("any").to_numpy()
    return found


def rules(training: TrainingSet, name: str, spec: LeakageSpec = SPEC) -> set[str]:
    found = audit(training, spec)
    assert {finding.feature for finding in found} <= {name}
    return {finding.rule for finding in found}


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_market_has_no_leak(seed: int) -> None:
    assert audit(market(seed=seed), SPEC) == ()
    assert audit(rare(seed), SPEC) == ()


def test_a_column_filled_late_is_found() -> None:
    """Filled by sales after winning: nine in ten converters have it, nobody else, and it has no date."""
    rows = rare()
    late = np.where(ever(rows) & (of_account(rows) < 0.9), 12.0, np.nan)
    found = audit(with_column(late, undated("signed_by"), rows), SPEC)
    assert all("no date of its own" in finding.sentence for finding in found)
    assert {"missingness", "only_converters"} <= {finding.rule for finding in found}


def test_a_noisy_copy_of_the_outcome_is_found_though_converters_have_many_rows_before_it() -> None:
    rows = market(accounts=1500, dates=10, level=-4.0)
    copy = ever(rows) + 0.3 * (of_account(rows) + of_account(rows, 1) - 1)
    assert rules(with_column(copy, undated("segment_score"), rows), "segment_score") == {"single_feature"}


def test_a_clock_is_no_copy_of_the_outcome() -> None:
    """Accounts that leave the cohort when they convert have their last row early."""
    rows = market(accounts=1500, dates=10, level=-4.0)
    first = pd.Series(np.where(rows.converted, rows.as_of, rows.as_of.max())).groupby(rows.account_id).transform("min")
    rows = rows.take(rows.as_of <= first.to_numpy())
    months = (rows.as_of - rows.as_of.min()) / np.timedelta64(30, "D")
    assert "single_feature" not in rules(with_column(months, undated("months_known"), rows), "months_known")


def test_a_column_filled_more_often_for_converters_is_found() -> None:
    rows = rare()
    filled = np.where(of_account(rows) < np.where(ever(rows), 0.95, 0.5), of_account(rows, 1), np.nan)
    assert rules(with_column(filled, undated("employees_checked"), rows), "employees_checked") == {"missingness"}


def test_missing_at_random_is_no_leak() -> None:
    rows = rare()
    filled = np.where(of_account(rows) < 0.5, of_account(rows, 1), np.nan)
    assert rules(with_column(filled, undated("x"), rows), "x") == set()


def test_a_dated_feature_may_be_missing_because_nothing_happened() -> None:
    rows = rare()
    filled = np.where(of_account(rows) < np.where(ever(rows), 0.95, 0.5), 3.0, np.nan)
    assert rules(with_column(filled, number("visit_recency"), rows), "visit_recency") == set()


def test_an_event_that_was_dated_back_is_found() -> None:
    """A type that occurs at won accounts only, with dates before the win."""
    rows = rare()
    seen = rows.converted & (np.random.default_rng(1).random(len(rows)) < 0.5)
    assert "only_converters" in rules(
        with_column(seen.astype(float), number("onboarding_count_30d"), rows), "onboarding_count_30d"
    )


def test_a_strong_honest_signal_passes() -> None:
    """Half of those who ask for a demo convert: that is a lead, not a leak."""
    rows = rare()
    rng = np.random.default_rng(2)
    asked = (rows.converted & (rng.random(len(rows)) < 0.4)).astype(float)
    others = rng.choice(np.flatnonzero(~rows.converted), int(asked.sum()), replace=False)
    asked[others] = 1.0
    assert rules(with_column(asked, number("demo_request_count_30d"), rows), "demo_request_count_30d") == set()


def test_a_value_that_tells_the_outcome_is_found_whichever_way_it_points() -> None:
    noisy = ROWS.converted + RNG.normal(0, 0.2, len(ROWS))
    for values in (noisy, -noisy):
        assert "single_feature" in rules(with_column(values, number("discount")), "discount")


def test_a_category_that_tells_the_outcome_is_found() -> None:
    stage = pd.Series(np.where(ROWS.converted, "signed", "open"), dtype="str")
    assert "single_feature" in rules(with_column(stage, category("stage")), "stage")


def test_many_honest_categories_pass_because_rates_are_taken_from_other_families() -> None:
    """In-sample rates of 400 levels would tell much; a level must prove itself on other families."""
    page = pd.Series(RNG.integers(0, 400, len(ROWS)).astype(str), dtype="str")
    dated = Feature(name="page", topic="page", kind="category", meaning="", source="events", part="behaviour")
    assert rules(with_column(page, dated), "page") == set()


def test_an_identifier_is_found_among_account_columns_only() -> None:
    name = pd.Series(ROWS.account_id, dtype="str")
    assert "identifier" in rules(with_column(name, undated("name", "category")), "name")
    assert (
        rules(with_column(name, undated("name", "category")), "name", SPEC.model_copy(update={"max_categories": 600}))
        == set()
    )


def test_few_conversions_prove_nothing() -> None:
    converted = np.zeros(len(ROWS), bool)
    converted[:4] = True
    rows = relabelled(ROWS, converted)
    leak = with_column(converted.astype(float), number("leak"), rows)
    assert audit(leak, SPEC) == ()
    assert audit(relabelled(ROWS, np.zeros(len(ROWS), bool)), SPEC) == ()


def leaking() -> TrainingSet:
    return with_column(ROWS.converted.astype(float), undated("contract_signed"))


def test_a_leak_blocks_with_the_data_error_and_names_the_feature_the_number_and_the_way_out() -> None:
    with pytest.raises(
        BadDataError, match=r"contract_signed: alone it tells .* AUC of 1\.000 \(limit 0\.92\)"
    ) as caught:
        block(audit(leaking(), SPEC))
    assert caught.value.exit_code == 65
    assert "model.leakage.allow: {contract_signed: why it is known beforehand}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_allowed_feature_is_reported_and_passes() -> None:
    spec = LeakageSpec(allow={"contract_signed": "signed before the trial, dated by hand"})
    found = audit(leaking(), spec)
    block(found)
    assert found and all(finding.allowed == "signed before the trial, dated by hand" for finding in found)
    results = audit_results(found, leaking().catalogue, spec)
    assert results["allowed"] == spec.allow
    assert {f["feature"] for f in results["findings"]} == {"contract_signed"}
    assert "contract_signed" in results["undated"] and "web_visit_count_30d" not in results["undated"]


def test_only_what_exists_can_be_allowed() -> None:
    with pytest.raises(ConfigError, match="there is no feature 'contract_sinned'"):
        audit(leaking(), LeakageSpec(allow={"contract_sinned": "typo"}))


def test_the_order_of_rows_changes_nothing_but_the_sample() -> None:
    shuffled = leaking().take(np.random.default_rng(5).permutation(len(ROWS)))
    assert [(f.feature, f.rule) for f in audit(shuffled, SPEC)] == [(f.feature, f.rule) for f in audit(leaking(), SPEC)]


def dated(*values: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(values), utc=True)).astype("datetime64[us, UTC]")


def onboarding(days_after: int) -> History:
    """Ten accounts win in May; each has four trainings some days after the win, and visits all the year before."""
    ids = [f"a{i}" for i in range(10)]
    win = pd.Timestamp("2025-05-10", tz="UTC")
    day = pd.Timedelta(days=1)
    events = [(a, win + (days_after + k) * day, "training") for a in ids for k in range(4)]
    events += [(a, win - (10 + k) * day, "web_visit") for a in ids for k in range(4)]
    owner, when, kind = zip(*events, strict=True)
    deals = pd.DataFrame(
        {
            "opportunity_id": [f"o{i}" for i in range(10)],
            "account_id": ids,
            "created_at": dated(*["2025-04-01"] * 10),
            "closed_at": dated(*["2025-05-10"] * 10),
            "is_won": pd.array([True] * 10, dtype="boolean"),
        }
    )
    log = pd.DataFrame({"account_id": list(owner), "event_type": list(kind), "occurred_at": dated(*map(str, when))})
    frames = {
        "accounts": pd.DataFrame({"account_id": pd.Series(ids, dtype="str")}),
        "opportunities": deals,
        "events": log,
    }
    return History.of(Tables(frames), until=pd.Timestamp("2026-01-01", tz="UTC"))


def test_event_types_that_follow_the_outcome_are_seen() -> None:
    assert events_after_outcome(aftermath(onboarding(0), OpportunityWon())) == {"training": 1.0, "web_visit": 0.0}
    assert events_after_outcome(aftermath(onboarding(-40), OpportunityWon()))["training"] == 0.0


def test_a_type_that_follows_the_outcome_is_reported_and_does_not_block() -> None:
    found = audit(ROWS, SPEC, {"meeting": 1.0, "web_visit": 0.4})
    assert [(f.feature, f.rule, f.blocks) for f in found] == [("meeting_count_30d", "after_outcome", False)]
    block(found)
    with pytest.raises(BadDataError):
        block((replace(found[0], blocks=True),))


def test_every_finding_is_json() -> None:
    import json

    found = audit(leaking(), SPEC)
    assert isinstance(found[0], Finding)
    text = json.dumps(audit_results(found, leaking().catalogue, SPEC), allow_nan=False)
    assert json.loads(text)["findings"][0]["value"] == 1.0


def test_the_random_split_is_a_figure_of_its_own_and_reproducible() -> None:
    quick = ModelSpec(ridge=(0.1,), boosting=BoostingSpec(trees=30, bags=1), threads=1, bootstrap=60)
    rows = market(accounts=300, dates=12)
    outcome = train_ladder(rows, SplitSpec(), quick)
    found = random_split_auc(rows, outcome, quick)
    assert found is not None and 0.6 < found < 0.95
    assert found == random_split_auc(rows, outcome, quick)
    assert random_split_auc(rows, replace(outcome, rung="none", model=None), quick) is None


def test_without_a_forward_test_there_is_nothing_to_hold_a_random_split_against() -> None:
    quick = ModelSpec(ridge=(0.1,), kind="logistic", bootstrap=60)
    outcome: Outcome = train_ladder(ROWS, SplitSpec(), quick)
    assert random_split_auc(ROWS, replace(outcome, n_test=0), quick) is None
