from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from abm_scoring.data.market import MarketSpec, Truth, simulate
from abm_scoring.data.market.frames import pick, pick_by_row
from abm_scoring.data.market.process import cycle_shares, intent_moves, resting_intent, season
from abm_scoring.data.market.streams import stream


def test_months_are_counted_back_from_the_end() -> None:
    spec = MarketSpec(months=30, end=date(2026, 1, 1))
    assert spec.start == date(2023, 7, 1)
    assert spec.month(30) == spec.end and spec.month_day(30) == spec.days == (spec.end - spec.start).days
    assert spec.end_second - spec.start_second == spec.days * 86_400


def test_an_end_inside_a_month_is_refused() -> None:
    with pytest.raises(ValidationError, match="2026-01-01"):
        MarketSpec(end=date(2026, 1, 15))


def test_the_spec_survives_json() -> None:
    spec = MarketSpec(accounts=77, seed=9)
    assert MarketSpec.model_validate_json(spec.model_dump_json()) == spec


def test_streams_are_reproducible_and_unlike() -> None:
    draws = {(n, p): stream(1, n, p).random(4).tolist() for n in ("a", "b") for p in (0, 1)}
    assert draws["a", 0] == stream(1, "a").random(4).tolist()
    assert len({tuple(d) for d in draws.values()}) == 4


def test_picks_follow_their_shares() -> None:
    rng = np.random.default_rng(0)
    assert np.bincount(pick(rng, (1, 0, 3), 40_000)) / 40_000 == pytest.approx([0.25, 0, 0.75], abs=0.01)
    table = np.array([[0.5, 0.5, 0.0], [0.0, 0.1, 0.9]])
    rows = np.repeat([0, 1], 20_000)
    drawn = pick_by_row(rng, table, rows)
    for row in (0, 1):
        share = np.bincount(drawn[rows == row], minlength=3) / 20_000
        assert share == pytest.approx(table[row], abs=0.02)


def test_the_law_is_a_law_of_probability() -> None:
    for factor in (0.5, 1.0, 1.5):
        moves = intent_moves(factor)
        assert moves.sum(axis=1) == pytest.approx(np.ones(4)) and (moves >= 0).all()
    assert resting_intent() @ intent_moves(1.0) == pytest.approx(resting_intent())
    shares = cycle_shares()
    assert shares.sum() == pytest.approx(1)
    assert 40 < (shares * np.arange(len(shares))).sum() < 50


def test_seasons_are_mild_and_can_be_switched_off() -> None:
    days = np.arange(730)
    usual = season(MarketSpec(), days)
    assert usual.mean() == pytest.approx(1, abs=0.01) and 0.9 < usual.min() < usual.max() < 1.1
    assert (season(MarketSpec(season=0), days) == 1).all()


def test_conversion_follows_its_dial() -> None:
    means = [
        Truth(simulate(MarketSpec(accounts=1_500, seed=4, conversion=c)))
        .probability("2025-01-01")["probability"]
        .mean()
        for c in (0.005, 0.02)
    ]
    assert means[1] == pytest.approx(4 * means[0], rel=0.25)


def test_markets_of_any_size_and_length_can_be_drawn() -> None:
    for accounts, months in ((50, 6), (60, 48)):
        world = simulate(MarketSpec(accounts=accounts, months=months))
        assert world.states.shape == (world.spec.days + 1, accounts)
