"""Each table and column in figures: counts, span, what is missing, how values are distributed, how late rows arrive."""

from __future__ import annotations

from typing import Any

import pandas as pd

from abm_scoring.data.profiling.findings import REFERENCES, TIMES
from abm_scoring.data.schema import TABLES
from abm_scoring.data.tables import Tables

_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
_TOP = 5
_NAMES = ("account_name", "domain")


def profile(tables: Tables, as_of: pd.Timestamp) -> dict[str, dict[str, Any]]:
    """Figures of every table.

    Returns:
        Table → `rows`, `first`, `last`, `days_without`, `lag_days` (median and 95th percentile of known_at minus the
        time itself), `currencies`, `join_rates`, and `columns`: name → `missing`, `distinct`, and `quantiles` or
        `most_common`.
        Values of ids, names and contacts are never shown.
    """
    return {name: _table(name, tables[name], tables, as_of) for name in tables}


def _table(name: str, frame: pd.DataFrame, tables: Tables, as_of: pd.Timestamp) -> dict[str, Any]:
    return {
        "rows": len(frame),
        **_span(name, frame, as_of),
        "lag_days": _lag(name, frame),
        "currencies": _currencies(frame),
        "join_rates": _join_rates(name, frame, tables),
        "columns": {str(c): _column(name, str(c), frame[c]) for c in frame},
    }


def _span(name: str, frame: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, Any]:
    time = TIMES.get(name)
    moments = frame[time].dropna() if time in frame else pd.Series(dtype="datetime64[us, UTC]")
    if moments.empty:
        return {"first": None, "last": None, "days_without": None}
    past = moments[moments < as_of]
    days = int((past.max().floor("D") - past.min().floor("D")).days) + 1 if len(past) else 0
    without = days - past.dt.floor("D").nunique() if name in ("events", "invoices") else None
    return {"first": moments.min().isoformat(), "last": moments.max().isoformat(), "days_without": without}


def _lag(name: str, frame: pd.DataFrame) -> list[float] | None:
    time = TIMES.get(name)
    if time in (None, "known_at") or time not in frame or "known_at" not in frame:
        return None
    days = (frame["known_at"] - frame[time]).dt.total_seconds().dropna() / 86_400
    return [round(float(days.quantile(q)), 3) for q in (0.5, 0.95)] if len(days) else None


def _currencies(frame: pd.DataFrame) -> dict[str, int] | None:
    if "currency" not in frame:
        return None
    return {str(c): int(n) for c, n in frame["currency"].fillna("(project)").value_counts().sort_index().items()}


def _join_rates(name: str, frame: pd.DataFrame, tables: Tables) -> dict[str, float]:
    references = {**REFERENCES, "account_id": ("accounts", "account_id")}
    rates = {}
    for column, (other, key) in references.items():
        if column in frame and other in tables and other != name and frame[column].notna().any():
            named = frame[column].dropna()
            rates[column] = round(float(named.isin(tables[other][key].dropna().unique()).mean()), 4)
    return rates


def _column(table: str, name: str, values: pd.Series) -> dict[str, Any]:
    schema = TABLES[table].by_name.get(name)
    told: dict[str, Any] = {"missing": round(float(values.isna().mean()), 4) if len(values) else None}
    told["distinct"] = int(values.nunique())
    kind = schema.type if schema else None
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        known = values.dropna().astype("float64")
        told["quantiles"] = [round(float(known.quantile(q)), 6) for q in _QUANTILES] if len(known) else None
    elif kind not in ("id", "timestamp") and table != "contacts" and name not in _NAMES and told["distinct"] <= 500:
        counts = values.dropna().astype("str").value_counts().head(_TOP)
        told["most_common"] = {str(v): int(n) for v, n in counts.items()}
    return told
