"""The evaluation's figures as a page for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from abm_scoring.publish.report import Bars, Lines, ReportPage, Section, Series, Table, Tile

_NAN = float("nan")
#: Metric → its name for readers.
METRICS = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "Log-loss",
    "log_loss_constant": "Log-loss of the constant",
    "brier": "Brier score",
    "lift_at_10pct": "Lift among the best 10 %",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "expected_over_observed": "Expected ÷ observed conversions",
}
_MOST = 20


def evaluation_page(found: Mapping[str, Any]) -> ReportPage:
    """The page of `evaluation_report.figures`."""
    version = found["model_version"] or "no model shipped"
    parts = (_quality, _reliability, _gain, _opponents, _segments, _months, _curve, _importance, _audit, _unknown)
    return ReportPage(
        title="How good are the scores?",
        subtitle=f"{found['project']} · as of {found['as_of'][:10]} · {found['rung']} · model {version}",
        tiles=_tiles(found),
        sections=[section for make in parts if (section := make(found)) is not None],
        language="en",
    )


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    test, appraised = found["test"], found["appraisal"]
    if test is None or appraised is None:
        return [Tile("Quality", "not measured", found["reason"], "warn")]
    lines, capacity, skill = found["test_calibration"], appraised["capacity"], appraised["brier_skill"]
    saved = _less(test["log_loss_constant"], test["log_loss"])
    return [
        Tile("AUC, forward in time", _number(test["auc"]), _interval(test["auc_ci"])),
        Tile("Log-loss saved a row", _number(saved, 4), "against predicting the base rate", _tone(saved, 0.0)),
        Tile(f"Lift among the best {capacity['share']:.1%}", _number(capacity["lift"]), _interval(capacity["lift_ci"])),
        Tile(
            "Expected ÷ observed",
            _number(lines["expected_over_observed"]),
            _interval(lines["expected_over_observed_ci"]),
            _covers(lines["expected_over_observed_ci"], 1.0),
        ),
        Tile("Brier skill", _number(skill["value"]), _interval(skill["ci"]), _tone(skill["value"], 0.0)),
    ]


def _quality(found: Mapping[str, Any]) -> Section:
    rows, text = found["rows"], [found["reason"] + "."]
    if found["test_from"]:
        text.append(
            f"Tested once on {rows['test']} rows from {found['test_from'][:10]} on, by the recipe fitted on "
            f"{rows['train']} earlier rows, {found['embargo_days']} days apart. {found['converted_accounts']} accounts "
            "converted in all. Intervals are 95 %, bootstrapped over account families."
        )
    if found["sample"]:
        text.append(
            f"Features were built for {found['sample']['rows']:,} rows sampled from {found['sample']['of']:,}, "
            "conversions first. Weights restore the level: every figure counts a row as often as it stands for others."
        )
    measured = {**(found["test"] or {}), **(found["test_calibration"] or {})}
    table = [
        [label, measured[name], *_ends(measured[f"{name}_ci"])] for name, label in METRICS.items() if name in measured
    ]
    tables = [_table("On the untouched test part", ["Metric", "Value", "From", "To"], table)] if table else []
    return Section("Quality", [*tables, *_warned(found)], text)


def _warned(found: Mapping[str, Any]) -> list[Table]:
    return [_table("Warnings", ["Warning"], [[w] for w in found["warnings"]])] if found["warnings"] else []


def _reliability(found: Mapping[str, Any]) -> Section | None:
    if found["appraisal"] is None:
        return None
    rows = found["appraisal"]["reliability"]
    seen = Series(
        "observed",
        [row["observed"] for row in rows],
        [_or_nan(row["observed_ci"][0]) for row in rows],
        [_or_nan(row["observed_ci"][1]) for row in rows],
    )
    chart = Lines(
        "Groups of equal size, by probability",
        [row["expected"] for row in rows],
        [seen],
        format="percent",
        x_name="expected conversion rate",
        y_name="observed",
        diagonal=True,
        note="On the diagonal, a probability is what it says.",
    )
    return Section("Are the probabilities right?", [chart])


def _gain(found: Mapping[str, Any]) -> Section | None:
    if found["appraisal"] is None:
        return None
    rows = found["appraisal"]["gain"]
    shares = [row["share"] for row in rows]

    def series(name: str, label: str) -> Series:
        low, high = ([_or_nan(row[f"{name}_ci"][end]) for row in rows] for end in (0, 1))
        return Series(label, [_or_nan(row[name]) for row in rows], low, high)

    return Section(
        "What is the ranking worth?",
        [
            Lines(
                "Gain: conversions reached by working the list from the top",
                shares,
                [series("gain", "this list"), Series("at random", shares, dashed=True)],
                format="percent",
                x_name="share of the list worked",
                y_name="share of conversions",
            ),
            Lines(
                "Lift: conversion rate among the best, over that of all",
                shares,
                [series("lift", "this list"), Series("at random", [1.0] * len(shares), dashed=True)],
                x_name="share of the list worked",
                y_name="lift",
            ),
        ],
    )


def _opponents(found: Mapping[str, Any]) -> Section | None:
    if not found["test"]:
        return None
    every = {"this model": found["test"], **found["opponents"]}
    names = [name for name in ("auc", "log_loss", "brier", "pr_auc", "lift_at_10pct") if name in found["test"]]
    rows = [[who, *(measured.get(name) for name in names)] for who, measured in every.items()]
    tables = [_table("On the same test rows", ["Model", *(METRICS[name] for name in names)], rows)]
    if found["random_split_auc"] is not None:
        split = [["forward in time", found["forward_auc"]], ["random split", found["random_split_auc"]]]
        note = "A random split tests on the past of what it learnt from; what it promises above forward is not had."
        tables.append(_table("The same recipe, split at random", ["Split", "AUC"], split, note))
    return Section("Against opponents", tables)


def _segments(found: Mapping[str, Any]) -> Section | None:
    segments = found["appraisal"]["segments"] if found["appraisal"] else {}
    tables = [_group_table(name.replace("_", " ").capitalize(), rows) for name, rows in segments.items()]
    return Section("By segment", tables) if tables else None


def _months(found: Mapping[str, Any]) -> Section | None:
    return (
        Section("By month", [_group_table("Month of the snapshot", found["appraisal"]["months"])])
        if found["appraisal"]
        else None
    )


def _group_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    head = ["Group", "Rows", "Conversions", "Rate", "Expected", "Expected ÷ observed", "From", "To", "AUC"]
    cells = [
        [
            row["group"],
            row["rows"],
            row["conversions"],
            row["rate"],
            row["expected"],
            row["expected_over_observed"],
            *_ends(row["expected_over_observed_ci"]),
            row["auc"],
        ]
        for row in rows
    ]
    return Table(title, _frame(head, cells), {"Rate": "percent", "Rows": "integer", "Conversions": "integer"})


def _curve(found: Mapping[str, Any]) -> Section | None:
    rows = found["learning_curve"]
    if not rows:
        return None
    sizes = [f"{row['conversions']:,}" for row in rows]
    charts = [
        Lines(label, sizes, [Series(label, [_or_nan(row[name]) for row in rows])], x_name="conversions trained on")
        for name, label in (("log_loss", "Log-loss on the test"), ("auc", "AUC on the test"))
    ]
    return Section("Would more data help?", charts, ["The same recipe fitted on shares of the training families."])


def _importance(found: Mapping[str, Any]) -> Section | None:
    known = found["importance"]
    if not known or not known["topics"]:
        return None
    charts = [
        Bars(title, list(known[of])[:_MOST], list(known[of].values())[:_MOST])
        for of, title in (("topics", "By topic"), ("features", "By feature"))
    ]
    text = f"Mean absolute TreeSHAP and linear contributions to the log-odds over {known['rows']} training rows."
    return Section("What moves the scores", charts, [text])


def _audit(found: Mapping[str, Any]) -> Section | None:
    findings = found["leak_audit"].get("findings")
    if findings is None:
        return None
    if not findings:
        return Section("Leak audit", (), ["No feature was found to know the outcome."])
    names = list(dict.fromkeys(name for finding in findings for name in finding))
    cells = [[_text(finding.get(name)) for name in names] for finding in findings]
    return Section("Leak audit", [_table("Findings", names, cells)])


def _unknown(found: Mapping[str, Any]) -> Section:
    return Section("What the model cannot know", (), found["unknowable"])


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> Table:
    return Table(title, _frame(head, rows), note=note)


def _frame(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row[i] for row in rows]) for i, name in enumerate(head)})


def _text(value: Any) -> str | None:
    return None if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _ends(interval: Sequence[float | None]) -> list[float]:
    return [_or_nan(end) for end in interval]


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else value


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _number(value: float | None, digits: int = 3) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def _interval(ends: Sequence[float | None]) -> str:
    return "" if None in ends else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _tone(value: float | None, above: float) -> Any:
    return "plain" if value is None else "good" if value > above else "bad"


def _covers(ends: Sequence[float | None], value: float) -> Any:
    if ends[0] is None or ends[1] is None:
        return "plain"
    return "good" if ends[0] <= value <= ends[1] else "warn"
