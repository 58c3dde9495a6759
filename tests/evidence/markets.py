"""Markets of known truth, as training gets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from abm_scoring.config import Config
from abm_scoring.data.market.market import Market, make_market, write_market
from abm_scoring.data.market.spec import MarketSpec
from abm_scoring.engines.training import Prepared, prepare_training
from abm_scoring.features.build import resolve
from abm_scoring.features.history import History
from abm_scoring.jobs.init import write_template
from abm_scoring.jobs.workspace import load, open_workspace
from abm_scoring.learning.metrics import calibration_line
from abm_scoring.learning.splits import Windows, split
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value import with_values
from abm_scoring.learning.value_sources import Source, resolve_value

#: Test rows that the truth is asked about.
TEST_ROWS = 20_000


@dataclass(frozen=True)
class Known:
    """A market's rows, and what is true of its test rows.

    Attributes:
        source: Where the values of conversions stand.
        before: Rows that had matured before the test began, with what their conversions were worth.
        test: Rows of the test part, at most `TEST_ROWS`.
        true: Horizon in days → true probabilities of the test rows.
        worth: True expected value of a deal of each test row's account.
    """

    config: Config
    prepared: Prepared
    windows: Windows
    source: Source
    before: TrainingSet
    test: TrainingSet
    true: dict[int, np.ndarray]
    worth: np.ndarray


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
    source = resolve_value(config.value, config.label, history)
    rows = with_values(prepared.training, source, source.recorded(history))
    windows = split(rows.as_of, config.split, rows.horizon_days, config.project.timezone)
    place = np.flatnonzero(windows.test)
    if len(place) > TEST_ROWS:
        place = np.sort(np.random.default_rng(spec.seed).choice(place, TEST_ROWS, replace=False))
    test = rows.take(place)
    true = {h: _truth(market, test, h) for h in horizons}
    eligible = ~np.isnan(true[horizons[0]])
    true = {h: p[eligible] for h, p in true.items()}
    test = test.take(eligible)
    worth = market.truth.deal_value().set_index("account_id")["deal_value"].reindex(test.account_id).to_numpy()
    return Known(config, prepared, windows, source, rows.take(windows.before_test), test, true, worth)


def _truth(market: Market, rows: TrainingSet, horizon: int) -> np.ndarray:
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
        fits = _up_to(of_family, wanted)
        if fits is None:
            return None
        kept = order[fits]
    return rows.take(np.isin(codes, kept))


def _up_to(counts: np.ndarray, wanted: int) -> np.ndarray | None:
    """Positions, in order, of counts that add up to what is wanted, those that would exceed it passed over."""
    kept, reached = [], 0
    for i, count in enumerate(counts.tolist()):
        if reached + count <= wanted:
            kept.append(i)
            reached += count
        if reached == wanted:
            return np.array(kept)
    return None


def expected_loss(p: np.ndarray, true: np.ndarray) -> float:
    """Log-loss that probabilities have on average over outcomes."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-(true * np.log(p) + (1 - true) * np.log(1 - p)).mean())


def expected_auc(score: np.ndarray, true: np.ndarray) -> float:
    """AUC that a score has on average over outcomes: the share of (converted, not) pairs that it orders, by weight."""
    order = np.argsort(score, kind="stable")
    came, stayed = true[order], 1 - true[order]
    below = np.cumsum(stayed) - stayed
    return float((came * below).sum() / (came.sum() * stayed.sum() - (came * stayed).sum()))


def expected_line(p: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of calibration that probabilities have on average over outcomes."""
    twice, weights = np.tile(np.log(p / (1 - p)), 2), np.concatenate([true, 1 - true])
    came = np.repeat([True, False], len(p))
    intercept, slope = calibration_line(twice, came, weights[None, :])
    return float(slope[0]), float(intercept[0])


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
