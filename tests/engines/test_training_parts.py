"""A training set does not depend on how accounts are divided, nor on who worked on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm_scoring.data.families import families
from abm_scoring.data.tables import Tables
from abm_scoring.engines import executor, shipping
from abm_scoring.engines.partitions import Partitions
from abm_scoring.engines.spark_events import _table_rows
from abm_scoring.engines.training import Ask, Prepared, asked, held, prepare
from abm_scoring.engines.training_part import Part, parts_of, sealed_for
from abm_scoring.engines.training_task import Question, TrainingTask
from abm_scoring.errors import BadDataError
from abm_scoring.features.cohort import CohortSpec
from abm_scoring.features.context import Context
from abm_scoring.features.families import EngagementSpec, FirmographicsSpec
from abm_scoring.features.history import History
from abm_scoring.features.noise_spec import NoiseSpec
from abm_scoring.features.snapshots import CalendarSnapshots, LandmarkSnapshots
from abm_scoring.features.survey import Survey, summed
from abm_scoring.learning.labels import EventOccurred, OpportunityCreated, OpportunityWon
from abm_scoring.learning.training_set import TrainingSet
from abm_scoring.learning.value_sources import AutoValue, Invoiced, WonAmount, put_together
from tests.laws.worlds import EPOCH, FAMILIES, PROFILE, make_world

OPEN = tuple(
    spec.model_copy(update={"event_types": "all"}) if isinstance(spec, EngagementSpec) else spec
    for spec in FAMILIES.values()
)
COMMON: dict[str, Any] = {
    "as_of": (EPOCH + pd.Timedelta(days=95)).isoformat(),
    "timezone": "Europe/Vienna",
    "noise": NoiseSpec(max_per_day=8),
    "features": OPEN,
    "profile": PROFILE,
    "value": AutoValue(),
    "with_waiting": True,
    "with_aftermath": True,
}
CALENDAR = TrainingTask(
    snapshots=CalendarSnapshots(every="5 days", start="2025-01-15"),  # type: ignore[arg-type]
    cohort=CohortSpec(motion="any"),
    label=OpportunityWon(horizon_days=20, settle_days=3),
    **COMMON,
)
LANDMARK = TrainingTask(
    snapshots=LandmarkSnapshots(kind="landmark", of="first_event", after_days=81),
    cohort=CohortSpec(motion="any", exclude=()),
    label=EventOccurred(kind="event", event_types=("meeting",), horizon_days=10, settle_days=0),
    **COMMON,
)


#: Where features are beside the point.
PLAIN = CALENDAR.model_copy(update={"features": (FirmographicsSpec(),)})


def over(tables: Tables, task: TrainingTask, n: int, folder: Path) -> Prepared:
    """By this machine, in so many partitions; their rows wait in files."""
    parts = Partitions(tables, 1, n=n)
    return prepare(asked(parts_of(parts, task, folder)), task, parts.family)


def whole(tables: Tables, task: TrainingTask) -> Prepared:
    return prepare(held(sealed_for(tables, task, None)), task, families(tables["accounts"]))


def shipped(tables: Tables, n: int) -> Ask:
    """What executors do, without a session: everything goes and comes as bytes."""
    staged = executor.staged_rows(list(_table_rows(tables, n, None))).to_pandas()

    def ask(question: Question, task: TrainingTask, context: Context) -> Iterator[Any]:
        asking = executor.Training(question, task.model_dump_json(), shipping.context_text(context))
        for _, rows in staged.groupby("part"):
            given = list(rows[["part", "kind", "blob"]].itertuples(index=False, name=None))
            for row in executor.work(executor.staged_rows(given), asking).to_pylist():
                yield shipping.answer_from(question, row["blob"], row["about"])

    return ask


def same_rows(mine: TrainingSet | None, theirs: TrainingSet | None) -> None:
    assert (mine is None) == (theirs is None)
    if mine is None or theirs is None:
        return
    pd.testing.assert_frame_equal(mine.features, theirs.features, check_exact=True)
    assert mine.catalogue == theirs.catalogue and mine.horizon_days == theirs.horizon_days
    for name in ("converted", "as_of", "account_id", "family", "weight", "value", "past_value", "days"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=name)


def same(mine: Prepared, theirs: Prepared) -> None:
    same_rows(mine.training, theirs.training)
    same_rows(mine.waiting, theirs.waiting)
    for name in ("n_matured", "n_snapshots", "n_ineligible", "n_immature", "until", "features", "source", "sample"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.after_outcome == theirs.after_outcome
    for moment in (None, np.datetime64("2025-02-15")):
        assert mine.recorded.typical(moment) == theirs.recorded.typical(moment)


def fewer(task: TrainingTask, most: int) -> TrainingTask:
    return task.model_copy(update={"most": most, "seed": 3})


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20), n=st.sampled_from([3, 7]), sampled=st.booleans(), landmark=st.booleans())
def test_partitions_change_nothing(tmp_path: Path, seed: int, n: int, sampled: bool, landmark: bool) -> None:
    tables, task = make_world(seed, 20, 350).tables, LANDMARK if landmark else CALENDAR
    task = fewer(task, 12 if landmark else 150) if sampled else task
    same(over(tables, task, n, tmp_path), whole(tables, task))


@pytest.mark.parametrize("task", [fewer(CALENDAR, 150), LANDMARK], ids=["calendar", "landmark"])
def test_executors_give_the_same(task: TrainingTask) -> None:
    tables = make_world(11, 20, 400).tables
    found, known = prepare(shipped(tables, 4), task, families(tables["accounts"])), whole(tables, task)
    assert known.training.converted.any() and not known.training.converted.all()
    assert known.waiting is not None and known.after_outcome and known.training.value is not None
    assert (known.sample is not None) == (task.most is not None)
    same(found, known)


@pytest.mark.parametrize("value", [Invoiced(kind="invoiced"), WonAmount(kind="won_amount", kinds=("new",))])
def test_amounts_are_those_of_all_accounts(value: Invoiced | WonAmount, tmp_path: Path) -> None:
    tables, task = make_world(5, 30, 300).tables, PLAIN.model_copy(update={"value": value, "with_waiting": False})
    assert whole(tables, task).training.past_value is not None
    same(over(tables, task, 5, tmp_path), whole(tables, task))


def test_a_deal_that_went_to_another_account_counts_once() -> None:
    def deals(**columns: Any) -> pd.DataFrame:
        created, closed = (pd.Series([EPOCH + pd.Timedelta(days=d)] * 2).astype("datetime64[us, UTC]") for d in (1, 9))
        won = pd.array([True, True], dtype="boolean")
        return pd.DataFrame({**columns, "created_at": created, "closed_at": closed, "is_won": won})

    both = deals(opportunity_id=["d", "d"], account_id=["b", "a"], amount=[70.0, 50.0])
    accounts = pd.DataFrame({"account_id": pd.Series(["a", "b"], dtype="str")})
    source = WonAmount(kind="won_amount")

    def known(ids: list[str]) -> History:
        own = accounts[accounts["account_id"].isin(ids)]
        return History.of(Tables({"accounts": own, "opportunities": both}), until=EPOCH + pd.Timedelta(days=30))

    rows = accounts.assign(as_of=pd.Series([EPOCH] * 2).astype("datetime64[us, UTC]"))
    one, parts = source.recorded(known(["a", "b"])), put_together([source.recorded(known([i])) for i in ("b", "a")])
    np.testing.assert_array_equal(one.amounts(rows, 30), [np.nan, 70.0])
    np.testing.assert_array_equal(parts.amounts(rows, 30), [np.nan, 70.0])
    assert one.typical(None) == parts.typical(None) == 70.0


def test_where_nothing_has_matured_rows_are_those_of_today(tmp_path: Path) -> None:
    tables = make_world(11, 20, 400).tables
    task = PLAIN.model_copy(update={"label": OpportunityCreated(kind="opportunity_created", horizon_days=900)})
    found, known = over(tables, task, 3, tmp_path), whole(tables, task)
    assert known.n_immature > known.n_matured == len(known.training) > 0
    assert not known.training.converted.any() and known.training.days is None and known.waiting is None
    same(found, known)


def test_of_few_rows_among_many_none_may_be_drawn(tmp_path: Path) -> None:
    tables, task = make_world(11, 20, 400).tables, PLAIN.model_copy(update={"most": 1, "seed": 1})
    found, known = over(tables, task, 3, tmp_path), whole(tables, task)
    assert len(known.training) == 0 < known.n_matured
    assert list(known.training.features) == [f.name for f in known.training.catalogue]
    same(found, known)


def test_an_event_that_never_came_is_named_whatever_the_partitions(tmp_path: Path) -> None:
    tables = make_world(11, 20, 400).tables
    never = EventOccurred(kind="event", event_types=("skywriting",), horizon_days=10, settle_days=0)
    task = PLAIN.model_copy(update={"label": never})
    told = []
    for ask in (lambda: whole(tables, task), lambda: over(tables, task, 3, tmp_path)):
        with pytest.raises(BadDataError, match="no event has the type skywriting") as refused:
            ask()
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_nobody_to_learn_from_is_said_with_all_snapshots_counted(tmp_path: Path) -> None:
    tables = make_world(11, 20, 400).tables
    days = CalendarSnapshots(every="5 days", start="2024-12-20")  # type: ignore[arg-type]
    customers = CohortSpec(motion="expansion")
    early = {"snapshots": days, "cohort": customers, "as_of": EPOCH.isoformat()}
    nobody = PLAIN.model_copy(update=early)
    found = sum(len(days.training_rows(sealed_for(part.tables, nobody, None))) for part in Partitions(tables, 1, n=3))
    assert found
    with pytest.raises(BadDataError, match=f"no account is eligible on any of {found} snapshots"):
        over(tables, nobody, 3, tmp_path)


def test_a_survey_of_partitions_is_that_of_all_and_survives_json() -> None:
    tables = make_world(11, 20, 400).tables
    asked_for = (("events", "value"), ("opportunities", "amount"))
    parts = Partitions(tables, 1, n=4)
    histories = [sealed_for(part.tables, CALENDAR, None) for part in parts]
    surveys = [Survey.of(history, OPEN, asked_for) for history in histories]
    every = Survey.of(sealed_for(tables, CALENDAR, None), OPEN, asked_for)
    found = summed(surveys)
    assert found.model_copy(update={"filled": ()}) == every.model_copy(update={"filled": ()})
    assert set(found.filled) == set(every.filled)
    assert Survey.model_validate_json(every.model_dump_json()) == every
    assert len({survey.first_event for survey in surveys}) > 1, "partitions differ"
    for history in histories:
        told = found.within(history)
        assert (told.observed_from, told.observed_until) == found.observed(
            int(pd.Timestamp(CALENDAR.as_of).value // 1000)
        )
        assert told.event_types == every.event_types
        names = np.array(told.log.types)[told.log.type_code]
        assert (names == np.array(history.log.types)[history.log.type_code]).all()


def test_a_single_partition_is_sealed_once_and_what_it_gives_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = make_world(11, 20, 400).tables
    made = []
    monkeypatch.setattr(History, "of", classmethod(lambda cls, *a, _of=History.of, **k: made.append(1) or _of(*a, **k)))
    given: list[Part] = []
    parts = Partitions(tables, 1000)
    ask = asked(parts_of(parts, PLAIN, Path()))

    def listening(question: Question, task: TrainingTask, context: Context) -> Iterator[Any]:
        for answer in ask(question, task, context):
            given.extend([answer] if question == "rows" else [])
            yield answer

    found = prepare(listening, PLAIN, parts.family)
    assert len(made) == 1
    assert given[0].matured is not None and found.training.features is given[0].matured.features
