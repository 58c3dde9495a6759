from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.learning import treeshap
from abm_scoring.learning.tree_text import parse_trees
from abm_scoring.learning.treeshap import tree_shap
from abm_scoring.learning.treeshap_kernel import BITS


def rows(n: int, features: int, seed: int, categories: int = 0) -> np.ndarray:
    """Numbers with holes, zeros and huge ones; the first column may be a category, unseen ones included."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, features)) * 2
    found[rng.random(found.shape) < 0.1] = 0.0
    found[rng.random(found.shape) < 0.02] = 1e300
    if categories:
        found[:, 0] = rng.integers(-3, 2 * categories, n) + rng.choice([0.0, 0.5], n)
    found[rng.random(found.shape) < 0.15] = np.nan
    return found


@cache
def model(leaves: int, depth: int, features: int = 6, trees: int = 8, categories: int = 0, **other: Any) -> Any:
    """A small LightGBM; few features make them repeat on a path."""
    import lightgbm

    given = rows(600, features, leaves + depth, categories)
    if categories:
        given[:, 0] = np.where(given[:, 0] >= 0, given[:, 0], np.nan)
    signal = np.nan_to_num(given[:, 1].clip(-9, 9)) + np.nan_to_num(given[:, 0].clip(-9, 9) * given[:, -1].clip(-9, 9))
    if categories:
        signal += 3 * (np.nan_to_num(given[:, 0], nan=1) // 1 % 3 == 0)
    target = (signal + np.random.default_rng(1).normal(size=600) > 0).astype(float)
    parameters = {"objective": "binary", "num_leaves": leaves, "max_depth": depth, "min_data_in_leaf": 3, "verbose": -1}
    parameters |= {"num_threads": 1, "cat_smooth": 1, "min_data_per_group": 3, "max_cat_to_onehot": 2, **other}
    data = lightgbm.Dataset(given, target, categorical_feature=[0] if categories else [])
    return lightgbm.train(parameters, data, trees)


SHAPES = {
    "small": {"leaves": 8, "depth": -1},
    "two leaves": {"leaves": 2, "depth": -1},
    "as wide as a table": {"leaves": 63, "depth": BITS - 1, "features": 12},
    "features repeat": {"leaves": 31, "depth": 6, "features": 2},
    "deeper than a table": {"leaves": 90, "depth": -1, "features": 3},
    "deep and wide": {"leaves": 90, "depth": -1, "features": 25},
    "categories": {"leaves": 20, "depth": -1, "categories": 40},
    "zero is missing": {"leaves": 20, "depth": -1, "zero_as_missing": True},
    "nothing is missing": {"leaves": 20, "depth": -1, "use_missing": False},
    "monotone": {"leaves": 20, "depth": -1, "monotone_constraints": (1, -1, 0, 0, 0, 0)},
    "bagged": {"leaves": 20, "depth": -1, "bagging_fraction": 0.5, "bagging_freq": 1},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_values_are_lightgbms(shape: dict[str, Any]) -> None:
    fitted = model(**shape)
    new = rows(300, fitted.num_feature(), 99, shape.get("categories", 0))
    ours, theirs = tree_shap([fitted.model_to_string()]), fitted.predict(new, pred_contrib=True)
    found = ours.values(new)
    assert np.abs(found - theirs[:, :-1]).max() < 1e-11
    assert ours.base == pytest.approx(theirs[0, -1], abs=1e-12)
    assert np.abs(found.sum(axis=1) + ours.base - fitted.predict(new, raw_score=True)).max() < 1e-11


def test_the_shapes_reach_every_branch_of_the_method() -> None:
    deep = tree_shap([model(**SHAPES["deep and wide"]).model_to_string()]).plan
    assert (deep.leaf_branch < 0).any() and (deep.leaf_branch >= 0).any()
    alone = set(deep.leaf_branch[deep.leaf_branch >= 0].tolist()) - set(deep.branch.tolist())
    assert alone
    wide = tree_shap([model(**SHAPES["as wide as a table"]).model_to_string()]).plan
    assert wide.bits.max() == BITS and (wide.leaf_branch >= 0).all()
    assert (np.diff(parse_trees([model(**SHAPES["categories"]).model_to_string()]).words) > 1).any()


def test_values_are_those_of_shap() -> None:
    import shap

    fitted = model(**SHAPES["deep and wide"])
    new = rows(60, fitted.num_feature(), 5)
    explainer = shap.TreeExplainer(fitted, feature_perturbation="tree_path_dependent")
    theirs = np.asarray(explainer.shap_values(new))
    assert np.abs(tree_shap([fitted.model_to_string()]).values(new) - theirs.reshape(60, -1)).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.sampled_from([-1, 2, 5, 9]), st.integers(2, 9), st.integers(0, 2**31))
def test_any_model_adds_up(leaves: int, depth: int, features: int, seed: int) -> None:
    fitted = model(leaves, depth, features, trees=3, seed=seed % 7, feature_fraction=0.6)
    new = rows(20, features, seed)
    ours, theirs = tree_shap([fitted.model_to_string()]), fitted.predict(new, pred_contrib=True)
    assert np.abs(ours.values(new) - theirs[:, :-1]).max() < 1e-11


def test_a_tree_by_hand() -> None:
    """Two features, three leaves: the definition of Shapley, all orders of the features."""
    text = (
        "tree\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\n"
        "threshold=0.5 0.5\ndecision_type=2 2\nleft_child=-1 -2\nright_child=1 -3\nleaf_value=1 2 6\n"
        "leaf_count=50 20 30\ninternal_count=100 50\nis_linear=0\n\n\nend of trees\n"
    )

    def expected(known: frozenset[int], row: tuple[float, float]) -> float:
        below = 0.4 * 2 + 0.6 * 6 if 1 not in known else 2.0 if row[1] <= 0.5 else 6.0
        return 0.5 * 1 + 0.5 * below if 0 not in known else 1.0 if row[0] <= 0.5 else below

    found = tree_shap([text])
    for row in itertools.product((0.0, 1.0), repeat=2):
        values = [0.0, 0.0]
        for order in itertools.permutations((0, 1)):
            for k, feature in enumerate(order):
                before = frozenset(order[:k])
                values[feature] += (expected(before | {feature}, row) - expected(before, row)) / math.factorial(2)
        assert found.values(np.array([row]))[0].tolist() == pytest.approx(values, abs=1e-12)
    assert found.base == pytest.approx(0.5 + 0.2 * 2 + 0.3 * 6)


def test_a_bag_is_the_sum_of_its_models_and_stumps_without_a_split_are_base_alone() -> None:
    first, second = model(8, -1), model(12, -1)
    flat = model(8, -1, min_gain_to_split=1e9)
    new = rows(40, 6, 3)
    texts = [fitted.model_to_string() for fitted in (first, flat, second)]
    together, apart = tree_shap(texts), [tree_shap([text]) for text in texts]
    assert np.allclose(together.values(new), sum(one.values(new) for one in apart), atol=1e-12)
    assert together.base == pytest.approx(sum(one.base for one in apart))
    assert not apart[1].values(new).any()
    assert apart[1].base == pytest.approx(float(flat.predict(new[:1], raw_score=True)[0]))


def test_bits_do_not_depend_on_the_rows_beside_nor_on_threads_or_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tree_shap([model(**SHAPES["deep and wide"]).model_to_string()])
    new = rows(3000, 25, 4)
    whole = ours.values(new)
    assert np.array_equal(ours.values(new[777:778])[0], whole[777])
    monkeypatch.setattr(treeshap, "ROWS_A_THREAD", 500)
    assert np.array_equal(ours.values(new, threads=3), whole)
    monkeypatch.setattr(treeshap, "CELLS", 1)
    assert np.array_equal(ours.values(new), whole)
    assert ours.values(new[:0]).shape == (0, 25)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("num_tree_per_iteration=1", "num_tree_per_iteration=3"), "one output"),
        (("is_linear=0", "is_linear=1"), "linear"),
        (("left_child=", "left_child=0 "), "child before its parent"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(change: tuple[str, str], said: str) -> None:
    text = model(8, -1).model_to_string()
    with pytest.raises(ValueError, match=said):
        tree_shap([text.replace(*change)])


def test_too_few_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="6 columns, not 5"):
        tree_shap([model(8, -1).model_to_string()]).values(np.zeros((1, 5)))
