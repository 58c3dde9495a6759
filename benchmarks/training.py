"""Training at size beside plain LightGBM: `python benchmarks/training.py [--rows 1000000] [--features 150] [--json]`.

Both get the same rows and grow the same number of trees of the same size; plain LightGBM is `lgb.train` on all rows.
Ours is what `train` fits for one rung: encoding, drift check, ridge logistic and the bag, on every conversion and a
weighted sample of the other rows. A process each; CPU seconds include all threads; memory is the peak beyond the data.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

SHARE = 0.01
THREADS = 2


def rows_of(rows: int, features: int):  # type: ignore[no-untyped-def]
    """Made-up snapshots of which about 1 % convert, driven by ten of the features."""
    from abm_scoring.features.catalogue import Feature
    from abm_scoring.learning.training_set import TrainingSet

    rng = np.random.default_rng(0)
    values = rng.exponential(1.0, (rows, features)).round(2)
    signal = np.log1p(values[:, :10]) @ np.linspace(0.6, 0.2, 10)
    signal += np.log(SHARE / (1 - SHARE)) - np.log(np.exp(signal).mean())
    names = [f"feature_{i}" for i in range(features)]
    catalogue = tuple(Feature(name=n, topic=n, meaning=n, source="events", part="behaviour") for n in names)
    accounts = rows // 12
    ids = np.array([f"A{i:07d}" for i in range(accounts + 1)], dtype=object)[np.arange(rows) % accounts]
    months = np.datetime64("2024-01-01", "us") + (np.arange(rows) // accounts) * np.timedelta64(30, "D")
    converted = rng.random(rows) < 1 / (1 + np.exp(-signal))
    return TrainingSet(pd.DataFrame(values, columns=names), converted, months, ids, ids, catalogue, 90)


def ours(rows: int, features: int) -> dict[str, float]:
    from abm_scoring.learning.rungs import fit_rung
    from abm_scoring.learning.specs import ModelSpec

    training = rows_of(rows, features)
    return _timed(lambda: fit_rung("average", training, ModelSpec(threads=THREADS), 90))


def plain(rows: int, features: int) -> dict[str, float]:
    import lightgbm

    from abm_scoring.learning.specs import BoostingSpec

    training, spec = rows_of(rows, features), BoostingSpec()
    matrix, target = training.features.to_numpy(), training.converted.astype(float)
    parameters = {
        "objective": "binary", "learning_rate": spec.learning_rate, "num_leaves": spec.leaves, "verbose": -1,
        "min_data_in_leaf": spec.min_child, "bagging_fraction": spec.row_share, "bagging_freq": 1,
        "feature_fraction": spec.column_share, "lambda_l2": spec.l2, "num_threads": THREADS, "force_row_wise": True,
    }  # fmt: skip
    return _timed(lambda: lightgbm.train(parameters, lightgbm.Dataset(matrix, target), spec.trees * spec.bags))


def _timed(fit) -> dict[str, float]:  # type: ignore[no-untyped-def]
    # Making the data takes more than fitting does: the peak is counted from here.
    Path("/proc/self/clear_refs").write_text("5")
    before, wall, cpu = _mib("VmRSS"), time.perf_counter(), time.process_time()
    fit()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory_mib": _mib("VmHWM") - before,
    }


def _mib(field: str) -> float:
    """Of this process, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{field}:"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=150)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("ours", "plain"), help="one of them, in this process")
    given = parser.parse_args()
    if given.only:
        print(json.dumps({"ours": ours, "plain": plain}[given.only](given.rows, given.features)))
        return
    found = {}
    for name in ("ours", "plain"):
        command = [
            sys.executable,
            __file__,
            "--only",
            name,
            "--rows",
            str(given.rows),
            "--features",
            str(given.features),
        ]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found["ratio"] = {key: found["ours"][key] / found["plain"][key] for key in ("wall", "cpu")}
    print(json.dumps(found, indent=2) if given.json else pd.DataFrame(found).round(2).to_string())


if __name__ == "__main__":
    main()
