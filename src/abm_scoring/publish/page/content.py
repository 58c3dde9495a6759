"""What the page shows: frames of one run, turned into small columns that a browser reads quickly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from abm_scoring.publish.page.changes import SILENT_WEEKS, at_risk, lost_mqas, movers, new_mqas
from abm_scoring.publish.words import Words

#: Weeks of activity, oldest first, as the frozen rows name them.
WEEKS = tuple(f"activity_week_{week:02d}" for week in range(1, 27))
#: Columns of the list that say nothing about one account.
_RUN_WIDE = ("rung", "horizon_days", "data_as_of", "model_version", "config_hash", "score_percentile")
_ROLES = ("roles_engaged", "roles_missing")
_SLOTS = tuple(f"reason_{i}" for i in range(1, 5)) + tuple(f"negative_reason_{i}" for i in range(1, 3))
#: Columns of the frozen rows that a page draws.
DRAWN = (*(f"{slot}_contribution" for slot in _SLOTS), *WEEKS)
#: Days of score history that are drawn, the last ones.
_HISTORY = 30


@dataclass(frozen=True)
class PageContent:
    """What one page shows; whatever is missing is left out of the page.

    Attributes:
        project: Name of the project.
        ranked: The ranked list as published, n rows in list order; needs `rank`, `account_id` and `score`.
        words: The language.
        currency: ISO 4217 code of all amounts.
        timezone: Clock by which a moment is a day.
        frozen: Frozen rows, of which `reason_<i>_contribution` and `negative_reason_<i>_contribution` (log-odds) and
            `activity_week_01` … `_26` (inbound events, oldest first) are used; found by `account_id`.
        transitions: MQA transitions of this run: `account_id`, `from`, `to`, `rule`, `value`, `threshold`.
        history: Scores of this and earlier runs: `account_id`, `as_of`, `score`.
        funnel: Stage code → number of accounts, first stage first.
    """

    project: str
    ranked: pd.DataFrame
    words: Words
    currency: str = "EUR"
    timezone: str = "UTC"
    frozen: pd.DataFrame | None = None
    transitions: pd.DataFrame | None = None
    history: pd.DataFrame | None = None
    funnel: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything that the page's script reads: texts, columns, changes; plain JSON values only."""
        ranked, words = self.ranked.reset_index(drop=True), self.words
        shown = [str(c) for c in ranked if c not in _RUN_WIDE]
        frozen = _beside(ranked, self.frozen)
        return {
            "project": self.project,
            "currency": self.currency,
            "language": words.language,
            "decimal": words.grammar.decimal,
            "words": dict(words.interface.page),
            "counted": {key: dict(forms) for key, forms in words.interface.counted.items()},
            "headings": {c: words.heading(c) for c in map(str, ranked)},
            "meanings": {c: words.meaning(c) for c in map(str, ranked) if words.meaning(c)},
            "codes": _codes(ranked, words),
            "run": {c: str(ranked[c].iloc[0]) for c in ("data_as_of", "model_version") if c in ranked and len(ranked)},
            "n": len(ranked),
            "columns": {c: _column(ranked[c], self.timezone) for c in shown},
            "contributions": {s: _floats(frozen[c], 3) for s in _SLOTS if (c := f"{s}_contribution") in frozen},
            "activity": _activity(frozen),
            "history": _history(ranked, self.history, self.timezone),
            "funnel": [[words.stage(stage), int(count)] for stage, count in self.funnel.items()],
            "changes": _changes(ranked, frozen, self.transitions, words),
        }


def _beside(ranked: pd.DataFrame, frozen: pd.DataFrame | None) -> pd.DataFrame:
    """The frozen rows in list order; no columns where there are none."""
    if frozen is None:
        return pd.DataFrame(index=ranked.index)
    present = [c for c in DRAWN if c in frozen]
    return frozen.set_index("account_id")[present].reindex(ranked["account_id"]).reset_index(drop=True)


def _column(column: pd.Series, timezone: str) -> dict[str, Any]:
    """A column as `{"n": [numbers]}`, `{"t": [texts], "i": [positions]}` or `{"d": [days]}`; null is null or -1."""
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        column = column.astype(object).map({True: "true", False: "false"})
    elif types.is_numeric_dtype(dtype):
        return {"n": _floats(column, 5)}
    elif types.is_datetime64_any_dtype(dtype):
        days = column.dt.tz_convert(timezone).dt.strftime("%Y-%m-%d")
        return {"d": [None if day != day else day for day in days.astype(object)]}
    codes, found = pd.factorize(column.astype("str").where(column.notna() & (column != "")))
    return {"t": [str(text) for text in found], "i": codes.tolist()}


def _floats(column: pd.Series, places: int) -> list[float | int | None]:
    values = np.round(column.to_numpy("float64", na_value=np.nan), places) + 0.0
    return [None if not np.isfinite(v) else int(v) if v == int(v) else v for v in values.tolist()]


def _codes(ranked: pd.DataFrame, words: Words) -> dict[str, dict[str, str]]:
    """Codes of this list in words, by column."""
    coded = {
        column: {str(code): words.coded(column, str(code)) for code in ranked[column].dropna().unique()}
        for column in ("mqa_status", "score_trend")
        if column in ranked
    }
    roles = {r.strip() for c in _ROLES if c in ranked for cell in ranked[c].dropna().unique() for r in cell.split(";")}
    return coded | {"roles": {role: words.role(role) for role in sorted(roles) if role}}


def _activity(frozen: pd.DataFrame) -> list[str] | None:
    """Events a week and account, oldest first, as `0,3,12,…`; None where the run has no activity."""
    if not set(WEEKS) <= set(frozen.columns):
        return None
    counts = frozen[list(WEEKS)].fillna(0).to_numpy("int64")
    return [",".join(map(str, row)) for row in counts.tolist()]


def _history(ranked: pd.DataFrame, history: pd.DataFrame | None, timezone: str) -> dict[str, Any] | None:
    """`{"days": […], "scores": [[…] an account]}`, the last days only; None without two of them."""
    if history is None or history["as_of"].nunique() < 2:
        return None
    wide = history.pivot_table(index="account_id", columns="as_of", values="score", aggfunc="last", observed=True)
    wide = wide[sorted(wide.columns)[-_HISTORY:]].reindex(ranked["account_id"])
    scores = np.round(wide.to_numpy("float64"), 1)
    return {
        "days": [pd.Timestamp(day).tz_convert(timezone).strftime("%Y-%m-%d") for day in wide.columns],
        "scores": [[None if v != v else v for v in row] for row in scores.tolist()],
    }


def _changes(
    ranked: pd.DataFrame, frozen: pd.DataFrame, transitions: pd.DataFrame | None, words: Words
) -> dict[str, list[dict[str, Any]]]:
    """The groups of the page's second view; a group that the run cannot know is left out."""
    recent = frozen[list(WEEKS[-SILENT_WEEKS:])].sum(axis=1) if set(WEEKS) <= set(frozen.columns) else None
    groups: dict[str, pd.DataFrame] = {}
    if transitions is not None:
        groups |= {"new": new_mqas(transitions), "lost": lost_mqas(transitions)}
    if "mqa_status" in ranked:
        groups["risk"] = at_risk(ranked, recent)
    if "score_change" in ranked:
        groups |= dict(zip(("risers", "fallers"), movers(ranked), strict=True))
    place = {account: i for i, account in enumerate(ranked["account_id"])}
    return {name: [_entry(row, place, words) for row in group.to_dict("records")] for name, group in groups.items()}


def _entry(row: Mapping[Any, Any], place: Mapping[str, int], words: Words) -> dict[str, Any]:
    """One account of a group: `row` is its place on the list (None where it has left it), `why` a sentence."""
    page, grammar = words.interface.page, words.grammar
    why = [words.rule(row["rule"])] if isinstance(row.get("rule"), str) else []
    value, threshold = row.get("value"), row.get("threshold")
    if why and isinstance(value, float) and isinstance(threshold, float) and value == value and threshold == threshold:
        why.append(page["evidence"].format(value=grammar.number(value), threshold=grammar.number(threshold)))
    if row.get("falling"):
        why.append(page["risk_falling"].format(points=grammar.number(round(-row["score_change"], 1))))
    if row.get("silent"):
        why.append(page["risk_silent"])
    if isinstance(row.get("change_reason"), str):
        why.append(row["change_reason"])
    account = str(row["account_id"])
    return {"id": account, "row": place.get(account), "why": "; ".join(why)}
