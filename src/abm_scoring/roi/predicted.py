"""Predicted against realised: what frozen lists promised, beside what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.roi import predicted_figures
from abm_scoring.roi.bootstrap import ratio_interval
from abm_scoring.roi.chance import Scatter, of_money, of_wins
from abm_scoring.roi.effect import finite
from abm_scoring.roi.predicted_spec import PredictedSpec

#: What was done about an account of a run.
WORKED, UNWORKED, WITHHELD = "worked", "unworked", "withheld"


@dataclass(frozen=True)
class Held:
    """Predictions held against outcomes.

    Attributes:
        runs: The runs that were taken: `run_id`, `as_of`, `until` (when their horizon ended), `accounts`.
        groups: One row a group: `by` (`all`, `handling`, `decile`, `month` or a frozen column), `group`, `accounts`,
            `expected_wins`, `wins`, `wins_ratio` with `wins_low`, `wins_high` (interval) and `chance_low`,
            `chance_high` (where a perfect model's ratio would lie), `wins_outside`; the same of money:
            `expected_return`, `gross`, `cancelled`, `net`, `gross_ratio`, `net_ratio` with bounds and
            `money_outside`. Ratios are realised ÷ predicted, null where nothing was predicted.
        figures: Calibration and scores of the probabilities.
        errors: The ratio of money taken apart: `volume` × `mix` × `value`.
        largest: What the account with the largest return does to the result.
        gain: Cumulative gain: `share` of accounts by raw score, share of `wins` and of `gross` that they hold.
        cost: Taken off both sides; None where not known.
        notes: One sentence each.
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    figures: dict[str, float | None]
    errors: dict[str, float | None]
    largest: dict[str, Any] | None
    gain: pd.DataFrame
    cost: float | None
    notes: tuple[str, ...]

    def total(self, group: str | None = None) -> dict[str, Any]:
        """The row of everybody, or of one handling."""
        of = self.groups["by"] == ("all" if group is None else "handling")
        rows = self.groups[of & ((self.groups["group"] == group) if group is not None else True)]
        return {} if rows.empty else finite(rows.iloc[0].to_dict())

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        total = self.total()
        less = {
            name: None if self.cost is None or total.get(name) is None else total[name] - self.cost
            for name in ("expected_return", "gross", "net")
        }
        return finite(
            {
                "runs": self.runs.to_dict("records"),
                "groups": self.groups.to_dict("records"),
                "figures": self.figures,
                "errors": self.errors,
                "largest": self.largest,
                "gain": self.gain.to_dict("records"),
                "cost": self.cost,
                "less_cost": less,
                "notes": list(self.notes),
            }
        )


def gross_and_net(amounts: pd.Series) -> dict[str, float]:
    """What was invoiced, what of it was taken back by credit notes, and what remains, to the cent.

    Args:
        amounts: One amount an invoice, credit notes negative; missing amounts count for nothing.
    """
    cents = (amounts.fillna(0.0) * 100).round().astype("int64")
    gross, cancelled = int(cents.clip(lower=0).sum()), int(-cents.clip(upper=0).sum())
    return {"gross": gross / 100, "cancelled": cancelled / 100, "net": (gross - cancelled) / 100}


def non_overlapping(as_of: pd.Series, horizon_days: int) -> pd.Series:
    """The earliest moments that lie at least one horizon apart, ascending: a win counts once, not once a night."""
    kept: list[pd.Timestamp] = []
    for moment in as_of.drop_duplicates().sort_values():
        if not kept or moment >= kept[-1] + pd.Timedelta(days=horizon_days):
            kept.append(moment)
    return pd.Series(kept, dtype="datetime64[us, UTC]")


def hold_against(rows: pd.DataFrame, horizon_days: int, spec: PredictedSpec, cost: float | None = None) -> Held:
    """Hold frozen predictions against outcomes.

    Args:
        rows: One row an account and run, of matured runs with non-overlapping horizons: `run_id`, `as_of`,
            `account_id`, `family_id`, `handling` (`worked`, `unworked`, `withheld`), `raw_score`, `probability`,
            `converted` (bool); optionally `worth` (expected gross margin of a win) with `gross` and
            `cancelled` (realised gross margin, both ≥ 0), and the columns that `spec.by` names.
        horizon_days: Length of the horizon.
        spec: Groups and levels.
        cost: What was spent on these runs.

    Raises:
        ValueError: An account stands in two runs whose horizons overlap.
    """
    _check(rows, horizon_days)
    rows = _prepared(rows, spec)
    ratios = _ratios(rows)
    parts = [("all", pd.Series("all", rows.index)), *((name, rows[name]) for name in _keys(rows, spec))]
    groups = [
        _group(by, str(value), rows[(keys == value).to_numpy()], ratios, spec)
        for by, keys in parts
        for value in sorted(keys.dropna().unique())
    ]
    return Held(
        runs=_runs(rows, horizon_days),
        groups=pd.DataFrame(groups, columns=_COLUMNS),
        figures=predicted_figures.calibration(rows),
        errors=predicted_figures.errors(rows),
        largest=predicted_figures.largest(rows, spec),
        gain=predicted_figures.gain(rows),
        cost=cost,
        notes=predicted_figures.notes(rows, spec),
    )


_COLUMNS = [
    *("by", "group", "accounts", "expected_wins", "wins", "wins_ratio", "wins_low", "wins_high"),
    *("chance_low", "chance_high", "wins_outside", "expected_return", "gross", "cancelled", "net"),
    *("gross_ratio", "gross_low", "gross_high", "net_ratio", "net_low", "net_high"),
    *("money_chance_low", "money_chance_high", "money_outside"),
]


def _check(rows: pd.DataFrame, horizon_days: int) -> None:
    moments = rows["as_of"].drop_duplicates()
    if len(non_overlapping(moments, horizon_days)) < len(moments):
        raise ValueError("horizons overlap: the same win would count more than once")


def _prepared(rows: pd.DataFrame, spec: PredictedSpec) -> pd.DataFrame:
    place = rows.groupby("run_id")["raw_score"].rank(method="first", ascending=False)
    size = rows.groupby("run_id")["raw_score"].transform("size")
    decile = pd.Series(np.ceil(place * spec.deciles / size), rows.index).clip(1, spec.deciles).astype(int)
    found = rows.assign(
        decile=decile.map(lambda d: f"{d:02d}").astype("str"), month=rows["as_of"].dt.strftime("%Y-%m").astype("str")
    )
    if "gross" in rows:
        found["net"] = rows["gross"] - rows["cancelled"]
    return found.reset_index(drop=True)


def _keys(rows: pd.DataFrame, spec: PredictedSpec) -> list[str]:
    return ["handling", "decile", "month", *(name for name in spec.by if name in rows and rows[name].notna().any())]


def _group(by: str, name: str, rows: pd.DataFrame, ratios: np.ndarray, spec: PredictedSpec) -> dict[str, Any]:
    p, won = rows["probability"].to_numpy("float64"), rows["converted"].to_numpy("float64")
    found: dict[str, Any] = {"by": by, "group": name, "accounts": len(rows)}
    found |= {"expected_wins": float(p.sum()), "wins": int(won.sum())}
    found |= dict(zip(("wins_ratio", "wins_low", "wins_high"), _ratio(won, p, rows, spec), strict=True))
    found |= dict(zip(("chance_low", "chance_high"), _band(of_wins(p), spec, 0.5), strict=True))
    found["wins_outside"] = _outside(found["wins_ratio"], found["chance_low"], found["chance_high"])
    if "gross" not in rows:
        return found
    expected = p * rows["worth"].to_numpy("float64")
    found["expected_return"] = float(expected.sum())
    for column in ("gross", "cancelled", "net"):
        found[column] = float(rows[column].sum())
    for column in ("gross", "net"):
        figures = _ratio(rows[column].to_numpy("float64"), expected, rows, spec)
        found |= dict(zip((f"{column}_ratio", f"{column}_low", f"{column}_high"), figures, strict=True))
    scatter = of_money(p, rows["worth"].to_numpy("float64"), ratios)
    found |= dict(zip(("money_chance_low", "money_chance_high"), _band(scatter, spec, 0.0), strict=True))
    outside = _outside(found["gross_ratio"], found["money_chance_low"], found["money_chance_high"])
    return found | {"money_outside": outside}


def _ratio(
    above: np.ndarray, below: np.ndarray, rows: pd.DataFrame, spec: PredictedSpec
) -> tuple[float | None, float | None, float | None]:
    """Σ above ÷ Σ below with its interval over families; null where nothing was predicted."""
    if below.sum() <= 0:
        return None, None, None
    low, high = ratio_interval(
        above, below, families=rows["family_id"].to_numpy(object), level=spec.level, draws=spec.draws, seed=spec.seed
    )
    return float(above.sum() / below.sum()), low, high


def _band(scatter: Scatter, spec: PredictedSpec, half_step: float) -> tuple[float | None, float | None]:
    """Where realised ÷ predicted lies by chance; `half_step` corrects for counting in whole numbers."""
    if scatter.mean <= 0:
        return None, None
    low, high = scatter.quantile((1 - spec.band) / 2), scatter.quantile((1 + spec.band) / 2)
    return max(0.0, low - half_step) / scatter.mean, (high + half_step) / scatter.mean


def _outside(ratio: float | None, low: float | None, high: float | None) -> bool | None:
    return None if ratio is None or low is None or high is None else not low <= ratio <= high


def _ratios(rows: pd.DataFrame) -> np.ndarray:
    """Realised amount over what was expected of it, of each conversion of known value."""
    if "gross" not in rows:
        return np.empty(0)
    won = rows[rows["converted"] & (rows["gross"] > 0) & (rows["worth"] > 0)]
    found: np.ndarray = (won["gross"] / won["worth"]).to_numpy("float64")
    return found


def _runs(rows: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    found = rows.groupby(["as_of", "run_id"], as_index=False).size().rename(columns={"size": "accounts"})
    return found.assign(until=found["as_of"] + pd.Timedelta(days=horizon_days))[
        ["run_id", "as_of", "until", "accounts"]
    ]
