"""Difference in differences: the two-way regression it stands for, regions as units, and when it keeps silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm_scoring.roi.differences import differences
from abm_scoring.roi.lift_spec import DifferencesSpec

SPEC = DifferencesSpec()
FAMILY = DifferencesSpec(cluster="family")


def panel(
    seed: int = 0, regions: int = 12, size: int = 30, lift: float = 0.0, drift: float = 0.0, shock: float = 0.0
) -> pd.DataFrame:
    """Accounts of regions over nine periods, half of the regions launched in period 0."""
    rng = np.random.default_rng(seed)
    account = np.arange(regions * size)
    region = account // size
    parts = []
    hit = rng.normal(size=regions)
    for period in range(-6, 3):
        launched = region % 2 == 0
        mean = (
            region * 0.1 + period * (0.02 + drift * launched) + (period >= 0) * (lift * launched + shock * hit[region])
        )
        outcome = mean + rng.normal(0, 0.3, len(account))
        ids = [f"a{i}" for i in account]
        about = {"account_id": ids, "family_id": ids, "region": region.astype(str), "launched": launched}
        parts.append(pd.DataFrame({**about, "period": period, "outcome": outcome}))
    return pd.concat(parts, ignore_index=True)


def test_it_equals_the_two_way_fixed_effects_regression() -> None:
    frame = panel(regions=4, size=6, lift=0.5)
    units = pd.get_dummies(frame["account_id"], dtype=float)
    periods = pd.get_dummies(frame["period"], drop_first=True, dtype=float)
    on = (frame["launched"] & (frame["period"] >= 0)).to_numpy(float)
    design = np.column_stack([on, units, periods])
    coefficient = np.linalg.lstsq(design, frame["outcome"].to_numpy(), rcond=None)[0][0]
    assert differences(frame, "c", FAMILY).effect.estimate == pytest.approx(coefficient)
    assert differences(frame, "c", SPEC).effect.estimate == pytest.approx(coefficient)


def test_a_campaign_that_works_is_found_beside_levels_and_common_trends() -> None:
    found = differences(panel(lift=0.3), "c", SPEC)
    assert found.effect.verdict == "positive" and found.effect.low is not None and found.effect.high is not None
    assert found.effect.low < 0.3 < found.effect.high
    assert found.trend.verdict == found.placebo.verdict == "cannot tell"
    gap = found.study.set_index("period")["gap"]
    assert gap[-1] == 0 and gap[[0, 1, 2]].mean() == pytest.approx(0.3, abs=0.15)


def test_trends_that_differ_before_the_launch_forbid_a_verdict() -> None:
    found = differences(panel(drift=0.1), "c", SPEC)
    assert found.effect.verdict == "cannot tell" and found.effect.reason in found.notes
    assert found.effect.estimate is not None and found.effect.estimate > 0.2


def test_shocks_to_regions_are_not_taken_for_the_campaign() -> None:
    """Without an effect, families call shocks to regions significant; regions as units hardly do."""
    frames = [panel(seed, shock=0.3) for seed in range(30)]
    by_region = [differences(f, "c", SPEC).effect.verdict != "cannot tell" for f in frames]
    by_family = [differences(f, "c", SPEC).by_family.verdict != "cannot tell" for f in frames]
    assert np.mean(by_region) <= 0.2 and np.mean(by_family) >= 0.5


def test_one_region_cannot_be_told_from_what_happened_there() -> None:
    frame = panel(regions=4, lift=0.5)
    alone = frame.assign(launched=frame["region"] == "0")
    found = differences(alone, "c", SPEC)
    assert found.effect.verdict == "cannot tell" and "fewer than 2 regions" in str(found.effect.reason)
    assert found.by_family.estimate is not None


def test_accounts_with_gaps_are_left_out_and_counted() -> None:
    frame = panel(regions=4)
    found = differences(frame.drop(index=frame.index[0]), "c", SPEC)
    assert found.n == 119 and "1 accounts lack a period" in found.notes[-1]


def test_a_launch_without_a_before_is_refused() -> None:
    frame = panel(regions=4)
    with pytest.raises(ValueError, match="two periods before"):
        differences(frame[frame["period"] >= -1], "c", SPEC)
