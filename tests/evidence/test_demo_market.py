"""Long proof on markets of known truth: how near the model comes to the true probability, over five seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from abm_scoring.data.currency import in_project_currency
from abm_scoring.data.market.market import Market, make_market, write_market
from abm_scoring.data.market.spec import DEFAULT_SEEDS, MarketSpec
from abm_scoring.engines.training import prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.history import History
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.workspace import Workspace, load, open_workspace
from abm_scoring.learning.selection import train_ladder
from abm_scoring.learning.training_set import TrainingSet

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "demo-market.md"
ACCOUNTS = 10_000

pytestmark = pytest.mark.evidence


def measure(market: Market, workspace: Workspace) -> dict[str, float | str]:
    """Trains as `abm-scoring train` does and holds the test rows against the truth."""
    config, as_of = workspace.config, workspace.moment(workspace.fixed_day or "")
    _, tables, _ = load(workspace, as_of, False)
    tables = in_project_currency(tables, config.project.currency)
    history = History.of(tables, until=as_of, timezone=config.project.timezone)
    features = resolve(config.features, history, config.profile)
    prepared = prepare_training(tables, history, config.snapshots, config.cohort, config.label, features)
    outcome = train_ladder(prepared.training, config.split, config.model, config.project.timezone)
    assert outcome.test is not None and outcome.test_calibration is not None
    test = prepared.training.take(outcome.windows.test)
    truth = true_probability(market, test)
    known = ~np.isnan(truth)
    ratio = outcome.test_calibration["expected_over_observed"]
    assert isinstance(ratio, float) and isinstance(outcome.test["auc"], float)
    predicted = ratio * test.converted.mean()
    return {
        "rung": outcome.rung,
        "rows trained on": outcome.n_train,
        "accounts converted": outcome.converted_accounts,
        "test rows": outcome.n_test,
        "truth known": float(known.mean()),
        "AUC": outcome.test["auc"],
        "AUC of the truth": float(roc_auc_score(test.converted[known], truth[known])),
        "mean predicted": float(predicted),
        "mean true": float(truth[known].mean()),
        "mean observed": float(test.converted.mean()),
    }


def true_probability(market: Market, rows: TrainingSet) -> np.ndarray:
    """The market's own probability for each row; NaN where the market calls it not eligible."""
    found = np.full(len(rows), np.nan)
    for moment in np.unique(rows.as_of):
        here = rows.as_of == moment
        of_day = market.truth.probability(pd.Timestamp(moment)).set_index("account_id")["probability"]
        found[here] = of_day.reindex(rows.account_id[here]).to_numpy()
    return found


def test_the_model_comes_near_the_truth(tmp_path: Path) -> None:
    rows = {}
    for seed in DEFAULT_SEEDS:
        market = make_market(MarketSpec(accounts=ACCOUNTS, seed=seed))
        folder = tmp_path / str(seed)
        write_market(market, folder / "data")
        config = write_template("demo", folder / "abm.yaml", "demo")
        rows[str(seed)] = measure(market, open_workspace(config))
    table = pd.DataFrame(rows).T
    numbers = table.drop(columns="rung").astype(float)
    means = numbers.mean()
    gap = means["AUC of the truth"] - means["AUC"]
    level = means["mean predicted"] / means["mean true"]
    write(table, numbers, gap, level)
    assert gap <= 0.03
    assert 0.9 <= level <= 1.1
    assert numbers["AUC of the truth"].between(0.72, 0.80).all()


def write(table: pd.DataFrame, numbers: pd.DataFrame, gap: float, level: float) -> None:
    header = ["seed", *table.columns]
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for name, row in [*table.iterrows(), ("mean", pd.Series({"rung": "", **numbers.mean()}))]:
        lines.append(f"| {' | '.join([str(name), *(_cell(row[c]) for c in table.columns)])} |")
    EVIDENCE.write_text(
        "# The model against the truth of the demo market\n\n"
        f"{ACCOUNTS} accounts, five seeds; written by `make evidence` (tests/evidence/test_demo_market.py).\n\n"
        f"- Mean test AUC lies {gap:.3f} below that of the true probability itself (wanted: at most .03).\n"
        f"- Mean predicted ÷ mean true: {level:.3f} (wanted: .90 to 1.10).\n\n" + "\n".join(lines) + "\n"
    )


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return f"{number:.0f}" if number >= 2 else f"{number:.4f}"
