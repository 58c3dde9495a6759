"""Whether a challenger may take the champion's place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from abm_scoring.learning.evaluation import improvement_bound
from abm_scoring.learning.metrics import as_seen, calibration_line, lift_at, row_log_loss
from abm_scoring.learning.weights import mean_of, one_weighting, rows_of, sum_of

#: How much further from 1 the calibration's slope, or expected ÷ observed, may be before it counts as worse.
SLACK = 0.05


@dataclass(frozen=True)
class Comparison:
    """Champion and challenger on the same rows, which neither was fitted on.

    Attributes:
        rows, conversions: What they were compared on.
        gain: Log-loss that the challenger saves a row.
        gain_low: One-sided 95 % lower bound of it, paired and bootstrapped over account families.
        lift, slope, ratio: (champion, challenger): lift at capacity, calibration slope, expected ÷ observed.
        share: Share of accounts that the lift is taken at.
        reasons: Why not, in words; empty where the challenger may be promoted.
    """

    rows: int
    conversions: int
    gain: float
    gain_low: float
    lift: tuple[float, float]
    slope: tuple[float, float]
    ratio: tuple[float, float]
    share: float
    reasons: tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether the challenger may be promoted."""
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """JSON values; undefined numbers are null."""
        plain = asdict(self) | {"better": self.better, "reasons": list(self.reasons)}
        return {name: _plain(value) for name, value in plain.items()}


def compare(
    champion: np.ndarray,
    challenger: np.ndarray,
    converted: np.ndarray,
    family: np.ndarray,
    share: float = 0.1,
    n_boot: int = 2000,
    seed: int = 0,
    weight: np.ndarray | None = None,
) -> Comparison:
    """Compare two models on the same rows, paired.

    The challenger is better when the one-sided 95 % bootstrap bound of the log-loss that it saves is above 0 and
    neither lift at capacity nor calibration is worse.

    Args:
        champion, challenger: n probabilities.
        converted: n booleans.
        family: n ids of account families.
        share: Share of accounts that sales can work on.
        n_boot: Number of bootstrap draws.
        seed: Makes the draws reproducible.
        weight: How many rows each of the n stands for; None = one each.
    """
    gain = row_log_loss(champion, converted) - row_log_loss(challenger, converted)
    low = improvement_bound(gain, family, n_boot, seed, weight=weight)
    lift, slope, ratio = zip(*(_measured(p, converted, share, weight) for p in (champion, challenger)), strict=True)
    mean = mean_of(gain, weight) if len(gain) else float("nan")
    reasons = []
    if not low > 0:
        saved = mean if len(gain) else 0.0
        reasons.append(f"it saves {saved:.5f} of log-loss a row, and by 95 % confidence perhaps {low:.5f}")
    if lift[1] < lift[0]:
        reasons.append(f"its lift among the best {share:.0%} is {lift[1]:.2f}, the champion's {lift[0]:.2f}")
    for name, (old, new) in (("calibration slope", slope), ("expected ÷ observed", ratio)):
        if abs(new - 1) > abs(old - 1) + SLACK:
            reasons.append(f"its {name} is {new:.2f}, the champion's {old:.2f}")
    sizes = (rows_of(np.ones(len(gain), dtype=bool), weight), rows_of(converted.astype(bool), weight))
    return Comparison(*sizes, mean, low, lift, slope, ratio, share, tuple(reasons))


def _measured(
    p: np.ndarray, converted: np.ndarray, share: float, weight: np.ndarray | None
) -> tuple[float, float, float]:
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    lift = lift_at(share, as_seen(p, converted, weight))[0]
    slope = calibration_line(np.log(inside / (1 - inside)), converted.astype(bool), one_weighting(weight, len(p)))[1][0]
    seen = sum_of(converted, weight)
    return float(lift), float(slope), float(sum_of(p, weight) / seen) if seen else float("nan")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
