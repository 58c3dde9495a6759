from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.roi.anomalies import anomalies, benjamini_hochberg


def weeks(rng: np.random.Generator, items: int = 40, spread: float = 0.0) -> pd.DataFrame:
    """Weekly counts in which nothing happens but a season; `spread` > 0: more than Poisson noise."""
    rate = rng.gamma(2.0, 8.0, (items, 1)) * (1 + 0.5 * np.sin(np.arange(27) / 4))
    noise = rng.gamma(1 / spread, spread, rate.shape) if spread else 1.0
    return pd.DataFrame(rng.poisson(rate * noise), index=[f"c{i}" for i in range(items)], dtype=float)


def test_false_alarms_are_as_rare_as_stated() -> None:
    """300 quiet reports of 40 items: any flag in at most 5 %, give or take chance (binomial: 99.9 % below 10 %)."""
    rng = np.random.default_rng(1)
    for spread in (0.0, 0.15):
        raised = sum(bool(anomalies(weeks(rng, spread=spread))["flagged"].any()) for _ in range(300))
        assert raised / 300 < 0.10, spread


def test_what_happened_is_found_and_an_old_spike_hides_nothing() -> None:
    table = weeks(np.random.default_rng(2))
    table.iloc[3, 26], table.iloc[7, 26] = table.iloc[3].mean() * 4 + 20, 0.0
    table.iloc[3, 5] = 10_000.0
    table.iloc[7, :26] += 60
    found = anomalies(table).set_index("content_id")
    assert found.loc["c3", "flagged"] and found.loc["c3", "direction"] == "more"
    assert found.loc["c7", "flagged"] and found.loc["c7", "direction"] == "fewer"
    assert found["flagged"].sum() <= 4


def test_what_moves_all_items_alike_is_no_anomaly() -> None:
    table = weeks(np.random.default_rng(3))
    table[26] = (table[26] / 2).round()
    assert not anomalies(table)["flagged"].any()


def test_nothing_to_look_at() -> None:
    empty = pd.DataFrame(np.zeros((0, 27)), index=pd.Index([], dtype="str"))
    assert anomalies(empty).empty
    quiet = pd.DataFrame(np.zeros((6, 27)), index=list("abcdef"))
    assert not anomalies(quiet)["flagged"].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.4))
def test_benjamini_hochberg_against_its_definition(p: list[float], rate: float) -> None:
    ordered = sorted(p)
    last = max((k for k, v in enumerate(ordered, 1) if v <= rate * k / len(p)), default=0)
    assert benjamini_hochberg(np.array(p), rate).sum() >= last
    assert (
        all(v <= rate * max(last, 1) / max(len(p), 1) for v in np.array(p)[benjamini_hochberg(np.array(p), rate)])
        or not last
    )
