"""A randomised e-mail test with 64 000 customers: known effects, and a ranking by uplift that holds or does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.learning.nuisance import fit_uplift
from abm_scoring.roi.lift_spec import LiftSpec, UpliftSpec
from abm_scoring.roi.trial import Trial, trial
from abm_scoring.roi.uplift import Uplift, evaluate_uplift
from tests.real.test_real_configs import DATA

FILE: Path = DATA / "hillstrom" / "hillstrom.csv.gz"
COVARIATES = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {FILE}")


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return pd.read_csv(FILE)


def of(customers: pd.DataFrame, arm: str) -> pd.DataFrame:
    return customers[customers["segment"].isin([arm, "No E-Mail"])].reset_index(drop=True)


def effects(customers: pd.DataFrame, arm: str) -> Trial:
    frame = of(customers, arm)
    ids = frame.index.astype(str)
    about = {"account_id": ids, "family_id": ids, "treated": frame["segment"] == arm, "converted": frame["visit"] == 1}
    covariates = {"x_recency": frame["recency"].astype(float), "x_history": np.log(frame["history"])}
    return trial(pd.DataFrame({**about, "value": frame["spend"], **covariates}), arm, LiftSpec())


def ranked(customers: pd.DataFrame, arm: str, outcome: str) -> Uplift:
    """Fitted on one half, measured on the other: seed 0, stratified by arm."""
    from sklearn.model_selection import train_test_split

    frame = of(customers, arm)
    fit, check = train_test_split(frame, test_size=0.5, random_state=0, stratify=frame["segment"])
    arms = [(part["segment"] == arm).to_numpy() for part in (fit, check)]
    came = [part[outcome].to_numpy("float64") for part in (fit, check)]
    model = fit_uplift(fit[COVARIATES].reset_index(drop=True), arms[0], came[0], np.arange(len(fit)), "t")
    score = model.effect(check[COVARIATES].reset_index(drop=True))
    return evaluate_uplift(score, arms[1], came[1], np.arange(len(check)), UpliftSpec(draws=300), "t")


def test_the_womens_mail_has_its_known_effects(customers: pd.DataFrame) -> None:
    found = effects(customers, "Womens E-Mail")
    assert (found.n_treated, found.n_control) == (21_387, 21_306) and found.money is not None
    assert found.conversion.estimate == pytest.approx(0.0452, abs=1e-4)
    assert found.conversion.se == pytest.approx(0.0033, abs=1e-4)
    assert found.money.estimate == pytest.approx(0.424, abs=1e-3)
    assert found.verdict == found.money.verdict == "positive"
    assert found.unadjusted.estimate == pytest.approx(0.1514 - 0.1062, abs=1e-4)


def test_the_mens_mail_has_its_known_effects(customers: pd.DataFrame) -> None:
    found = effects(customers, "Mens E-Mail")
    assert found.conversion.estimate == pytest.approx(0.1828 - 0.1062, abs=2e-4) and found.money is not None
    assert found.money.estimate == pytest.approx(0.770, abs=2e-3)


def test_women_who_respond_are_told_apart(customers: pd.DataFrame) -> None:
    found = ranked(customers, "Womens E-Mail", "visit")
    assert found.top_share == 0.3 and found.top.estimate is not None and found.top.estimate >= 0.075
    assert found.verdict == "positive" and found.average.estimate == pytest.approx(0.0437, abs=1e-3)


def test_of_the_mens_mails_spend_nobody_can_tell_who_responds(customers: pd.DataFrame) -> None:
    found = ranked(customers, "Mens E-Mail", "spend")
    assert found.verdict == "cannot tell" and found.average.verdict == "positive"
