from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.bundle import read_bundle, write_bundle
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.hazard import HazardModel, censored_losses, period_ends, person_periods
from abm_scoring.learning.hazard_ladder import Known, horizon_figures, train_hazard
from abm_scoring.learning.intervals import fit_refits
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.rungs import fit_hazard
from abm_scoring.learning.shipping import make_bundle
from abm_scoring.learning.specs import BoostingSpec, HazardSpec, ModelSpec, SplitSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.learning.worlds import market

SPEC = ModelSpec(
    kind="hazard",
    ridge=(0.1,),
    boosting=BoostingSpec(trees=30, learning_rate=0.1, bags=1),
    threads=1,
    bootstrap=100,
)
DAY = np.timedelta64(1, "D")


def timed(accounts: int = 400, dates: int = 8, seed: int = 0) -> TrainingSet:
    """A market where an account of rate r converts after exponential time: P(h) = 1 − exp(−r h)."""
    rows = market(accounts=accounts, dates=dates, seed=seed)
    rng = np.random.default_rng(seed)
    days = rng.exponential(1 / rate_of(rows))
    days = np.where(days < 400, days, np.inf)
    return replace(rows, days=days, converted=days < rows.horizon_days)


def rate_of(rows: TrainingSet) -> np.ndarray:
    visits = np.log1p(rows.features["web_visit_count_30d"].to_numpy())
    return 0.001 * np.exp(visits + rows.features["fit_total"].to_numpy())


ROWS = timed()
END = ROWS.as_of.max() + 90 * DAY


@cache
def model() -> HazardModel:
    fitted = fit_hazard(ROWS, END, SPEC)
    assert fitted is not None
    return fitted[0]


@cache
def outcome() -> Outcome:
    return train_hazard(ROWS, Known.of(ROWS, None, END, 0), SplitSpec(), SPEC)


def test_horizons_never_fall_and_the_time_to_close_lies_in_its_interval() -> None:
    found = model().closing(ROWS.features)
    assert (found["probability_30d"] <= found["probability_90d"]).all()
    assert (found["probability_90d"] <= found["probability_180d"]).all()
    assert found["days_to_close"].between(found["days_to_close_low"], found["days_to_close_high"]).all()
    assert found["days_to_close_low"].gt(0).all() and found["days_to_close_high"].le(180).all()


def test_the_raw_score_is_the_log_odds_of_the_horizon_and_contributions_add_up_to_it() -> None:
    frame = ROWS.features.head(300)
    p = model().chances(frame)[:, model().ends.index(90)]
    assert probability(model().log_odds(frame)) == pytest.approx(p, abs=1e-12)
    found = model().contributions(frame)
    assert found.values.shape == (300, len(ROWS.catalogue))
    assert found.log_odds == pytest.approx(model().log_odds(frame), abs=1e-9)


def test_what_the_features_leave_over_is_little() -> None:
    # If contributions were dealt the whole score instead of a remainder, an average row would not be near the base.
    found = model().contributions(ROWS.features)
    assert found.log_odds.mean() == pytest.approx(found.base, abs=0.25)


def test_recalibration_moves_every_horizon_and_keeps_their_order() -> None:
    frame = ROWS.features.head(200)
    raw = Calibration(kind="platt", intercept=0.5, slope=1.4).raw_score(model().log_odds(frame))
    chances = model().chances(frame, raw)
    assert chances[:, model().ends.index(90)] == pytest.approx(probability(raw), abs=1e-12)
    assert (np.diff(chances, axis=1) >= 0).all()


def test_every_horizon_is_expected_as_often_as_it_happens() -> None:
    fresh = timed(accounts=1500, dates=4, seed=5)
    rate = rate_of(fresh)
    chances = model().chances(fresh.features)
    for days in (30, 90, 180):
        true = -np.expm1(-rate * days).mean()
        assert chances[:, model().ends.index(days)].mean() == pytest.approx(true, rel=0.08)


def fading(seed: int) -> tuple[TrainingSet, np.ndarray]:
    """What tells accounts apart does so for two months; who has not converted by then converts at random."""
    rows = market(accounts=1500, dates=4, seed=seed)
    rng = np.random.default_rng(seed)
    early, late = 2 * rate_of(rows), 0.004
    days = rng.exponential(1 / early)
    days = np.where(days < 60, days, 60 + rng.exponential(1 / late, len(rows)))
    return replace(rows, days=days, converted=days < rows.horizon_days), early


def test_a_signal_that_fades_speaks_in_the_periods_where_it_holds() -> None:
    rows, _ = fading(0)
    fitted = fit_hazard(rows, rows.as_of.max() + 180 * DAY, SPEC)
    assert fitted is not None
    slopes = np.array(fitted[0].slopes)
    assert slopes[:3].min() > 1.1 and slopes[3:].max() < 0.7
    fresh, early = fading(1)
    for days, end in ((30, 30.0), (180, 60.0)):
        true = 1 - np.exp(-early * end) * np.exp(-0.004 * max(0, days - 60))
        p = fitted[0].chances(fresh.features)[:, fitted[0].ends.index(days)]
        best = np.argsort(-p)[: len(p) // 5]
        assert p[best].mean() == pytest.approx(true[best].mean(), rel=0.1)


def test_a_signal_that_holds_speaks_alike_in_all_periods() -> None:
    assert np.ptp(model().slopes) < 0.5


def test_open_rows_teach_without_bias() -> None:
    """Half the rows are open at the end; dropping or losing them would bend the level."""
    rows = timed(accounts=1500, dates=6, seed=2)
    until = rows.as_of.max() + 30 * DAY
    fitted = fit_hazard(rows, until, SPEC)
    assert fitted is not None
    true = -np.expm1(-rate_of(rows) * 90).mean()
    assert fitted[0].chances(rows.features)[:, fitted[0].ends.index(90)].mean() == pytest.approx(true, rel=0.07)
    known = rows.as_of + (np.minimum(rows.days, 1e4) * 86_400e6).astype("timedelta64[us]") < until
    assert (rows.converted & known).mean() < 0.92 * true


def test_nothing_from_after_the_moment_is_used() -> None:
    until = ROWS.as_of.min() + 120 * DAY
    assert ROWS.days is not None
    later = ROWS.as_of + (np.minimum(ROWS.days, 1e4) * 86_400e6).astype("timedelta64[us]") >= until
    other = np.where(later, np.inf, ROWS.days)
    changed = replace(ROWS, days=other, converted=other < 90)
    one, other_one = fit_hazard(changed, until, SPEC), fit_hazard(ROWS, until, SPEC)
    assert one is not None and other_one is not None
    assert one[0].model_dump() == other_one[0].model_dump()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.one_of(st.none(), st.floats(0, 300))), min_size=1, max_size=8))
def test_person_periods_equal_a_walk_through_every_period(cases: list[tuple[int, float | None]]) -> None:
    ends, until = period_ends(90, (30, 180)), ROWS.as_of.min() + 220 * DAY
    days = np.array([np.inf if d is None else d for _, d in cases])
    rows = replace(
        ROWS.take(np.arange(len(cases))),
        days=days,
        as_of=ROWS.as_of.min() + np.array([s for s, _ in cases]) * DAY,
    )
    at = person_periods(rows, ends, until)
    expected = set()
    for i, (start, wait) in enumerate(cases):
        begin = 0
        for k, end in enumerate(ends):
            if start + end > 220 or (wait is not None and wait < begin):
                break
            expected.add((i, k, wait is not None and wait < end))
            begin = end
    assert set(zip(at.row.tolist(), at.period.tolist(), at.converted.tolist(), strict=True)) == expected
    hazards = np.full((len(cases), len(ends)), 0.3)
    loss = sum(np.logaddexp(0, 0.3) - c * 0.3 for _, _, c in expected)
    assert censored_losses(hazards, rows, ends, until).sum() == pytest.approx(loss)


def test_periods_end_at_every_horizon() -> None:
    assert period_ends(90, (30, 90, 180)) == (15, 30, 60, 90, 120, 150, 180)
    assert period_ends(45, (30,)) == (15, 30, 45)


def test_a_hazard_is_chosen_measured_and_shipped() -> None:
    found = outcome()
    assert found.rung == "hazard" and isinstance(found.model, HazardModel)
    assert [row["name"] for row in found.candidates] == ["constant", "hazard"]
    assert set(found.test_horizons) == {"30", "90"}  # no test row has had 180 days
    for figures in found.test_horizons.values():
        assert figures["expected"] == pytest.approx(figures["observed"], rel=0.25)
    assert found.test is not None and found.test["auc"] > 0.6  # type: ignore[operator]
    assert not any("embargo" in warning for warning in found.warnings)


def test_the_choice_is_made_on_what_was_known_when_the_test_began() -> None:
    test_at = np.datetime64(outcome().windows.test_from, "us")
    assert ROWS.days is not None
    late = ROWS.as_of + (np.minimum(ROWS.days, 1e4) * 86_400e6).astype("timedelta64[us]") >= test_at
    days = np.where(late, np.inf, ROWS.days)
    changed = replace(ROWS, days=days, converted=days < 90)
    split = SplitSpec(test_from=outcome().windows.test_from, choose_from=outcome().windows.choose_from)
    again = train_hazard(changed, Known.of(changed, None, END, 0), split, SPEC)
    assert again.candidates == outcome().candidates


def test_noise_ships_nothing() -> None:
    days = np.random.default_rng(3).permutation(ROWS.days)
    noise = replace(ROWS, days=days, converted=days < 90)
    found = train_hazard(noise, Known.of(noise, None, END, 0), SplitSpec(), SPEC)
    assert (found.rung, found.model) == ("none", None)


def test_few_conversions_get_what_the_ladder_gives_them() -> None:
    rows = ROWS.take(ROWS.account_id < "a00008")
    assert train_hazard(rows, Known.of(rows, None, END, 0), SplitSpec(), SPEC).rung in ("profile", "prior")


def test_a_bundle_holds_a_hazard(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert outcome().model is not None
    bundle = make_bundle(outcome(), ROWS, {}, fit_refits(outcome().model, ROWS, SPEC))  # type: ignore[arg-type]
    write_bundle(tmp_path, bundle)
    read = read_bundle(tmp_path)
    scored = read.score(ROWS.features.head(50))
    assert read.version == bundle.version
    assert scored["probability_90d"].to_numpy() == pytest.approx(scored["probability"].to_numpy(), abs=1e-12)
    assert (scored["probability_low"] <= scored["probability"]).all()
    assert (scored["probability"] <= scored["probability_high"]).all()


def test_horizons_are_judged_on_rows_that_had_so_long() -> None:
    found = horizon_figures(model(), Calibration(), ROWS, ROWS.as_of.max() + 30 * DAY)
    assert found["30"]["rows"] == len(ROWS)
    assert found["180"]["rows"] == (ROWS.as_of + 150 * DAY <= ROWS.as_of.max()).sum()


def test_horizons_of_the_config_are_periods() -> None:
    spec = SPEC.model_copy(update={"hazard": HazardSpec(horizons_days=(45,))})
    fitted = fit_hazard(ROWS, END, spec)
    assert fitted is not None and set(fitted[0].ends) == {15, 30, 45, 60, 90}
    assert "probability_45d" in fitted[0].closing(ROWS.features.head(2))
    assert outcome().windows.test_from > date(2025, 1, 1)  # type: ignore[operator]
