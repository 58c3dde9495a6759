"""Markets of known truth, as training gets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.market.market import make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.engines.training import Prepared, prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.history import History
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.workspace import load, open_workspace
from abm_scoring.learning.splits import Windows, split
from abm_scoring.learning.training_set import TrainingSet

#: Test rows that the truth is asked about.
TEST_ROWS = 20_000


@dataclass(frozen=True)
class Known:
    """A market's rows, and what is true of its test rows.

    Attributes:
        before: Rows that had matured before the test began.
        test: Rows of the test part, at most `TEST_ROWS`.
        true: Horizon in days → true probabilities of the test rows.
    """

    config: Config
    prepared: Prepared
    windows: Windows
    before: TrainingSet
    test: TrainingSet
    true: dict[int, np.ndarray]


def known_market(spec: MarketSpec, folder: Path, horizons: tuple[int, ...] = (90,), waiting: bool = False) -> Known:
    """Builds a market and everything that training starts from, once for all that is then tried on it."""
    market = make_market(spec)
    write_market(market, folder / "data")
    workspace = open_workspace(write_template("demo", folder / "abm.yaml", "demo"))
    config, as_of = workspace.config, workspace.moment(workspace.fixed_day or "")
    _, tables, _ = load(workspace, as_of, False)
    history = History.of(tables, until=as_of, timezone=config.project.timezone, noise=config.noise)
    features = resolve(config.features, history, config.profile)
    prepared = prepare_training(tables, history, config.snapshots, config.cohort, config.label, features, waiting)
    rows = prepared.training
    windows = split(rows.as_of, config.split, rows.horizon_days, config.project.timezone)
    place = np.flatnonzero(windows.test)
    if len(place) > TEST_ROWS:
        place = np.sort(np.random.default_rng(spec.seed).choice(place, TEST_ROWS, replace=False))
    test = rows.take(place)
    true = {h: _truth(market, test, h) for h in horizons}
    eligible = ~np.isnan(true[horizons[0]])
    true = {h: p[eligible] for h, p in true.items()}
    return Known(config, prepared, windows, rows.take(windows.before_test), test.take(eligible), true)


def _truth(market, rows: TrainingSet, horizon: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    found = np.full(len(rows), np.nan)
    for moment in np.unique(rows.as_of):
        here = rows.as_of == moment
        of_day = market.truth.probability(pd.Timestamp(moment), horizon).set_index("account_id")["probability"]
        found[here] = of_day.reindex(rows.account_id[here]).to_numpy()
    return found


def with_positives(rows: TrainingSet, wanted: int, seed: int) -> TrainingSet | None:
    """Random families, as many as hold so many converted accounts; None where there are too few.

    For none wanted, two hundred families without a conversion.
    """
    codes, families = pd.factorize(rows.family, sort=True)
    order = np.random.default_rng(seed).permutation(len(families))
    accounts = pd.Series(rows.account_id[rows.converted]).groupby(codes[rows.converted]).nunique()
    of_family = accounts.reindex(order, fill_value=0).to_numpy()
    if not wanted:
        kept = order[of_family == 0][:200]
    else:
        reached = np.cumsum(of_family)
        if reached[-1] < wanted:
            return None
        kept = order[: int(np.searchsorted(reached, wanted)) + 1]
    return rows.take(np.isin(codes, kept))


def expected_loss(p: np.ndarray, true: np.ndarray) -> float:
    """Log-loss that probabilities have on average over outcomes."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-(true * np.log(p) + (1 - true) * np.log(1 - p)).mean())


def table(rows: pd.DataFrame) -> str:
    """Markdown, three digits after the point."""
    head = f"| {' | '.join(rows.columns)} |\n|{'---|' * len(rows.columns)}"
    lines = [f"| {' | '.join(_cell(v) for v in row)} |" for row in rows.itertuples(index=False)]
    return "\n".join([head, *lines])


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return "" if np.isnan(number) else f"{number:.0f}" if number == round(number) else f"{number:.3f}"
