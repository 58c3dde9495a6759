"""What reasons cost: our TreeSHAP beside LightGBM's own, on the same models and rows, proved equal.

`python -m benchmarks.reasons [--rows N] [--json]` measures CPU seconds in one thread, after a warm-up that compiles.
LightGBM's are measured on fewer rows and given per row.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from abm_scoring.learning.treeshap import tree_shap

MODELS = {
    "large": {"trees": 500, "num_leaves": 63, "max_depth": 8, "features": 120},
    "shipped": {"trees": 600, "num_leaves": 8, "max_depth": -1, "features": 60},
}
THEIR_ROWS = 500


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found


def fit(trees: int, features: int, **parameters: int) -> Any:
    import lightgbm

    rng = np.random.default_rng(0)
    rows = sample(20_000, features, 1)
    signal = np.nan_to_num(rows[:, 0] + rows[:, 1] * rows[:, 2]) + rng.normal(size=len(rows))
    fixed = {"objective": "binary", "learning_rate": 0.05, "verbose": -1, "num_threads": 1, "deterministic": True}
    return lightgbm.train({**fixed, **parameters}, lightgbm.Dataset(rows, (signal > 0).astype(float)), trees)


def sample(rows: int, features: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(rows, features))
    found[rng.random(found.shape) < 0.1] = np.nan
    return found


def measure(shape: dict[str, int], n: int) -> dict[str, float]:
    model, new = fit(**shape), sample(n, shape["features"], 2)
    few = new[:THEIR_ROWS]
    planning, ours = cpu(lambda: tree_shap([model.model_to_string()]))
    tables, _ = cpu(lambda: ours.values(new[:1]))
    whole, found = cpu(lambda: ours.values(new))
    theirs, oracle = cpu(lambda: model.predict(few, pred_contrib=True, num_threads=1))
    predicted, raw = cpu(lambda: model.predict(new, raw_score=True, num_threads=1))
    return {
        "rows": n,
        "planning_s": planning,
        "tables_s": tables,
        "ours_us_per_row": 1e6 * (planning + whole) / n,
        "pred_contrib_us_per_row": 1e6 * theirs / len(few),
        "predict_us_per_row": 1e6 * predicted / n,
        "times_less_cpu": (theirs / len(few)) / ((planning + whole) / n),
        "largest_difference": float(np.abs(found[: len(few)] - oracle[:, :-1]).max()),
        "largest_additivity_error": float(np.abs(found.sum(axis=1) + ours.base - raw).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    warm = fit(trees=2, features=5, num_leaves=40, max_depth=-1)
    tree_shap([warm.model_to_string()]).values(sample(10, 5, 0))
    found = {name: measure(shape, given.rows) for name, shape in MODELS.items()}
    if given.json:
        print(json.dumps(found, indent=2))
        return
    keys = list(next(iter(found.values())))
    print("| model | " + " | ".join(keys) + " |\n|---|" + "---:|" * len(keys))
    for name, row in found.items():
        print(f"| {name} | " + " | ".join(f"{row[key]:.3g}" for key in keys) + " |")


if __name__ == "__main__":
    main()
