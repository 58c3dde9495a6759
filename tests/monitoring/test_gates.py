"""Gates: each passes, refuses or warns on a night small enough to see why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm_scoring.errors import BadDataError, MissingInputError
from abm_scoring.learning.reference import Histogram
from abm_scoring.monitoring.drift import Drift
from abm_scoring.monitoring.gates import Facts, GatesSpec, judge, refuse, warnings_of
from abm_scoring.publish.manifest import Counts, InputRecord, MqaRecord

NIGHT = pd.Timestamp("2026-03-01", tz="UTC")


def table(rows: int, columns: tuple[str, ...] = ("account_id", "sector"), **other: int) -> InputRecord:
    return InputRecord(sha256="0" * 64, rows_in=rows, rows_accepted=rows, other=other, columns=columns)


ROWS = pd.DataFrame(
    {"status": ["eligible", "eligible", "customer"], "raw_score": [0.1, -0.2, np.nan], "score": [60.0, 40.0, np.nan]}
).assign(probability=[0.2, 0.1, np.nan])
SOUND = Facts(
    as_of=NIGHT,
    inputs={"accounts": table(100), "events": table(1000)},
    counts=Counts(ranked=80, withheld=0, not_scored=20),
    rows=ROWS,
    golden_rows=24,
    before={"accounts": table(100), "events": table(900)},
    counts_before=Counts(ranked=70, withheld=5, not_scored=25),
    newest_event=NIGHT - pd.Timedelta(hours=5),
    mqa=MqaRecord(open=5, entered=1, left=0, flips_wanted=1, breaker_tripped=False),
    learnt_until=NIGHT - pd.Timedelta(days=20),
)


def outcomes(facts: Facts, spec: GatesSpec | None = None, **flags: bool) -> dict[str, str]:
    return {gate.name: gate.outcome for gate in judge(facts, spec or GatesSpec(), **flags)}


def test_a_sound_night_passes_and_a_first_one_has_nothing_to_be_compared_with() -> None:
    assert set(outcomes(SOUND).values()) == {"passed", "not_judged"}
    first = outcomes(replace(SOUND, before=None, counts_before=None))
    assert {name for name, outcome in first.items() if outcome == "not_judged"} >= {"columns", "volume", "coverage"}


@pytest.mark.fault(23)
@pytest.mark.parametrize(("rows", "outcome"), [(450, "refused"), (451, "passed")])
def test_half_a_table_is_refused(rows: int, outcome: str) -> None:
    assert outcomes(replace(SOUND, inputs={**SOUND.inputs, "events": table(rows)}))["volume"] == outcome


@pytest.mark.fault(23)
def test_a_list_or_table_that_is_gone_is_refused_unless_accepted() -> None:
    for facts in (
        replace(SOUND, counts=Counts(ranked=30, withheld=0, not_scored=70)),
        replace(SOUND, inputs={"accounts": table(100)}),
    ):
        assert outcomes(facts)["volume"] == "refused"
        assert outcomes(facts, accept_volume=True)["volume"] == "accepted"
        assert warnings_of(judge(facts, GatesSpec(), accept_volume=True))[0].startswith("gate volume: ")
        with pytest.raises(BadDataError, match="--accept-volume"):
            refuse(judge(facts, GatesSpec()))


def test_a_column_that_is_gone_is_named() -> None:
    facts = replace(SOUND, inputs={**SOUND.inputs, "accounts": table(100, ("account_id",))})
    with pytest.raises(BadDataError, match=r"accounts\.sector stood in the last run"):
        refuse(judge(facts, GatesSpec()))


@pytest.mark.fault(37)
def test_rows_that_no_longer_find_their_account_are_refused() -> None:
    facts = replace(SOUND, inputs={**SOUND.inputs, "events": table(850, orphan=150)})
    assert outcomes(facts)["coverage"] == "refused"
    assert outcomes(replace(facts, before={**SOUND.inputs, "events": table(850, orphan=140)}))["coverage"] == "passed"


def test_old_events_warn_and_are_refused_where_that_is_asked() -> None:
    facts = replace(SOUND, newest_event=NIGHT - pd.Timedelta(days=8))
    assert outcomes(facts)["freshness"] == "warned"
    assert outcomes(facts, strict=True)["freshness"] == "refused"
    strict = GatesSpec.model_validate({"freshness": {"severity": "error"}})
    assert outcomes(facts, strict)["freshness"] == "refused"


def with_feature(empty: int, missing_before: int, used: bool = True) -> Facts:
    before = Histogram(name="visits", kind="number", edges=(1.0,), counts=(100 - missing_before, 0, missing_before))
    counts = np.array([0, 0, empty])
    return replace(SOUND, features={"visits": (before, counts)}, used=("visits",) if used else ())


@pytest.mark.fault(34)
def test_a_feature_that_is_empty_for_everybody_is_refused_where_the_model_uses_it() -> None:
    assert outcomes(with_feature(100, 20))["all_null"] == "refused"
    assert outcomes(with_feature(100, 20, used=False))["all_null"] == "warned"
    # Two of a hundred had it in training: that nobody of forty has it says nothing.
    assert outcomes(with_feature(40, 98))["all_null"] == "warned"
    assert outcomes(with_feature(100, 100))["all_null"] == "passed"


@pytest.mark.fault(35)
@pytest.mark.parametrize(
    ("column", "value"),
    [("raw_score", np.inf), ("raw_score", np.nan), ("score", 100.5), ("probability", np.nan), ("probability", 1.1)],
)
def test_scores_that_are_no_numbers_or_out_of_range_are_refused(column: str, value: float) -> None:
    rows = ROWS.copy()
    rows.loc[0, column] = value
    assert outcomes(replace(SOUND, rows=rows))["finite"] == "refused"


def test_a_rung_that_claims_no_probability_is_finite() -> None:
    assert outcomes(replace(SOUND, rows=ROWS.assign(probability=np.nan)))["finite"] == "passed"


def test_a_tripped_breaker_warns() -> None:
    mqa = MqaRecord(open=5, entered=0, left=0, flips_wanted=90, breaker_tripped=True)
    assert outcomes(replace(SOUND, mqa=mqa))["mqa_flip"] == "warned"


@pytest.mark.fault(45)
@pytest.mark.parametrize(("days", "outcome"), [(180, "passed"), (181, "warned"), (541, "refused")])
def test_an_old_model_warns_and_then_refuses(days: int, outcome: str) -> None:
    facts = replace(SOUND, learnt_until=NIGHT - pd.Timedelta(days=days))
    gates = judge(facts, GatesSpec())
    assert {g.name: g.outcome for g in gates}["model_age"] == outcome
    if outcome == "refused":
        with pytest.raises(MissingInputError, match="train again"):
            refuse(gates)


def drift(name: str, drifted: bool) -> Drift:
    return Drift(name, 0.5 if drifted else 0.01, 0.1, drifted, 0, 0, 100)


@pytest.mark.fault(45)
def test_drift_warns_and_strict_refuses_with_the_model_s_code() -> None:
    some = replace(SOUND, drift=tuple(drift(f"f{i}", i < 2) for i in range(4)), score_drift=drift("raw_score", False))
    assert outcomes(some)["drift"] == "warned"
    assert outcomes(replace(some, drift=some.drift[1:] + some.drift[2:]))["drift"] == "passed"
    assert (
        outcomes(replace(some, drift=(drift("f", False),), score_drift=drift("raw_score", True)))["drift"] == "warned"
    )
    with pytest.raises(MissingInputError) as caught:
        refuse(judge(some, GatesSpec(), strict=True))
    assert caught.value.exit_code == 66


def test_every_refusal_is_named_and_data_come_before_the_model() -> None:
    facts = replace(SOUND, learnt_until=NIGHT - pd.Timedelta(days=999), inputs={"accounts": table(100)})
    with pytest.raises(BadDataError) as caught:
        refuse(judge(facts, GatesSpec()))
    assert caught.value.exit_code == 65
    assert "volume:" in str(caught.value) and "model_age:" in str(caught.value) and "\n" not in str(caught.value)


def test_severities_and_limits_are_the_configuration_s() -> None:
    spec: dict[str, Any] = {"volume": {"severity": "warn", "min_share": 0.99}, "columns": {"severity": "warn"}}
    facts = replace(SOUND, inputs={**SOUND.inputs, "accounts": table(98)})
    assert outcomes(facts, GatesSpec.model_validate(spec))["volume"] == "warned"
