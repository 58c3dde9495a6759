"""All rules over the same paths: credit in wins and money, with intervals, and how far the rules disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from abm_scoring.roi.attribution import markov, touches
from abm_scoring.roi.attribution.paths import Paths
from abm_scoring.roi.attribution.spec import AttributionSpec, Markov, TouchRule, rule_name

if TYPE_CHECKING:
    import pandas as pd

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
class RuleCredit:
    """What one rule says.

    Attributes:
        rule: Its name.
        units: What gets credit.
        values: float64 [units, 9]: wins, money and share of all wins, each with `_low` and `_high` (NaN where there
            is no interval).
    """

    rule: str
    units: tuple[str, ...]
    values: np.ndarray

    @property
    def wins(self) -> np.ndarray:
        """Wins of every unit, float64 [units]."""
        found: np.ndarray = self.values[:, 0]
        return found


@dataclass(frozen=True)
class Attribution:
    """What each rule says.

    Attributes:
        rules: One a rule; each one's wins and money sum to the totals.
        wins: All wins.
        money: All money.
        notes: What a reader must know, e.g. why a rule has no interval.
    """

    rules: tuple[RuleCredit, ...]
    wins: float
    money: float
    notes: tuple[str, ...] = ()

    @cached_property
    def credits(self) -> pd.DataFrame:
        """One row a rule and unit: rule, unit, then wins, money (project currency) and share of all wins.

        Each of the three has `_low` and `_high` (NaN where there is no interval).
        """
        import pandas as pd

        frame = pd.DataFrame(np.concatenate([own.values for own in self.rules]), columns=_COLUMNS)
        frame.insert(0, "unit", [unit for own in self.rules for unit in own.units])
        frame.insert(0, "rule", [own.rule for own in self.rules for _ in own.units])
        return frame

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
    notes: list[str] = []
    families = np.unique(paths.family) if spec.draws > 0 and paths.family is not None and len(paths) else None
    if spec.draws > 0 and paths.family is None:
        notes.append("no intervals: the paths belong to no account families that could be resampled")
    none = paths.untouched
    total = float(paths.wins.sum()), float(paths.money.sum())
    touch = _touch_rules(paths, [rule for rule in spec.rules if not isinstance(rule, Markov)], families, spec)
    found = []
    for rule in spec.rules:
        if isinstance(rule, Markov):
            point, draws, note = _markov(paths, rule, spec, families, (total[0] - none[0], total[1] - none[1]))
            notes += [note] if note else []
        else:
            point, draws = next(touch)
        found.append(_stated(paths.units, rule_name(rule), np.vstack([point, none]), draws, spec.level))
    return Attribution(tuple(found), *total, tuple(notes))


def _touch_rules(
    paths: Paths, rules: Sequence[TouchRule], families: np.ndarray | None, spec: AttributionSpec
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Of each rule that divides every path by itself, credit float64 [units, 2] and draws [draws, units + 1, 2]."""
    points = [np.zeros((len(paths.units), 2)) for _ in rules]
    for part in paths.parts():
        own = part.converted()
        for point, rule in zip(points, rules, strict=True):
            point += touches.credit(own, rule.weights(own))
    if families is None:
        yield from ((point, None) for point in points)
        return
    from abm_scoring.roi.attribution.draws import touch_draws

    won = paths.converted()
    yield from ((point, touch_draws(won, rule, families, spec)) for point, rule in zip(points, rules, strict=True))


def _markov(
    paths: Paths, rule: Markov, spec: AttributionSpec, families: np.ndarray | None, total: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    """The same for a chain, and why it has no draws if it has none."""
    made = markov.chain(paths, rule.order)
    point = markov.credited(made, len(paths.units), *total)
    if families is None:
        return point, None, None
    if made.n_states > _STATES_WITH_INTERVAL:
        return point, None, f"{rule_name(rule)} has no intervals: its chain has {made.n_states} states"
    from abm_scoring.roi.attribution.draws import markov_draws

    return point, markov_draws(paths, rule, made, families, spec), None


def _stated(units: tuple[str, ...], name: str, found: np.ndarray, draws: np.ndarray | None, level: float) -> RuleCredit:
    total = found[:, 0].sum()
    point = np.column_stack([found, found[:, 0] / total if total else np.full(len(found), np.nan)])
    low, high = np.full_like(point, np.nan), np.full_like(point, np.nan)
    if draws is not None:
        sums = draws[:, :, 0].sum(axis=1, keepdims=True)
        share = np.divide(draws[:, :, 0], sums, out=np.full(draws.shape[:2], np.nan), where=sums != 0)
        whole = np.dstack([draws, share])
        if total:
            low, high = np.nanquantile(whole, [(1 - level) / 2, (1 + level) / 2], axis=0)
    values = np.stack([point, low, high], axis=2).reshape(len(point), -1)
    if found[-1].any():
        return RuleCredit(name, (*units, NO_TOUCH), values)
    return RuleCredit(name, units, values[:-1])
