"""All rules over the same paths: credit in wins and money, with intervals, and how far the rules disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from abm_scoring.roi.attribution import markov, touches
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.attribution.spec import AttributionSpec, Markov, TouchRule, rule_name
from abm_scoring.roi.bootstrap import sparse_sums

#: Belongs wherever credit is shown.
WHAT_CREDIT_IS_NOT = (
    "Credit divides wins among the touches that came before them, by a rule that somebody chose. It does not say what "
    "the touches caused: a touch that changed nothing gets credit too, because accounts that were about to buy are "
    "touched more. What a campaign caused is told by a randomised holdout only."
)

#: Line of the wins before which no touch is known; every rule shows the same there.
NO_TOUCH = "(no known touch)"

#: Chains with more states than this get no interval, because each draw would solve the whole chain anew.
_STATES_WITH_INTERVAL = 300

_COLUMNS = [f"{value}{end}" for value in ("wins", "money", "share") for end in ("", "_low", "_high")]


@dataclass(frozen=True)
class Attribution:
    """What each rule says.

    Attributes:
        credits: One row a rule and unit: rule, unit, then wins, money (project currency) and share of all wins, each
            with `_low` and `_high` (NaN where there is no interval). Each rule's wins and money sum to the totals.
        wins: All wins.
        money: All money.
        notes: What a reader must know, e.g. why a rule has no interval.
    """

    credits: pd.DataFrame
    wins: float
    money: float
    notes: tuple[str, ...] = ()

    def side_by_side(self, value: Literal["wins", "money", "share"] = "share") -> pd.DataFrame:
        """One row a unit, one column a rule, and `disagreement`: largest minus smallest value over the rules.

        Rows are in descending order of the mean over rules, then by name.
        """
        wide = self.credits.pivot(index="unit", columns="rule", values=value)
        wide = wide[list(dict.fromkeys(self.credits["rule"]))]
        wide.columns.name = None
        mean = wide.mean(axis=1)
        wide["disagreement"] = wide.max(axis=1) - wide.min(axis=1)
        return wide.iloc[np.lexsort((wide.index.to_numpy(dtype=object).astype(str), -mean.to_numpy()))].reset_index()

    def as_json(self) -> dict[str, Any]:
        """Plain values: totals, the credits, the disagreement in share, and what credit is not."""
        rows = self.credits.astype(object).where(self.credits.notna(), None)
        apart = self.side_by_side("share")
        return {
            "wins": self.wins,
            "money": self.money,
            "credits": rows.to_dict(orient="records"),
            "disagreement": dict(zip(apart["unit"], apart["disagreement"].astype(object), strict=True)),
            "notes": list(self.notes),
            "what_credit_is_not": WHAT_CREDIT_IS_NOT,
        }


def attribute(paths: Paths, spec: AttributionSpec | None = None) -> Attribution:
    """Credit of every unit under every rule.

    Intervals resample account families (percentiles of `spec.draws` draws) and hold the whole question: how many wins
    there are and who gets them. They are left out where paths belong to no family.

    Args:
        paths: Touches and what they led to.
        spec: Rules and resampling.

    Returns:
        Credits that sum to all wins and all money for each rule; wins without any touch stand in a line of their own.

    Raises:
        BadDataError: A rule needs what the paths do not have, e.g. times.
    """
    spec = spec or AttributionSpec()
    wins, money = float(paths.wins.sum()), float(paths.money.sum())
    drawn = spec.draws > 0 and paths.family is not None and len(paths) > 0
    families = np.unique(paths.family) if drawn and paths.family is not None else None
    won, frames, notes = paths.converted(), [], []
    if spec.draws > 0 and paths.family is None:
        notes.append("no intervals: the paths belong to no account families that could be resampled")
    for rule in spec.rules:
        if isinstance(rule, Markov):
            found, draws, note = _markov(paths, rule, spec, families)
        else:
            found, draws, note = *_divided(won, rule, spec, families), None
        frames.append(_frame(paths, rule_name(rule), found, draws, spec.level))
        notes += [note] if note else []
    return Attribution(pd.concat(frames, ignore_index=True), wins, money, tuple(notes))


def _divided(
    won: Paths, rule: TouchRule, spec: AttributionSpec, families: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Credit float64 [units + 1, 2] (the last line: no touch), and its draws [draws, units + 1, 2]."""
    weights = rule.weights(won)
    found = np.vstack([touches.credit(won, weights), won.untouched])
    if families is None:
        return found, None
    order, starts = _by_family(won, families)
    offsets, columns, values = touches.family_credit(won, weights, order)
    return found, sparse_sums(offsets[starts], columns, values, len(found), spec.draws, spec.seed)


def _by_family(paths: Paths, families: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the paths by family, and where each of the (sorted) families begins in it, int64 [families + 1].

    Every rule draws among the same families, those without a win included, so that its draws pair with the others'.
    """
    own = np.zeros(len(paths), "int64") if paths.family is None else paths.family
    order = np.argsort(own, kind="stable")
    return order, np.append(np.searchsorted(own[order], families), len(own))


def _markov(
    paths: Paths, rule: Markov, spec: AttributionSpec, families: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    """The same for a chain, and why it has no draws if it has none."""
    made, none = markov.chain(paths, rule.order), paths.untouched
    wins, money = float(paths.wins.sum()) - none[0], float(paths.money.sum()) - none[1]
    found = np.vstack([_credited(made, len(paths.units), wins, money), none])
    if families is None:
        return found, None, None
    if made.n_states > _STATES_WITH_INTERVAL:
        return found, None, f"{rule_name(rule)} has no intervals: its chain has {made.n_states} states"
    return found, _markov_draws(paths, rule, made, spec, families), None


def _credited(made: markov.Chain, n_units: int, wins: float, money: float) -> np.ndarray:
    effects = np.zeros((n_units, 2))
    effects[: len(made.members)] = markov.removal_effects(made)
    return markov.shared_out(effects, wins, money)


def _markov_draws(
    paths: Paths, rule: Markov, made: markov.Chain, spec: AttributionSpec, families: np.ndarray
) -> np.ndarray:
    """The chain of each draw is counted from the moves of the drawn families, and solved."""
    order, starts = _by_family(paths, families)
    offsets, columns, values = markov.family_moves(paths, rule.order, made, order)
    m, s = len(made.moves), made.n_states
    sums = sparse_sums(offsets[starts], columns, values, m + 3 * s + 2, spec.draws, spec.seed)[:, :, 0]
    out = np.empty((spec.draws, len(paths.units) + 1, 2))
    for k, row in enumerate(sums):
        won, nulls, money = row[m : m + 3 * s].reshape(3, s)
        own = replace(made, moves=row[:m], wins=won, nulls=nulls, money=money)
        out[k, :-1] = _credited(own, len(paths.units), float(won.sum()), float(money.sum()))
        out[k, -1] = row[m + 3 * s :]
    return out


def _frame(paths: Paths, name: str, found: np.ndarray, draws: np.ndarray | None, level: float) -> pd.DataFrame:
    total = found[:, 0].sum()
    point = np.column_stack([found, found[:, 0] / total if total else np.full(len(found), np.nan)])
    low, high = np.full_like(point, np.nan), np.full_like(point, np.nan)
    if draws is not None:
        sums = draws[:, :, 0].sum(axis=1, keepdims=True)
        share = np.divide(draws[:, :, 0], sums, out=np.full(draws.shape[:2], np.nan), where=sums != 0)
        whole = np.dstack([draws, share])
        if total:
            low, high = np.nanquantile(whole, [(1 - level) / 2, (1 + level) / 2], axis=0)
    ends = np.stack([point, low, high], axis=2).reshape(len(point), -1)
    frame = pd.DataFrame(ends, columns=_COLUMNS)
    frame.insert(0, "unit", [*paths.units, NO_TOUCH])
    frame.insert(0, "rule", name)
    return frame if any(paths.untouched) else frame.iloc[:-1]
