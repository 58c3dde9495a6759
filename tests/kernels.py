"""Compiles the package's kernels, for all workers at once.

A run of the whole suite starts this beside the first tests, which need no kernel; otherwise every worker would compile
each of them.
"""

from __future__ import annotations

import lightgbm
import numpy as np

from abm_scoring.features.build import features_at
from abm_scoring.learning.treeshap import tree_shap
from abm_scoring.roi.attribution.credits import attribute
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.bootstrap import ratio_interval
from tests.laws.worlds import make_world


def compile_kernels() -> None:
    """Once through everything that is compiled, as the tests go through it."""
    world = make_world(1)
    features_at(world.history, world.rows(), world.specs)
    rows = np.random.default_rng(0).normal(size=(200, 4))
    settings = {"objective": "binary", "num_leaves": 4, "num_threads": 1, "verbose": -1}
    fitted = lightgbm.train(settings, lightgbm.Dataset(rows, rows[:, 0] > 0), 2)
    tree_shap([fitted.model_to_string()]).values(rows)
    few, many = np.arange(3), np.random.default_rng(0).random(3_000)
    touches = np.array([0, 1, 0, 1, 0, 1], "int32")
    attribute(
        Paths(("a", "b"), touches, np.array([0, 1, 3, 6]), few * 1.0, few * 1.0, few * 1.0, touches * 1.0, None, few)
    )
    ratio_interval(many, 1)


if __name__ == "__main__":
    compile_kernels()
