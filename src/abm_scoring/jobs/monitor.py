"""Monitor: the ledger's runs against training and against what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm_scoring.errors import MissingInputError
from abm_scoring.features.history import History
from abm_scoring.jobs.champion import proved_bundle
from abm_scoring.jobs.gates import drifts, learnt_until
from abm_scoring.jobs.ledger import FROZEN, Link, chain, feature_counts, read_frozen
from abm_scoring.jobs.workspace import Progress, Workspace, load, silent
from abm_scoring.learning.bundle import Bundle
from abm_scoring.monitoring.drift import Drift
from abm_scoring.monitoring.watch import Cohort, Point, Watched, advice, alarms, apart, cohort
from abm_scoring.publish.disk import disk_errors
from abm_scoring.publish.staged import write_mark

if TYPE_CHECKING:
    from abm_scoring.publish.report.parts import Lines, ReportPage

#: A change of a missing share below this is not worth a name in the series.
_WORTH_NAMING = 0.01


def monitor(workspace: Workspace, as_of: pd.Timestamp, today: bool = False, progress: Progress = silent) -> Watched:
    """Watch the runs of the ledger; nothing is written.

    Args:
        workspace: Config and folders.
        as_of: Moment up to which outcomes are known.
        today: Whether that is the real today.
        progress: Told of each step.

    Raises:
        MissingInputError: There is no run yet, or one of the ledger cannot be read (66).
    """
    spec = workspace.config.monitoring
    links = chain(workspace.runs)
    if not links:
        fix = f"run `abm-scoring score {workspace.config_path}`"
        raise MissingInputError("no run has been published yet", where=str(workspace.runs), fix=fix)
    progress("reading runs", 0, 0)
    bundles = _Bundles(workspace.models)
    shown = links[-spec.runs :]
    found = [_drift(link, bundles, workspace) for link in shown]
    progress("reading tables", 0, 0)
    cohorts, warnings = _cohorts(workspace, links, as_of, today)
    series = tuple(_point(link, *one) for link, one in zip(shown, found, strict=True))
    newest, (drift, score_drift) = links[-1], found[-1]
    bundle = bundles.get(newest.manifest.model_version)
    learnt = learnt_until(bundle) if bundle else None
    age = round((newest.as_of - learnt).total_seconds() / 86_400, 3) if learnt is not None else None
    told = alarms(drift, score_drift, cohorts, series, age, spec)
    return Watched(
        project=workspace.name,
        run=newest.manifest.run_id,
        as_of=newest.as_of.isoformat(),
        model_version=newest.manifest.model_version,
        model_age_days=age,
        drift=tuple(sorted(drift, key=lambda one: (-one.psi, one.name))),
        score_drift=score_drift,
        series=series,
        cohorts=cohorts,
        alarms=told,
        advice=advice(told, drift),
        warnings=(*_blind(bundle, drift, newest), *warnings),
    )


class _Bundles:
    """Bundles by version; None where one is gone, because its runs can still be counted."""

    def __init__(self, models: Path) -> None:
        self._models, self._known = models, dict[str, Bundle | None]()

    def get(self, version: str) -> Bundle | None:
        if version not in self._known:
            folder = self._models / version
            self._known[version] = proved_bundle(folder) if folder.is_dir() else None
        return self._known[version]


def _drift(link: Link, bundles: _Bundles, workspace: Workspace) -> tuple[tuple[Drift, ...], Drift | None]:
    bundle = bundles.get(link.manifest.model_version)
    if bundle is None:
        return (), None
    return drifts(bundle, feature_counts(link), workspace.config.monitoring.drift)


def _point(link: Link, drift: Sequence[Drift], score: Drift | None) -> Point:
    m = link.manifest
    worst = max(drift, key=lambda one: one.missing - one.missing_before, default=None)
    named = worst is not None and worst.missing - worst.missing_before >= _WORTH_NAMING
    return Point(
        run=m.run_id,
        as_of=link.as_of.isoformat(),
        model_version=m.model_version,
        accounts=m.counts.ranked + m.counts.withheld,
        score_psi=score.psi if score else None,
        score_median=m.score_quantiles.get("0.5"),
        drifted=sum(one.drifted for one in drift) if drift else None,
        most_missing=worst.name if worst is not None and named else None,
        expected_conversions=m.expected_conversions,
        mqa_open=m.mqa.open if m.mqa else None,
        mqa_entered=m.mqa.entered if m.mqa else None,
    )


def _cohorts(
    workspace: Workspace, links: Sequence[Link], as_of: pd.Timestamp, today: bool
) -> tuple[tuple[Cohort, ...], tuple[str, ...]]:
    """Matured runs at non-overlapping horizons, so that a conversion counts once and not once a night."""
    label = workspace.config.label
    wait = pd.Timedelta(days=label.horizon_days + label.settle_days)
    mature = [link for link in links if link.as_of + wait <= as_of and link.manifest.horizon_days == label.horizon_days]
    mature = [mature[i] for i in apart([link.as_of for link in mature], label.horizon_days)]
    if not mature:
        return (), ()
    _, tables, warnings = load(workspace, as_of, today)
    history = History.of(tables, until=as_of, timezone=workspace.config.project.timezone)
    level = workspace.config.monitoring.calibration_level / len(mature)
    found = []
    for link in mature:
        rows = read_frozen(link.folder / FROZEN, ["account_id", "as_of", "probability"]).dropna(subset=["probability"])
        rows = rows[rows["account_id"].isin(history.account_ids)].reset_index(drop=True)
        converted = label.converted(history, rows) if len(rows) else np.zeros(0, bool)
        if len(rows):
            found.append(cohort(link.manifest.run_id, link.as_of, rows["probability"].to_numpy(), converted, level))
    return tuple(found), warnings


def _blind(bundle: Bundle | None, drift: Sequence[Drift], link: Link) -> list[str]:
    if bundle is None:
        return [f"the model {link.manifest.model_version} is gone, so nothing can be compared with its training"]
    if not drift:
        return ["the newest run or its model has no counts to compare: train and score again to see drift"]
    return []


def write_page(found: Watched, path: Path) -> None:
    """Write the report as one HTML file, in one step that readers cannot see halfway.

    Raises:
        OutputError: Its folder is missing or may not be written to (73).
    """
    from abm_scoring.publish.report import render

    with disk_errors(path.parent):
        write_mark(path, render(page(found)))


def page(found: Watched) -> ReportPage:
    """The report's page: what to do, the series, drift, and promises against outcomes."""
    from abm_scoring.publish.report.parts import ReportPage, Section, Table, Tile

    tiles = [
        Tile("Train again?", "yes" if found.advice else "no", "; ".join(found.advice)),
        Tile("Alarms", str(len(found.alarms)), found.alarms[0][1] if found.alarms else "none"),
        Tile("Features drifted", f"{sum(d.drifted for d in found.drift)} of {len(found.drift)}"),
        Tile("Days since the model learnt", "n/a" if found.model_age_days is None else f"{found.model_age_days:.0f}"),
    ]
    shown = found.as_json()
    nights = pd.DataFrame(shown["series"]).drop(columns=["run"])
    sections = [
        Section("Alarms", text=[f"{kind}: {says}" for kind, says in found.alarms] or ["None."]),
        Section("Nights", [*_curves(found), Table("The newest 30", nights.tail(30))]),
    ]
    if found.drift:
        sections.append(Section("Drift", [Table("Features against training", pd.DataFrame(shown["drift"]).head(40))]))
    if found.cohorts:
        sections.append(Section("Promised and come", [Table("Matured runs", pd.DataFrame(shown["cohorts"]))]))
    return ReportPage(
        f"Monitoring of {found.project}", f"{found.as_of[:10]}, model {found.model_version}", tiles, sections
    )


def _curves(found: Watched) -> list[Lines]:
    from abm_scoring.publish.report.parts import Lines, Series

    days = [point.as_of[:10] for point in found.series]
    drawn: dict[str, list[float | None]] = {
        "PSI of scores": [point.score_psi for point in found.series],
        "MQAs open": [_float(point.mqa_open) for point in found.series],
        "Expected conversions": [point.expected_conversions for point in found.series],
    }
    known = {name: values for name, values in drawn.items() if len(days) > 1 and any(v is not None for v in values)}
    return [
        Lines(name, days, [Series(name, [float("nan") if v is None else v for v in values])])
        for name, values in known.items()
    ]


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)
