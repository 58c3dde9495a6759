"""`train | choose | test` in time, with an embargo between neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from abm_scoring.errors import ConfigError
from abm_scoring.learning.specs import SplitSpec

#: More candidate dates than this are thinned evenly; a day more or less does not matter then.
MAX_CANDIDATES = 400


@dataclass(frozen=True)
class Windows:
    """Which rows serve which purpose; a row between two parts serves none of them.

    Attributes:
        train: n booleans, rows that candidates are fitted on.
        choose: n booleans, rows that decide between candidates and whether to recalibrate.
        test: n booleans, rows that nothing is decided on.
        before_test: n booleans, rows matured before the test begins, those between `train` and `choose` included.
        choose_from: First date of the choosing part; None if there is none.
        test_from: First date of the test part; None if there is none.
        embargo_days: Days between the parts.
        warnings: What a reader of the results must know, in words.
    """

    train: np.ndarray
    choose: np.ndarray
    test: np.ndarray
    before_test: np.ndarray
    choose_from: date | None
    test_from: date | None
    embargo_days: int
    warnings: tuple[str, ...]


def split(
    as_of: np.ndarray, spec: SplitSpec, horizon_days: int, timezone: str = "UTC", weight: np.ndarray | None = None
) -> Windows:
    """Cut matured rows into parts.

    A row belongs to an earlier part only if `as_of + embargo` is not after the start of the next part. Dates not
    given maximise Σ share · log(rows) over the three parts: without an embargo that yields exactly the wanted shares,
    and where the embargo takes rows away, all parts give way together. History too short for three parts leaves out
    the test, then also the choosing part, and says so.

    Args:
        as_of: n timestamps, `datetime64[us]`, UTC.
        spec: Dates, shares and embargo.
        horizon_days: Length of the label's window, the default embargo.
        timezone: Zone in which the spec's dates begin.
        weight: How many rows each of the n stands for; None = one each.

    Raises:
        ConfigError: `choose_from` is not before `test_from`.
    """
    if spec.choose_from and spec.test_from and spec.choose_from >= spec.test_from:
        raise ConfigError(
            f"choose_from {spec.choose_from} is not before test_from {spec.test_from}",
            where="split",
            fix="the order in time is train, choose, test",
        )
    embargo_days = horizon_days if spec.embargo_days is None else spec.embargo_days
    embargo = np.timedelta64(embargo_days, "D")
    warnings = _embargo_warning(embargo_days, horizon_days)
    choose_at, test_at = _starts(as_of, spec, embargo, timezone, weight)
    if test_at is None:
        warnings.append(
            "not enough history for a test part"
            + (f" that begins on {spec.test_from}" if spec.test_from else f" with an embargo of {embargo_days} days")
            + ": quality is not measured on untouched rows"
        )
    if choose_at is None:
        warnings.append("not enough history for a choosing part: no model can be compared with the constant")
    everything = np.ones(len(as_of), dtype=bool)
    test = as_of >= test_at if test_at is not None else ~everything
    before_test = before(as_of, test_at, embargo) if test_at is not None else everything
    choose = before_test & (as_of >= choose_at) if choose_at is not None else ~everything
    train = before_test & before(as_of, choose_at, embargo) if choose_at is not None else before_test
    return Windows(
        train,
        choose,
        test,
        before_test,
        _local_date(choose_at, timezone),
        _local_date(test_at, timezone),
        embargo_days,
        tuple(warnings),
    )


def before(as_of: np.ndarray, start: np.datetime64, embargo: np.timedelta64) -> np.ndarray:
    """Rows of an earlier part than the one that begins at `start`; without an embargo, strictly before it."""
    return (as_of + embargo <= start) & (as_of < start)


def _embargo_warning(embargo_days: int, horizon_days: int) -> list[str]:
    if embargo_days >= horizon_days:
        return []
    return [
        f"the embargo of {embargo_days} days is shorter than the horizon of {horizon_days} days: outcomes of one part "
        "were still open when the next began, so quality may be measured too high"
    ]


Start = np.datetime64 | None


def _starts(
    as_of: np.ndarray, spec: SplitSpec, embargo: np.timedelta64, timezone: str, weight: np.ndarray | None
) -> tuple[Start, Start]:
    """When the choosing part and the test part begin; None for a part that cannot be had."""
    order = np.argsort(as_of, kind="stable")
    ordered = as_of[order]
    # Rows among the first i; counted in whole rows where none stands for others.
    upto = np.arange(len(order) + 1) if weight is None else np.concatenate([[0.0], np.cumsum(weight[order])])
    days = _candidate_days(ordered, timezone)
    choose_days = _given(spec.choose_from, timezone, days)
    test_days = _given(spec.test_from, timezone, days)
    earlier = 1 - spec.test_share
    shares = np.array([earlier * (1 - spec.choose_share), earlier * spec.choose_share, spec.test_share])
    train = upto[_count_before(ordered, choose_days, embargo)][:, None]
    choose = upto[_count_before(ordered, test_days, embargo)] - upto[np.searchsorted(ordered, choose_days)][:, None]
    test = (upto[-1] - upto[np.searchsorted(ordered, test_days)])[None, :]
    with_test = _place((train, choose, test), shares)
    if with_test is not None:
        return choose_days[with_test[0]], test_days[with_test[1]]
    if spec.test_from and test.any():
        # The user's test date stands even if nothing can be chosen before it.
        return None, test_days[0]
    without = _place((train, (upto[-1] - upto[np.searchsorted(ordered, choose_days)])[:, None]), shares[:2])
    return (choose_days[without[0]] if without is not None else None), None


def _count_before(ordered: np.ndarray, starts: np.ndarray, embargo: np.timedelta64) -> np.ndarray:
    """`before`, counted for each start."""
    return np.minimum(np.searchsorted(ordered, starts - embargo, "right"), np.searchsorted(ordered, starts))


def _place(rows: tuple[np.ndarray, ...], shares: np.ndarray) -> tuple[int, ...] | None:
    """Indices of the best cell of Σ share · log(rows); None if some part is empty in every cell."""
    with np.errstate(divide="ignore"):
        utility = sum(share * np.log(np.maximum(part, 0)) for share, part in zip(shares, rows, strict=True))
    if not np.size(utility) or np.max(utility) == -np.inf:
        return None
    return tuple(int(i) for i in np.unravel_index(np.argmax(utility), np.shape(utility)))


def _candidate_days(ordered: np.ndarray, timezone: str) -> np.ndarray:
    local = pd.DatetimeIndex(ordered).tz_localize("UTC").tz_convert(timezone).normalize().unique()
    days = local.tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[us]")
    if len(days) <= MAX_CANDIDATES:
        return days
    return days[np.linspace(0, len(days) - 1, MAX_CANDIDATES).round().astype(int)]


def _given(day: date | None, timezone: str, candidates: np.ndarray) -> np.ndarray:
    if day is None:
        return candidates
    moment = pd.Timestamp(day).tz_localize(timezone).tz_convert("UTC").tz_localize(None)
    return np.array([moment.to_datetime64()], dtype="datetime64[us]")


def _local_date(moment: Start, timezone: str) -> date | None:
    return None if moment is None else pd.Timestamp(moment, tz="UTC").tz_convert(timezone).date()
