"""Expected value: probability × what a conversion is worth × gross margin rate (a hurdle model).

The two parts are fitted and judged apart, because they fail apart: a wrong number of conversions is an error of volume,
a wrong worth of each an error of value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from abm_scoring.learning.evaluation import ratio_interval
from abm_scoring.learning.outcome import Outcome
from abm_scoring.learning.severity import LogNormalSeverity, Severity, fit_severity
from abm_scoring.learning.specs import ModelSpec
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value_sources import NoValue, Recorded, Source
from abm_scoring.learning.weights import mean_of, quantiles, sum_of, times
from abm_scoring.spec import Spec

#: Share of the list that a ranking by value is judged on.
TOP = 0.1


class Value(Spec):
    """What a model needs to put money beside its probabilities.

    Attributes:
        source: Kind of the source of values.
        gross_margin_rate: Share of a value that is gross margin.
        severity: What a conversion is worth.
    """

    source: str
    gross_margin_rate: float
    severity: Severity

    def columns(self, frame: pd.DataFrame, probability: np.ndarray) -> pd.DataFrame:
        """`expected_deal_value` and `expected_value` = probability × it × gross margin rate, float64, money.

        Args:
            frame: n rows of features.
            probability: n probabilities.
        """
        worth = self.severity.values(frame)
        return pd.DataFrame(
            {"expected_deal_value": worth, "expected_value": probability * worth * self.gross_margin_rate},
            index=frame.index,
        )


def no_value(frame: pd.DataFrame) -> pd.DataFrame:
    """The same columns where no value is expected of anybody: NaN."""
    return pd.DataFrame(np.nan, index=frame.index, columns=["expected_deal_value", "expected_value"], dtype="float64")


@dataclass(frozen=True)
class Valued:
    """What fitting the value came to.

    Attributes:
        value: To ship; None where nothing is expected of anybody.
        results: JSON values: `source`, `reason` where there is no value, `shipped` and `test`.
        warnings: What a reader must know.
    """

    value: Value | None
    results: dict[str, Any]
    warnings: tuple[str, ...] = ()


def with_values(training: TrainingSet, source: Source, recorded: Recorded) -> TrainingSet:
    """The rows with what their conversions were worth and what their accounts were worth in the horizon before.

    Args:
        training: Rows with labels.
        source: Where values stand.
        recorded: What the source knows of all accounts.
    """
    if isinstance(source, NoValue) or not training.converted.any():
        return training
    as_of = pd.Series(training.as_of).dt.tz_localize("UTC")
    rows = pd.DataFrame({"account_id": pd.Series(training.account_id, dtype="str"), "as_of": as_of})
    amounts = recorded.amounts(rows, training.horizon_days)
    return replace(
        training,
        value=np.where(training.converted, amounts, np.nan),
        past_value=recorded.past(rows, training.horizon_days),
    )


def train_value(training: TrainingSet, outcome: Outcome, source: Source, recorded: Recorded, spec: ModelSpec) -> Valued:
    """Measure the value on the test part as the probability was measured, and fit it on everything for shipping.

    Args:
        training: From `with_values`.
        outcome: What training the probability came to.
        source: Where values stand; its cap and its smallest number of wins.
        recorded: What the source knows beside the rows.
        spec: Seed, threads and resamples.
    """
    found: dict[str, Any] = {"source": source.kind, "gross_margin_rate": source.gross_margin_rate}
    reason = _obstacle(training, outcome)
    if reason:
        return Valued(None, {**found, "reason": reason, "shipped": None, "test": None})
    known = _known(training)
    cap = _cap(known, source)
    severity = fit_severity(known, cap, source.min_wins, recorded.typical(None), spec)
    value = Value(source=source.kind, gross_margin_rate=source.gross_margin_rate, severity=severity)
    results = {
        **found,
        "reason": None,
        "shipped": _shipped(known, severity, cap, source),
        "test": _test(training, outcome, source, recorded, spec),
    }
    return Valued(value, results, _warnings(training, known))


def _obstacle(training: TrainingSet, outcome: Outcome) -> str | None:
    if outcome.model is None or outcome.rung == "profile":
        return "no probability is claimed"
    if training.value is None:
        return "the data do not say what a conversion is worth"
    if not (np.nan_to_num(training.value) > 0).any():
        return "no conversion has a positive value"
    return None


def _known(rows: TrainingSet) -> TrainingSet:
    """Conversions of known value."""
    assert rows.value is not None
    return rows.take(rows.converted & ~np.isnan(rows.value))


def _cap(known: TrainingSet, source: Source) -> float:
    assert known.value is not None
    return float(quantiles(known.value, np.array(source.cap_quantile), known.weight))


def _warnings(training: TrainingSet, known: TrainingSet) -> tuple[str, ...]:
    conversions = training.count(training.converted)
    missing = conversions - known.size
    share = missing / conversions
    if share < 0.05:
        return ()
    return (f"value: {missing} conversions ({share:.0%}) have no value and are not learnt from",)


def _shipped(known: TrainingSet, severity: Severity, cap: float, source: Source) -> dict[str, Any]:
    assert known.value is not None
    value = known.value
    return {
        "kind": severity.kind,
        "rows": known.size,
        "converted_accounts": len(set(known.account_id.tolist())),
        "mean": mean_of(value, known.weight),
        "median": _median(value, known.weight),
        "smearing_ratio": severity.ratio if isinstance(severity, LogNormalSeverity) else None,
        "cap": cap,
        "cap_quantile": source.cap_quantile,
        "capped_rows": known.count(value > cap),
        "capped_away_share": _ratio(sum_of(np.maximum(value - cap, 0), known.weight), sum_of(value, known.weight)),
        "largest": float(value.max()),
        "largest_share": _ratio(_of_account(known, value).max(), sum_of(value, known.weight)),
    }


def _test(
    training: TrainingSet, outcome: Outcome, source: Source, recorded: Recorded, spec: ModelSpec
) -> dict[str, Any] | None:
    """Expected against realised value on the test part, by a model that knows nothing after the part before it."""
    before, p = training.take(outcome.windows.before_test), outcome.test_probability
    known, rows = _known(before), training.take(outcome.windows.test)
    assert known.value is not None and rows.value is not None
    if p is None or not (known.value > 0).any():
        return None
    stated = ~rows.converted | ~np.isnan(rows.value)
    realised = np.nan_to_num(rows.value[stated])
    rows, p = rows.take(stated), p[stated]
    typical = recorded.typical(rows.as_of.min())
    severity = fit_severity(known, _cap(known, source), source.min_wins, typical, spec)
    worth = severity.values(rows.features)
    weight = rows.weight
    total = sum_of(realised, weight)
    largest = int(np.argmax(realised))
    same = (rows.account_id == rows.account_id[largest]) & (realised == realised[largest])
    expected = p * worth
    came = rows.converted
    weight_same, weight_other = (None if weight is None else weight[chosen] for chosen in (same, ~same))
    return {
        "kind": severity.kind,
        "rows": rows.size,
        "conversions": rows.count(came),
        "realised": total,
        "total_ratio": _ratio(sum_of(expected, weight), total),
        "total_ratio_ci": ratio_interval(
            times(expected, weight), times(realised, weight), rows.family, spec.bootstrap, spec.seed
        ),
        "volume_ratio": _ratio(sum_of(p, weight), sum_of(came, weight)),
        "value_ratio": _ratio(sum_of(worth[came], None if weight is None else weight[came]), total),
        "top_decile_share": _top_share(expected, realised, weight),
        "top_decile_share_by_probability": _top_share(p, realised, weight),
        "largest_share": _ratio(sum_of(realised[same], weight_same), total),
        "total_ratio_without_largest": _ratio(sum_of(expected, weight), sum_of(realised[~same], weight_other)),
        "past_value": _past_value(before, rows, realised),
    }


def _past_value(before: TrainingSet, rows: TrainingSet, realised: np.ndarray) -> dict[str, Any] | None:
    """The baseline: realised value in proportion to what the account was worth in the horizon before.

    None where no account was worth anything before, as with new customers.
    """
    assert before.past_value is not None and before.value is not None and rows.past_value is not None
    factor = _ratio(sum_of(np.nan_to_num(before.value), before.weight), sum_of(before.past_value, before.weight))
    if factor is None or not (rows.past_value > 0).any():
        return None
    return {
        "factor": factor,
        "total_ratio": _ratio(factor * sum_of(rows.past_value, rows.weight), sum_of(realised, rows.weight)),
        "top_decile_share": _top_share(rows.past_value, realised, rows.weight),
    }


def _top_share(score: np.ndarray, realised: np.ndarray, weight: np.ndarray | None) -> float | None:
    """Share of the realised value that the best tenth of rows by score holds; ties in the order of rows."""
    order = np.argsort(-score, kind="stable")
    if weight is None:
        best = order[: max(1, round(TOP * len(score)))]
        return _ratio(realised[best].sum(), realised.sum())
    size = weight[order]
    # Of the row at the edge, as much as is wanted.
    taken = np.clip(max(1, round(TOP * weight.sum())) - (np.cumsum(size) - size), 0, size)
    return _ratio(taken @ realised[order], weight @ realised)


def _median(value: np.ndarray, weight: np.ndarray | None) -> float:
    return float(np.median(value) if weight is None else quantiles(value, np.array(0.5), weight))


def _of_account(known: TrainingSet, value: np.ndarray) -> np.ndarray:
    """Sums of one conversion over the rows that see it: rows of an account with the same value are one conversion."""
    sums = pd.Series(times(value, known.weight)).groupby([known.account_id, value]).sum()
    return sums.to_numpy()


def _ratio(above: float, below: float) -> float | None:
    return float(above / below) if below > 0 else None
