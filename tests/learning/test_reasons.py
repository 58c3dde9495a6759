from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning.reasons import reasons
from tests.learning.worlds import category, number

CATALOGUE = (
    number("visits_7d", "visits"),
    number("visits_30d", "visits"),
    number("size", "size", "fit"),
    category("sector", "sector"),
    number("sales", "size", "fit"),
)
TOPICS = ("visits", "size", "sector")

cells = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 2.0])


@settings(max_examples=100)
@given(
    st.lists(st.lists(cells, min_size=5, max_size=5), min_size=1, max_size=6),
    st.integers(1, 4),
    st.sampled_from([1, -1]),
)
def test_they_are_what_a_plain_loop_finds(values: list[list[float]], count: int, sign: int) -> None:
    found = reasons(np.array(values), CATALOGUE, count, sign)
    for i, row in enumerate(values):
        sums = [sum(sign * v for v, f in zip(row, CATALOGUE, strict=True) if f.topic == t) for t in TOPICS]
        expected = sorted((t for t in range(3) if sums[t] > 1e-9), key=lambda t: (-sums[t], t))[:count]
        padding = [-1] * (count - len(expected))
        assert found.topic[i].tolist() == expected + padding
        for slot, topic in enumerate(expected):
            members = [j for j, f in enumerate(CATALOGUE) if f.topic == TOPICS[topic]]
            assert found.feature[i, slot] == max(members, key=lambda j: (sign * row[j], -j))
            assert found.contribution[i, slot] == sign * sums[topic]
        assert found.feature[i, len(expected) :].tolist() == padding


def test_the_speaking_feature_has_the_sign_of_its_topic() -> None:
    found = reasons(np.array([[-3.0, 1.0, 0.0, 0.0, 0.0]]), CATALOGUE, 2, -1)
    assert CATALOGUE[found.feature[0, 0]].name == "visits_7d"
    assert found.contribution[0].tolist() == [-2.0, 0.0]


def test_columns_carry_codes_and_values() -> None:
    frame = pd.DataFrame(
        {
            "visits_7d": [1.0, np.nan],
            "visits_30d": [12.0, np.nan],
            "size": [0.5, 0.5],
            "sector": pd.Series(["pharma", None], dtype="str"),
            "sales": [1.0, 1.0],
        }
    ).set_axis([7, 9])
    values = np.array([[0.1, 0.7, 0.0, 0.3, 0.0], [0.0, 0.0, 0.0, 0.2, 0.0]])
    found = reasons(values, CATALOGUE, 2, 1).columns("reason", frame, CATALOGUE)
    assert found.index.tolist() == [7, 9]
    first = found.loc[7]
    assert first["reason_1_topic"] == "visits" and first["reason_1_feature"] == "visits_30d"
    assert first["reason_1_number"] == 12.0 and pd.isna(first["reason_1_text"])
    assert np.isclose(first["reason_1_contribution"], 0.8)
    assert first["reason_2_text"] == "pharma" and np.isnan(first["reason_2_number"])
    second = found.loc[9]
    assert second["reason_1_topic"] == "sector" and pd.isna(second["reason_1_text"])
    assert second[["reason_2_topic", "reason_2_feature", "reason_2_contribution"]].isna().all()
    assert (found.dtypes[["reason_1_topic", "reason_1_feature", "reason_1_text"]] == "str").all()


def test_no_rows_and_no_features_give_empty_columns() -> None:
    empty = pd.DataFrame({f.name: pd.Series(dtype="float64") for f in CATALOGUE})
    assert reasons(np.empty((0, 5)), CATALOGUE, 3, 1).columns("reason", empty, CATALOGUE).shape == (0, 15)
    bare = reasons(np.empty((2, 0)), (), 2, 1)
    assert bare.columns("reason", pd.DataFrame(index=range(2)), ()).isna().all().all()
