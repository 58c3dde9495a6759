from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.profile import ProfileModel, fit_profile
from tests.learning.worlds import number

SIZE, SECTOR, TOTAL = (number(n, n, "fit") for n in ("fit_size", "fit_sector", "fit_total"))
VISITS = number("visits")
CATALOGUE = (VISITS, SIZE, SECTOR, TOTAL)


def frame(*rows: tuple[float, float, float]) -> pd.DataFrame:
    built = pd.DataFrame(rows, columns=["fit_size", "fit_sector", "fit_total"], dtype="float64")
    return built.assign(visits=1.0)


def fitted(*rows: tuple[float, float, float]) -> ProfileModel:
    model = fit_profile(frame(*rows), CATALOGUE)
    assert model is not None
    return model


MODEL = fitted((0.2, 0.4, 0.3), (0.6, 0.4, 0.5))
unit = st.floats(0, 1) | st.just(np.nan)


@settings(max_examples=100)
@given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=5))
def test_contributions_add_up_whatever_the_rows(rows: list[tuple[float, float, float]]) -> None:
    found = MODEL.contributions(frame(*rows))
    assert np.isfinite(found.values).all()
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), MODEL.log_odds(frame(*rows)), atol=1e-12)
    assert not found.values[:, 0].any()


def test_the_order_is_that_of_the_total() -> None:
    totals = np.linspace(0, 1, 50)
    scores = MODEL.log_odds(frame(*((t, t, t) for t in totals)))
    assert (np.diff(scores) >= 0).all() and (np.diff(scores)[2:-2] > 0).all()
    assert np.isfinite(scores).all()


def test_an_account_without_any_known_dimension_is_typical() -> None:
    unknown = MODEL.contributions(frame((np.nan, np.nan, np.nan)))
    assert not unknown.values.any()
    assert unknown.log_odds[0] == pytest.approx(np.log(0.4 / 0.6))


def test_good_dimensions_speak_for_and_bad_ones_against() -> None:
    _, size, sector, rest = MODEL.contributions(frame((1.0, 0.0, 0.5))).values[0]
    assert size > 0 > sector
    assert rest == pytest.approx(0, abs=1e-12)


def test_weights_of_the_dimensions_are_those_of_the_catalogue() -> None:
    heavy = number("fit_size", "fit_size", "fit", weight=3)
    model = fit_profile(frame((0.5, 0.5, 0.5)), (VISITS, heavy, SECTOR, TOTAL))
    assert model is not None
    values = model.contributions(frame((1.0, 0.0, 0.75))).values[0]
    assert values[3] == pytest.approx(0, abs=1e-12)
    assert values[1] == pytest.approx(-3 * values[2])


def test_what_weights_do_not_explain_stays_with_the_total() -> None:
    assert MODEL.contributions(frame((0.4, 0.4, 0.9))).values[0, 3] > 0


def test_without_a_total_there_is_no_profile() -> None:
    assert fit_profile(frame(), (VISITS, SIZE)) is None


def test_it_can_be_made_before_any_account_is_known() -> None:
    model = fit_profile(frame(), CATALOGUE)
    assert model is not None and model.typical == 0.5
