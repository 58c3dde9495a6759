"""Long proof of sampling: what a fit on a share of the rows that did not convert says, beside the fit on all rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.rungs import fit_rung
from abm_scoring.learning.sampling import Shares
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from tests.evidence.markets import Known, expected_auc, expected_loss, known_market, table
from tests.learning.worlds import drawn

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "sampling.md"
#: The page says how many there were.
SEEDS = int(os.environ.get("ABM_SCORING_EVIDENCE_SEEDS", "20"))
#: Shares of the rows that did not convert. "Another seed" is the fit on all rows, with other random numbers.
SHARES = (1 / 2, 1 / 5, 1 / 10)
ANOTHER = "all, another seed"
#: How far the mean probability and the AUC may lie from those of the fit on all rows.
LEVEL, AUC = 0.03, 0.005

pytestmark = pytest.mark.evidence


def small(seed: int) -> MarketSpec:
    return MarketSpec(accounts=4_500, conversion=0.1, events_per_account=50, seed=seed)


def predicted(rows: TrainingSet, known: Known, spec: ModelSpec) -> np.ndarray:
    model, _ = fit_rung("average", rows, spec, known.windows.embargo_days)
    return probability(model.log_odds(known.test.features))


def measure(known: Known, seed: int) -> list[dict[str, float | str]]:
    spec = known.config.model.model_copy(update={"threads": 1, "seed": seed})
    true, before = known.true[90], known.before
    base = predicted(before, known, spec)
    trials = {f"1/{1 / share:.0f}": (drawn(before, Shares(1.0, share), seed), spec) for share in SHARES}
    trials[ANOTHER] = (before, spec.model_copy(update={"seed": seed + 1_000}))
    found: list[dict[str, float | str]] = []
    for name, (rows, used) in trials.items():
        p = predicted(rows, known, used)
        found.append(
            {
                "others kept": name,
                "rows": len(rows),
                "conversions": int(rows.converted.sum()),
                "level": p.mean() / base.mean(),
                "auc": expected_auc(p, true) - expected_auc(base, true),
                "loss": expected_loss(p, true) - expected_loss(base, true),
            }
        )
    return found


def test_a_sample_keeps_level_and_ranking(tmp_path: Path) -> None:
    found = []
    for seed in range(SEEDS):
        found += measure(known_market(small(300 + seed), tmp_path / str(seed)), seed)
    every = pd.DataFrame(found)
    summary = pd.DataFrame([summarised(name, part) for name, part in every.groupby("others kept", sort=False)])
    write(summary, every)
    sampled = every[every["others kept"] != ANOTHER]
    means = sampled.groupby("others kept")[["level", "auc"]].mean()
    assert (means["level"] - 1).abs().max() < LEVEL
    assert means["auc"].abs().max() < AUC


def summarised(name: object, part: pd.DataFrame) -> dict[str, float | str]:
    off = (part["level"].astype(float) - 1).abs()
    return {
        "others kept": str(name),
        "seeds": len(part),
        "rows": float(round(part["rows"].mean())),
        "conversions": float(round(part["conversions"].mean())),
        "mean predicted ÷ that of all": float(part["level"].mean()),
        "furthest from 1": float(off.max()),
        "AUC, difference": float(part["auc"].mean()),
        "furthest from 0": float(part["auc"].abs().max()),
        "log-loss, difference": float(part["loss"].mean()),
    }


def write(summary: pd.DataFrame, every: pd.DataFrame) -> None:
    sampled = every[every["others kept"] != ANOTHER]
    within = ((sampled["level"] - 1).abs() < LEVEL).mean(), (sampled["auc"].abs() < AUC).mean()
    EVIDENCE.write_text(
        "# Training on a sample\n\n"
        "Markets of known truth; written by `make evidence` (tests/evidence/test_sampling.py). Of the rows that had "
        "matured before the test, all conversions were kept and a share of the others, as `model.max_feature_rows` "
        "does where there are too many rows to build features for, and the average was fitted on these with their "
        "weights. Each fit is compared with the fit on all rows, on the same later rows: the mean of its "
        "probabilities, and AUC and log-loss against the true probabilities. The last row is the fit on all rows with "
        "other random numbers: so much differs without any sampling.\n\n"
        + table(summary)
        + f"\n\nThe mean lies within {LEVEL:.0%} in {within[0]:.0%} of the sampled fits, the AUC within {AUC} in "
        f"{within[1]:.0%}.\n"
    )
