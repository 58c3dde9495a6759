"""Gates: what must hold before a run is published. Pure: everything that they judge is handed to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from abm_scoring.errors import AbmError, BadDataError, MissingInputError
from abm_scoring.learning.reference import Histogram
from abm_scoring.monitoring.drift import Drift
from abm_scoring.publish.manifest import Counts, GateRecord, InputRecord, MqaRecord
from abm_scoring.spec import Spec

Severity = Literal["warn", "error"]
#: A table of fewer rows may lose half of them by chance.
_FEW = 20
#: A feature that nobody has is a fault where at least this many accounts were expected to have it.
_EXPECTED_KNOWN = 10.0
#: Gates about the model; a refusal by one of them is exit code 66, by any other 65.
_ABOUT_MODEL = ("golden_rows", "model_age", "drift")


class Gate(Spec):
    """A gate without a limit."""

    severity: Severity = Field("error", description="warn publishes and says so; error refuses")


class Warns(Gate):
    """A gate that only warns unless told otherwise."""

    severity: Severity = Field("warn", description="warn publishes and says so; error refuses")


class VolumeGate(Gate):
    """Tables and the list keep their size."""

    min_share: float = Field(
        0.5, ge=0, lt=1, description="a table or list refuses at this share of the last run's rows, or less"
    )


class CoverageGate(Gate):
    """Rows still find their account."""

    max_drop: float = Field(
        0.1, gt=0, le=1, description="largest drop of the share of rows with a known account against the last run"
    )


class FreshnessGate(Warns):
    """Events are still delivered."""

    max_days: float = Field(7, gt=0, description="days between the newest event and the night")


class ModelAgeGate(Gate):
    """The model has learnt from outcomes that are not too old."""

    warn_days: float = Field(180, gt=0, description="days since the last outcome it learnt from, to warn")
    max_days: float = Field(540, gt=0, description="the same, to refuse where severity is error")


class DriftGate(Warns):
    """Tonight's accounts look like those of training."""

    max_share: float = Field(0.25, ge=0, le=1, description="largest share of features that may have drifted")


class GatesSpec(Spec):
    """What must hold before a run is published; golden rows and finite scores always must."""

    columns: Gate = Field(Gate(), description="columns that the last run read are still there")
    volume: VolumeGate = VolumeGate()
    coverage: CoverageGate = CoverageGate()
    freshness: FreshnessGate = FreshnessGate()
    all_null: Gate = Field(Gate(), description="no feature that the model uses is empty for everybody")
    mqa_flip: Warns = Field(Warns(), description="the MQA circuit breaker did not have to hold back")
    model_age: ModelAgeGate = ModelAgeGate()
    drift: DriftGate = DriftGate()


@dataclass(frozen=True)
class Facts:
    """What the gates judge.

    Attributes:
        as_of: The night.
        inputs, before: Tables of tonight, and of the predecessor; None without one.
        counts, counts_before: Where accounts ended, likewise.
        newest_event: Time of the newest event before the night; None where there are no events.
        rows: Tonight's scored rows: `raw_score`, `score`, `probability`, `status`.
        features: Features of the model's reference, with tonight's counts by bin.
        used: Features that the model uses.
        golden_rows: How many golden rows proved the model when it was read.
        mqa: What the night changed about MQAs.
        learnt_until: Moment of the last outcome that the model learnt from; None for a profile.
        drift, score_drift: Tonight against training; empty and None where the bundle has no reference.
    """

    as_of: pd.Timestamp
    inputs: Mapping[str, InputRecord]
    counts: Counts
    rows: pd.DataFrame
    golden_rows: int
    before: Mapping[str, InputRecord] | None = None
    counts_before: Counts | None = None
    newest_event: pd.Timestamp | None = None
    features: Mapping[str, tuple[Histogram, np.ndarray]] = field(default_factory=dict)
    used: Collection[str] = ()
    mqa: MqaRecord | None = None
    learnt_until: pd.Timestamp | None = None
    drift: tuple[Drift, ...] = ()
    score_drift: Drift | None = None


def judge(facts: Facts, spec: GatesSpec, accept_volume: bool = False, strict: bool = False) -> tuple[GateRecord, ...]:
    """The verdict of every gate, in a fixed order.

    Args:
        facts: What is judged.
        spec: Severities and limits.
        accept_volume: Let what the volume gate would refuse through once.
        strict: Refuse where a gate would only warn.
    """
    found = (
        _verdict("columns", spec.columns.severity, _columns(facts)),
        _accepted(_verdict("volume", spec.volume.severity, _volume(facts, spec.volume)), accept_volume),
        _verdict("coverage", spec.coverage.severity, _coverage(facts, spec.coverage)),
        _verdict("freshness", spec.freshness.severity, _freshness(facts, spec.freshness)),
        *_all_null(facts, spec.all_null),
        _verdict("finite", "error", _finite(facts.rows)),
        _verdict("mqa_flip", spec.mqa_flip.severity, _mqa_flip(facts.mqa)),
        GateRecord(name="golden_rows", outcome="passed", value=float(facts.golden_rows)),
        _model_age(facts, spec.model_age),
        _verdict("drift", spec.drift.severity, _drift(facts, spec.drift)),
    )
    return tuple(_strictly(one) if strict else one for one in found)


def refuse(gates: Iterable[GateRecord]) -> None:
    """Raise where a gate refuses.

    Raises:
        BadDataError: Because of the data (65); all refusals are named.
        MissingInputError: Because of the model alone (66).
    """
    refused = [gate for gate in gates if gate.outcome == "refused"]
    if not refused:
        return
    only_model = all(gate.name in _ABOUT_MODEL for gate in refused)
    kind: type[AbmError] = MissingInputError if only_model else BadDataError
    said = "; ".join(f"{gate.name}: {gate.says}" for gate in refused)
    fix = "train again, or raise the limit under gates" if only_model else _FIX.get(refused[0].name, _OTHERWISE)
    raise kind(f"nothing is published, {said}", where="gates", fix=fix)


_OTHERWISE = "correct the data, or change the limit under gates"
_FIX = {
    "volume": "look at the export; --accept-volume lets it through once",
    "columns": "restore the columns, or set gates.columns.severity=warn for one run",
    "all_null": "look at the source of these features, or train without them",
}


@dataclass(frozen=True)
class _Finding:
    """What a gate found: nothing to judge, nothing wrong, or what is wrong in words."""

    judged: bool = True
    wrong: str = ""
    value: float | None = None
    limit: float | None = None


def _verdict(name: str, severity: Severity, found: _Finding) -> GateRecord:
    outcome: Literal["passed", "warned", "refused", "not_judged"] = "passed"
    if not found.judged:
        outcome = "not_judged"
    elif found.wrong:
        outcome = "refused" if severity == "error" else "warned"
    return GateRecord(name=name, outcome=outcome, says=found.wrong, value=found.value, limit=found.limit)


def _accepted(gate: GateRecord, accept: bool) -> GateRecord:
    return gate.model_copy(update={"outcome": "accepted"}) if accept and gate.outcome == "refused" else gate


def _strictly(gate: GateRecord) -> GateRecord:
    return gate.model_copy(update={"outcome": "refused"}) if gate.outcome == "warned" else gate


def _columns(facts: Facts) -> _Finding:
    if facts.before is None:
        return _Finding(judged=False)
    lost = [
        f"{table}.{column}"
        for table, record in sorted(facts.before.items())
        if table in facts.inputs and facts.inputs[table].columns
        for column in record.columns
        if column not in facts.inputs[table].columns
    ]
    return _Finding(wrong=f"{', '.join(lost)} stood in the last run and are gone" if lost else "", value=len(lost))


def _volume(facts: Facts, gate: VolumeGate) -> _Finding:
    if facts.before is None or facts.counts_before is None:
        return _Finding(judged=False)
    sizes = {
        table: (facts.inputs[table].rows_accepted if table in facts.inputs else 0, record.rows_accepted)
        for table, record in sorted(facts.before.items())
    }
    sizes["accounts scored"] = tuple(c.ranked + c.withheld for c in (facts.counts, facts.counts_before))  # type: ignore[assignment]
    shares = {name: now / then for name, (now, then) in sizes.items() if then >= _FEW}
    small = [name for name, share in shares.items() if share <= gate.min_share]
    said = [f"{name} fell from {sizes[name][1]} to {sizes[name][0]}" for name in small]
    return _Finding(wrong=", ".join(said), value=min(shares.values(), default=None), limit=gate.min_share)


def _coverage(facts: Facts, gate: CoverageGate) -> _Finding:
    if facts.before is None:
        return _Finding(judged=False)
    drops = {
        table: _known_share(record) - _known_share(facts.inputs[table])
        for table, record in sorted(facts.before.items())
        if table in facts.inputs and record.rows_accepted >= _FEW
    }
    low = [
        f"{_known_share(facts.inputs[t]):.0%} of {t} name a known account"
        for t, d in drops.items()
        if d > gate.max_drop
    ]
    said = f"{', '.join(low)}, {gate.max_drop:.0%} or more below the last run" if low else ""
    return _Finding(wrong=said, value=max(drops.values(), default=None), limit=gate.max_drop)


def _known_share(record: InputRecord) -> float:
    """Share of the rows that name an account whose account is known."""
    named = record.rows_accepted + record.other.get("orphan", 0)
    return record.rows_accepted / named if named else 1.0


def _freshness(facts: Facts, gate: FreshnessGate) -> _Finding:
    if facts.newest_event is None:
        return _Finding(judged=False)
    days = (facts.as_of - facts.newest_event).total_seconds() / 86_400
    old = days > gate.max_days
    said = f"the newest event is {days:.1f} days older than the night" if old else ""
    return _Finding(wrong=said, value=round(days, 3), limit=gate.max_days)


def _all_null(facts: Facts, gate: Gate) -> tuple[GateRecord, ...]:
    """One verdict; features that the model does not use, or that hardly anybody was expected to have, only warn."""
    if not facts.features:
        return (_verdict("all_null", gate.severity, _Finding(judged=False)),)
    empty = {
        name: counts.sum() * (1 - histogram.missing_share)
        for name, (histogram, counts) in facts.features.items()
        if counts.sum() and counts[-1] == counts.sum() and histogram.missing_share < 1
    }
    grave = [name for name, expected in empty.items() if expected >= _EXPECTED_KNOWN and name in facts.used]
    named = grave or list(empty)
    said = f"{', '.join(named)} {'is' if len(named) == 1 else 'are'} empty for every account" if named else ""
    return (_verdict("all_null", gate.severity if grave else "warn", _Finding(wrong=said, value=len(empty))),)


def _finite(rows: pd.DataFrame) -> _Finding:
    """Every scored row has a finite raw score, and probabilities and scores lie where they belong."""
    ranges = {
        "raw_score": (-np.inf, np.inf),
        "score": (0, 100),
        "probability": (0, 1),
        "probability_low": (0, 1),
        "probability_high": (0, 1),
        "expected_value": (-np.inf, np.inf),
    }
    wrong = []
    scored = rows.loc[rows["status"] == "eligible", [name for name in ranges if name in rows]]
    for name, (low, high) in ranges.items():
        values = scored[name].to_numpy("float64", na_value=np.nan) if name in scored else np.empty(0)
        # A column that is empty as a whole is one that the rung does not claim; a raw score must always be there.
        if name != "raw_score" and np.isnan(values).all():
            continue
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if name == "expected_value":
            bad = np.isinf(values)
        if bad.any():
            wrong.append(f"{name} is no number or out of range in {int(bad.sum())} rows")
    return _Finding(wrong=", ".join(wrong), value=len(wrong))


def _mqa_flip(mqa: MqaRecord | None) -> _Finding:
    if mqa is None:
        return _Finding(judged=False)
    said = f"{mqa.flips_wanted} MQAs would have begun or ended, the circuit breaker held them back"
    return _Finding(wrong=said if mqa.breaker_tripped else "", value=float(mqa.flips_wanted))


def _model_age(facts: Facts, gate: ModelAgeGate) -> GateRecord:
    if facts.learnt_until is None:
        return _verdict("model_age", gate.severity, _Finding(judged=False))
    days = round((facts.as_of - facts.learnt_until).total_seconds() / 86_400, 3)
    said = f"the last outcome that the model learnt from lies {days:.0f} days back" if days > gate.warn_days else ""
    refusing = gate.severity == "error" and days > gate.max_days
    found = _Finding(wrong=said, value=days, limit=gate.max_days if refusing else gate.warn_days)
    return _verdict("model_age", "error" if refusing else "warn", found)


def _drift(facts: Facts, gate: DriftGate) -> _Finding:
    if not facts.drift:
        return _Finding(judged=False)
    drifted = [one for one in facts.drift if one.drifted]
    share = len(drifted) / len(facts.drift)
    worst = sorted(drifted, key=lambda one: -one.psi)[:3]
    said = [f"{len(drifted)} of {len(facts.drift)} features drifted, {', '.join(w.name for w in worst)} most"]
    said = said if share > gate.max_share else []
    if facts.score_drift is not None and facts.score_drift.drifted:
        said.append(f"scores drifted (PSI {facts.score_drift.psi:.2f})")
    return _Finding(wrong="; ".join(said), value=round(share, 6), limit=gate.max_share)


def warnings_of(gates: Iterable[GateRecord]) -> tuple[str, ...]:
    """One warning for each gate that warned or was let through."""
    return tuple(f"gate {gate.name}: {gate.says}" for gate in gates if gate.outcome in ("warned", "accepted"))
