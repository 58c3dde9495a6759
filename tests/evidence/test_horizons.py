"""Long proof on markets of known truth: every horizon of the hazard, and calibration, over twenty seeds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.hazard_ladder import Known as Outcomes
from abm_scoring.learning.hazard_ladder import instant_of
from abm_scoring.learning.metrics import calibration_line
from abm_scoring.learning.rungs import fit_hazard, fit_rung
from tests.evidence.markets import Known, known_market, table, with_positives

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "horizons.md"
SEEDS = int(os.environ.get("ABM_SCORING_EVIDENCE_SEEDS", "20"))
HORIZONS = (30, 90, 180)

pytestmark = pytest.mark.evidence


def spec_of(seed: int) -> MarketSpec:
    return MarketSpec(accounts=6_000, conversion=0.02, seed=seed)


def measure(known: Known, seed: int) -> list[dict[str, float | str]]:
    """Each model fitted on what was known when the test began, against the truth of the test rows."""
    spec = known.config.model.model_copy(update={"threads": 1, "seed": seed})
    assert known.prepared.until is not None and known.windows.test_from is not None
    outcomes = Outcomes.of(
        known.prepared.training, known.prepared.waiting, known.prepared.until, known.config.label.settle_days
    )
    test_at = instant_of(known.windows.test_from, known.config.project.timezone)
    earlier, until = outcomes.before(test_at)
    fitted = fit_hazard(earlier, until, spec)
    assert fitted is not None
    chances = fitted[0].chances(known.test.features)
    found = [figures("hazard", h, chances[:, fitted[0].ends.index(h)], known.true[h], len(earlier)) for h in HORIZONS]
    for positives in (None, 1_000, 300):
        rows = known.before if positives is None else with_positives(known.before, positives, seed)
        if rows is None:
            continue
        model, _ = fit_rung("average", rows, spec, known.windows.embargo_days)
        name = "average" if positives is None else f"average, {positives} positives"
        found.append(figures(name, 90, probability(model.log_odds(known.test.features)), known.true[90], len(rows)))
    return found


def figures(model: str, horizon: int, p: np.ndarray, true: np.ndarray, rows: int) -> dict[str, float | str]:
    """Against the truth itself: each row counts as converted with its true probability."""
    twice, weights = np.tile(np.log(p / (1 - p)), 2), np.concatenate([true, 1 - true])
    came = np.repeat([True, False], len(p))
    intercept, slope = calibration_line(twice, came, weights[None, :])
    return {
        "model": model,
        "horizon": horizon,
        "rows": rows,
        "Σp ÷ Σtrue": float(p.sum() / true.sum()),
        "slope": float(slope[0]),
        "intercept": float(intercept[0]),
        "AUC": expected_auc(p, true),
        "AUC of the truth": expected_auc(true, true),
    }


def expected_auc(score: np.ndarray, true: np.ndarray) -> float:
    """AUC that a score has on average over outcomes: the share of (converted, not) pairs that it orders, by weight."""
    order = np.argsort(score, kind="stable")
    came, stayed = true[order], 1 - true[order]
    below = np.cumsum(stayed) - stayed
    return float((came * below).sum() / (came.sum() * stayed.sum() - (came * stayed).sum()))


def test_every_horizon_and_the_calibration_against_the_truth(tmp_path: Path) -> None:
    found = []
    for seed in range(SEEDS):
        known = known_market(spec_of(300 + seed), tmp_path / str(seed), HORIZONS, waiting=True)
        found += [{"seed": seed, **row} for row in measure(known, seed)]
    frame = pd.DataFrame(found)
    frame["AUC below the truth's"] = frame["AUC of the truth"] - frame["AUC"]
    summary = pd.DataFrame([summarised(part) for _, part in frame.groupby(["model", "horizon"])])
    write(summary)
    hazard = summary[summary["model"] == "hazard"]
    assert hazard["Σp ÷ Σtrue"].between(0.95, 1.05).all()
    gap = summary.set_index("model")["AUC below the truth's"]
    assert gap["average"] <= 0.02
    assert gap.get("average, 300 positives", 0.0) <= 0.03


def summarised(part: pd.DataFrame) -> dict[str, float | str]:
    names = ("Σp ÷ Σtrue", "slope", "intercept", "AUC", "AUC of the truth", "AUC below the truth's")
    found: dict[str, float | str] = {
        "model": str(part["model"].iloc[0]),
        "horizon": int(part["horizon"].iloc[0]),
        "seeds": len(part),
        "rows": float(round(part["rows"].mean())),
    }
    for name in names:
        found[name] = float(part[name].mean())
        if name in names[:3]:
            found[f"± {name}"] = float(part[name].std() / np.sqrt(len(part)))
    return found


def write(summary: pd.DataFrame) -> None:
    EVIDENCE.write_text(
        "# Horizons and calibration against the truth\n\n"
        f"{SEEDS} markets of known truth; by `make evidence` (tests/evidence/test_horizons.py). Every figure is "
        "taken against the true probabilities of later rows, without the noise of outcomes; ± is the standard error of "
        "the mean over seeds. Perfect probabilities have Σp ÷ Σtrue 1, slope 1 and intercept 0. The hazard gives all "
        "horizons from one model, fitted on what was known when the test began, open snapshots included.\n\n"
        + table(summary)
        + "\n"
    )
