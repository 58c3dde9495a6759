"""What scoring costs beside LightGBM's own predict: Parquet in, calibrated probabilities out, Parquet written.

`python -m benchmarks.predict [--rows N] [--json]` measures CPU seconds in one thread, after a warm-up. *Ours* is
reading, encoding, log-odds, calibration and writing; *theirs* is the boosters' predict on a matrix in memory. For the
shipped size, every row then also gets its contributions and reasons in codes; `benchmarks.reasons` has these alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.learning.boosting import BoostingModel, fit_boosting
from abm_scoring.learning.calibration import Calibration
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.encoding import fit_encoding
from abm_scoring.learning.reasons import reasons
from abm_scoring.learning.specs import BoostingSpec
from abm_scoring.learning.training_set import TrainingSet

FEATURES = 120
MODELS = {
    "large": BoostingSpec(trees=500, leaves=63, bags=1, learning_rate=0.05),
    "shipped": BoostingSpec(),
}


def cpu(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def rows(n: int, seed: int) -> TrainingSet:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, FEATURES))
    values[rng.random(values.shape) < 0.1] = np.nan
    names = [f"f{i}" for i in range(FEATURES)]
    catalogue = tuple(
        Feature(name=name, topic=f"t{i // 8}", meaning=name, source="events", part="behaviour")
        for i, name in enumerate(names)
    )
    signal = np.nan_to_num(values[:, 0] + values[:, 1] * values[:, 2]) + rng.normal(size=n)
    ids = np.arange(n).astype(str).astype(object)
    when = np.full(n, np.datetime64("2026-01-01T00:00:00.000000"))
    return TrainingSet(pd.DataFrame(values, columns=names), signal > 1, when, ids, ids, catalogue, 90)


def score(model: BoostingModel, source: Path, target: Path, line: Calibration) -> None:
    frame = pd.read_parquet(source)
    p = probability(line.raw_score(model.log_odds(frame)))
    pd.DataFrame({"probability": p}).to_parquet(target)


def explain(model: BoostingModel, source: Path, catalogue: tuple[Feature, ...]) -> None:
    frame = pd.read_parquet(source)
    found = model.contributions(frame)
    reasons(found.values, catalogue, 4, 1)
    reasons(found.values, catalogue, 2, -1)


def measure(spec: BoostingSpec, train: TrainingSet, new: TrainingSet, folder: Path) -> dict[str, float]:
    model = fit_boosting(train, fit_encoding(train.features, train.catalogue), spec, 0, 1)
    source, few = folder / "features.parquet", folder / "few.parquet"
    new.features.to_parquet(source)
    new.features.head(64).to_parquet(few)
    line = Calibration(kind="platt", intercept=0.1, slope=0.9)
    score(model, few, folder / "out.parquet", line)
    matrix = model.encoding.matrix(new.features)
    theirs = cpu(lambda: [booster.predict(matrix, num_threads=1) for booster in model.boosters])
    ours = cpu(lambda: score(model, source, folder / "out.parquet", line))
    found = {
        "rows": len(new),
        "lightgbm_predict_s": theirs,
        "ours_with_io_s": ours,
        "ratio": ours / theirs,
    }
    if spec.leaves <= 8:
        explain(model, few, train.catalogue)
        found["reasons_with_io_s"] = cpu(lambda: explain(model, source, train.catalogue))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    train, new = rows(20_000, 1), rows(given.rows, 2)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measure(spec, train, new, Path(folder)) for name, spec in MODELS.items()}
    if given.json:
        print(json.dumps(found, indent=2))
        return
    keys = list(found["shipped"])
    print("| model | " + " | ".join(keys) + " |\n|---|" + "---:|" * len(keys))
    for name, row in found.items():
        print(f"| {name} | " + " | ".join(f"{row[key]:.3g}" if key in row else "" for key in keys) + " |")


if __name__ == "__main__":
    main()
