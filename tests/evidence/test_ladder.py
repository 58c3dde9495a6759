"""Long proof of the ladder: what is shipped at each number of conversions, and how it does against the truth."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.learning.contributions import log_odds_of, probability
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.training_set import TrainingSet
from tests.evidence.markets import Known, expected_loss, known_market, table, with_positives

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "ladder.md"
#: The page says how many there were.
SEEDS = int(os.environ.get("ABM_SCORING_EVIDENCE_SEEDS", "20"))
SIZES = (0, 9, 30, 100, 300, 1_000)
#: Ten thousand conversions need a market of their own, which takes as long as ten of the others.
LARGE, LARGE_SEEDS = 10_000, 2
#: Share of the seeds in which a probability is shipped at least, from so many positives on. At 300 the choosing part
#: holds some sixty conversions, and what they show must be beyond doubt.
SHIPPED = {300: 0.9, 1_000: 0.95}

pytestmark = pytest.mark.evidence


def small(seed: int) -> MarketSpec:
    return MarketSpec(accounts=4_500, conversion=0.1, events_per_account=50, seed=seed)


def large(seed: int) -> MarketSpec:
    return MarketSpec(accounts=45_000, conversion=0.1, events_per_account=30, seed=seed)


def measure(known: Known, rows: TrainingSet, positives: int, seed: int) -> dict[str, float | str]:
    """The ladder on these rows alone; excess 0 = the true probabilities, 1 = the constant."""
    spec = known.config.model.model_copy(update={"threads": 1, "bootstrap": 200, "seed": seed})
    outcome = train_ladder(rows, known.config.split, spec, known.config.project.timezone)
    true, n = known.true[90], len(known.test)
    constant = probability(np.full(n, log_odds_of(float(rows.converted.mean()), len(rows))))
    found: dict[str, float | str] = {"positives": positives, "rows": len(rows), "rung": outcome.rung}
    if outcome.model is None or outcome.rung == "profile":
        return {**found, "excess": np.nan}
    p = _probability(outcome, known.test)
    floor = expected_loss(true, true)
    return {**found, "excess": (expected_loss(p, true) - floor) / (expected_loss(constant, true) - floor)}


def _probability(outcome: Outcome, rows: TrainingSet) -> np.ndarray:
    assert outcome.model is not None
    return probability(outcome.calibration.raw_score(outcome.model.log_odds(rows.features)))


def of_small(seed: int, folder: Path) -> list[dict[str, float | str]]:
    """All sizes but the largest on one market."""
    known = known_market(small(100 + seed), folder / f"small{seed}")
    given = {size: with_positives(known.before, size, seed) for size in SIZES}
    return [measure(known, rows, size, seed) for size, rows in given.items() if rows is not None]


def of_large(seed: int, folder: Path) -> list[dict[str, float | str]]:
    """The largest size on one market."""
    known = known_market(large(200 + seed), folder / f"large{seed}")
    rows = with_positives(known.before, LARGE, seed)
    return [] if rows is None else [measure(known, rows, LARGE, seed)]


def test_what_is_shipped_beats_the_constant_at_every_size(tmp_path: Path) -> None:
    large_seeds = min(LARGE_SEEDS, SEEDS // 6)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        # The long ones first, so that no process waits for them at the end.
        waiting = [pool.submit(of_large, seed, tmp_path) for seed in range(large_seeds)]
        waiting += [pool.submit(of_small, seed, tmp_path) for seed in range(SEEDS)]
        found = [row for one in waiting for row in one.result()]
    summary = pd.DataFrame([summarised(part) for _, part in pd.DataFrame(found).groupby("positives")])
    write(summary)
    assert summary.loc[summary["positives"] == LARGE, "seeds"].sum() == large_seeds
    shipped = summary[summary["shipped"] > 0]
    assert (shipped["excess, shipped"] <= 1.0).all()
    assert (summary["excess, constant where none"] <= 1.0).all()
    assert summary.loc[summary["positives"] < 10, "shipped"].eq(0).all()
    share = (summary["shipped"] / summary["seeds"]).to_numpy()
    for positives, least in SHIPPED.items():
        assert (share[summary["positives"] >= positives] >= least).all()


def summarised(part: pd.DataFrame) -> dict[str, float | str]:
    excess = part["excess"].astype(float)
    rungs = Counter(part["rung"])
    return {
        "positives": int(part["positives"].iloc[0]),
        "seeds": len(part),
        "rows": float(round(part["rows"].mean())),
        "rungs": ", ".join(f"{name} {count}" for name, count in sorted(rungs.items())),
        "shipped": int(excess.notna().sum()),
        "excess, shipped": float(excess.mean()),
        "spread": float(excess.std()),
        "worst": float(excess.max()),
        "excess, constant where none": float(excess.fillna(1.0).mean()),
    }


def write(summary: pd.DataFrame) -> None:
    EVIDENCE.write_text(
        "# The ladder at every number of conversions\n\n"
        "Markets of known truth; written by `make evidence` (tests/evidence/test_ladder.py). *positives*: converted "
        "accounts in the rows that the ladder was given, which chose, measured and refitted on these rows alone. "
        "*excess*: log-loss against the true probabilities on later rows of the whole market, 0 = the true "
        "probabilities themselves, 1 = the constant of the same training rows. *shipped*: seeds in which a probability "
        "was claimed; the profile claims none, and with rung none nothing is shipped: what was saved on the choosing "
        "part was not beyond doubt. The last column counts those as the constant.\n\n" + table(summary) + "\n"
    )
