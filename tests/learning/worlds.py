"""Small made-up markets of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.features.moments import DAY
from abm_scoring.learning.contributions import probability
from abm_scoring.learning.sampling import Shares, by_day, weights
from abm_scoring.learning.training_set import TrainingSet


def drawn(rows: TrainingSet, shares: Shares, seed: int) -> TrainingSet:
    """The sample that training would have built features for."""
    as_of, came = rows.as_of.astype(np.int64), rows.converted
    kept, day = shares.drawn(rows.account_id, as_of, came, seed), as_of // DAY
    weight = weights(came[kept], day[kept], (by_day(day[~came]), by_day(day[came])))
    return replace(rows.take(kept), weight=weight)


def number(name: str, topic: str = "engagement", part: str = "behaviour", sign: int = 0, **args: str | int) -> Feature:
    unit = "events" if "days" in args else ""
    return Feature(name=name, topic=topic, meaning=name, source="events", part=part, sign=sign, unit=unit, args=args)


def category(name: str, topic: str = "", part: str = "fit") -> Feature:
    return Feature(name=name, topic=topic or name, kind="category", meaning=name, source="accounts", part=part)


CATALOGUE = (
    number("web_visit_count_30d", "web_visit", sign=1, event_type="web_visit", days=30),
    number("web_visit_count_90d", "web_visit", sign=1, event_type="web_visit", days=90),
    number("meeting_count_30d", "meeting", sign=1, event_type="meeting", days=30),
    number("any_recency"),
    category("sector"),
    number("fit_size", "fit_size", "fit", sign=1),
    number("fit_total", "fit_total", "fit", sign=1),
)


def market(
    accounts: int = 400,
    dates: int = 8,
    every_days: int = 30,
    strength: float = 1.0,
    level: float = -1.5,
    seed: int = 0,
    horizon_days: int = 90,
) -> TrainingSet:
    """Each account at each date; the log-odds of converting are known up to `strength`.

    Two accounts form a family. An account keeps its sector and fit; its activity is drawn anew at each date.
    """
    rng = np.random.default_rng(seed)
    n = accounts * dates
    account = np.tile(np.arange(accounts), dates)
    start = np.datetime64("2025-01-01T00:00:00.000000")
    as_of = np.repeat(start + np.arange(dates) * np.timedelta64(every_days, "D"), accounts)
    fit = rng.random(accounts)[account]
    sector = rng.integers(0, 4, accounts)[account]
    visits = rng.poisson(np.exp(rng.normal(0, 1, n)))
    meetings = rng.poisson(0.3, n)
    recency = np.where(visits > 0, rng.exponential(20, n), np.nan)
    signal = 1.5 * (fit - 0.5) + 0.6 * np.log1p(visits) - 0.5 + 0.8 * meetings + 0.5 * (sector == 1)
    converted = rng.random(n) < probability(level + strength * signal)
    frame = pd.DataFrame(
        {
            "web_visit_count_30d": visits.astype(float),
            "web_visit_count_90d": (visits + rng.poisson(1, n)).astype(float),
            "meeting_count_30d": meetings.astype(float),
            "any_recency": recency,
            "sector": pd.Series(np.array(["pharma", "biotech", "retail", "energy"])[sector], dtype="str"),
            "fit_size": np.where(rng.random(n) < 0.1, np.nan, fit),
            "fit_total": fit,
        }
    )
    ids = np.array([f"a{i:05d}" for i in range(accounts)], dtype=object)
    families = np.array([f"f{i // 2:05d}" for i in range(accounts)], dtype=object)
    return TrainingSet(frame, converted, as_of, ids[account], families[account], CATALOGUE, horizon_days)


def relabelled(training: TrainingSet, converted: np.ndarray) -> TrainingSet:
    """The same rows with other outcomes."""
    return TrainingSet(
        training.features,
        converted,
        training.as_of,
        training.account_id,
        training.family,
        training.catalogue,
        training.horizon_days,
    )
