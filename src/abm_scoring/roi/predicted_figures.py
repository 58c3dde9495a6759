"""Figures of frozen predictions against what came of them: calibration, errors, the largest account, gain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.learning.metrics import calibration_line, row_log_loss
from abm_scoring.roi.effect import finite
from abm_scoring.roi.predicted_spec import PredictedSpec


def calibration(rows: pd.DataFrame) -> dict[str, float | None]:
    """Calibration line, Brier score and log-loss beside the best constant in hindsight; WAPE over deciles of runs."""
    p, won = rows["probability"].to_numpy("float64"), rows["converted"].to_numpy(bool)
    rate = float(won.mean()) if len(won) else float("nan")
    odds = np.log(np.clip(p, 1e-9, None)) - np.log(np.clip(1 - p, 1e-9, None))
    intercept, slope = calibration_line(odds, won, np.ones((1, len(won))))
    constant = np.full(len(p), rate)
    cells = [rows["run_id"], rows["decile"]]
    found = {
        "calibration_intercept": float(intercept[0]),
        "calibration_slope": float(slope[0]),
        "brier": float(((p - won) ** 2).mean()),
        "brier_constant": float(((constant - won) ** 2).mean()),
        "log_loss": float(row_log_loss(p, won).mean()),
        "log_loss_constant": float(row_log_loss(constant, won).mean()),
        "wape_wins": _wape(pd.Series(p, rows.index), rows["converted"].astype("float64"), cells),
    }
    if "gross" in rows:
        found["wape_return"] = _wape(rows["probability"] * rows["worth"], rows["gross"], cells)
    return finite(found)


def _wape(predicted: pd.Series, realised: pd.Series, cells: list[pd.Series]) -> float:
    """Weighted absolute percentage error: Σ |predicted − realised| over cells ÷ Σ realised."""
    missed = (predicted.groupby(cells).sum() - realised.groupby(cells).sum()).abs().sum()
    return float(missed / realised.sum()) if realised.sum() > 0 else float("nan")


def errors(rows: pd.DataFrame) -> dict[str, float | None]:
    """gross ÷ predicted = volume × mix × value, exactly.

    `volume` is wins ÷ Σ p; `mix` is what was expected of the accounts that won, against that of all, weighted by p;
    `value` is what the wins brought ÷ what was expected of them.
    """
    p, won = rows["probability"].to_numpy("float64"), rows["converted"].to_numpy("float64")
    volume = _over(won.sum(), p.sum())
    if "gross" not in rows:
        return finite({"volume": volume, "mix": None, "value": None, "ratio": None})
    worth, gross = rows["worth"].to_numpy("float64"), rows["gross"].to_numpy("float64")
    of_winners, of_all = _over((won * worth).sum(), won.sum()), _over((p * worth).sum(), p.sum())
    return finite(
        {
            "volume": volume,
            "mix": _over(of_winners, of_all),
            "value": _over(gross.sum(), (won * worth).sum()),
            "ratio": _over(gross.sum(), (p * worth).sum()),
        }
    )


def _over(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def largest(rows: pd.DataFrame, spec: PredictedSpec) -> dict[str, Any] | None:
    """The account that brought most: its share, and the ratios without it on either side."""
    if "gross" not in rows or rows["gross"].sum() <= 0:
        return None
    by_account = rows.groupby("account_id")["gross"].sum()
    account = by_account.idxmax()
    without = rows[(rows["account_id"] != account).to_numpy()]
    expected = float((without["probability"] * without["worth"]).sum())
    share = float(by_account.max() / by_account.sum())
    return finite(
        {
            "account_id": str(account),
            "gross": float(by_account.max()),
            "share": share,
            "named": share >= spec.large_share,
            "gross_ratio_without": _over(float(without["gross"].sum()), expected),
            "net_ratio_without": _over(float(without["net"].sum()), expected),
        }
    )


def gain(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares held by the best accounts by raw score (and by expected value), in steps of 5 %; ties by account_id."""
    ordered = rows.sort_values(["raw_score", "account_id"], ascending=[False, True])
    ends = np.maximum(1, np.rint(np.linspace(0.05, 1, 20) * len(rows))).astype(int)
    found = {"share": np.linspace(0.05, 1, 20)}
    orders = {"wins": ("converted", ordered), "gross": ("gross", ordered)}
    if "gross" in rows:
        by_value = rows.assign(expected=rows["probability"] * rows["worth"])
        by_value = by_value.sort_values(["expected", "account_id"], ascending=[False, True])
        orders |= {"gross_by_expected_value": ("gross", by_value)}
    for name, (column, frame) in orders.items():
        if column in frame and len(frame):
            held = np.cumsum(frame[column].to_numpy("float64"))
            found[name] = held[ends - 1] / held[-1] if held[-1] > 0 else np.full(20, np.nan)
    return pd.DataFrame(found)


def notes(rows: pd.DataFrame, spec: PredictedSpec) -> tuple[str, ...]:
    """What a reader must know, one sentence each."""
    said = []
    wins = int(rows["converted"].sum())
    if wins < 50:
        said.append(f"{wins} wins: chance alone moves such totals widely; read the band, not the ratio")
    found = largest(rows, spec)
    if found is not None and found["named"]:
        said.append(
            f"account {found['account_id']} alone makes {found['share']:.0%} of what came in; "
            "the ratio without it stands beside"
        )
    if "gross" not in rows:
        said.append("no values are known: only wins are held against their probabilities")
    return tuple(said)
