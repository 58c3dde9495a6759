"""The lists that people read: scores become columns in their stated order, codes become sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from abm_scoring.features.catalogue import Feature
from abm_scoring.publish.words.words import Words

#: Facts that a sentence about fit may name beside the fit itself.
_DETAILS = ("employee_count", "sector", "country", "region")


def ranked_list(
    ranked: pd.DataFrame,
    catalogue: Sequence[Feature],
    columns: Sequence[str],
    words: Words,
    constants: Mapping[str, str | int],
) -> pd.DataFrame:
    """The ranked list as published.

    Args:
        ranked: n rows in list order with the account's columns, scores, and reason codes and values; where there are
            MQAs, `mqa_reason` is the code of the rule; where there was a run before, `change_topic`, `change_delta` and
            `change_kind` say what moved the score.
        catalogue: The model's features, for their phrases.
        columns: Names in the order of the list; those that the run cannot fill are left out, not faked.
        words: The language.
        constants: Columns that have one value for the whole run.

    Returns:
        n rows with the columns that there are.
    """
    by_name = {feature.name: feature for feature in catalogue}
    filled = ranked.rename(columns={"probability": "conversion_probability"}).assign(**constants)
    for column in columns:
        if column.startswith(("reason_", "negative_reason_")) and f"{column}_feature" in ranked:
            filled[column] = _sentences(ranked, column, by_name, words)
    if "mqa_reason" in ranked:
        filled["mqa_reason"] = _worded(ranked["mqa_reason"], words.rule)
    if "change_topic" in ranked:
        filled["change_reason"] = _changes(ranked, words)
    present = [c for c in columns if c in filled]
    return filled[present]


def not_scored_list(rows: pd.DataFrame, columns: Sequence[str], words: Words) -> pd.DataFrame:
    """Accounts without a score, by reason and account_id: `columns`, of which `reason` is `status` in words."""
    reason = rows["status"].map({code: words.not_scored(code) for code in rows["status"].unique()}).astype("str")
    ordered = rows.assign(reason=reason).sort_values(["status", "account_id"], ignore_index=True)
    return ordered.reindex(columns=list(columns))


def local_days(frame: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Timestamps as the project's clock shows them, so that their date is the day people there know.

    They are called UTC all the same, because writers give days in UTC: for files that people read, never for keeping.
    """
    stamps = [c for c in frame if str(frame[c].dtype).startswith("datetime64")]
    moved = {str(c): frame[c].dt.tz_convert(timezone).dt.tz_localize(None).dt.tz_localize("UTC") for c in stamps}
    return frame.assign(**moved) if moved else frame


def _worded(codes: pd.Series, say: Callable[[str], str]) -> pd.Series:
    """Codes in words; null stays null."""
    return codes.map({code: say(code) for code in codes.dropna().unique()}).astype("str")


def _changes(ranked: pd.DataFrame, words: Words) -> pd.Series:
    told = zip(ranked["change_topic"], ranked["change_delta"], ranked["change_kind"], strict=True)
    return pd.Series([words.change(*change) for change in told], index=ranked.index, dtype="str")


def _sentences(ranked: pd.DataFrame, slot: str, by_name: Mapping[str, Feature], words: Words) -> pd.Series:
    feature = ranked[f"{slot}_feature"].to_numpy(object)
    number, text = ranked[f"{slot}_number"].to_numpy(), ranked[f"{slot}_text"].to_numpy(object)
    details = _details(ranked, by_name)
    positive = not slot.startswith("negative")
    said: list[str | None] = []
    for i, name in enumerate(feature):
        if not isinstance(name, str):
            said.append(None)
            continue
        spoken = by_name[name]
        value = text[i] if spoken.kind == "category" else number[i]
        said.append(words.reason(spoken, value, positive=positive, details=details[i]))
    return pd.Series(said, index=ranked.index, dtype="str")


def _details(ranked: pd.DataFrame, by_name: Mapping[str, Feature]) -> list[dict[str, object]]:
    facts = {name: ranked[name].to_numpy(object) for name in _DETAILS if name in ranked}
    if "fit_values" in by_name and "values" in ranked:
        facts["shared_values"] = _shared(ranked["values"], str(by_name["fit_values"].args.get("wanted", "")))
    columns = list(facts.values())
    return [
        {name: value for name, value in zip(facts, row, strict=True) if value is not None and value == value}
        for row in (zip(*columns, strict=True) if columns else ((),) * len(ranked))
    ]


def _shared(tags: pd.Series, wanted: str) -> np.ndarray:
    """Wanted corporate values that each account shows, joined by `;`."""
    order = {w.strip().casefold(): w.strip() for w in wanted.split(";") if w.strip()}
    own = [{t.strip().casefold() for t in row.split(";")} for row in tags.fillna("")]
    return np.array([";".join(w for key, w in order.items() if key in tags) for tags in own], dtype=object)
