"""Predicted against realised: hand-counted groups, the errors' identity, the band of a perfect model, cancellations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.roi.chance import amounts, of_money, of_wins
from abm_scoring.roi.predicted import hold_against, non_overlapping
from abm_scoring.roi.predicted_spec import PredictedSpec

SPEC = PredictedSpec(draws=100, deciles=2)
NIGHT = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")


def four() -> pd.DataFrame:
    """Four accounts of one run; b's win is cancelled."""
    return pd.DataFrame(
        {
            "run_id": "r1",
            "as_of": NIGHT,
            "account_id": list("abcd"),
            "family_id": list("abcd"),
            "handling": ["worked", "worked", "unworked", "withheld"],
            "raw_score": [4.0, 3.0, 2.0, 1.0],
            "probability": [0.5, 0.4, 0.2, 0.1],
            "converted": [True, True, False, False],
            "worth": [100.0, 50.0, 50.0, 100.0],
            "gross": [130.0, 40.0, 0.0, 0.0],
            "cancelled": [0.0, 40.0, 0.0, 0.0],
            "tier": ["one", "many", "many", None],
        }
    )


def market(seed: int, n: int = 400) -> pd.DataFrame:
    """A run whose probabilities are the true ones."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 6, n)
    worth, won = np.exp(rng.normal(5, 1, n)), rng.random(n) < p
    gross = np.where(won, worth * np.exp(0.5 * rng.normal(size=n) - 0.125), 0.0)
    ids = [f"a{i}" for i in range(n)]
    about = {"run_id": "r1", "as_of": NIGHT, "account_id": ids, "family_id": ids, "handling": "unworked"}
    return pd.DataFrame(
        {**about, "raw_score": p, "probability": p, "converted": won, "worth": worth, "gross": gross, "cancelled": 0.0}
    )


def test_totals_are_those_counted_by_hand() -> None:
    total = hold_against(four(), 90, SPEC).total()
    assert (total["accounts"], total["wins"], total["expected_wins"]) == (4, 2, pytest.approx(1.2))
    assert total["wins_ratio"] == pytest.approx(2 / 1.2)
    assert total["expected_return"] == pytest.approx(50 + 20 + 10 + 10)
    assert (total["gross"], total["cancelled"], total["net"]) == (170.0, 40.0, 130.0)
    assert (total["gross_ratio"], total["net_ratio"]) == (pytest.approx(170 / 90), pytest.approx(130 / 90))


def test_worked_unworked_and_withheld_stand_apart_and_add_up() -> None:
    held = hold_against(four(), 90, SPEC)
    for by in ("handling", "decile", "month"):
        rows = held.groups[held.groups["by"] == by]
        assert rows["accounts"].sum() == 4 and rows["gross"].sum() == 170.0 and rows["wins"].sum() == 2
    assert held.total("worked")["accounts"] == 2 and held.total("withheld")["wins"] == 0
    assert held.total("withheld")["gross_ratio"] == 0.0
    tiers = held.groups[held.groups["by"] == "tier"]
    assert tiers["group"].tolist() == ["many", "one"]


def test_an_error_is_taken_apart_into_volume_mix_and_value() -> None:
    errors = hold_against(four(), 90, SPEC).errors
    assert errors["volume"] == pytest.approx(2 / 1.2)
    assert errors["value"] == pytest.approx(170 / 150)
    assert errors["mix"] == pytest.approx((150 / 2) / (90 / 1.2))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_volume_times_mix_times_value_is_the_ratio(seed: int) -> None:
    errors = hold_against(market(seed, 80), 90, SPEC).errors
    if errors["value"] is None:  # nobody converted
        return
    assert errors["mix"] is not None and errors["volume"] is not None
    assert errors["volume"] * errors["mix"] * errors["value"] == pytest.approx(errors["ratio"])


def test_the_largest_account_is_named_and_the_ratio_without_it_given() -> None:
    held = hold_against(four(), 90, SPEC, cost=30.0)
    assert held.largest is not None
    assert (held.largest["account_id"], held.largest["share"]) == ("a", pytest.approx(130 / 170))
    assert held.largest["gross_ratio_without"] == pytest.approx(40 / 40)
    assert any("account a alone makes 76%" in note for note in held.notes)
    assert held.as_json()["less_cost"] == {"expected_return": pytest.approx(60.0), "gross": 140.0, "net": 100.0}


def test_one_huge_deal_moves_the_gross_column_and_its_cancellation_the_net_one() -> None:
    frame = four()
    frame.loc[3, ["converted", "gross", "cancelled"]] = [True, 168_469.6, 168_469.6]
    total = hold_against(frame, 90, SPEC).total()
    assert total["gross"] == pytest.approx(168_639.6) and total["net"] == 130.0


def test_scores_stand_beside_those_of_the_best_constant() -> None:
    figures = hold_against(four(), 90, SPEC).figures
    p, y = np.array([0.5, 0.4, 0.2, 0.1]), np.array([1, 1, 0, 0])
    assert figures["brier"] == pytest.approx(((p - y) ** 2).mean()) and figures["brier_constant"] == 0.25
    assert figures["log_loss"] == pytest.approx(-np.log([0.5, 0.4, 0.8, 0.9]).mean())
    assert figures["log_loss_constant"] == pytest.approx(np.log(2))
    # Deciles of two: .9 predicted for 2 wins, .3 for none.
    assert figures["wape_wins"] == pytest.approx((1.1 + 0.3) / 2)


def test_a_perfect_model_lies_in_its_band_about_as_often_as_the_band_says() -> None:
    wins, money = [], []
    for seed in range(200):
        rows = market(seed)
        p, worth = rows["probability"].to_numpy(), rows["worth"].to_numpy()
        scatter = of_wins(p), of_money(p, worth, np.exp(0.5 * np.linspace(-2.6, 2.6, 101)))
        ranges = [(s.quantile(0.05), s.quantile(0.95)) for s in scatter]
        wins.append(ranges[0][0] - 0.5 <= rows["converted"].sum() <= ranges[0][1] + 0.5)
        money.append(ranges[1][0] <= rows["gross"].sum() <= ranges[1][1])
    assert 0.85 <= np.mean(wins) <= 0.96
    assert 0.84 <= np.mean(money) <= 0.96


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40))
def test_moments_of_the_number_of_wins_equal_those_of_the_exact_distribution(p: list[float]) -> None:
    exact = np.ones(1)
    for share in p:
        exact = np.convolve(exact, [1 - share, share])
    k = np.arange(len(exact))
    mean = exact @ k
    found = of_wins(np.array(p))
    assert found.mean == pytest.approx(mean)
    assert found.variance == pytest.approx(exact @ (k - mean) ** 2, abs=1e-9)
    assert found.third == pytest.approx(exact @ (k - mean) ** 3, abs=1e-8)
    assert found.quantile(0.05) <= found.quantile(0.95)


def test_money_of_certain_wins_scatters_as_their_amounts_do() -> None:
    ratios = np.array([0.5, 1.0, 1.5])
    found = of_money(np.ones(4), np.full(4, 10.0), ratios)
    assert found.mean == pytest.approx(40.0) and found.variance == pytest.approx(4 * 100 * ratios.var())
    assert found.exceeds(found.quantile(0.9)) == pytest.approx(0.1, abs=1e-6)
    assert len(amounts(np.ones(3))) > 3 and len(amounts(np.ones(50))) == 50


def test_overlapping_horizons_are_refused_and_can_be_avoided() -> None:
    nights = pd.Series([NIGHT + pd.Timedelta(days=d) for d in (0, 30, 89, 90, 120, 200)])
    assert [(n - NIGHT).days for n in non_overlapping(nights, 90)] == [0, 90, 200]
    twice = pd.concat([four(), four().assign(run_id="r2", as_of=nights[1])], ignore_index=True)
    with pytest.raises(ValueError, match="more than once"):
        hold_against(twice, 90, SPEC)
    apart = pd.concat([four(), four().assign(run_id="r2", as_of=nights[3])], ignore_index=True)
    held = hold_against(apart, 90, SPEC)
    assert held.total()["wins"] == 4 and held.groups.query("by == 'month'")["group"].tolist() == ["2026-01", "2026-04"]


def test_without_values_only_wins_are_held() -> None:
    held = hold_against(four().drop(columns=["worth", "gross", "cancelled"]), 90, SPEC)
    assert held.largest is None and held.errors["value"] is None and "no values are known" in held.notes[-1]
    assert held.as_json()["groups"][0]["net"] is None


def test_the_same_rows_give_the_same_figures() -> None:
    assert hold_against(market(3), 90, SPEC).as_json() == hold_against(market(3), 90, SPEC).as_json()
