"""Credit of ten thousand public paths against the reference that comes with them; skipped where the data are absent."""

from __future__ import annotations

import pandas as pd
import pytest

from abm_scoring.roi.attribution.credits import Attribution, attribute
from abm_scoring.roi.attribution.paths import parse
from abm_scoring.roi.attribution.spec import AttributionSpec, FirstTouch, LastTouch, Linear, Markov, Shapley, UShaped
from tests.real.test_real_configs import DATA

FOLDER = DATA / "channel_paths"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real data at {DATA}")


@pytest.fixture(scope="module")
def found() -> Attribution:
    rows = pd.read_csv(FOLDER / "paths.csv.gz", keep_default_na=False)
    counts = (rows[c].to_numpy() for c in ("total_conversions", "total_conversion_value", "total_null"))
    rules = (FirstTouch(), LastTouch(), Linear(), UShaped(), Markov(), Markov(order=2), Shapley())
    return attribute(parse(rows["path"].tolist(), *counts), AttributionSpec(rules=rules))


@pytest.mark.parametrize("rule", ["first", "last", "linear", "markov"])
def test_credits_equal_the_reference(found: Attribution, rule: str) -> None:
    reference = pd.read_csv(FOLDER / "reference_attribution.csv", index_col=0)
    ours = found.side_by_side("wins").set_index("unit")[rule]
    theirs = reference["markov1" if rule == "markov" else rule]
    assert set(theirs.index) <= set(ours.index) and len(theirs) >= 4
    assert (ours[theirs.index] - theirs).abs().max() < 0.1


def test_all_credit_is_given_away(found: Attribution) -> None:
    assert found.wins == 19_785 and found.money == pytest.approx(74_802.972, abs=1e-3)
    sums = found.credits.groupby("rule")[["wins", "money"]].sum()
    assert sums["wins"].to_numpy() == pytest.approx([19_785] * 7, abs=1e-6)
    assert sums["money"].to_numpy() == pytest.approx([found.money] * 7, abs=1e-6)


def test_the_rules_disagree_visibly(found: Attribution) -> None:
    apart, wins = (found.side_by_side(value).set_index("unit")["disagreement"] for value in ("share", "wins"))
    assert apart["alpha"] == pytest.approx(wins["alpha"] / 19_785)
    assert apart.idxmax() == "alpha" and apart["alpha"] > 0.1
